"""Causal language models run by transformers: GPTQ by GPTQModel, 16-bit, NF4; CPU or GPU.

The only owner of transformers, gptqmodel and bitsandbytes in `rag`.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from threading import Event
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError, first_line
from rag.inference.causal_model import shared_length

PREFILL_WINDOW = 128  # tokens read between two looks at the stop event


class TorchCausalModel:
    """A model of transformers with the cache of one text. Not thread-safe.

    Raises:
        ModelError: the checkpoint cannot be loaded.
    """

    def __init__(self, folder: Path, precision: str, device: str) -> None:
        from safetensors import SafetensorError

        self._device = device
        try:
            self._tokenizer, self.model = _load(folder, precision, device)
        except (
            OSError, ValueError, TypeError, KeyError, AttributeError, ImportError, RuntimeError,
            SafetensorError,
        ) as error:  # fmt: skip # what transformers raises for the ways to damage a checkpoint
            raise ModelError(
                f"The answer model in {folder} could not be loaded ({first_line(error)}). Set "
                "RAG_ANSWER_MODEL to another model, or to `extractive` to go without one."
            ) from error
        self.reset()

    @property
    def context_tokens(self) -> int:
        """Most tokens of prompt and completion together."""
        return int(getattr(self.model.config, "max_position_embeddings", 2048))

    @property
    def kernel(self) -> str:
        """Class name of the first linear layer: which kernel really runs."""
        layers = (m for name, m in self.model.named_modules() if name.endswith("q_proj"))
        return type(next(layers, self.model)).__name__

    @property
    def tokenizer(self) -> Any:  # noqa: ANN401 - a tokenizers.Tokenizer
        """The tokenizer, for decoding."""
        return self._tokenizer.backend_tokenizer

    @property
    def end_ids(self) -> frozenset[int]:
        """Tokens that end an answer."""
        end = self.model.generation_config.eos_token_id
        ids = {end} if isinstance(end, int) else set(end or ())
        return frozenset(ids | {self._tokenizer.eos_token_id})

    def encode(self, text: str) -> list[int]:
        """Return the tokens of ``text``; special ones are those written in it."""
        return cast(list[int], self._tokenizer(text, add_special_tokens=False)["input_ids"])

    @property
    def gains_by_drafts(self) -> bool:
        """True where the cache keeps the whole text, in every layer: `forget` needs it."""
        return all(type(layer).__name__ == "DynamicLayer" for layer in self._cache.layers)

    def reset(self) -> None:
        """Forget the text that was read."""
        from transformers import DynamicCache

        self._cache, self._rows = DynamicCache(config=self.model.config), 1
        self._text: list[int] = []

    def read(self, ids: Sequence[int], stop: Event) -> NDArray[np.float32] | None:
        """Read a text from its beginning; see `CausalModel.read`."""
        shared = shared_length(self._text, ids) if self.gains_by_drafts else 0
        if shared:
            self._go_back(shared)
        else:
            self.reset()
        scores = None
        for start in range(shared, len(ids), PREFILL_WINDOW):
            if stop.is_set():
                self.reset()
                return None
            scores = self._append(ids[start : start + PREFILL_WINDOW], scored=1)
        return None if scores is None else scores[0]

    def extend(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Read a few tokens after the text; see `CausalModel.extend`."""
        return self._append(ids, scored=len(ids))

    def forget(self, count: int) -> None:
        """Take the last ``count`` tokens off the text."""
        if count:
            self._go_back(len(self._text) - count)

    def _go_back(self, length: int) -> None:
        """Keep the first ``length`` tokens of the text, and of the rows the first."""
        import torch

        if self._rows > 1:
            self._cache.batch_select_indices(torch.tensor([0], device=self._device))
            self._rows = 1
        if superfluous := self._cache.get_seq_length() - length:
            self._cache.crop(-superfluous)
        self._text = self._text[:length]

    def branch(
        self,
        ids: NDArray[np.int64],
        positions: NDArray[np.int64],
        hidden: NDArray[np.bool_],
    ) -> NDArray[np.float32]:
        """Read rows of tokens side by side; see `CausalModel.branch`."""
        import torch

        rows, new = ids.shape
        if self._rows < rows:
            self._cache.batch_repeat_interleave(rows)
        self._rows = rows
        looks = np.repeat([np.tri(new, dtype=bool)], rows, axis=0)
        looks = np.concatenate([np.repeat(~hidden[:, np.newaxis], new, axis=1), looks], axis=2)
        with torch.inference_mode():
            output = self.model(
                input_ids=torch.tensor(ids, device=self._device),
                position_ids=torch.tensor(positions, device=self._device),
                attention_mask=torch.tensor(looks[:, np.newaxis], device=self._device),
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=1,
            )
        scores: NDArray[np.float32] = output.logits[:, -1].float().cpu().numpy()
        return scores

    def _append(self, ids: Sequence[int], scored: int) -> NDArray[np.float32]:
        """Read ``ids`` after the text; return the scores after each of the last ``scored``."""
        import torch

        with torch.inference_mode():
            output = self.model(
                input_ids=torch.tensor([list(ids)], device=self._device),
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=scored,
            )
        self._text = [*self._text, *ids]
        scores: NDArray[np.float32] = output.logits[0].float().cpu().numpy()
        return scores


def _load(folder: Path, precision: str, device: str) -> tuple[Any, Any]:
    """Return tokenizer and model, in evaluation mode, on ``device``."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        folder, trust_remote_code=False, local_files_only=True
    )
    with _quiet():
        load = {"NF4": load_nf4, "16-bit": load_dense}.get(precision, _load_quantized)
        model = load(folder, device)
    return tokenizer, model.eval()


def _load_quantized(folder: Path, device: str) -> Any:  # noqa: ANN401 - a transformers model
    """Return a checkpoint of GPTQ or AWQ with the best kernel for ``device``."""
    # GPTQModel asks a pool of two workers of a parent that has one on two cores.
    os.environ.setdefault("GPTQMODEL_CPU_WORKERS", "2")
    from gptqmodel import BACKEND, GPTQModel

    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    is_awq = settings.get("quantization_config", {}).get("quant_method") == "awq"
    # Left to choose, AWQ takes a kernel for CUDA and fails without one.
    backend = BACKEND.AWQ_TORCH if is_awq and device == "cpu" else BACKEND.AUTO
    return GPTQModel.load(
        str(folder), device=device, backend=backend, trust_remote_code=False
    ).model


def load_dense(folder: Path, device: str, dtype: Any = None) -> Any:  # noqa: ANN401 - transformers and torch
    """Return the model in ``folder`` without quantization, in 16 bits if not in ``dtype``."""
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=half_precision(device) if dtype is None else dtype,
        device_map={"": torch.device(device)},
        trust_remote_code=False,
        local_files_only=True,
        use_safetensors=True,
    )


def load_nf4(folder: Path, device: str) -> Any:  # noqa: ANN401 - a transformers model
    """Return the 16-bit model in ``folder`` with its linear layers quantized to NF4."""
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    dtype = half_precision(device)
    quantization = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,  # Dettmers et al., 2023, arXiv:2305.14314
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    return AutoModelForCausalLM.from_pretrained(
        folder,
        quantization_config=quantization,
        dtype=dtype,
        device_map={"": torch.device(device)},
        trust_remote_code=False,
        local_files_only=True,
        use_safetensors=True,
    )


def half_precision(device: str) -> Any:  # noqa: ANN401 - a torch.dtype
    """Return bfloat16 where the machine computes in it, else float32.

    Without the instructions a CPU emulates 16 bits at a hundredth of the speed.
    """
    import torch

    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    has_bf16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if has_bf16 else torch.float32


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the banners of model libraries out of the JSON on stdout."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield
