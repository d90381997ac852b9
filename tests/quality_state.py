"""Test questions and checks of them, as the Quality page finds them."""

from rag.quality_store import QualityCheck, QualityQuestion, QualityResult, Verdict
from rag.store import Store


def add_questions(store: Store, count: int) -> list[QualityQuestion]:
    store.quality.add([QualityQuestion(f"Question {n}?", ("x",), "a.md") for n in range(count)])
    return store.quality.questions()


def keep_check(
    store: Store, verdicts: dict[int, Verdict], index_id: str = "one", **settings: int
) -> None:
    """Keep a check of all questions, which are right where ``verdicts`` does not say otherwise."""
    results = tuple(
        QualityResult(
            question_id=one.id, question=one.question, answers=one.answers, source=one.source,
            verdict=verdicts.get(one.id, "right"), rank=1, is_source_indexed=True,
            cites_source=True, text=f"<b>said</b> by {index_id}", cited=("a.md",),
            evidence_level="partial",
        )
        for one in store.quality.questions()
    )  # fmt: skip
    store.quality.save(QualityCheck(index_id, "model", settings, 3.0, results))
