"""The network that is tuned: its base weights, and the adapter or the weights that learn.

LoRA (Hu et al., 2021, arXiv:2106.09685) and rsLoRA (Kalajdzievski, 2023, arXiv:2312.03732) through
peft; under NF4 that is QLoRA (Dettmers et al., 2023, arXiv:2305.14314). GaLore (Zhao et al., 2024,
arXiv:2403.03507) and full tuning change all weights and have no adapter.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from rag.errors import ConfigError, ModelError, first_line
from training.config import TrainSettings
from training.retriever.lora import without_gptqmodel

ADAPTER_METHODS = ("lora", "rslora")


def chosen_precision(train: TrainSettings, device: str) -> str:
    """Return "bf16", "nf4" or "f32": how the base is held, with "auto" resolved.

    On two cores bf16 with LoRA trained 311 tokens a second, NF4 296 and f32 144 (docs/log.md),
    so "auto" is bf16 where the CPU computes in it. On a GPU it is NF4, which is a quarter of the
    memory. What learns all weights needs them in 32 bits, as 16 round small steps away.

    Raises:
        ConfigError: weights that are all to be learned cannot be NF4.
    """
    from rag.inference.causal_torch import half_precision

    if train.method not in ADAPTER_METHODS:
        if train.precision == "nf4":
            raise ConfigError(
                f'train.precision = "nf4" holds the weights fixed, but method "{train.method}" '
                'changes them. Use method "lora", or precision "auto".'
            )
        return "f32"
    if train.precision != "auto":
        return train.precision
    if device == "cuda":
        return "nf4"
    return "f32" if str(half_precision(device)) == "torch.float32" else "bf16"


def load_base(base: Path, precision: str, device: str) -> Any:  # noqa: ANN401 - a transformers model
    """Return the base model for training.

    Raises:
        ModelError: the folder holds no model that can be loaded.
    """
    import torch
    from safetensors import SafetensorError

    from rag.inference.causal_torch import load_dense, load_nf4

    try:
        if precision != "nf4":
            return load_dense(base, device, torch.float32 if precision == "f32" else None)
        model = load_nf4(base, device)
    except (
        OSError, ValueError, TypeError, KeyError, AttributeError, ImportError, RuntimeError,
        SafetensorError,
    ) as error:  # fmt: skip # what transformers raises for the ways to damage a checkpoint
        raise ModelError(
            f"The base model in {base} could not be loaded for training "
            f"({first_line(error)}). A base is a folder with 16-bit weights as "
            "safetensors; a GPTQ checkpoint cannot be trained."
        ) from error
    if device == "cpu":
        _keep_gradients(model)
    else:
        model.hf_device_map = {"": torch.cuda.current_device()}  # accelerate asks for the number
    return model


def _keep_gradients(model: Any) -> None:  # noqa: ANN401 - a transformers model
    """Keep NF4 layers on a CPU from changing to a form that has no gradient.

    bitsandbytes 0.50 repacks its weights at the first look at held-out rows, for good. From then on
    gradients end at the last such layer with no more than a warning, and the adapters below it
    learn nothing.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def lora_config(train: TrainSettings) -> Any:  # noqa: ANN401 - a peft.LoraConfig
    """Return the adapter that the settings ask for."""
    from peft import LoraConfig

    return LoraConfig(
        r=train.rank,
        lora_alpha=train.alpha,
        lora_dropout=train.dropout,
        use_rslora=train.method == "rslora",
        target_modules=targets(train),
        bias="none",
        task_type="CAUSAL_LM",
    )


def with_adapter(model: Any, train: TrainSettings, seed: int) -> Any:  # noqa: ANN401 - a peft model
    """Return ``model`` with a new adapter or that of the settings; it alone learns, in 32 bits.

    Raises:
        ConfigError: the model has no layer of a name in ``train.targets``, or ``train.adapter`` is
            not one of this model with these settings.
    """
    import torch

    with without_gptqmodel():
        from peft import get_peft_model

        torch.manual_seed(seed)
        if train.adapter:
            return _with_adapter_of(Path(train.adapter), model, train)
        try:
            return get_peft_model(model, lora_config(train))
        except ValueError as error:
            raise ConfigError(f"train.targets: {str(error)[:300]}") from error


def _with_adapter_of(folder: Path, model: Any, train: TrainSettings) -> Any:  # noqa: ANN401 - as above
    from peft import PeftConfig, PeftModel
    from safetensors import SafetensorError

    try:
        found = PeftConfig.from_pretrained(str(folder), local_files_only=True)
        if not isinstance(found, type(lora_config(train))):
            raise ValueError("it is no LoRA")
        if (found.r, found.lora_alpha) != (train.rank, train.alpha):
            raise ValueError(
                f"its rank is {found.r} and its alpha {found.lora_alpha}, and the settings say "
                f"{train.rank} and {train.alpha}"
            )
        return PeftModel.from_pretrained(model, str(folder), is_trainable=True)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        raise ConfigError(
            f"train.adapter: {folder} cannot be gone on with ({first_line(error)}). Name the "
            "folder of an adapter of the same base, with adapter_config.json and "
            "adapter_model.safetensors."
        ) from error


@contextmanager
def without_input_casts(model: Any) -> Iterator[None]:  # noqa: ANN401 - a transformers or peft model
    """Let adapters read 16 bits as they come, where everything computes in 16 bits by itself.

    peft makes 32 bits of what each adapter reads, which autocast then takes back: 6 to 17 % of the
    time on two cores, for the same loss.
    """
    with without_gptqmodel():
        from peft import PeftModel
        from peft.helpers import disable_input_dtype_casting

    with disable_input_dtype_casting(model) if isinstance(model, PeftModel) else nullcontext():
        yield


def targets(train: TrainSettings) -> str | list[str]:
    """Return ``train.targets`` as peft and transformers take it."""
    return "all-linear" if train.targets == ("all-linear",) else list(train.targets)


def count_parameters(model: Any) -> tuple[int, int]:  # noqa: ANN401 - a torch module
    """Return how many weights learn, and how many there are; NF4 packs two into each byte."""
    learned = sum(p.numel() for p in model.parameters() if p.requires_grad)
    packed = sum(p.numel() for p in model.parameters() if p.__class__.__name__ == "Params4bit")
    return learned, sum(p.numel() for p in model.parameters()) + packed
