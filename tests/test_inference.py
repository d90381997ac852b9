"""Graphs for OpenVINO: the numbers of the models they are made of, or a reason for none."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from rag.datatypes import Message
from rag.errors import ModelError
from rag.inference.causal_openvino import OpenVinoCausalModel
from rag.inference.chat_template import ChatTemplate
from rag.inference.decoder_graph import rotary_frequencies
from rag.inference.decoder_weights import CONFIG, write_weights
from rag.inference.decoder_weights import WEIGHTS as WEIGHTS_OF_DECODER
from rag.inference.encoder_openvino import BATCH_TOKENS, OpenVinoEncoder, batches
from rag.inference.encoder_torch import TorchEncoder
from rag.inference.export import (
    ENCODER_EXPORTER,
    FACTS,
    GRAPH,
    TOKENIZER,
    WEIGHTS,
    exported_folder,
    run_export,
    write_facts,
)
from rag.inference.gptq_checkpoint import GptqCheckpoint
from tests.tiny_chat_model import save_tiny_chat_model
from tests.tiny_embedder import save_tiny_embedder
from tests.tiny_gptq import save_tiny_gptq

LLAMA3_ROPE = {
    "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 64,
}  # fmt: skip


def decoder(checkpoint: Path, folder: Path) -> OpenVinoCausalModel:
    from tokenizers import Tokenizer, models

    folder.mkdir()
    write_weights(GptqCheckpoint(checkpoint), folder)
    Tokenizer(models.WordLevel({"a": 0}, unk_token="a")).save(str(folder / TOKENIZER))
    facts = {"bits": 4, "context_tokens": 512, "end_ids": [1]}
    write_facts(folder, facts, (WEIGHTS_OF_DECODER, CONFIG, TOKENIZER))
    return OpenVinoCausalModel(folder, threads=1)


def scores(model: OpenVinoCausalModel, *reads: list[int]) -> Any:  # noqa: ANN401 - an array
    model.reset()
    read = model.read(reads[0], Event())
    assert read is not None
    for ids in reads[1:]:
        read = model.extend(ids)[-1]
    return read.copy()


def cosine(one: Any, other: Any) -> float:  # noqa: ANN401 - arrays
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize(
    ("model_type", "changes"),
    [
        ("llama", {}),
        ("llama", {"num_key_value_heads": 4, "tie_word_embeddings": True}),
        ("llama", {"rope_parameters": LLAMA3_ROPE}),
        ("mistral", {"sliding_window": None}),
        ("qwen2", {}),  # biases
        ("qwen3", {"head_dim": 32}),  # norms of queries and keys, heads wider than the model
        ("llama", {"wide": "proj"}),  # 8 bits
        ("llama", {"wide": "v_proj"}),  # 8 bits beside 4 in one product
    ],
)
def test_a_graph_gives_the_scores_of_the_model_with_its_weights_written_out(
    tmp_path: Path, model_type: str, changes: dict[str, Any]
) -> None:
    import torch

    dense = save_tiny_gptq(tmp_path / "model", model_type, **changes)
    model = decoder(tmp_path / "model", tmp_path / "graph")
    ids = [int(x) for x in np.random.default_rng(7).integers(2, 258, 150)]
    with torch.inference_mode():
        expected = dense(torch.tensor([ids])).logits[0].numpy()

    whole = scores(model, ids)

    # Embeddings are rounded to 8 bits and activations, too.
    assert cosine(whole, expected[-1]) > 0.99
    assert cosine(scores(model, ids[:40]), expected[39]) > 0.99
    assert cosine(scores(model, ids[:149], ids[149:]), whole) > 0.999  # the cache remembers
    assert cosine(scores(model, ids[:149]), expected[-1]) < 0.9  # one token less is seen


def test_a_stopped_reading_leaves_nothing_behind(tmp_path: Path) -> None:
    # Deep enough to be stopped in the middle: parts of a cancelled graph keep its shapes.
    save_tiny_gptq(tmp_path / "model", "llama", num_hidden_layers=12, max_position_embeddings=8192)
    model = decoder(tmp_path / "model", tmp_path / "graph")
    expected = {n: scores(model, list(range(2, 2 + n))) for n in (1, 3, 50, 200)}
    stop = Event()
    stop.set()
    stopped = 0
    for n in (*expected, *expected):
        stopped += model.read([9] * 4000, stop) is None
        np.testing.assert_array_equal(scores(model, list(range(2, 2 + n))), expected[n])
    assert stopped > 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model_type": "gpt2"}, "architecture 'gpt2'"),
        ({"hidden_act": "gelu"}, "activation 'gelu'"),
        ({"use_sliding_window": True}, "sliding window"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "kind 'yarn'"),
        ({"quantization_config": {"quant_method": "awq", "bits": 4}}, "GPTQ checkpoint of 4 or 8"),
        ({"quantization_config": None}, "GPTQ checkpoint of 4 or 8"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 3}}, "of 4 or 8"),
    ],
)
def test_a_checkpoint_without_a_graph_is_refused_with_its_reason(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    save_tiny_gptq(tmp_path / "model", "llama")
    config = tmp_path / "model" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change))

    with pytest.raises((ValueError, ModelError), match=reason):
        decoder(tmp_path / "model", tmp_path / "graph")


@pytest.mark.parametrize(
    ("tensor", "value", "reason"),
    [("g_idx", 1, "reordered"), ("qzeros", 0x66666666, "asymmetrically")],
)
def test_a_layer_of_another_kind_is_refused_with_its_reason(
    tmp_path: Path, tensor: str, value: int, reason: str
) -> None:
    from safetensors.torch import load_file, save_file

    save_tiny_gptq(tmp_path / "model", "llama")
    file = tmp_path / "model" / "model.safetensors"
    tensors = load_file(file)
    name = "model.layers.1.mlp.up_proj"
    tensors[f"{name}.{tensor}"].fill_(value)
    save_file(tensors, file)
    checkpoint = GptqCheckpoint(tmp_path / "model")

    checkpoint.quantized("model.layers.0.mlp.up_proj")
    with pytest.raises(ValueError, match=reason):
        checkpoint.quantized(name)


def test_the_frequencies_of_rotary_positions_worked_out_by_hand() -> None:
    plain = rotary_frequencies({"rope_theta": 100.0}, 4)

    np.testing.assert_allclose(plain, [1.0, 0.1])  # 100 ** -0, 100 ** -(2 / 4)


# Encoders ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A random embedder and its graph."""
    folder = tmp_path_factory.mktemp("tiny")
    save_tiny_embedder(folder / "tiny")
    graph = exported_folder(ENCODER_EXPORTER, folder / "tiny", folder)
    assert graph is not None
    return folder / "tiny", graph


def test_an_exported_encoder_gives_the_vectors_and_counts_of_its_model(
    tiny: tuple[Path, Path],
) -> None:
    model, folder = tiny
    texts = [
        "paid leave",
        "有給休暇は10日\n次の行",
        "x" * 3000,
        " spaced ",
        *["ab" * n for n in range(40)],
    ]
    stock = TorchEncoder(model, "cpu")

    exported = OpenVinoEncoder(folder, threads=1)

    assert (exported.dimension, exported.max_length) == (stock.dimension, stock.max_length)
    assert exported.special_tokens == stock.special_tokens == 2
    assert [exported.count_tokens(t) for t in texts] == [stock.count_tokens(t) for t in texts]
    similarity = (exported.encode(texts) * stock.encode(texts)).sum(axis=1)
    assert similarity.min() > 0.999
    assert exported.encode([]).shape == (0, stock.dimension)
    assert exported_folder(ENCODER_EXPORTER, model, model.parent) == folder  # made once


def test_a_model_that_cannot_be_traced_stays_with_pytorch_and_is_tried_once(
    tiny: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, graph = tiny
    target = tmp_path / ".openvino" / graph.name

    def refuse(model: Path, folder: Path) -> dict[str, Any]:
        raise ValueError("its tokenizer is written in Python")

    assert run_export(refuse, [str(model), str(target)]) == 0
    facts = json.loads((target / FACTS).read_text())
    assert facts["unsupported"] == "ValueError: its tokenizer is written in Python"
    assert [path.name for path in target.parent.iterdir()] == [graph.name]

    assert exported_folder("no.such.exporter", model, tmp_path) is None
    assert f"{model.name} runs on PyTorch" in caplog.text
    assert "written in Python" in caplog.text


def test_graphs_of_models_that_changed_or_went_are_removed(tmp_path: Path) -> None:
    for model in ("kept", "changed", "gone"):
        (tmp_path / model).mkdir()
    made = {"1": "kept", "2": "changed", "3": "gone", "4": "changed"}
    for graph, model in made.items():
        (tmp_path / "gone").mkdir(exist_ok=True)
        if graph == "4":
            (tmp_path / "gone").rmdir()
        run_export(lambda *_: {}, [str(tmp_path / model), str(tmp_path / "graphs" / graph)])

    assert sorted(path.name for path in (tmp_path / "graphs").iterdir()) == ["1", "4"]


def test_what_is_no_model_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{}")

    assert exported_folder(ENCODER_EXPORTER, tmp_path / "broken", tmp_path) is None
    assert list((tmp_path / ".openvino").iterdir()) == []


@pytest.mark.parametrize("name", [GRAPH, WEIGHTS, TOKENIZER, FACTS])
def test_a_damaged_graph_is_an_error_that_says_what_to_delete(
    tiny: tuple[Path, Path], tmp_path: Path, name: str
) -> None:
    folder = Path(shutil.copytree(tiny[1], tmp_path / "copy"))
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])

    with pytest.raises(ModelError, match=r"damaged.*Delete that folder"):
        OpenVinoEncoder(folder, threads=1)


def test_batches_hold_every_row_once_and_stay_within_the_budget() -> None:
    lengths = [int(n) for n in np.random.default_rng(3).integers(1, 600, 300)] + [5 * BATCH_TOKENS]

    made = list(batches(lengths))

    assert sorted(row for batch in made for row in batch) == list(range(301))
    assert made[-1] == [300]  # too long for any budget: alone
    for batch in made[:-1]:
        longest = max(lengths[row] for row in batch)
        assert -(-longest // 16) * 16 * len(batch) <= BATCH_TOKENS
    assert list(batches([])) == []


def test_the_library_cannot_load_the_part_that_reports_to_its_maker() -> None:
    code = (
        "from rag.inference.openvino_runtime import import_openvino\n"
        "import_openvino()\n"
        "from openvino.tools.ovc import telemetry_utils as t\n"
        "print(t.tm.__name__)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "openvino.tools.ovc.telemetry_stub"


# Chat templates ---------------------------------------------------------------------------

CHAT = (Message("system", "答えは短く。"), Message("user", 'Say "hi" <b> & wait'))
TEMPLATES = (
    "{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}",
    "{{ bos_token }}{%- for m in messages %}\n    {%- if loop.first %}\n[{{ m.role | upper }}]"
    "{%- endif %}\n {{ m.content | tojson }}{{ m.content | trim }}{%- endfor %}\n\n",
    "{% for m in messages %}{% if m.role == 'user' %}{% break %}{% endif %}{{ m.content }}"
    "{% endfor %}{{ eos_token }}",
)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_chat_is_rendered_as_transformers_renders_it(tmp_path: Path, template: str) -> None:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=Tokenizer(models.BPE(vocab={"<s>": 0, "</s>": 1}, merges=[])),
        bos_token="<s>",
        eos_token="</s>",
    )
    tokenizer.chat_template = template
    tokenizer.save_pretrained(tmp_path)
    expected = tokenizer.apply_chat_template(
        [{"role": m.role, "content": m.content} for m in CHAT],
        add_generation_prompt=True,
        tokenize=False,
    )

    assert ChatTemplate(tmp_path).render(CHAT) == expected


@pytest.mark.parametrize("role", ["system", "user", "assistant"])
def test_what_a_message_holds_never_becomes_a_control_token(tmp_path: Path, role: str) -> None:
    from tokenizers import Tokenizer

    save_tiny_chat_model(tmp_path)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    control = set(tokenizer.get_added_tokens_decoder())
    hostile = "".join(map(str, tokenizer.get_added_tokens_decoder().values()))

    def controls(content: str) -> list[int]:
        text = ChatTemplate(tmp_path).render([Message(role, content)])  # type: ignore[arg-type]
        return [i for i in tokenizer.encode(text, add_special_tokens=False).ids if i in control]

    assert controls(f"a {hostile} b") == controls("a b") != []
    assert set(tokenizer.encode(hostile, add_special_tokens=False).ids) == control


def test_a_chat_template_cannot_reach_out_of_its_sandbox(tmp_path: Path) -> None:
    from jinja2.exceptions import SecurityError

    (tmp_path / "chat_template.jinja").write_text("{{ messages.__class__.__mro__[1].mro() }}")

    with pytest.raises(SecurityError):
        ChatTemplate(tmp_path).render(CHAT)


def test_a_model_without_a_template_has_none(tmp_path: Path) -> None:
    assert not ChatTemplate(tmp_path).exists
    (tmp_path / "tokenizer_config.json").write_text(
        '{"chat_template": [{"name": "default", "template": "x"}]}'
    )
    assert ChatTemplate(tmp_path).render(CHAT) == "x"
