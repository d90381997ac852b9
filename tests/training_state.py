"""Folders as training runs leave them, written by hand: for the tests of the pages."""

import json
import math
from pathlib import Path
from typing import Any

from rag.database import now
from rag.process_identity import own_identity

RUN = "20261121-103000-tea-lora"
STAGES = ("check", "rows", "train", "merge", "quantize", "calibrate", "evaluate", "register")


def write_json(file: Path, value: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def write_run(
    state_dir: Path,
    run_id: str = RUN,
    state: str = "done",
    *,
    done: int = len(STAGES),
    error: str = "",
    model: str = "",
    steps: int = 40,
    is_own: bool = False,
) -> Path:
    """Write a run whose first ``done`` stages are done and, if it is not, the next was begun."""
    folder = state_dir / "runs" / run_id
    at = "2026-11-21T10:{:02}:00+00:00"
    stages: dict[str, dict[str, str]] = {
        name: {"state": "done", "started": at.format(30 + n), "finished": at.format(31 + n)}
        for n, name in enumerate(STAGES[:done])
    }
    if done < len(STAGES):
        stages[STAGES[done]] = {"state": "running", "started": at.format(30 + done)}
    record: dict[str, Any] = {
        "run_id": run_id,
        "name": run_id[16:],
        "task": "answer",
        "config": {"name": run_id[16:]},
        "seed": 0,
        "state": state,
        "error": error,
        "stages": stages,
        "data": [{"file": "/home/me/tea.csv", "sha256": "0" * 64, "rows": 200}],
        "base": "smollm2-135m-instruct",
        "model": model,
        "created": now() if is_own else at.format(30),
        "finished": at.format(44) if state != "running" else "",
        "process": own_identity() if is_own else (1, 1.0),
    }
    write_json(folder / "run.json", record)
    lines = [json.dumps(log_line(step, steps)) for step in range(steps + 1)]
    (folder / "log.jsonl").write_text("\n".join(lines) + '\n{"step": 41, "lo', encoding="utf-8")
    return folder


def log_line(step: int, steps: int) -> dict[str, float | int | None]:
    line: dict[str, float | int | None] = {
        "step": step,
        "total_steps": steps,
        "epoch": round(step / steps, 3),
        "loss": None
        if step == 0
        else 0.6 + 2.4 * math.exp(-step / 9) + 0.15 * math.sin(step * 2.3),
        "learning_rate": 1e-3,
        "tokens_per_second": 812.5,
        "elapsed_seconds": 6.0 * step,
        "remaining_seconds": 6.0 * (steps - step) if step else None,
    }
    if step % 8 == 0:
        line["eval_loss"] = 0.9 + 2.0 * math.exp(-step / 11)
    return line


def estimate(mean: float, spread: float = 0.06) -> dict[str, float]:
    return {"mean": mean, "low": mean - spread, "high": mean + spread}


def candidate(name: str, f1: float, **more: object) -> dict[str, Any]:
    measures = {
        "exact": estimate(f1 - 0.2),
        "normalized_exact": estimate(f1 - 0.15),
        "partial": estimate(f1 + 0.02),
        "f1": estimate(f1),
        "abstention_precision": None,
        "abstention_recall": estimate(0.5),
        "citation_precision": estimate(0.8),
        "citation_recall": estimate(0.7),
        "false_abstention": estimate(0.1),
    }
    return {
        "name": name,
        "folder": f"/models/{name}",
        "precision": "auto",
        "fingerprint": name,
        "model_id": name,
        "unavailable": "",
        "groups": [
            {"group": "all", "rows": 80, "answerable": 64, "measures": measures},
            {
                "group": "ja",
                "rows": 32,
                "answerable": 20,
                "measures": measures | {"f1": estimate(f1 / 2)},
            },
        ],
        "labels": None,
        "likelihood": {"all": estimate(-1.5)},
        "seconds": 1.25,
        "peak_memory_mb": 612.0,
        **more,
    }


def difference(name: str, measure: str, mean: float, spread: float) -> dict[str, Any]:
    return {
        "name": name,
        "group": "all",
        "measure": measure,
        "rows": 80,
        "estimate": estimate(mean, spread),
        "p": 0.0004 if measure == "exact" else None,
    }


def write_table(folder: Path, **more: object) -> None:
    """Write a table in which F1 rises from 0.41 to 0.78 and wrong abstentions rise too."""
    table = {
        "rows": 80,
        "rows_sha256": "1" * 64,
        "baseline": "before",
        "candidates": [
            candidate("before", 0.41),
            candidate("16bit", 0.8),
            candidate("gptq", 0.78),
            candidate(
                "nf4", 0.0, unavailable="bitsandbytes is missing", groups=[], likelihood=None
            ),
        ],
        "differences": [
            difference("16bit", "f1", 0.39, 0.1),
            difference("gptq", "exact", 0.37, 0.1),
            difference("gptq", "f1", 0.37, 0.1),
            difference("gptq", "false_abstention", 0.2, 0.1),
            difference("gptq", "abstention_recall", 0.02, 0.1),
            {**difference("gptq", "f1", 0.9, 0.1), "group": "ja"},
        ],
        "worst": [
            {
                "row": n,
                "language": "en",
                "question": question,
                "expected": expected,
                "completions": {"before": before, "16bit": tuned, "gptq": tuned},
                "scores": {"before": 0.4, "16bit": 0.1, "gptq": 0.0},
            }
            for n, (question, expected, before, tuned) in enumerate(WORST)
        ],
        **more,
    }
    write_json(folder / "evaluation" / "table.json", table)


WORST = (
    ("When is tea served?", "at four o'clock [2]", "Tea is served at four.", "<b>at five</b> [1]"),
    ("煎茶は何時に出しますか？", "四時 [1]", "煎茶は四時に出します。", "文書には見つかりません。"),
)


def write_model(models_dir: Path, name: str) -> Path:
    """Write what a registered model shows of itself."""
    folder = models_dir / name
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"0" * 2_500_000)
    (folder / "README.md").write_text(f"# {name}\n\n<script>alert(1)</script> Learned 200 rows.")
    return folder


def activate(models_dir: Path, name: str, previous: str = "") -> None:
    """Point at a model as `python -m training activate` does."""
    pointer = {
        "model": name, "previous": previous, "activated": "2026-11-21T10:50:00+00:00", "gates": [],
    }  # fmt: skip
    write_json(models_dir / "active.json", pointer)


def sentence(level: str, kind: str, english: str, japanese: str) -> dict[str, Any]:
    return {"level": level, "kind": kind, "values": {}, "en": english, "ja": japanese}


HISTOGRAM = {
    "edges": [0, 200, 400, 600, 800, 1000, 1200],
    "counts": [2, 14, 61, 80, 37, 6],
    "median": 640,
    "p95": 980,
    "longest": 1180,
}
REPORT: dict[str, Any] = {
    "files": [
        {
            "name": "/home/me/tea.csv",
            "layout": "columns",
            "mapping": {"question": "質問", "answer": "回答"},
            "columns": ["質問", "回答", "備考"],
            "kept": 200,
            "unread": 0,
            "rejected": [
                {
                    "place": "tea.csv:7",
                    "reason": {"kind": "x", "en": "The question is empty.", "ja": "質問が空です。"},
                }
            ],
        }
    ],
    "train": 160,
    "held_out": 40,
    "languages": {"en": 120, "ja": 80},
    "not_found": 0,
    "labels": {
        "counts": {"yes": 186, "no": 14},
        "majority": "yes",
        "accuracy": 0.93,
        "macro_f1": 0.482,
    },
    "authors": {},
    "prompt_tokens": HISTOGRAM,
    "completion_tokens": {**HISTOGRAM, "edges": [0, 4, 8, 12, 16, 20, 24], "median": 11},
    "recall": 0.91,
    "sample": "<|im_start|>user\nWhen is <tea>? [[1]]<|im_end|>\n[[at four [2]<|im_end|>]]\n",
    "findings": [
        sentence(
            "warn",
            "majority_label",
            '93.0% of the 200 labels are "yes". A model that always says "yes" has an accuracy of '
            "0.930 and a macro-F1 of 0.482.",
            "200件のラベルの93.0%が「yes」です。常に「yes」と答えるモデルでも正解率0.930になります。",
        ),
        sentence(
            "info",
            "unused_columns",
            "tea.csv: nothing is read from 備考.",
            "tea.csv：備考 は使いません。",
        ),
    ],
    "blocking": [],
}
BLOCKED = sentence(
    "block",
    "rows_cut",
    "3 of 200 rows have more than the 1,280 tokens that are learned of a row.",
    "200行中3行が、1行で学習できる1,280トークンを超えています。",
)
