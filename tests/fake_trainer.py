"""Stands in for `python -m training`: the same commands and files, and nothing is trained.

A run takes 0.1 s a step, 60 steps in FUMIKURA_FAKE_STEPS' absence. Names say what goes wrong:
"cut" is blocked by the check, "fail" fails, "worse" is refused.
"""

import json
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests import training_state

STEP_SECONDS = 0.1


def main(argv: list[str]) -> int:
    command = argv[0]
    if command == "check":
        return check(Path(argv[2]))
    if command == "run":
        return run(argv)
    return exchange(argv)


def tell(stage: str, done: int, total: int, item: str = "") -> None:
    line = {"stage": stage, "done": done, "total": total, "item": item}
    sys.stderr.write(json.dumps(line) + "\n")
    sys.stderr.flush()


def fail(message: str) -> int:
    sys.stderr.write(f"error: {message}\n")
    return 1


def check(settings: Path) -> int:
    for step in range(3):
        tell("rows", step, 3)
        time.sleep(STEP_SECONDS)
    if settings.name.startswith("fail"):
        told = {"en": "There is no file /tea.csv.", "ja": "ファイル /tea.csv がありません。"}
        sys.stdout.write(json.dumps({"state": "failed", "error": told}))
        return fail(told["en"])
    report = dict(training_state.REPORT)
    if settings.name.startswith("cut"):
        report["findings"] = [training_state.BLOCKED, *report["findings"]]
        report["blocking"] = [training_state.BLOCKED["en"]]
    sys.stdout.write(json.dumps(report, ensure_ascii=False, indent=2))
    return 1 if report["blocking"] else 0


def run(argv: list[str]) -> int:
    state_dir = Path(os.environ["RAG_STATE_DIR"])
    steps = int(os.environ.get("FUMIKURA_FAKE_STEPS", "60"))
    is_resumed = argv[1] == "--resume"
    run_id = argv[2] if is_resumed else f"20261121-103000-{Path(argv[2]).stem.rpartition('-')[0]}"
    stopped: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)

    signal.signal(signal.SIGTERM, stop)
    write = partial(training_state.write_run, state_dir, run_id, is_own=True)
    folder = write("running", done=2, steps=steps)
    (folder / "log.jsonl").write_text("")
    for step in range(steps + 1):
        with (folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(training_state.log_line(step, steps)) + "\n")
        tell("train", step, steps, "loss 0.900")
        if "fail" in run_id and step == 3:
            message = "The disk is full: 3.0 GB are needed. Free some space."
            write("failed", done=2, error=message, steps=3)
            return fail(message)
        if stopped:
            write("stopped", done=2, steps=max(step, 2))
            sys.stdout.write(json.dumps({"run_id": run_id, "state": "stopped", "model": ""}))
            return 0
        time.sleep(STEP_SECONDS)
    name = run_id[16:]
    training_state.write_model(Path(os.environ["RAG_MODELS_DIR"]), name)
    training_state.write_table(write("done", model=name, steps=steps))
    sys.stdout.write(json.dumps({"run_id": run_id, "state": "done", "model": name}))
    return 0


def exchange(argv: list[str]) -> int:
    models_dir = Path(os.environ["RAG_MODELS_DIR"])
    pointer = models_dir / "active.json"
    active = json.loads(pointer.read_text()) if pointer.exists() else {"model": "", "previous": ""}
    time.sleep(3 * STEP_SECONDS)
    if argv[0] == "rollback":
        training_state.activate(models_dir, active["previous"], active["model"])
    elif "worse" in argv[1]:
        return fail(
            f"{argv[1]} is worse than tea-lora, which answers now: f1 0.512 against 0.700, "
            "difference -0.188 [-0.250, -0.100], n = 100; false_abstention (ja) 0.400 against "
            "0.100, difference +0.300 [+0.200, +0.400], n = 40. It was not activated (/t.json)."
        )
    else:
        training_state.activate(models_dir, argv[1], active["model"])
    sys.stdout.write(json.dumps({"model": argv[1] if len(argv) > 2 else active["previous"]}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
