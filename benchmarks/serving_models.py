"""Checkpoints of one model for each engine of `benchmarks.serving`: 16 bits, GPTQ and GGUF.

Of a shape alone, with random weights, which are as fast as learned ones; or of a 16-bit model at
hand. Weights are rounded to 4 bits in groups of 64 for GPTQ, and to Q4_0 for llama.cpp.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

GROUP = 64
SHAPES: dict[str, dict[str, Any]] = {
    "smollm2-135m": {
        "model_type": "llama", "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536,
        "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
        "head_dim": 64, "tie_word_embeddings": True, "rope_theta": 100000.0,
        "max_position_embeddings": 8192, "rms_norm_eps": 1e-5,
    },
    "qwen3-0.6b": {
        "model_type": "qwen3", "vocab_size": 151936, "hidden_size": 1024,
        "intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16,
        "num_key_value_heads": 8, "head_dim": 128, "tie_word_embeddings": True,
        "rope_theta": 1000000.0, "max_position_embeddings": 40960, "rms_norm_eps": 1e-6,
    },
}  # fmt: skip


def make_models(model: str, tokenizer: Path, folder: Path) -> dict[str, Path]:
    """Return the checkpoints of a model by their kind, made now unless they are there.

    Args:
        model: one of `SHAPES`, or the folder of a 16-bit model.
        tokenizer: folder of a model that lends its tokenizer; loading wants one.
        folder: where to keep them.
    """
    name = Path(model).name
    dense = folder / f"{name}-16-bit"
    if not (dense / "model.safetensors").is_file():
        if model in SHAPES:
            _save_dense(model, dense)
        else:
            shutil.copytree(model, dense, dirs_exist_ok=True)
    paths = {"16-bit": dense, "gptq": folder / f"{name}-gptq", "gguf": folder / f"{name}.gguf"}
    if not (paths["gptq"] / "model.safetensors").is_file():
        save_gptq(dense, paths["gptq"])
    if not paths["gguf"].is_file():
        save_gguf(dense, paths["gguf"])
    for target in (dense, paths["gptq"]):
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copyfile(tokenizer / file, target / file)
    return paths


def _save_dense(shape: str, folder: Path) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    settings = dict(SHAPES[shape])
    config = AutoConfig.for_model(settings.pop("model_type"), **settings)
    model: Any = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)  # type: ignore[no-untyped-call]
    model.generation_config.eos_token_id = 0
    model.save_pretrained(folder)


def save_gptq(dense: Path, folder: Path) -> None:
    """Write the linear layers of ``dense`` in 4 bits, rounded to nearest."""
    import torch
    from safetensors.torch import load_file, save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Any] = {}
    for name, weight in load_file(dense / "model.safetensors").items():
        if name.endswith("proj.weight"):
            tensors |= _gptq(name.removesuffix(".weight"), weight.float().numpy())
        else:
            tensors[name] = weight.to(torch.bfloat16)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((dense / "config.json").read_text(encoding="utf-8"))
    config["quantization_config"] = {
        "quant_method": "gptq", "bits": 4, "group_size": GROUP, "desc_act": False, "sym": True,
        "checkpoint_format": "gptq",
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    generation = dense / "generation_config.json"
    if generation.is_file():
        shutil.copyfile(generation, folder / generation.name)


def _gptq(name: str, weight: NDArray[np.float32]) -> dict[str, Any]:
    import torch

    rows, columns = weight.shape
    grouped = weight.reshape(rows, -1, GROUP)
    scales = (np.abs(grouped).max(axis=2, keepdims=True) / 7).astype(np.float16)
    scales = np.maximum(scales, np.float16(1e-4))
    values = np.clip(np.round(grouped / scales.astype(np.float32)), -8, 7).astype(np.int64) + 8
    values = values.reshape(rows, columns // 8, 8)
    words = (values << (4 * np.arange(8))).sum(axis=2).astype(np.uint32).view(np.int32)
    groups = columns // GROUP
    return {
        f"{name}.qweight": torch.from_numpy(np.ascontiguousarray(words.T)),
        f"{name}.qzeros": torch.full((groups, rows // 8), 0x77777777, dtype=torch.int32),
        f"{name}.scales": torch.from_numpy(np.ascontiguousarray(scales[..., 0].T)),
        f"{name}.g_idx": torch.arange(columns, dtype=torch.int32) // GROUP,
    }


def save_gguf(dense: Path, file: Path) -> None:
    """Write ``dense`` for llama.cpp: matrices as Q4_0, the rest in 32 bits, without a tokenizer."""
    import gguf
    from safetensors.torch import load_file

    config = json.loads((dense / "config.json").read_text(encoding="utf-8"))
    kind = config["model_type"]
    writer = gguf.GGUFWriter(file, kind)
    for key, value in _facts(config):
        if isinstance(value, float):
            writer.add_float32(f"{kind}.{key}", value)
        else:
            writer.add_uint32(f"{kind}.{key}", value)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_0)
    writer.add_string("tokenizer.ggml.model", "no_vocab")
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
    for name, tensor in load_file(dense / "model.safetensors").items():
        weight = tensor.float().numpy()
        part = name.split(".")[-2]
        if kind == "llama" and part in heads:  # llama.cpp rotates neighbours, not halves
            shape = (heads[part], 2, -1, weight.shape[1])
            weight = weight.reshape(shape).swapaxes(1, 2).reshape(weight.shape)
        if weight.ndim == 2:
            kind_of_tensor = gguf.GGMLQuantizationType.Q4_0
            packed = gguf.quants.quantize(weight, kind_of_tensor)
            writer.add_tensor(_gguf_name(name), packed, raw_dtype=kind_of_tensor)
        else:
            writer.add_tensor(_gguf_name(name), weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _facts(config: dict[str, Any]) -> Iterator[tuple[str, int | float]]:
    rope = config.get("rope_parameters") or {}
    head = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    yield "vocab_size", config["vocab_size"]
    yield "context_length", config["max_position_embeddings"]
    yield "embedding_length", config["hidden_size"]
    yield "feed_forward_length", config["intermediate_size"]
    yield "block_count", config["num_hidden_layers"]
    yield "attention.head_count", config["num_attention_heads"]
    yield "attention.head_count_kv", config["num_key_value_heads"]
    yield "attention.key_length", head
    yield "attention.value_length", head
    yield "rope.dimension_count", head
    yield "attention.layer_norm_rms_epsilon", float(config["rms_norm_eps"])
    yield "rope.freq_base", float(rope.get("rope_theta") or config.get("rope_theta", 10000.0))


_NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


def _gguf_name(name: str) -> str:
    whole = {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight",
    }
    if name in whole:
        return whole[name]
    _, _, layer, *part = name.split(".")
    return f"blk.{layer}.{_NAMES['.'.join(part[:-1])]}.weight"
