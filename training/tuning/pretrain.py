"""Go on with pre-training on the text of a folder, so that a model takes on its subject.

By LoRA or rsLoRA, by GaLore (Zhao et al., 2024, arXiv:2403.03507), which changes all weights and
keeps the state of the optimizer in a low rank, or in full. Only the way to change weights differs.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rag.config import Config
from rag.datatypes import Document, Progress
from rag.errors import RagError
from rag.ingest import read_folder
from training.checkpoints.publish import published
from training.config import TrainingConfig
from training.evaluation.probes import mean_loss
from training.retriever.lora import load_adapter, save_adapter
from training.rows.encoding import IGNORED
from training.tuning.callbacks import RunWatch, train_watched, watched_arguments
from training.tuning.sft_model import (
    ADAPTER_METHODS,
    chosen_precision,
    count_parameters,
    load_base,
    with_adapter,
)

ADAPTER = "adapter"  # what is published by a method with one
MODEL = "merged"  # and by one that changes all weights


class RawFolderError(RagError):
    """A folder does not hold enough text to learn from and to test on."""


@dataclass(frozen=True, slots=True)
class PretrainReport:
    """What was trained. Losses are means over held-out tokens, in nats."""

    folder: Path  # `ADAPTER` or `MODEL` of the run
    train_documents: tuple[str, ...]
    held_out_documents: tuple[str, ...]
    train_tokens: int  # of one epoch
    held_out_tokens: int
    steps: int
    trainable_parameters: int
    optimizer_megabytes: float  # its moments and projections
    loss_before: float
    loss_after: float


def read_raw_folders(folders: Sequence[Path], settings: Config) -> list[Document]:
    """Return the text of every file that a reader of the product can read, sorted by path.

    Raises:
        RawFolderError: there are fewer than two, so none can be held out.
        BuildError: a folder cannot be read.
    """
    outcomes = [outcome for folder in folders for outcome in read_folder(folder, settings)]
    documents = [outcome.document for outcome in outcomes if outcome.document is not None]
    if len(documents) < 2:
        raise RawFolderError(
            f"Of {len(outcomes)} files in {', '.join(map(str, folders)) or 'no folder'}, "
            f"{len(documents)} could be read. At least two are needed: one to learn from and one "
            "to test on. Name folders in data.folders."
        )
    return documents


def split_documents(
    documents: Sequence[Document], held_out_share: float, seed: int
) -> tuple[list[Document], list[Document]]:
    """Return what is learned from and what is held out: whole documents, at least one of each."""
    count = round(held_out_share * len(documents))
    count = min(max(1, count), len(documents) - 1)
    order = np.random.default_rng(seed).permutation(len(documents)).tolist()
    held_out = set(order[:count])
    parts: tuple[list[Document], list[Document]] = ([], [])
    for number, document in enumerate(documents):
        parts[number in held_out].append(document)
    return parts


def pack_blocks(texts: Iterable[Sequence[int]], end: int, block_tokens: int) -> list[list[int]]:
    """Return the tokens of all texts one after another, cut into blocks; the last may be shorter.

    Args:
        texts: tokens of each document.
        end: token that closes a document, so that the model learns where one ends.
        block_tokens: in a block, at least 2, as the first token of a block is not predicted.
    """
    if block_tokens < 2:
        raise ValueError(f"Blocks of {block_tokens} tokens hold nothing to predict.")
    stream = [token for text in texts for token in (*text, end)]
    blocks = [stream[n : n + block_tokens] for n in range(0, len(stream), block_tokens)]
    return [block for block in blocks if len(block) > 1]


def pretrain(
    train: Sequence[Document],
    held_out: Sequence[Document],
    base: Path,
    out: Path,
    config: TrainingConfig,
    progress: Callable[[Progress], None],
) -> PretrainReport:
    """Train on the text of ``train``; the result in ``out`` appears when it is complete.

    Args:
        train: documents to learn from.
        held_out: documents of the same subject to measure on.
        base: folder of a 16-bit model with its tokenizer.
        out: folder of the run; a run that was stopped goes on.
        config: ``train`` names the method and everything about it.
        progress: called after each step.

    Raises:
        ConfigError: settings that the model or the method does not allow.
        Stopped: a signal came; a checkpoint is kept.
    """
    import torch
    from transformers import AutoTokenizer, Trainer, TrainingArguments

    tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True)
    blocks, held_out_blocks = (
        pack_blocks(
            [tokenizer(d.text, add_special_tokens=False, verbose=False)["input_ids"] for d in part],
            tokenizer.eos_token_id,
            config.train.max_tokens,
        )
        for part in (train, held_out)
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load_base(base, chosen_precision(config.train, device), device)
    if config.train.method in ADAPTER_METHODS:
        model = with_adapter(model, config.train, config.seed)
    watch = RunWatch(out, config.train.save_minutes, progress)
    trainer = Trainer(
        model=model,
        args=TrainingArguments(**watched_arguments(config, out)),
        train_dataset=blocks,
        eval_dataset=held_out_blocks,
        data_collator=_Padder(tokenizer.eos_token_id),
        callbacks=[watch.as_callback()],
    )
    loss_before = mean_loss(model, held_out_blocks)
    train_watched(trainer, watch)
    return PretrainReport(
        _publish(model, tokenizer, config, out),
        tuple(document.path for document in train),
        tuple(document.path for document in held_out),
        sum(map(len, blocks)),
        sum(map(len, held_out_blocks)),
        trainer.state.global_step,
        count_parameters(model)[0],
        _megabytes(trainer.optimizer),
        loss_before,
        mean_loss(model, held_out_blocks),
    )


def load_pretrained(base: Path, folder: Path) -> tuple[Any, Any]:
    """Return the model that `pretrain` left in ``folder``, and its tokenizer.

    Args:
        base: what it was trained from; an adapter needs it.
        folder: `PretrainReport.folder`, or ``base`` itself for the model before.
    """
    import torch
    from transformers import AutoTokenizer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    is_adapter = (folder / "adapter_config.json").is_file()
    model = load_base(base if is_adapter else folder, "bf16", device)
    tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True)
    return (load_adapter(model, folder) if is_adapter else model).eval(), tokenizer


class _Padder:
    """Fills the last block of a text up; what is filled in is neither seen nor learned."""

    def __init__(self, pad_id: int) -> None:
        self._pad_id = pad_id

    def __call__(self, blocks: Sequence[Sequence[int]]) -> dict[str, Any]:
        """Return a batch.

        Shapes:
            input_ids, attention_mask, labels: ``(blocks, tokens of the longest)``.
        """
        import torch

        longest = max(map(len, blocks))

        def filled(rows: Iterable[Sequence[int]], filler: int) -> Any:  # noqa: ANN401 - a torch.Tensor
            return torch.tensor([[*row, *[filler] * (longest - len(row))] for row in rows])

        return {
            "input_ids": filled(blocks, self._pad_id),
            "attention_mask": filled(([1] * len(block) for block in blocks), 0),
            "labels": filled(blocks, IGNORED),
        }


def _publish(model: Any, tokenizer: Any, config: TrainingConfig, out: Path) -> Path:  # noqa: ANN401 - peft and transformers
    """Write the adapter, or the whole model in 16 bits, aside; rename it into place."""
    import torch

    is_adapter = config.train.method in ADAPTER_METHODS
    target = out / (ADAPTER if is_adapter else MODEL)
    with published(target) as folder:
        if is_adapter:
            save_adapter(model, folder)
        else:
            model.to(torch.bfloat16).save_pretrained(folder)
            tokenizer.save_pretrained(folder)
    return target


def _megabytes(optimizer: Any) -> float:  # noqa: ANN401 - a torch optimizer
    """Return what an optimizer keeps of each weight: two moments, and GaLore's projection."""
    import torch

    sizes = 0
    for state in optimizer.state.values():
        kept = [*state.values(), getattr(state.get("projector"), "ortho_matrix", None)]
        sizes += sum(t.numel() * t.element_size() for t in kept if isinstance(t, torch.Tensor))
    return round(sizes / 1e6, 1)
