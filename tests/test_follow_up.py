"""A question that leans on its conversation is completed; one that does not keeps every letter."""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from threading import Event

import pytest

from rag.answer_json import answer_from_json, answer_to_json
from rag.cli import main
from rag.config import Config
from rag.datatypes import Answer, Document
from rag.engine import RagEngine
from rag.follow_up import rewrite
from rag.ingest import read_folder
from rag.language import detect_language
from rag.store import Store
from rag.ui import services
from rag.ui.english import EN
from tests.fakes import EchoEngine, HashingEmbedder, make_answer, use_embedder
from tests.ui_harness import ask, fake_engine, open_app, shown

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "examples" / "documents"
DIALOGUES = [
    json.loads(line)
    for line in (ROOT / "examples" / "dialogues.jsonl").read_text(encoding="utf-8").splitlines()
]
TURNS = [turn for dialogue in DIALOGUES for turn in dialogue["turns"]]


def after(history: list[str], question: str) -> str:
    return rewrite(question, history, detect_language(question))


@pytest.mark.parametrize(
    ("before", "question", "searched"),
    [
        ("Is there a trial membership?", "How much does it cost?",
         "How much does the trial membership cost?"),
        ("When does the bakery open?", "How much is parking for it?",
         "How much is parking for it? (bakery)"),
        ("How long may I keep a harp?", "And a cello?", "And a cello? (keep harp)"),
        ("What does an adult membership cost?", "What about students?",
         "What about students? (membership cost)"),
        ("What does a room cost on weekdays?", "And at weekends?", "And at weekends? (room cost)"),
        ("Where is Hill House?", "And Harbour House?", "And Harbour House?"),
        ("What is the late fee?", "How much then?", "How much then? (late fee)"),
        ("What is the late fee?", "Why?", "Why? (late fee)"),
        ("What is the late fee?", "Is it cheaper for students?",
         "Is the late fee cheaper for students?"),
        ("Who runs the workshop?", "Does she teach?", "Does she teach? (runs workshop)"),
        ("Where are the practice rooms?", "How do I book one?",
         "How do I book one? (practice rooms)"),
        ("Where are the practice rooms?", "Can they be heated?",
         "Can the practice rooms be heated?"),
    ],
)  # fmt: skip
def test_an_english_follow_up_gets_what_it_leaves_out(
    before: str, question: str, searched: str
) -> None:
    assert after([before], question) == searched


@pytest.mark.parametrize(
    ("before", "question", "searched"),
    [
        ("楽器の貸出について教えてください。", "いくらですか", "いくらですか（楽器の貸出）"),
        ("楽器の貸出について教えてください。", "いくらですか。", "いくらですか（楽器の貸出）"),
        ("学生の年会費は？", "シニアは？", "シニアの年会費は？"),
        ("汐待館の開館時間は？", "梢原館は？", "梢原館の開館時間は？"),
        ("平日の料金はいくらですか。", "休日だと？", "休日の料金はいくらですか。"),
        ("AEDはどこにありますか。", "消火器は？", "消火器はどこにありますか。"),
        ("AEDはどこにありますか。", "それは誰が点検しますか。", "AEDは誰が点検しますか。"),
        ("有給休暇は何日ですか。", "その申請はいつまでですか。",
         "有給休暇の申請はいつまでですか。"),
        ("ことり号では何日間借りられますか。", "延長はできますか。",
         "延長はできますか（ことり号）"),
        ("汐見公園はどこですか。", "そこまで何分かかりますか。",
         "そこまで何分かかりますか（汐見公園）"),
        ("延滞料はいくらですか。", "ほかに費用はかかりますか。",
         "ほかに費用はかかりますか（延滞料）"),
        ("弓の毛替えはいくらですか。", "会員なら安くなりますか。",
         "会員なら安くなりますか（弓の毛替え）"),
        ("弦を替えたい", "じゃあ、弓は？", "弓を替えたい"),
        ("弦の手入れは？", "じゃあ、弓は？", "じゃあ、弓は（弦の手入れ）"),
        ("館長は誰ですか。", "彼女の任期は？", "彼女の任期は（館長）"),
    ],
)  # fmt: skip
def test_a_japanese_follow_up_gets_what_it_leaves_out(
    before: str, question: str, searched: str
) -> None:
    assert after([before], question) == searched


@pytest.mark.parametrize(
    "question",
    [
        "How often does the password of the guest network change?",
        "If an instrument is lost, who pays for it?",
        "Who may bring their dog?",
        "Is it allowed to bring a dog into the reading room?",
        "How much does it cost to hire the big hall?",
        "What does this policy say about travel?",
        "Are there parking spaces at Hill House?",
        "Which forms do members need when they leave?",
        "opening hours Hill House",
        "避難訓練は年に何回ありますか。",
        "学生の年会費は？",
        "賞与は年何回？",
        "質問があれば、どの内線に電話しますか。",
        "きのこの栽培キットはありますか。",
        "この文書では避難場所をどこと定めていますか。",
        "楽器を盗難で失った場合、その費用は会員が払いますか。",
        "パスワードの長さは？",
        "Wi-Fiのパスワードはどこにありますか。",
        "改定が行われた年は？",
        "ＡＥＤのパッドの期限はいつですか",
    ],
)
def test_a_topic_switch_keeps_every_letter(question: str) -> None:
    for earlier in ("How long may I keep a double bass?", "楽器の貸出はいくらですか。"):
        assert after([earlier], question) == question


def test_without_a_conversation_nothing_is_changed() -> None:
    for question in ("How much does it cost?", "それはいくらですか。", "？", "", "it"):
        assert after([], question) == question


def test_a_conversation_without_a_topic_gives_none() -> None:
    assert after(["How much?"], "And why?") == "And why?"
    assert after(["いくらですか"], "それは？") == "それは？"


def test_a_third_question_leans_on_the_second_which_leaned_on_the_first() -> None:
    english = ["What does an adult membership cost?", "And students?"]
    assert after(english, "How long is it valid?") == (
        "How long is it valid? (students, membership)"
    )
    japanese = ["梢原館のグランドピアノはどこにありますか。", "それはいつ購入しましたか。"]
    assert after(japanese, "電子ピアノは？") == "梢原館の電子ピアノはいつ購入しましたか。"


def test_after_a_topic_switch_the_first_topic_is_gone() -> None:
    history = ["How long may I keep a harp?", "When is Strings Day?"]
    assert after(history, "How much does it cost?") == "How much does Strings Day cost?"
    history = ["楽器の貸出はいくらですか。", "避難訓練は年に何回ありますか。"]
    assert after(history, "いつですか。") == "いつですか（避難訓練）"


def test_a_word_of_the_same_kind_replaces_the_one_before() -> None:
    assert "adult" not in after(["What is the adult fee?"], "And for students?")
    assert "６月" not in after(["６月の避難訓練はいつですか"], "１１月は？")
    assert "Monday" not in after(["Is the desk open on Monday?"], "What about Sunday?")


def test_widths_do_not_matter() -> None:
    assert after(["学生の年会費は?"], "シニアは?") == "シニアの年会費は?"
    assert (
        after(["ＡＥＤはどこにありますか。"], "それは何台ありますか。") == "AEDは何台ありますか。"
    )
    assert after(["ﾌﾟﾛｼﾞｪｸﾀｰはどこですか。"], "ｽｸﾘｰﾝは？") == "ｽｸﾘｰﾝは（プロジェクター）"


def test_a_follow_up_in_another_language_takes_the_topic_along() -> None:
    assert after(["有給休暇は何日ですか。"], "How do I apply for it?") == (
        "How do I apply for 有給休暇?"
    )
    assert after(["What is the annual fee?"], "いくらですか。") == "いくらですか（annual fee）"


def test_a_language_without_rules_is_left_alone() -> None:
    assert rewrite("얼마입니까?", ["연차 휴가는 며칠입니까?"], "other") == "얼마입니까?"


def test_the_engine_searches_prompts_and_tells_the_rewritten_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_over_two_rules(tmp_path, monkeypatch)

    *_, answer = engine.ask("What does it cost?", Event(), history=["Is there a trial card?"])
    *_, bare = engine.ask("What does it cost?", Event())

    assert isinstance(answer, Answer)
    assert isinstance(bare, Answer)
    assert answer.question == bare.question == bare.searched == "What does it cost?"
    assert answer.searched == "What does the trial card cost?"
    assert answer.prompt is not None
    assert answer.prompt.question == answer.searched
    assert answer.hits[0].chunk.path == "trial.md"
    assert "800 yen" in answer.text


def test_the_command_line_takes_the_earlier_questions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = engine_over_two_rules(tmp_path, monkeypatch)
    monkeypatch.setenv("RAG_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("RAG_ANSWER_MODEL", "extractive")
    call = ["ask", "What does it cost?", "--index", str(engine.config.index_dir)]
    call += ["--after", "How long is a loan?", "--after", "Is there a trial card?"]

    assert main(call) == 0
    assert "Searched for: What does the trial card cost?" in capsys.readouterr().out
    assert main([*call, "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert (table["question"], table["searched"]) == (
        "What does it cost?",
        "What does the trial card cost?",
    )


def engine_over_two_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RagEngine:
    use_embedder(monkeypatch, lambda config: HashingEmbedder())
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "trial.md").write_text("The trial card costs 800 yen.\n", encoding="utf-8")
    (folder / "loan.md").write_text("A loan ends after 28 days.\n", encoding="utf-8")
    config = Config(
        index_dir=tmp_path / "index",
        models_dir=tmp_path / "models",
        state_dir=tmp_path / "state",
        answer_model="extractive",
    )
    engine = RagEngine(config)
    engine.build([folder], lambda step: None)
    return engine


def test_the_searched_question_is_stored_and_read_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    conversation = store.create_conversation("Leave")
    answer_id = store.add_answer(conversation, "それは？")
    answer = make_answer("それは？", "20 days")
    answer = answer_from_json(
        json.dumps({**json.loads(answer_to_json(answer)), "searched": "有給休暇は？"})
    )
    store.finish_answer(answer_id, "done", answer.text, answer=answer)

    stored = store.answer(answer_id)

    assert stored is not None
    assert stored.answer == answer
    assert answer.searched == "有給休暇は？"


def test_an_answer_stored_by_an_earlier_version_still_loads() -> None:
    fields = json.loads(answer_to_json(make_answer("Leave?", "20 days")))
    del fields["searched"]
    assert answer_from_json(json.dumps(fields)).searched == ""


def test_the_questions_before_are_those_of_the_same_conversation(tmp_path: Path) -> None:
    store = Store(tmp_path)
    one, other = store.create_conversation("1"), store.create_conversation("2")
    store.add_answer(one, "first")
    store.add_answer(other, "elsewhere")
    second = store.add_answer(one, "second")
    third = store.add_answer(one, "third")

    assert store.questions_before(third) == ["first", "second"]
    assert store.questions_before(second) == ["first"]


@pytest.fixture
def page_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EchoEngine]:
    yield fake_engine(tmp_path, monkeypatch)
    services.load_services.clear()


def test_the_page_shows_what_was_searched_for_where_it_differs(page_engine: EchoEngine) -> None:
    app = ask(open_app(), "How many days of paid leave?")
    assert EN["searched_for"].format(question="") not in shown(app)

    page = shown(ask(app, "What about <b>Sundays</b>?"))

    assert "Searched for: What about &lt;b&gt;Sundays&lt;/b&gt;? (days of paid leave)" in page
    assert page_engine.asked[-1] == "What about <b>Sundays</b>?"


def test_the_japanese_page_says_it_in_japanese(page_engine: EchoEngine) -> None:
    app = ask(open_app("ja-JP"), "学生の有給休暇は何日ですか？")
    assert "検索した質問：職員の有給休暇は何日ですか？" in shown(ask(app, "職員は？"))


@lru_cache
def sample_documents() -> dict[str, Document]:
    return {o.document.path: o.document for o in read_folder(SAMPLES, Config()) if o.document}


def normalized(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def test_there_are_ten_dialogues_in_each_language_with_topic_switches() -> None:
    assert Counter(d["language"] for d in DIALOGUES) == {"en": 10, "ja": 10}
    assert {len(d["turns"]) for d in DIALOGUES} <= {2, 3}
    assert sum(not turn.get("leans", True) for turn in TURNS) >= 4


def test_the_quote_of_every_turn_stands_in_its_document() -> None:
    wrong = [
        turn["question"]
        for turn in TURNS
        if normalized(turn["quote"]) not in normalized(sample_documents()[turn["source"]].text)
    ]
    assert wrong == []


def test_no_topic_switch_of_the_dialogues_is_rewritten() -> None:
    for dialogue in DIALOGUES:
        questions = [turn["question"] for turn in dialogue["turns"]]
        for number, turn in enumerate(dialogue["turns"]):
            if number and not turn["leans"]:
                assert after(questions[:number], turn["question"]) == turn["question"]
