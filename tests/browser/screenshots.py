"""Make the pictures of the README anew: `python -m tests.browser.screenshots [FOLDER]`.

Indexes a copy of examples/documents with the default models in a folder of its own, asks in both
languages and takes the pictures. Nothing but the samples can be seen in them. Needs
/usr/bin/chromium, playwright and the default models.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.browser.server_process import ServerProcess
from tests.browser.tab import CHROMIUM, FLAGS, TABLE, Scheme, Tab

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REPOSITORY = Path(__file__).resolve().parents[2]
READY = 300_000  # milliseconds; the models load first, maybe on a busy machine
SCHEMES: dict[str, Scheme] = {"en": "light", "ja": "dark"}
ASKED = {  # answered from a PDF, and not answered
    "en": (
        "Which kind of instrument was borrowed most in 2024?",
        "What is the capital of Mongolia?",
    ),
    "ja": ("訓練の記録は何年間とっておく必要がありますか？", "モンゴルの首都はどこですか？"),
}
SOURCE = '[class*="st-key-citation-"] button:visible'  # a narrow window has a hidden one too


def main(argv: list[str]) -> int:
    """Index, serve, take the pictures."""
    pictures = Path(argv[0] if argv else REPOSITORY / "docs" / "screenshots").absolute()
    os.environ["FUMIKURA_SCREENSHOTS"] = str(pictures)
    with tempfile.TemporaryDirectory(prefix="fumikura-") as scratch, sync_playwright() as api:
        server = serve_samples(Path(scratch))
        browser = api.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        try:
            for language in ("en", "ja"):
                take(browser, server, language)
        finally:
            browser.close()
            server.stop()
    return 0


def serve_samples(folder: Path) -> ServerProcess:
    """Return a server over an index of a copy of the sample documents, made in ``folder``."""
    shutil.copytree(REPOSITORY / "examples" / "documents", folder / "documents")
    models = str(REPOSITORY / "models")
    command = [sys.executable, "-m", "rag", "build", str(folder / "documents")]
    folders = ["--index", str(folder / "index"), "--models", models]
    subprocess.run([*command, *folders], cwd=REPOSITORY, check=True)
    settings = {"RAG_INDEX_DIR": str(folder / "index"), "RAG_MODELS_DIR": models}
    server = ServerProcess(folder, **settings, RAG_PARSE_SECONDS="60")  # on a busy machine
    server.wait(120)
    return server


def take(browser: "Browser", server: ServerProcess, language: str) -> None:
    """Take the pictures of one language."""
    tab = Tab(browser, server, language, SCHEMES[language])
    tab.page.set_default_timeout(READY)
    answered, unanswered = ASKED[language]
    tab.open()
    tab.page.locator(".st-key-suggestions button").first.wait_for()
    tab.ask(answered)
    tab.page.locator(SOURCE).first.wait_for()
    tab.picture(f"ask-{language}")
    tab.page.locator(SOURCE).first.click()
    tab.page.wait_for_selector(".fk-sheet i.fk-quote")
    tab.picture(f"source-{language}")
    tab.page.keyboard.press("Escape")
    tab.page.wait_for_selector(".fk-sheet", state="detached")
    conversation = tab.page.url
    tab.open()
    tab.ask(unanswered)
    tab.page.wait_for_selector('[class*="st-key-not-found"]')
    tab.picture(f"not-found-{language}")
    tab.page.set_viewport_size({"width": 1280, "height": 1250})  # with the table of files
    tab.open("/documents")
    tab.page.locator(TABLE).wait_for()
    tab.picture(f"documents-{language}")
    tab.context.close()
    phone = Tab(browser, server, language, SCHEMES[language], width=390)
    phone.page.goto(conversation)
    phone.page.locator(SOURCE).first.wait_for()
    phone.picture(f"phone-{language}")
    phone.context.close()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
