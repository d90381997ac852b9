"""The pages in Chromium over many documents and conversations: how long until a click shows.

    python -m benchmarks.pages [--documents 10000] [--conversations 1000] [--repeats 10]
        [--while idle sync training]

Indexes short notes beside the sample documents with the default models, fills a history, serves
both and measures in the page, from the key or click to the first frame with what it leads to.
`--while` measures again while a sync reads changed files, and while a model is trained on the
sample questions. Needs /usr/bin/chromium, playwright and the default models. Milliseconds.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Page, sync_playwright

from benchmarks.history import fill
from rag.store import Store
from tests.browser.server_process import ServerProcess
from tests.browser.tab import CHROMIUM, FLAGS, TABLE, Tab

if TYPE_CHECKING:
    from playwright.sync_api import Position

REPOSITORY = Path(__file__).resolve().parents[1]
NOTE = "# Note {n}\n\nThe tea of note {n} is poured at {m} past four. 第{n}号の茶は四時{m}分。\n"
CHANGED = 6000  # files that a sync has to read and embed
FIRST_TICK: "Position" = {"x": 18, "y": 52}  # of the table, in pixels
TRAINED_MODEL = "pages-benchmark"
# From the key or the click to the first frame in which the page answers it.
# `told` is the first that says so: that, or the line at the top of a page that is at work.
_WATCH = """reached => {
    window.begun = window.told = window.reached = null;
    const begin = () => { window.begun ??= performance.now(); };
    for (const kind of ["keydown", "pointerdown"])
        document.addEventListener(kind, begin, {capture: true, once: true});
    const isReached = new Function("return " + reached);
    const look = () => {
        const now = performance.now();
        if (window.begun !== null && isReached()) window.reached = now;
        const isTold = window.reached !== null || document.getAnimations().some(one =>
            one.animationName === "fk-busy" && one.currentTime >= one.effect.getTiming().delay);
        if (window.begun !== null && isTold) window.told ??= now;
        if (window.reached === null) requestAnimationFrame(look);
    };
    look();
}"""
_SHOWN = """reached => new Promise(resolve => {
    const isReached = new Function("return " + reached);
    const look = () => isReached() ? resolve(performance.now()) : requestAnimationFrame(look);
    look();
})"""
# The table is a picture: what its first row shows, null before it is drawn.
_FIRST_ROW = """(() => {
    const context = document.querySelector("[data-testid=stDataFrame] canvas")?.getContext("2d");
    const shown = context?.getImageData(70, 40, 150, 24).data;
    return shown?.[3] === 255 ? shown.reduce((sum, value, at) => sum + value * at, 0) : null;
})()"""
_LISTED = "document.querySelectorAll('.st-key-conversations .stButton button').length"
_INPUT = "document.querySelector('[data-testid=stChatInput] textarea:not([disabled])')"


@dataclass
class Measured:
    """Milliseconds of each kind of reaction, in the order of measuring."""

    times: dict[str, list[float]] = field(default_factory=dict)
    signs: dict[str, list[float]] = field(default_factory=dict)  # until the page says it is at work

    def view(self, name: str, page: Page, address: str, reached: str) -> None:
        """Open an address; count from the start of the navigation."""
        page.goto(address)
        self.times.setdefault(name, []).append(page.evaluate(_SHOWN, reached))

    def react(self, name: str, page: Page, act: Callable[[], object], reached: str) -> None:
        """Act, and count until the page has reacted."""
        page.evaluate(_WATCH, reached)
        act()
        page.wait_for_function("window.reached")
        self.times.setdefault(name, []).append(page.evaluate("window.reached - window.begun"))
        told = page.evaluate("window.told - window.begun")
        self.signs.setdefault(name, []).append(told)

    def table(self, title: str) -> str:
        """Return the median and the 95th percentile of each: of what was asked for, of a sign."""
        lines = [title]
        for name, times in self.times.items():
            signs = self.signs.get(name)
            lines.append(f"  {name:34} {_spread(times)}{_spread(signs) if signs else ''}")
        signs = [sign for name in self.signs for sign in self.signs[name]]
        lines.append(f"  {f'all clicks and keys, n {len(signs)}':34} {'':18}{_spread(signs)}")
        return "\n".join(lines)


def _spread(times: Sequence[float]) -> str:
    high = statistics.quantiles(times, n=20, method="inclusive")[-1]
    return f"{statistics.median(times):9.0f}{high:9.0f}"


def main(argv: list[str]) -> int:
    """Fill, serve, measure, print."""
    parser = argparse.ArgumentParser(description="How long the pages take to react.")
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--conversations", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument(
        "--while", dest="loads", nargs="+", default=["idle"], choices=["idle", "sync", "training"]
    )
    parser.add_argument("--folder", type=Path, help="keep the index and the history here")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        environment = _prepare(folder, arguments.documents, arguments.conversations)
        server = ServerProcess(folder, **environment)
        try:
            server.wait()
            for load in arguments.loads:
                measured = _measure(server, folder, environment, load, arguments.repeats)
                title = f"{load}: median and 95 %, then of the first sign"
                print(measured.table(title), flush=True)
        finally:
            server.stop()
    return 0


def _prepare(folder: Path, documents: int, conversations: int) -> dict[str, str]:
    environment = {
        "RAG_INDEX_DIR": str(folder / "index"),
        "RAG_MODELS_DIR": str(folder / "models"),
    }
    if (folder / "index").exists():
        return environment
    (folder / "models").mkdir(
        parents=True
    )  # a training that comes to its end may register its model here
    for model in (REPOSITORY / "models").iterdir():
        (folder / "models" / model.name).symlink_to(model.resolve())
    shutil.copytree(REPOSITORY / "examples" / "documents", folder / "documents" / "samples")
    _write_notes(folder / "documents", range(documents))
    subprocess.run(
        [sys.executable, "-m", "rag", "build", str(folder / "documents")],
        cwd=REPOSITORY,
        env=os.environ | environment,
        check=True,
    )
    fill(Store(folder / "state"), conversations, answers=10)
    return environment


def _write_notes(folder: Path, numbers: Sequence[int], minute: int = 0) -> None:
    for n in numbers:
        place = folder / f"notes-{n // 1000:02}"
        place.mkdir(exist_ok=True)
        (place / f"note-{n:05}.md").write_text(NOTE.format(n=n, m=minute), encoding="utf-8")


def _measure(
    server: ServerProcess, folder: Path, environment: dict[str, str], load: str, repeats: int
) -> Measured:
    measured = Measured()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        tab = Tab(browser, server, "en", "light", height=1400)
        tab.page.set_default_timeout(90_000)
        tab.open()
        tab.page.wait_for_function(_INPUT)  # the models are loaded
        loads = {"idle": _idle, "sync": _syncing, "training": _training}
        with loads[load](tab, folder, environment) as is_busy:
            for _ in range(repeats):
                _look_at_documents(measured, tab)
                _look_at_conversations(measured, tab)
                if not is_busy():
                    raise SystemExit(f"The {load} ended too soon: fewer repeats.")
    return measured


def _look_at_documents(measured: Measured, tab: Tab) -> None:
    page = tab.page
    measured.view("Documents, first view", page, f"{tab.url}/documents", _FIRST_ROW)
    page.locator(".st-key-file-filter input").fill("note-0001")
    page.evaluate(f"window.unfiltered = {_FIRST_ROW}")
    enter = "document.querySelector('.st-key-open-text button:not([disabled])')"
    measured.react(
        "Documents, filter by name",
        page,
        lambda: page.keyboard.press("Enter"),
        f"![null, window.unfiltered].includes({_FIRST_ROW})",
    )
    page.wait_for_timeout(500)
    table = page.locator(TABLE).last  # after a sync that of the index before may still stand there
    measured.react("Documents, tick a file", page, lambda: table.click(position=FIRST_TICK), enter)
    link = page.get_by_role("link", name="Ask")
    measured.react("from Documents to Ask", page, link.click, "document.querySelector('.fk-intro')")
    link = page.get_by_role("link", name="Documents")
    measured.react("from Ask to Documents", page, link.click, "document.querySelector('.fk-facts')")


def _look_at_conversations(measured: Measured, tab: Tab) -> None:
    page = tab.page
    measured.view("Ask, first view", page, tab.url, f"{_INPUT} && {_LISTED} >= 30")
    more = page.get_by_role("button", name="Show more")
    measured.react("Ask, 100 more conversations", page, more.click, f"{_LISTED} > 30")
    page.fill(".st-key-conversation-search input", "番号13の")
    measured.react(
        "Ask, search the conversations",
        page,
        lambda: page.keyboard.press("Enter"),
        f"{_LISTED} < 30",
    )
    first = page.locator(".st-key-conversations .stButton button").first
    measured.react(
        "Ask, open one of 10 answers",
        page,
        first.click,
        "document.querySelectorAll('.fk-answer').length == 20",
    )
    page.goto(tab.url)
    page.wait_for_function(_INPUT)
    page.fill("[data-testid=stChatInput] textarea", "What is the capital of Mongolia?")
    measured.react(
        "Ask, the question appears",
        page,
        lambda: page.keyboard.press("Enter"),
        "document.querySelector('.fk-answer')",
    )
    page.wait_for_function("document.querySelector('[class*=st-key-not-found]')")


@contextmanager
def _idle(tab: Tab, folder: Path, environment: dict[str, str]) -> Iterator[Callable[[], bool]]:
    yield lambda: True


@contextmanager
def _syncing(tab: Tab, folder: Path, environment: dict[str, str]) -> Iterator[Callable[[], bool]]:
    _write_notes(folder / "documents", range(CHANGED), minute=round(time.time()))
    tab.page.goto(tab.url + "/documents")
    tab.page.get_by_role("button", name="Check for changes").click()
    tab.page.get_by_role("button", name="Sync now").click()
    tab.page.locator(".st-key-live-sync").get_by_text("passages/s").wait_for()
    jobs = Store(folder / "state").jobs
    yield lambda: any(job.kind == "sync" for job in jobs.live())


@contextmanager
def _training(tab: Tab, folder: Path, environment: dict[str, str]) -> Iterator[Callable[[], bool]]:
    settings = folder / "train.toml"
    text = (REPOSITORY / "training" / "configs" / "teach.toml").read_text(encoding="utf-8")
    settings.write_text(text.replace('name = "teach"', f'name = "{TRAINED_MODEL}"'), "utf-8")
    runs = folder / "state" / "runs"
    shutil.rmtree(runs, ignore_errors=True)
    environment = environment | {"RAG_STATE_DIR": str(folder / "state")}
    with (folder / "training.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "training", "run", "--config", str(settings)],
            cwd=REPOSITORY,
            env=os.environ | environment,
            stdout=log,
            stderr=log,
        )
    try:
        while not any(file.stat().st_size for file in runs.glob("*/log.jsonl")):
            if process.poll() is not None:
                raise SystemExit((folder / "training.log").read_text(encoding="utf-8"))
            time.sleep(0.5)
        yield lambda: process.poll() is None
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
