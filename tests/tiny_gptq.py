"""A random GPTQ checkpoint of a few kilobytes, and the same model with its weights written out."""

import json
from pathlib import Path
from typing import Any

GROUP = 32


def save_tiny_gptq(folder: Path, model_type: str, wide: str = " ", **changes: Any) -> Any:  # noqa: ANN401
    """Write a checkpoint of two layers to ``folder``; return the dense 32-bit model it stands for.

    Linear layers with ``wide`` in their name have 8 bits, the others 4.

    The packing is written out value by value, so that it checks the unpacking.
    """
    import torch
    from safetensors.torch import save_file
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(20261121)
    settings: dict[str, Any] = {
        "vocab_size": 258,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 512,
        "initializer_range": 0.3,
        "tie_word_embeddings": False,
    }
    config = AutoConfig.for_model(model_type, **{**settings, **changes})
    model: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]
    model.eval()
    tensors: dict[str, Any] = {}
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and name != "lm_head":
            if module.bias is not None:
                torch.nn.init.normal_(module.bias, std=0.2)
            tensors |= _quantized(name, module, 8 if wide in name else 4)
    dense = {k: v for k, v in model.state_dict().items() if not _is_quantized(k, tensors)}
    tensors |= {k: v.detach().clone().to(torch.bfloat16) for k, v in dense.items()}
    model.load_state_dict({k: tensors[k].float() for k in dense}, strict=False)
    folder.mkdir(parents=True)
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "model.safetensors")
    table = config.to_dict() | {
        "quantization_config": {
            "quant_method": "gptq", "bits": 4, "group_size": GROUP, "desc_act": False,
            "checkpoint_format": "gptq", "sym": True,
        }
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(table))
    return model


def _is_quantized(name: str, tensors: dict[str, Any]) -> bool:
    return f"{name.removesuffix('.weight')}.qweight" in tensors


def _quantized(name: str, linear: Any, bits: int) -> dict[str, Any]:  # noqa: ANN401 - a torch.nn.Linear
    import torch

    rows, columns = linear.weight.shape
    middle, per_word = 2 ** (bits - 1), 32 // bits
    values = torch.randint(0, 2 * middle, (rows, columns))
    scales = ((torch.rand(rows, columns // GROUP) * 0.4 + 0.08) / middle).to(torch.float16)
    group_of = torch.arange(columns) // GROUP
    with torch.no_grad():
        linear.weight.copy_((values - middle) * scales[:, group_of].float())
    words = [[0] * rows for _ in range(columns // per_word)]
    for row in range(rows):
        for column in range(columns):
            words[column // per_word][row] |= int(values[row, column]) << (
                bits * (column % per_word)
            )
    # The middle in each place of a word, stored less 1.
    zeros = {4: 0x77777777, 8: 0x7F7F7F7F}[bits]
    zero_shape = (columns // GROUP, rows // per_word)
    return {
        f"{name}.qweight": torch.tensor(words, dtype=torch.int64).to(torch.int32),
        f"{name}.qzeros": torch.full(zero_shape, zeros, dtype=torch.int32),
        f"{name}.scales": scales.T,
        f"{name}.g_idx": group_of.to(torch.int32),
    } | ({f"{name}.bias": linear.bias.detach()} if linear.bias is not None else {})
