"""What axe-core says of a page. It runs from its file, in the page: nothing is loaded."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

GRAVE = ("serious", "critical")


@dataclass(frozen=True, slots=True)
class Violation:
    """One element that breaks one rule."""

    rule: str
    target: str  # a selector
    html: str
    why: str

    def __str__(self) -> str:
        return f"{self.rule} at {self.target}\n    {self.html[:200]}\n    {self.why}"


@cache
def _script() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def violations(page: "Page") -> list[Violation]:
    """Return every element that axe-core finds in a serious or critical violation."""
    # Evaluated by the debugger, as the page's policy would not let a script tag of ours run.
    if not page.evaluate("'axe' in window"):
        page.evaluate(_script())
    result: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        Violation(
            rule["id"], " ".join(map(str, node["target"])), node["html"], node["failureSummary"]
        )
        for rule in result["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]
