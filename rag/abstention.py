"""When a tuned model says "not found": as soon as was calibrated, and sooner without evidence.

The scores of its first token and what retrieval knows are two views of one question, whether the
passages answer it, and each sees what the other misses: a model looks for the detail that was asked
about, retrieval for a passage about the matter at all.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from rag.datatypes import Language
from rag.errors import ModelError
from rag.prompt import NOT_FOUND

ABSTENTION_FILE = "abstention.json"  # in the folder of a model that was calibrated
_SUREST = 0.99  # an evidence score is believed up to here


@dataclass(frozen=True, slots=True)
class Abstention:
    """What is added to the beginning of "not found", in logits."""

    bias: float = 0.0
    evidence: float = 0.0  # taken off for each unit of the log-odds of the evidence score

    def added(self, evidence_score: float) -> float:
        """Return it for a prompt with that `rag.datatypes.Prompt.evidence_score`."""
        return self.bias - self.evidence * log_odds(evidence_score)


def log_odds(evidence_score: float) -> float:
    """Return the logit of an evidence score, which is 0 to 1; bounded, as no score is certain."""
    share = min(max(evidence_score, 1 - _SUREST), _SUREST)
    return math.log(share / (1 - share))


def read_abstention(folder: Path) -> dict[Language, Abstention]:
    """Return how the model in ``folder`` was calibrated, by language; {} when it was not.

    Raises:
        ModelError: the file that says so is damaged.
    """
    file = folder / ABSTENTION_FILE
    if not file.is_file():
        return {}
    try:
        table = json.loads(file.read_text(encoding="utf-8"))
        return {language: _read(table[language]) for language in NOT_FOUND if language in table}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{file} is damaged. Copy the model again.") from error


def abstention_json(calibrated: dict[Language, Abstention]) -> dict[str, dict[str, float]]:
    """Return what `read_abstention` reads."""
    return {language: asdict(one) for language, one in calibrated.items()}


def _read(value: object) -> Abstention:
    """Return one entry; a number alone is a bias, as it was before evidence counted."""
    if isinstance(value, dict):
        return Abstention(float(value["bias"]), float(value["evidence"]))
    return Abstention(float(value))  # type: ignore[arg-type] # TypeError is what is wanted
