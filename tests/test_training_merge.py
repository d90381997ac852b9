"""An adapter folded into its base computes what base and adapter compute together."""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.config import Config
from rag.datatypes import Message, Prompt
from rag.errors import ModelError
from rag.generate import LocalGenerator
from rag.inference.gptq_checkpoint import GptqCheckpoint
from rag.model_folder import refuse_unsafe
from tests.tiny_chat_model import save_tiny_chat_model
from training.checkpoints.merge import merge_adapter
from training.checkpoints.publish import published
from training.checkpoints.quantize import Method, quantize
from training.config import QuantizeSettings, TrainSettings
from training.retriever.lora import load_adapter, save_adapter
from training.tuning.sft_model import load_base, with_adapter

LORA = TrainSettings(rank=4, alpha=8)
PROMPT = Prompt((Message("user", "料金は？ How much?"),), "?", "en", (), (), 0, 0, "test")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_chat_model(tmp_path_factory.mktemp("merge") / "base")


def random_adapter(base: Path, folder: Path, settings: TrainSettings = LORA) -> Path:
    """Write an adapter that changes what the base computes: a new one changes nothing."""
    import torch

    model = with_adapter(load_base(base, "f32", "cpu"), settings, 0)
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    folder.mkdir()
    save_adapter(model, folder)
    return folder


def logits(model: Any) -> Any:  # noqa: ANN401 - transformers and torch
    import torch

    with torch.inference_mode():
        return model(torch.arange(3, 60)[None]).logits.float()


@pytest.mark.parametrize("method", ["lora", "rslora"])
def test_the_merged_model_computes_what_the_adapter_does(
    base: Path, tmp_path: Path, method: str
) -> None:
    adapter = random_adapter(base, tmp_path / "adapter", replace(LORA, method=method))

    merge_adapter(base, adapter, tmp_path / "merged")

    plain = logits(load_base(base, "f32", "cpu").eval())
    adapted = logits(load_adapter(load_base(base, "f32", "cpu"), adapter).eval())
    merged = logits(load_base(tmp_path / "merged", "f32", "cpu").eval())
    # bfloat16 keeps 8 bits, so that each weight is off by 0.4 % at most.
    tolerance = 0.02 * float(adapted.abs().max())
    assert float((merged - adapted).abs().max()) < tolerance
    assert float((plain - adapted).abs().max()) > 10 * tolerance  # negative control


def test_a_merged_weight_is_the_base_plus_the_scaled_product(base: Path, tmp_path: Path) -> None:
    """W + (alpha / r) B A, worked out from the files."""
    import torch
    from safetensors.torch import load_file

    adapter = random_adapter(base, tmp_path / "adapter")
    merge_adapter(base, adapter, tmp_path / "merged")

    name = "model.layers.1.mlp.down_proj"
    factors = load_file(adapter / "adapter_model.safetensors")
    a, b = (factors[f"base_model.model.{name}.lora_{letter}.weight"] for letter in "AB")
    weight = load_file(base / "model.safetensors")[f"{name}.weight"].float()
    merged = load_file(tmp_path / "merged" / "model.safetensors")[f"{name}.weight"]
    assert merged.dtype == torch.bfloat16
    torch.testing.assert_close(merged.float(), weight + 8 / 4 * b @ a, rtol=0.01, atol=0.01)


def test_a_merged_model_is_asked_in_the_words_of_its_base(base: Path, tmp_path: Path) -> None:
    merge_adapter(base, random_adapter(base, tmp_path / "adapter"), tmp_path / "merged")

    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (tmp_path / "merged" / name).read_bytes() == (base / name).read_bytes()
    refuse_unsafe(tmp_path / "merged")
    one, other = (
        LocalGenerator(folder, Config(device="cpu")) for folder in (base, tmp_path / "merged")
    )
    assert one.prompt_ids(PROMPT) == other.prompt_ids(PROMPT)


def test_a_whole_model_is_rounded_to_16_bits(base: Path, tmp_path: Path) -> None:
    """What "full" and "galore" leave instead of an adapter."""
    import torch

    model = load_base(base, "f32", "cpu")
    torch.nn.init.normal_(model.model.layers[0].mlp.up_proj.weight)
    model.save_pretrained(tmp_path / "adapter")

    merge_adapter(base, tmp_path / "adapter", tmp_path / "merged")

    merged = load_base(tmp_path / "merged", "f32", "cpu").model.layers[0].mlp.up_proj.weight
    expected = model.model.layers[0].mlp.up_proj.weight.to(torch.bfloat16).float()
    assert torch.equal(merged, expected)


def test_an_adapter_of_another_base_is_refused(base: Path, tmp_path: Path) -> None:
    other = save_tiny_chat_model(tmp_path / "other", hidden_size=32)
    adapter = random_adapter(other, tmp_path / "adapter")

    with pytest.raises(ModelError, match="does not fit its base"):
        merge_adapter(base, adapter, tmp_path / "merged")

    assert not (tmp_path / "merged").exists()


def publish_half(model: Path) -> None:
    with published(model) as folder:
        (folder / "weights").write_text("half")
        raise OSError("no space left on device")


def test_what_was_published_before_stays_when_the_next_one_fails(tmp_path: Path) -> None:
    with published(tmp_path / "model") as folder:
        (folder / "weights").write_text("first")

    with pytest.raises(OSError, match="no space"):
        publish_half(tmp_path / "model")

    assert (tmp_path / "model" / "weights").read_text() == "first"
    with published(tmp_path / "model") as folder:
        assert list(folder.iterdir()) == []  # nothing of the half
        (folder / "weights").write_text("second")
    assert (tmp_path / "model" / "weights").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(
    ("sizes", "advice"),
    [
        ({"hidden_size": 64, "intermediate_size": 160}, r"quantize\.group_size = 32"),
        ({"hidden_size": 40, "intermediate_size": 80, "num_attention_heads": 2,
          "num_key_value_heads": 1}, "another model"),
    ],
)  # fmt: skip
def test_groups_that_do_not_divide_a_layer_are_refused_with_some_that_do(
    tmp_path: Path, sizes: dict[str, int], advice: str
) -> None:
    model = save_tiny_chat_model(tmp_path / "odd", **sizes)

    with pytest.raises(ModelError, match=advice):
        quantize(
            model, tmp_path / "out", [[3] * 32], lambda step: None, QuantizeSettings(group_size=64)
        )


def test_without_texts_nothing_is_calibrated(base: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no texts"):
        quantize(base, tmp_path / "out", [], lambda step: None, QuantizeSettings())


def quantized(
    base: Path, folder: Path, settings: QuantizeSettings, method: Method = "gptq"
) -> dict[str, Any]:
    """Quantize on random texts; return what the checkpoint says of itself."""
    import torch

    torch.manual_seed(0)
    texts = [torch.randint(3, 250, (48,)).tolist() for _ in range(8)]
    steps: list[int] = []
    quantize(base, folder, texts, lambda step: steps.append(step.done), settings, method)
    assert steps == [1, 2]
    table = json.loads((folder / "config.json").read_text())["quantization_config"]
    assert isinstance(table, dict)
    return table


@pytest.mark.parametrize(
    ("settings", "most"), [(QuantizeSettings(4, 32), 0.2), (QuantizeSettings(), 0.0125)]
)
def test_quantized_weights_are_close_to_those_of_the_base(
    base: Path, tmp_path: Path, settings: QuantizeSettings, most: float
) -> None:
    """The nearest of 16 values in groups of 32 is about a tenth of a random weight off.

    The nearest of 256 is sixteen times as near.
    """
    from safetensors.torch import load_file

    quantized(base, tmp_path / "gptq", settings)

    name = "model.layers.1.mlp.up_proj"
    weight = load_file(base / "model.safetensors")[f"{name}.weight"].float().numpy()
    steps, scales = GptqCheckpoint(tmp_path / "gptq").quantized(name)
    written = (steps * scales.astype(np.float32)).reshape(weight.shape)
    error = np.linalg.norm(written - weight) / np.linalg.norm(weight)
    assert most / 10 < error < most


def test_bits_groups_and_order_are_those_of_the_settings(base: Path, tmp_path: Path) -> None:
    settings = QuantizeSettings(bits=8, group_size=32, desc_act=True)

    table = quantized(base, tmp_path / "gptq", settings)

    assert (table["bits"], table["group_size"], table["desc_act"]) == (8, 32, True)
    assert not (tmp_path / "gptq.log").exists()


def test_awq_is_made_without_a_gpu_as_well(tmp_path: Path) -> None:
    base = save_tiny_chat_model(tmp_path / "base", num_key_value_heads=4)

    table = quantized(base, tmp_path / "awq", QuantizeSettings(group_size=32), "awq")

    assert (table["quant_method"], table["bits"], table["group_size"]) == ("awq", 4, 32)


def test_no_handler_is_left_that_writes_to_the_closed_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add_handler(*given: object) -> None:
        logging.getLogger().addHandler(logging.StreamHandler())

    monkeypatch.setattr("training.checkpoints.quantize._quantize", add_handler)
    before = list(logging.getLogger().handlers)

    quantize(tmp_path, tmp_path / "out", [[1]], lambda step: None, QuantizeSettings())

    assert logging.getLogger().handlers == before


def test_what_fails_in_a_thread_is_told_and_ends_no_process(base: Path, tmp_path: Path) -> None:
    """AWQ of GPTQModel asserts that 64 divides the outputs of a layer; two key heads have 32."""
    with pytest.raises(ModelError, match=r"could not be quantized.*awq\.log"):
        quantized(base, tmp_path / "awq", QuantizeSettings(), "awq")
