"""Answer models behind the `Generator` protocol: GPTQ, 16-bit, NF4, and extractive.

The only owner of transformers, gptqmodel and bitsandbytes in `rag`. Decoding is greedy and
written out here, because a reader's Stop must also end the reading of the prompt, which
``transformers.generate`` does in one piece, and because its streamer withholds kana.
"""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from threading import Event, Lock
from typing import Any, cast

from rag.config import EXTRACTIVE, Config
from rag.datatypes import Prompt
from rag.errors import ModelError
from rag.evidence import quotable
from rag.model_folder import find_model

PREFILL_WINDOW = 128  # tokens read between two looks at the stop event
REPEAT_WINDOW = 24  # tokens in which a phrase said three times ends the completion


class ExtractiveGenerator:
    """Quotes the sentences that speak best to the question. No language model."""

    model_id = EXTRACTIVE
    context_tokens = 1 << 20

    def count_prompt_tokens(self, prompt: Prompt) -> int:
        """Return a quarter of the characters: there is no tokenizer, and nothing to read."""
        return sum(len(message.content) for message in prompt.messages) // 4

    def stream(self, prompt: Prompt, max_new_tokens: int, stop: Event) -> Iterator[str]:
        """Yield the best sentences word by word, however long: nothing is worded here."""
        for sentence in quotable(prompt.evidence):
            for word in [*re.findall(r"\S+\s*", sentence.text), "\n"]:
                if stop.is_set():
                    return
                yield word


class LocalGenerator:
    """A causal language model of transformers, on the GPU when there is one."""

    def __init__(self, folder: Path, config: Config) -> None:
        self._lock = Lock()
        self.precision = _precision(folder, config)
        self.model_id = f"{folder.name} ({self.precision})"
        self._device = _device(config)
        from safetensors import SafetensorError

        try:
            self._tokenizer, self._model = _load(folder, self.precision, self._device)
        except (
            OSError, ValueError, TypeError, KeyError, AttributeError, ImportError, RuntimeError,
            SafetensorError,
        ) as error:  # fmt: skip # what transformers raises for the ways to damage a checkpoint
            raise ModelError(
                f"The answer model in {folder} could not be loaded ({_first_line(error)}). Set "
                "RAG_ANSWER_MODEL to another model, or to `extractive` to go without one."
            ) from error
        if self._tokenizer.chat_template is None:
            raise ModelError(
                f"The answer model in {folder} has no chat template. Choose an instruction-tuned "
                "model (its name often ends in -Instruct)."
            )

    @property
    def context_tokens(self) -> int:
        """Most tokens of prompt and completion together."""
        return int(getattr(self._model.config, "max_position_embeddings", 2048))

    @property
    def kernel(self) -> str:
        """Class name of the first linear layer: which kernel really runs."""
        layers = (m for name, m in self._model.named_modules() if name.endswith("q_proj"))
        return type(next(layers, self._model)).__name__

    def count_prompt_tokens(self, prompt: Prompt) -> int:
        """Return the tokens of the rendered chat."""
        return len(self._prompt_ids(prompt))

    def _prompt_ids(self, prompt: Prompt) -> list[int]:
        messages = [{"role": m.role, "content": m.content} for m in prompt.messages]
        text = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False
        )
        return cast(list[int], self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def stream(self, prompt: Prompt, max_new_tokens: int, stop: Event) -> Iterator[str]:
        """Yield the pieces of the greedy completion; see `Generator.stream`."""
        with self._lock:
            decoder = _PieceDecoder(self._tokenizer)
            for token_id in self._decode(self._prompt_ids(prompt), max_new_tokens, stop):
                yield decoder.step(token_id)

    def _decode(self, prompt_ids: list[int], max_new_tokens: int, stop: Event) -> Iterator[int]:
        import torch
        from transformers import DynamicCache

        cache = DynamicCache(config=self._model.config)
        end_ids = self._end_ids()
        completion: list[int] = []
        next_id = -1
        with torch.inference_mode():
            for start in range(0, len(prompt_ids), PREFILL_WINDOW):
                if stop.is_set():
                    return
                next_id = self._next_id(prompt_ids[start : start + PREFILL_WINDOW], cache)
            while len(completion) < max_new_tokens and not stop.is_set():
                completion.append(next_id)
                if next_id in end_ids or _is_circling(completion):
                    return
                yield next_id
                next_id = self._next_id([next_id], cache)

    def _next_id(self, ids: list[int], cache: Any) -> int:  # noqa: ANN401 - transformers cache
        """Read ``ids`` on top of ``cache`` and return the likeliest token after them."""
        import torch

        output = self._model(
            input_ids=torch.tensor([ids], device=self._device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return int(output.logits[0, -1].argmax())

    def _end_ids(self) -> set[int]:
        end = self._model.generation_config.eos_token_id
        ids = {end} if isinstance(end, int) else set(end or ())
        return ids | {self._tokenizer.eos_token_id}


class _PieceDecoder:
    """Turns token ids into text as soon as whole characters are known.

    Kana and kanji arrive at once, also when a character spans several byte tokens;
    transformers' own streamer holds them back until the next space.
    """

    def __init__(self, tokenizer: Any) -> None:  # noqa: ANN401 - transformers tokenizer
        from tokenizers.decoders import DecodeStream

        self._tokenizer = tokenizer.backend_tokenizer
        self._stream = DecodeStream(skip_special_tokens=True)

    def step(self, token_id: int) -> str:
        return self._stream.step(self._tokenizer, token_id) or ""


def _is_circling(completion: list[int]) -> bool:
    """Tell whether the last tokens only repeat a phrase of a few tokens."""
    last = completion[-REPEAT_WINDOW:]
    return len(last) == REPEAT_WINDOW and any(
        last[period:] == last[:-period] for period in range(1, REPEAT_WINDOW // 3 + 1)
    )


def load_generator(config: Config) -> LocalGenerator | ExtractiveGenerator:
    """Return the configured answerer, loaded.

    Raises:
        ModelError: the model is not on this machine, unsafe, or not of a supported kind.
    """
    if config.answer_model == EXTRACTIVE:
        return ExtractiveGenerator()
    return LocalGenerator(find_model(config.answer_model, config.models_dir), config)


def _precision(folder: Path, config: Config) -> str:
    """Return "GPTQ 4-bit", "16-bit" or "NF4" as the checkpoint and the settings decide."""
    try:
        table = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{folder / 'config.json'} is missing or damaged.") from error
    if not isinstance(table, dict):
        raise ModelError(f"{folder / 'config.json'} is missing or damaged.")
    quantization = table.get("quantization_config")
    quantization = quantization if isinstance(quantization, dict) else {}
    if quantization.get("quant_method") == "gptq" or (folder / "quantize_config.json").is_file():
        if config.answer_precision != "auto":
            raise ModelError(
                f"{folder} is a GPTQ checkpoint and cannot be served as "
                f"{config.answer_precision}. Set RAG_ANSWER_PRECISION=auto."
            )
        return f"GPTQ {quantization.get('bits', 4)}-bit"
    return "NF4" if config.answer_precision == "nf4" else "16-bit"


def _device(config: Config) -> str:
    import torch

    if config.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if config.device == "cuda" and not torch.cuda.is_available():
        raise ModelError("RAG_DEVICE=cuda, but torch sees no CUDA GPU. Set RAG_DEVICE=auto.")
    return config.device


def _load(folder: Path, precision: str, device: str) -> tuple[Any, Any]:
    """Return tokenizer and model, in evaluation mode, on ``device``."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        folder, trust_remote_code=False, local_files_only=True
    )
    with _quiet():
        load = {"NF4": _load_nf4, "16-bit": _load_16bit}.get(precision, _load_gptq)
        model = load(folder, device)
    return tokenizer, model.eval()


def _load_gptq(folder: Path, device: str) -> Any:  # noqa: ANN401 - a transformers model
    # GPTQModel asks a pool of two workers of a parent that has one on two cores.
    os.environ.setdefault("GPTQMODEL_CPU_WORKERS", "2")
    from gptqmodel import GPTQModel

    return GPTQModel.load(str(folder), device=device, trust_remote_code=False).model


def _load_16bit(folder: Path, device: str) -> Any:  # noqa: ANN401 - a transformers model
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=half_precision(device),
        device_map={"": torch.device(device)},
        trust_remote_code=False,
        local_files_only=True,
        use_safetensors=True,
    )


def _load_nf4(folder: Path, device: str) -> Any:  # noqa: ANN401 - a transformers model
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


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
