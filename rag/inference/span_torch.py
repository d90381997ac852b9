"""Extractive question answering run by PyTorch, on a GPU or where there is no graph."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rag.errors import ModelError
from rag.inference.encoder_openvino import batches
from rag.inference.pair_windows import PairTokenizer, Window, WindowLogits, model_inputs

_MOST_TOKENS = 512  # where a model does not say what it reads
_BATCH_TOKENS = 8192


class TorchSpanModel:
    """Any model for question answering of transformers. Loaded when it is made. Not thread-safe.

    Raises:
        ModelError: the folder holds no such model, or the device is missing.
    """

    def __init__(self, folder: Path, device: str) -> None:
        from safetensors import SafetensorError
        from transformers import AutoModelForQuestionAnswering, AutoTokenizer

        try:
            model = AutoModelForQuestionAnswering.from_pretrained(
                folder, trust_remote_code=False, local_files_only=True, use_safetensors=True
            )
            tokenizer = AutoTokenizer.from_pretrained(
                folder, trust_remote_code=False, local_files_only=True
            )
            self.model: Any = model.to(device).eval()
            self.tokenizer_json: str = tokenizer.backend_tokenizer.to_str()
            self.inputs = tuple(
                name for name in ("input_ids", "attention_mask", "token_type_ids")
                if name in tokenizer.model_input_names
            )  # fmt: skip
            positions = int(getattr(model.config, "max_position_embeddings", _MOST_TOKENS))
            self.max_length = min(int(tokenizer.model_max_length), positions, _MOST_TOKENS)
        except (
            OSError, ValueError, TypeError, KeyError, AttributeError, AssertionError, RuntimeError,
            SafetensorError,
        ) as error:  # fmt: skip # AssertionError: RAG_DEVICE=cuda without CUDA
            raise ModelError(
                f"The span reader in {folder} could not be loaded ({str(error)[:200]}). Check that "
                "it is a model for extractive question answering and that RAG_DEVICE fits this "
                "machine, or set RAG_SPAN_MODEL to another one."
            ) from error
        self._tokenizer = PairTokenizer(self.tokenizer_json, self.max_length)

    @property
    def name(self) -> str:
        """What runs the model, and where."""
        return f"PyTorch on {self.model.device.type}"

    def read(self, question: str, passages: Sequence[str]) -> list[WindowLogits]:
        """Return the logits of each window of each passage."""
        windows = self._tokenizer.windows(question, passages)
        read: dict[int, WindowLogits] = {}
        for rows in batches([len(window.ids) for window in windows], _BATCH_TOKENS):
            read.update(zip(rows, self._batch([windows[row] for row in rows]), strict=True))
        return [read[row] for row in range(len(windows))]

    def _batch(self, windows: Sequence[Window]) -> list[WindowLogits]:
        import torch

        width = max(len(window.ids) for window in windows)
        tensors = {
            name: torch.from_numpy(array).to(self.model.device)
            for name, array in model_inputs(windows, width, self.inputs).items()
        }
        with torch.inference_mode():
            output = self.model(**tensors)
        starts, ends = (
            logits.float().cpu().numpy() for logits in (output.start_logits, output.end_logits)
        )
        return [
            WindowLogits(window, starts[n, : len(window.ids)], ends[n, : len(window.ids)])
            for n, window in enumerate(windows)
        ]
