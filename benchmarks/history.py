"""Search a long history: how long the list of conversations takes, and how large its file is.

    python -m benchmarks.history [--conversations 1000] [--answers 10] [--repeats 5]

Fills a state folder of its own with questions and answers in English and Japanese, each answer
with six passages, as an engine stores it, and prints the median milliseconds of the whole list
and of searches for words that many, few and no conversations hold.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from rag.answer_json import answer_to_json
from rag.datatypes import Answer, Chunk, Hit, Language, Timings, Usage
from rag.history_store import note_words
from rag.store import Store

PASSAGE = "The ordinary loan period is 28 days, and a loan may be renewed twice. " * 12
TEXTS: dict[Language, tuple[str, str]] = {
    "en": (
        "How long is the ordinary loan period of an instrument number {n}?",
        "The ordinary loan period is 28 days; harps and double basses are lent for longer. [1]\n"
        * 6,
    ),
    "ja": (
        "整理番号{n}の職員の休暇は何日ありますか？",
        "年次の休暇は、入社から6か月後に10日与えられます。申請は前日までに所属長へ行います。[1]\n"
        * 6,
    ),
}
SEARCHES = ("", "loan", "休暇", "有給", "ＰＥＲＩＯＤ 28", "番号777の", "no such word")


def main(argv: list[str]) -> int:
    """Fill a history, search it, print what it took."""
    parser = argparse.ArgumentParser(description="Search a long history of conversations.")
    parser.add_argument("--conversations", type=int, default=1000)
    parser.add_argument("--answers", type=int, default=10, help="of each conversation")
    parser.add_argument("--repeats", type=int, default=5, help="of each search")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        fill(store, arguments.conversations, arguments.answers)
        size = (Path(folder) / "fumikura.sqlite").stat().st_size
        print(f"{arguments.conversations * arguments.answers:,} answers, {size / 2**20:.0f} MB")
        for search in SEARCHES:
            times = []
            for _ in range(arguments.repeats):
                started = time.perf_counter()
                found = store.history.conversations(31, search)
                times.append((time.perf_counter() - started) * 1000)
            print(f"{search!r:20} {len(found):3} shown  {statistics.median(times):6.1f} ms")
    return 0


def fill(store: Store, conversations: int, answers: int) -> None:
    """Store conversations of so many answers each, every other one in Japanese."""
    for first in range(0, conversations * answers, answers):
        language: Language = "ja" if first // answers % 2 else "en"
        question, text = TEXTS[language]
        conversation = store.create_conversation(question.format(n=first))
        # One transaction a conversation, as one for each answer would wait for the disk.
        with store._database.write() as db:
            for number in range(first, first + answers):
                answer = _answer(question.format(n=number), language, text)
                cursor = db.execute(
                    "INSERT INTO answers (conversation_id, question, state, text, answer_json, "
                    "owner_pid, owner_started, created) VALUES (?, ?, 'done', ?, ?, 1, 1.0, '')",
                    (conversation, answer.question, text, answer_to_json(answer)),
                )
                note_words(db, int(cursor.lastrowid or 0))


def _answer(question: str, language: Language, text: str) -> Answer:
    hits = tuple(Hit(n, Chunk("terms.md", 0, len(PASSAGE), PASSAGE), 1 / n) for n in range(1, 7))
    usage, timings = Usage(400, 60), Timings(30.0, 400.0, 1500.0)
    return Answer(
        question,
        language,
        "answered",
        text,
        "model",
        (),
        hits,
        None,
        text,
        usage,
        timings,
        "m",
        "i",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
