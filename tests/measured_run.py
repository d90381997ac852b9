"""Read a folder in a fresh process and measure it: what each file became, time and memory."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# In a process of its own, as the peak of its children is the peak of all there ever were.
_CODE = """
import json, resource, sys, time
from dataclasses import replace
from pathlib import Path
import psutil
from rag.config import Config
from rag.ingest import read_folder

folder, settings, *registry = sys.argv[1:]
started = time.monotonic()
for outcome in read_folder(Path(folder), replace(Config(), **json.loads(settings)), *registry):
    status = outcome.status
    text = outcome.document.text if outcome.document else ""
    # The beginning is enough to tell by, and the whole text is not to be kept here.
    print(json.dumps([status.path, status.status, status.reason, status.seconds, text[:10_000]]))
    del outcome, text
own = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
left = len(psutil.Process().children(recursive=True))
print(json.dumps([time.monotonic() - started, int(own) // 1024, children // 1024, left]))
"""


@dataclass(frozen=True, slots=True)
class Read:
    """What became of one file; ``seconds`` and files inside containers each count by themselves."""

    status: str
    reason: str
    seconds: float
    text: str  # its beginning


@dataclass(frozen=True, slots=True)
class Run:
    """What a run made of a folder, and what it cost."""

    files: dict[str, Read]
    seconds: float
    parent_mb: int  # peak of resident memory
    children_mb: int  # of the largest child
    processes_left: int

    def seconds_of(self, name: str) -> float:
        """Return the time for a file and everything inside it."""
        inside = (r.seconds for path, r in self.files.items() if path.startswith(f"{name}/"))
        return self.files[name].seconds + sum(inside)


def run(
    folder: Path,
    settings: Mapping[str, int] | None = None,
    registry: str = "rag.readers",
    modules: Path = ROOT,
) -> Run:
    """Read ``folder``; nothing may be left in the scratch folder, which lies beside it."""
    scratch = folder.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    command = [sys.executable, "-c", _CODE, str(folder), json.dumps(settings or {}), registry]
    path = os.pathsep.join((str(ROOT), str(modules)))
    environment = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(scratch)}
    done = subprocess.run(
        command, cwd=scratch, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    *lines, last = (json.loads(line) for line in done.stdout.splitlines())
    assert not list(scratch.iterdir())
    files = {path: Read(*rest) for path, *rest in lines}
    assert len(files) == len(lines)
    return Run(files, *last)
