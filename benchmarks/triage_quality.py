"""How often the triage of feedback names the right cause, on questions whose answer is known.

`python benchmarks/triage_quality.py [--index DIR] [--questions FILE]`, over the sample documents.
Each question is given its right answer as the correction, once as the index is and once as if the
document that holds the answer had never been indexed: every passage that is named then is wrong.
"""

import argparse
import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from threading import Event

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rag.config import EXTRACTIVE, load_config
from rag.datatypes import EVERYWHERE, Answer, Hit, Message, SearchFilter
from rag.engine import RagEngine
from rag.feedback import Judgement
from rag.triage import Search, triage

READ = 4  # passages that the model would have been shown


def without(document: str, search: Search) -> Search:
    """Return a search over the index without one document."""

    def searched(question: str, k: int, search_filter: SearchFilter = EVERYWHERE) -> list[Hit]:
        kept = [h for h in search(question, k + 20, search_filter) if h.chunk.path != document]
        return [replace(hit, rank=rank) for rank, hit in enumerate(kept[:k], start=1)]

    return searched


def main() -> int:
    """Print how often the named passage lies in the right document, and what is said without it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", type=Path, default=Path("index"))
    parser.add_argument("--questions", type=Path, default=Path("examples/questions.jsonl"))
    arguments = parser.parse_args()
    settings = {"index_dir": arguments.index, "answer_model": EXTRACTIVE}
    engine = RagEngine(load_config(overrides=settings))
    status = engine.index_status()
    assert status is not None, (
        "there is no index; build one: python -m rag build examples/documents"
    )
    paths = {Path(file.path).name: file.path for file in status.files}
    named: Counter[str] = Counter()
    absent: Counter[str] = Counter()
    for line in arguments.questions.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if not row["answerable"]:
            continue
        source = paths[Path(row["source"]).name]
        answers = [a for a in engine.ask(row["question"], Event()) if isinstance(a, Answer)]
        judgement = Judgement("down", "wrong", correction=row["answer"])
        found = triage(answers[0], judgement, engine.search)
        is_right = found.passage is not None and found.passage.path == source
        named["right" if is_right else "none" if found.passage is None else "wrong"] += 1
        search = without(source, engine.search)
        hits = tuple(search(row["question"], 8))
        shown = Message("user", " ".join(hit.chunk.text for hit in hits[:READ]))
        prompt = answers[0].prompt and replace(answers[0].prompt, messages=(shown,))
        answer = replace(answers[0], hits=hits, citations=(), prompt=prompt)
        absent[triage(answer, judgement, search).outcome] += 1
    print(f"passage named: {dict(named)}")
    print(f"its document taken away: {dict(absent)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
