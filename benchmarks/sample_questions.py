"""Ask every sample question end to end and report what came back, per language.

    python -m benchmarks.sample_questions [--index DIR] [--models DIR] [--verbose]

Needs an index of ``examples/documents``. One process, the same engine as the command line.
"""

import argparse
import json
import re
import statistics
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from rag.config import load_config
from rag.datatypes import Answer, Hit
from rag.engine import RagEngine
from rag.environment import prepare_process
from rag.evidence import stands_in

QUESTIONS = Path(__file__).resolve().parent.parent / "examples" / "questions.jsonl"
_MARKER = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question with what the product made of it."""

    gold: dict[str, Any]
    answer: Answer

    @property
    def is_gold_in_top_5(self) -> bool:
        """Tell whether a passage with the gold quote is among the first five."""
        return any(_holds_quote(hit, self.gold) for hit in self.answer.hits[:5])

    @property
    def is_right(self) -> bool:
        """Tell whether the answer contains the gold answer or an alias of it."""
        said = _normalize(self.answer.text)
        names = (self.gold["answer"], *self.gold["aliases"])
        return self.answer.status == "answered" and any(_normalize(n) in said for n in names)

    @property
    def cites_gold(self) -> bool:
        """Tell whether a citation lies in a passage with the gold quote."""
        return any(
            stands_in(cited, hit.chunk)
            for cited in self.answer.citations
            for hit in self.answer.hits
            if _holds_quote(hit, self.gold)
        )

    def bad_citations(self, engine: RagEngine) -> int:
        """Count citations whose span is not the quoted text, and markers without citation."""
        wrong = sum(
            engine.document(c.path).text[c.start : c.end] != c.quote for c in self.answer.citations
        )
        known = {citation.n for citation in self.answer.citations}
        return wrong + len({int(n) for n in _MARKER.findall(self.answer.text)} - known)


def main(argv: Sequence[str] | None = None) -> int:
    """Print one table for each language; return 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--index", type=Path)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args(argv)
    prepare_process()
    config = load_config(None, {"index_dir": arguments.index, "models_dir": arguments.models})
    engine = RagEngine(config)
    engine.warm_up()
    outcomes = []
    for line in QUESTIONS.read_text(encoding="utf-8").splitlines():
        gold = json.loads(line)
        *_, answer = engine.ask(gold["question"], Event())
        assert isinstance(answer, Answer)
        outcomes.append(Outcome(gold, answer))
        if arguments.verbose:
            mark = "+" if outcomes[-1].is_right else "-"
            print(mark, gold["id"], gold["question"], "|", gold["answer"] or "(unanswerable)")
            print(
                "   ", answer.source, repr(answer.text[:120]), "<-", repr(answer.completion[:100])
            )
    print(f"model {engine.answer_model_id()}")
    for language in ("en", "ja"):
        _report(language, [o for o in outcomes if o.gold["language"] == language], engine)
    return 0


def _report(language: str, outcomes: list[Outcome], engine: RagEngine) -> None:
    answerable = [o for o in outcomes if o.gold["answerable"]]
    unanswerable = [o for o in outcomes if not o.gold["answerable"]]
    by_model = [o for o in answerable if o.answer.source == "model"]
    quoted = [o for o in answerable if o.answer.source == "quote"]
    answered = [o for o in answerable if o.answer.status == "answered"]
    first = [o.answer.timings.first_token_ms for o in outcomes if o.answer.timings.first_token_ms]
    total = [o.answer.timings.total_ms for o in outcomes]
    rows = [
        ("gold passage in top 5", _share(sum(o.is_gold_in_top_5 for o in answerable), answerable)),
        ("gold answer contained", _share(sum(o.is_right for o in answerable), answerable)),
        ("  in the model's words", _share(sum(o.is_right for o in by_model), by_model)),
        ("  in a quoted sentence", _share(sum(o.is_right for o in quoted), quoted)),
        ("cites the gold passage", _share(sum(o.cites_gold for o in answered), answered)),
        ("abstains, answerable", _share(_abstained(answerable), answerable)),
        ("abstains, unanswerable", _share(_abstained(unanswerable), unanswerable)),
        ("citations", str(sum(len(o.answer.citations) for o in outcomes))),
        ("  that do not resolve", str(sum(o.bad_citations(engine) for o in outcomes))),
        ("first token, median ms", f"{statistics.median(first):.0f}" if first else "-"),
        ("whole answer, median ms", f"{statistics.median(total):.0f}"),
    ]
    print(f"\n{language}")
    for name, value in rows:
        print(f"  {name:26} {value}")


def _abstained(outcomes: Sequence[Outcome]) -> int:
    return sum(outcome.answer.status == "no_evidence" for outcome in outcomes)


def _share(count: int, of: Sequence[Outcome]) -> str:
    return f"{count}/{len(of)} = {count / len(of):.0%}" if of else "0/0"


def _holds_quote(hit: Hit, gold: dict[str, Any]) -> bool:
    return hit.chunk.path == gold["source"] and _normalize(gold["quote"]) in _normalize(
        hit.chunk.text
    )


def _normalize(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


if __name__ == "__main__":
    sys.exit(main())
