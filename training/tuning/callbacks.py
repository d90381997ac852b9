"""What every run of `transformers.Trainer` shares: its log, timed checkpoints, and a stop.

A stop (SIGTERM or Ctrl+C) ends after the step under way with a checkpoint, and the same call goes
on from there. A checkpoint counts only once it is whole: a killed process leaves none half used.
"""

import json
import math
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

from rag.datatypes import Progress
from rag.errors import RagError
from training.config import TrainingConfig, TrainSettings
from training.tuning.sft_model import targets

LOG = "log.jsonl"
CHECKPOINTS = "checkpoints"
_GALORE = "galore_adamw"
KEPT_CHECKPOINTS = 2  # the newest may be half written when the process is killed
_WHOLE = "whole"  # file that a checkpoint gets last
_PICKLED_ARGUMENTS = "training_args.bin"  # which nothing reads
_LOOKS = 5  # at what is held out, spread over the run
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(RagError):  # noqa: N818 - an outcome that was asked for, not an error
    """Training was asked to stop; a checkpoint is kept and the same command goes on from it."""


class RunWatch:
    """Writes ``log.jsonl``, tells progress, and says when to keep a checkpoint and when to stop.

    Give `as_callback` to the trainer, whose arguments are to come from `watched_arguments`, and
    train with `train_watched`.
    """

    def __init__(
        self, out: Path, save_minutes: float, progress: Callable[[Progress], None]
    ) -> None:
        self.out = out
        self.is_stopped = False
        self._save_seconds = 60 * save_minutes
        self._progress = progress
        self._loss: float | None = None
        self._rate: float | None = None
        self._before = 0.0  # seconds that the run took until it was stopped the last time
        self._first_step = self._first_tokens = 0
        self._started = self._saved = time.monotonic()

    def begin(self, step: int, tokens: int) -> None:
        """Start the clocks at ``step``, which is not 0 when a run goes on from a checkpoint."""
        self._started = self._saved = time.monotonic()
        self._first_step, self._first_tokens = step, tokens
        self._before = _cut_log(self.out / LOG, step)

    def step_done(self, step: int, total: int) -> bool:
        """Report the step; tell whether it is time for a checkpoint."""
        loss = "" if self._loss is None else f"loss {self._loss:.3f}"
        self._progress(Progress("train", step, total, loss))
        return self.is_stopped or time.monotonic() - self._saved >= self._save_seconds

    def checkpoint_saved(self, folder: Path) -> None:
        """Mark a checkpoint as whole."""
        (folder / _PICKLED_ARGUMENTS).unlink(missing_ok=True)
        (folder / _WHOLE).touch()
        self._saved = time.monotonic()

    def log(
        self, logs: Mapping[str, Any], step: int, total: int, epoch: float, tokens: int
    ) -> None:
        """Append a line for what the trainer reports: a training loss or an evaluation."""
        if "loss" not in logs and "eval_loss" not in logs:
            return  # the summary at the end
        self._loss = logs.get("loss", self._loss)
        self._rate = logs.get("learning_rate", self._rate)
        seconds = time.monotonic() - self._started
        done = step - self._first_step
        line = {
            "step": step,
            "total_steps": total,
            "epoch": round(epoch, 4),
            "loss": self._loss,
            "learning_rate": self._rate,
            "tokens_per_second": round((tokens - self._first_tokens) / max(seconds, 1e-9), 1),
            "elapsed_seconds": round(self._before + seconds, 1),
            "remaining_seconds": round(seconds / done * (total - step), 1) if done else None,
        }
        if "eval_loss" in logs:
            line["eval_loss"] = logs["eval_loss"]
        with (self.out / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps({key: _finite(value) for key, value in line.items()}) + "\n")

    def as_callback(self) -> Any:  # noqa: ANN401 - a transformers.TrainerCallback
        """Return this watch in the form that the trainer calls."""
        from transformers import TrainerCallback

        watch = self

        class Watching(TrainerCallback):
            def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:  # noqa: ANN401 - types of transformers, here and below
                _move_projections(given["optimizer"])
                watch.begin(state.global_step, state.num_input_tokens_seen)

            def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401
                if watch.step_done(state.global_step, state.max_steps):
                    control.should_save = True
                control.should_training_stop |= watch.is_stopped

            def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401
                watch.checkpoint_saved(Path(args.output_dir) / f"checkpoint-{state.global_step}")

            def on_log(self, args: Any, state: Any, control: Any, **given: Any) -> None:  # noqa: ANN401
                epoch, tokens = state.epoch or 0.0, state.num_input_tokens_seen
                watch.log(given["logs"], state.global_step, state.max_steps, epoch, tokens)

        return Watching()


def watched_arguments(config: TrainingConfig, out: Path) -> dict[str, Any]:
    """Return the arguments of ``TrainingArguments`` that every kind of training takes.

    The learning rate rises and then falls to 0 like a cosine (Loshchilov and Hutter, 2017,
    arXiv:1608.03983). What is held out is looked at before the first step and five times more.
    """
    import torch

    from rag.inference.causal_torch import half_precision

    train = config.train
    has_gpu = torch.cuda.is_available()
    half = half_precision("cuda" if has_gpu else "cpu") if train.precision != "f32" else None
    return {
        "output_dir": str(out / CHECKPOINTS),
        "save_strategy": "no",  # the watch says when, by the clock
        "save_total_limit": KEPT_CHECKPOINTS,
        "include_num_input_tokens_seen": "non_padding",
        "logging_steps": 1,
        "eval_strategy": "steps",
        "eval_steps": 1 / _LOOKS,
        "eval_on_start": True,
        "disable_tqdm": True,
        "report_to": [],
        "learning_rate": train.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": train.warmup_ratio,  # below 1, a share of all steps
        "num_train_epochs": train.epochs,
        "max_steps": train.max_steps or -1,
        "per_device_train_batch_size": train.batch_size,
        "per_device_eval_batch_size": train.batch_size,
        "gradient_accumulation_steps": train.gradient_accumulation,
        "weight_decay": train.weight_decay,
        "neftune_noise_alpha": train.neftune_alpha or None,
        "seed": config.seed,
        "bf16": half is torch.bfloat16,
        "fp16": half is torch.float16,
        "use_cpu": not has_gpu,
        "dataloader_pin_memory": has_gpu,
        "remove_unused_columns": False,
        **_optimizer(train),
    }


def _optimizer(train: TrainSettings) -> dict[str, Any]:
    if train.method != "galore":
        return {"optim": "adamw_torch"}
    return {
        "optim": _GALORE,
        "optim_target_modules": targets(train),
        "optim_args": f"rank={train.rank},update_proj_gap={train.galore_update_gap},"
        f"scale={train.galore_scale}",
    }


def train_watched(trainer: Any, watch: RunWatch) -> None:  # noqa: ANN401 - a transformers.Trainer
    """Train, from the last whole checkpoint if there is one.

    Raises:
        Stopped: a signal came; the checkpoint is kept.
    """
    from transformers import PrinterCallback

    watch.out.mkdir(parents=True, exist_ok=True)
    trainer.remove_callback(PrinterCallback)  # its lines are in the log already
    checkpoint = last_checkpoint(watch.out)
    with _StopSignals(watch), _galore_loads(trainer.args):
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if watch.is_stopped and trainer.state.global_step < trainer.state.max_steps:
        raise Stopped(
            f"Stopped after step {trainer.state.global_step} of {trainer.state.max_steps}. "
            "Run the same command again to go on from there."
        )


def last_checkpoint(out: Path) -> Path | None:
    """Return the newest whole checkpoint of a run, after removing what was left half written."""
    whole: list[Path] = []
    for folder in (out / CHECKPOINTS).glob("checkpoint-*"):
        if (folder / _WHOLE).is_file():
            whole.append(folder)
        else:
            shutil.rmtree(folder)
    return max(whole, key=lambda folder: int(folder.name.rpartition("-")[2]), default=None)


def _galore_loads(arguments: Any) -> AbstractContextManager[Any]:  # noqa: ANN401 - TrainingArguments
    """Let a checkpoint hold GaLore's projections, which are objects of one known class."""
    if arguments.optim != _GALORE:
        return nullcontext()
    from galore_torch.galore_projector import GaLoreProjector
    from torch.serialization import safe_globals

    return safe_globals([GaLoreProjector])


def _move_projections(optimizer: Any) -> None:  # noqa: ANN401 - a torch optimizer
    """Put GaLore's projections where their weights are.

    A checkpoint is loaded to the CPU. torch moves the tensors in it, but no object that holds one.
    """
    for weights, state in optimizer.state.items():
        if projector := state.get("projector"):
            projector.ortho_matrix = projector.ortho_matrix.to(weights.device)


class _StopSignals:
    """Lets SIGTERM and Ctrl+C stop a watch; the second one acts as it did before."""

    def __init__(self, watch: RunWatch) -> None:
        self._watch = watch
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():  # others cannot set a handler
            self._former = {name: signal.signal(name, self._stop) for name in _SIGNALS}

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._watch.is_stopped = True
        self._restore()

    def _restore(self) -> None:
        for name, handler in self._former.items():
            signal.signal(name, handler)
        self._former = {}


def _cut_log(file: Path, step: int) -> float:
    """Drop the lines after ``step``, which will be trained again; return the seconds until then."""
    if not file.is_file():
        return 0.0
    lines = file.read_text(encoding="utf-8").splitlines()
    kept: list[str] = []
    seconds = 0.0
    for text in lines:
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            break  # half a line, written as the process was killed
        if line["step"] > step or step == 0:
            break
        kept.append(text)
        seconds = line["elapsed_seconds"]
    aside = file.with_name(f".{file.name}.partial")
    aside.write_text("".join(f"{text}\n" for text in kept), encoding="utf-8")
    aside.replace(file)
    return seconds


def _finite(value: float | None) -> float | None:
    """JSON has no word for "not a number"."""
    return value if value is None or math.isfinite(value) else None
