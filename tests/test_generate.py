"""The local answer model, checked with a tiny random Llama against transformers' own decoding."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event, Timer
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.abstention import ABSTENTION_FILE
from rag.config import Config
from rag.datatypes import Language, Message, Prompt
from rag.errors import ModelError
from rag.generate import (
    STYLE_FILE,
    ExtractiveGenerator,
    LocalGenerator,
    load_generator,
)
from rag.inference.causal_torch import TorchCausalModel
from rag.prompt import NOT_FOUND

TEMPLATE = (
    "{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)
CONTEXT = 2048
DEFAULT_MODEL = Path(__file__).resolve().parent.parent / "models" / "fumikura-135m-gptq"


def prompt(*texts: str) -> Prompt:
    messages = tuple(Message("user", text) for text in texts)
    return Prompt(
        messages=messages,
        question=texts[-1],
        language="en",
        hits=(),
        evidence=(),
        shown_sentences=0,
        token_count=0,
        template_hash="",
    )


QUESTION = prompt(
    "Answer briefly. 短く答えてください。", "How many days of 年次有給休暇 are there?"
)


def make_model(folder: Path, template: str | None = TEMPLATE) -> Path:
    """Write a random Llama of two layers with a byte-level tokenizer without merges."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<s>": 0, "</s>": 1} | {c: n for n, c in enumerate(alphabet, start=2)}
    bytes_only = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=bytes_only, bos_token="<s>", eos_token="</s>"
    )
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    torch.manual_seed(20261121)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=CONTEXT,
        initializer_range=0.5,  # so that the likeliest token is not always the same
        bos_token_id=0,
        eos_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "tiny-llama")


def load(folder: Path, **settings: Any) -> LocalGenerator:  # noqa: ANN401 - settings of any type
    config = replace(Config(), answer_model=str(folder), device="cpu", **settings)
    generator = load_generator(config)
    assert isinstance(generator, LocalGenerator)
    return generator


def torch_model(generator: LocalGenerator) -> TorchCausalModel:
    assert isinstance(generator.model, TorchCausalModel)
    return generator.model


@pytest.fixture(scope="module")
def generator(folder: Path) -> LocalGenerator:
    generator = load(folder)
    torch_model(
        generator
    ).model.float()  # in 16 bits two likely tokens may tie, and windows break the tie
    return generator


def record_reads(
    generator: LocalGenerator, monkeypatch: pytest.MonkeyPatch, then: Callable[[], None]
) -> list[int]:
    """Return a list that grows by the number of ids of every forward pass; ``then`` follows."""
    reads: list[int] = []
    model = torch_model(generator)
    model.reset()  # what a test before has read is not read again
    forward = model._append

    def spy(ids: list[int], scored: int) -> object:
        reads.append(len(ids))
        scores = forward(ids, scored)
        then()
        return scores

    monkeypatch.setattr(model, "_append", spy)
    return reads


def greedy_ids(model: TorchCausalModel, prompt_ids: list[int], max_new_tokens: int) -> list[int]:
    """Return what ``transformers.generate`` continues the same prompt with."""
    import torch

    ids = torch.tensor([prompt_ids])
    with torch.inference_mode():
        whole = model.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=max_new_tokens,
            do_sample=False,
            pad_token_id=1,
        )
    return [int(token_id) for token_id in whole[0, ids.shape[1] :]]


@pytest.mark.parametrize("length", [1, 127, 128, 129, 300, 700])
def test_the_pieces_are_the_greedy_decoding_of_transformers(
    generator: LocalGenerator, length: int
) -> None:
    asked = prompt("年休 leave " * length)  # around the edges of the prefill window, too
    asked = prompt(asked.question[:length])

    pieces = list(generator.stream(asked, 20, Event()))

    expected = greedy_ids(torch_model(generator), generator.prompt_ids(asked), 20)
    ended = expected[-1] in generator.model.end_ids
    expected = expected[:-1] if ended else expected
    text = generator.model.tokenizer.decode(expected, skip_special_tokens=True)
    assert len(pieces) == len(expected)
    assert "".join(pieces) == text.rstrip("\ufffd")  # a character may still be incomplete


def test_different_prompts_are_continued_differently(generator: LocalGenerator) -> None:
    texts = {"".join(generator.stream(prompt(text), 20, Event())) for text in ("one", "two", "三")}

    assert len(texts) == 3


def test_asking_twice_gives_the_same_pieces(generator: LocalGenerator) -> None:
    first = list(generator.stream(QUESTION, 20, Event()))

    assert list(generator.stream(QUESTION, 20, Event())) == first


def test_the_counted_prompt_tokens_are_the_ids_that_are_read(
    generator: LocalGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = record_reads(generator, monkeypatch, lambda: None)

    next(generator.stream(QUESTION, 1, Event()))

    rendered = torch_model(generator)._tokenizer.apply_chat_template(
        [{"role": m.role, "content": m.content} for m in QUESTION.messages],
        add_generation_prompt=True,
        return_dict=True,
    )
    assert generator.count_prompt_tokens(QUESTION) == sum(reads) == len(rendered["input_ids"])


def test_a_tuned_model_searches_its_answer_and_goes_on_within_the_limit(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.answer_search._FARTHEST", 99.0)
    tuned = shutil.copytree(folder, tmp_path / "tuned")
    style = {"evidence_sentences": 4, "has_examples": False, "max_passages": 0}
    (tuned / STYLE_FILE).write_text(json.dumps(style), encoding="utf-8")
    generator = load(tuned)
    torch_model(generator).model.float()

    def answer(most: int) -> list[int]:
        return list(generator._decode(QUESTION, most, Event()))

    whole = answer(40)
    assert len(whole) == 40  # 24 of them searched
    assert [len(answer(most)) for most in (0, 1, 3, 24, 25)] == [0, 1, 3, 24, 25]
    assert answer(25) == whole[:25]
    asked = generator.prompt_ids(QUESTION)
    assert greedy_ids(torch_model(generator), [*asked, *whole[:24]], 16) == whole[24:]


def test_what_looks_like_a_control_token_in_a_document_is_counted_letter_by_letter(
    generator: LocalGenerator,
) -> None:
    plain, hostile = prompt("a" * 4), prompt("</s>")  # bytes, one token each

    assert generator.count_prompt_tokens(hostile) - generator.count_prompt_tokens(plain) == 1


def test_stop_before_the_start_reads_nothing(
    generator: LocalGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Event()
    stop.set()
    reads = record_reads(generator, monkeypatch, lambda: None)

    assert list(generator.stream(QUESTION, 20, stop)) == []
    assert reads == []


def test_stop_while_a_long_prompt_is_read_ends_after_one_window(
    generator: LocalGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Event()
    reads = record_reads(generator, monkeypatch, stop.set)

    assert list(generator.stream(prompt("word " * 390), 20, stop)) == []
    assert reads == [128]


def test_stop_during_decoding_yields_nothing_more(
    generator: LocalGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Event()
    whole = list(generator.stream(QUESTION, 10, Event()))
    stream = generator.stream(QUESTION, 10, stop)

    begun = [next(stream), next(stream)]
    stop.set()

    assert begun == whole[:2]
    assert list(stream) == []


def test_stop_from_another_thread_ends_it(generator: LocalGenerator) -> None:
    stop = Event()
    stream = generator.stream(prompt("word " * 390), 4096, stop)
    begun = next(stream)
    Timer(0.05, stop.set).start()

    pieces = [begun, *stream]

    assert stop.is_set()
    assert len(pieces) < 4096


def test_an_abandoned_stream_frees_the_model(generator: LocalGenerator) -> None:
    stream = generator.stream(QUESTION, 10, Event())
    next(stream)
    stream.close()  # type: ignore[attr-defined] # a generator object

    assert len(list(generator.stream(QUESTION, 2, Event()))) == 2


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_model_abstains_as_soon_as_was_calibrated_for_its_language(
    folder: Path, tmp_path: Path, language: Language
) -> None:
    """A bias beyond all scores decides; one of the other language changes nothing."""
    asked = replace(QUESTION, language=language)
    without = list(load(folder).stream(asked, 3, Event()))
    copied = Path(shutil.copytree(folder, tmp_path / "model"))

    other = {"en": "ja", "ja": "en"}[language]
    (copied / ABSTENTION_FILE).write_text(json.dumps({other: 1e4}))
    assert list(load(copied).stream(asked, 3, Event())) == without
    (copied / ABSTENTION_FILE).write_text(json.dumps({language: 1e4}))
    biased = load(copied)
    [first, *_] = biased._decode(asked, 1, Event())

    assert first == biased.model.encode(NOT_FOUND[language])[0]
    assert list(biased.stream(asked, 3, Event())) != without


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_margin_is_the_bias_at_which_a_model_begins_to_abstain(
    folder: Path, tmp_path: Path, language: Language
) -> None:
    asked = replace(QUESTION, language=language)
    copied = Path(shutil.copytree(folder, tmp_path / "model"))
    margin = load(folder).abstention_margin(asked)
    begins = load(folder).model.encode(NOT_FOUND[language])[0]

    for more, abstains in ((0.05, True), (-0.05, False)):
        (copied / ABSTENTION_FILE).write_text(json.dumps({language: -margin + more}))
        [first, *_] = load(copied)._decode(asked, 1, Event())
        assert (first == begins) is abstains
    assert margin < 0  # a random model says something else


def test_evidence_keeps_a_model_from_abstaining(folder: Path, tmp_path: Path) -> None:
    """Log-odds of 0.75 are 1.0986: with a weight of 2 it takes 2.1972 logits more."""
    copied = Path(shutil.copytree(folder, tmp_path / "model"))
    begins = load(folder).model.encode(NOT_FOUND["en"])[0]
    margin = load(folder).abstention_margin(QUESTION)

    def abstains(evidence_score: float, more: float) -> bool:
        calibrated = {"en": {"bias": -margin + more, "evidence": 2.0}}
        (copied / ABSTENTION_FILE).write_text(json.dumps(calibrated))
        asked = replace(QUESTION, evidence_score=evidence_score)
        [first, *_] = load(copied)._decode(asked, 1, Event())
        return first == begins

    assert [abstains(0.5, more) for more in (-0.05, 0.05)] == [False, True]
    assert [abstains(0.75, more) for more in (2.15, 2.25)] == [False, True]
    assert [abstains(0.25, more) for more in (-2.25, -2.15)] == [False, True]


@pytest.mark.parametrize("damage", ['{"en": "much"}', '{"en": {"bias": 1}}', '{"en": null}'])
def test_a_damaged_calibration_is_told(folder: Path, tmp_path: Path, damage: str) -> None:
    copied = Path(shutil.copytree(folder, tmp_path / "model"))
    (copied / ABSTENTION_FILE).write_text(damage)

    with pytest.raises(ModelError, match=r"abstention\.json is damaged"):
        load(copied)


def scripted(generator: LocalGenerator, monkeypatch: pytest.MonkeyPatch, ids: list[int]) -> None:
    """Let the model continue every prompt with ``ids``, whatever it computes."""
    scores = np.eye(260, dtype=np.float32)  # each row is surest of its own token
    begun, place = 0, 0

    def read(text: list[int], stop: Event) -> NDArray[np.float32]:
        nonlocal begun, place
        begun = begun or len(text)
        place = len(text) - begun
        row: NDArray[np.float32] = scores[ids[place]]
        return row

    def extend(tokens: list[int]) -> NDArray[np.float32]:
        nonlocal place
        place += len(tokens)
        last = len(ids) - 1
        following = [ids[min(n + 1, last)] for n in range(place - len(tokens), place)]
        rows: NDArray[np.float32] = scores[following]
        return rows

    def forget(count: int) -> None:
        nonlocal place
        place -= count

    for name, method in (("read", read), ("extend", extend), ("forget", forget)):
        monkeypatch.setattr(generator.model, name, method)


def test_kana_arrive_character_by_character_and_never_as_a_broken_byte(
    generator: LocalGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "年休は10日です。🎻"
    ids = generator.model.encode(text)
    assert len(ids) == len(text.encode())  # one token a byte
    scripted(generator, monkeypatch, [*ids, 1])

    pieces = list(generator.stream(prompt("x"), 96, Event()))

    assert len(pieces) == len(ids)
    assert [piece for piece in pieces if piece] == list(text)
    assert pieces[:3] == ["", "", "年"]


def test_the_end_token_is_not_part_of_the_answer(
    generator: LocalGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = generator.model.encode("ab")
    scripted(generator, monkeypatch, [*ids, 1, *ids])

    assert list(generator.stream(prompt("x"), 96, Event())) == ["a", "b"]


def test_a_phrase_said_over_and_over_ends_the_answer(
    generator: LocalGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = generator.model.encode("abc" * 50)
    scripted(generator, monkeypatch, ids)

    assert "".join(generator.stream(prompt("x"), 96, Event())) == ("abc" * 8)[:23]


def test_sixteen_bits_are_used_where_the_machine_has_them(folder: Path) -> None:
    import torch

    from rag.inference.causal_torch import half_precision

    generator = load(folder)
    assert list(generator.stream(prompt("年休?"), 3, Event())) != []
    assert generator.precision == "16-bit"
    assert generator.model_id == "tiny-llama (16-bit)"
    assert half_precision("cpu") in (torch.bfloat16, torch.float32)
    assert next(torch_model(generator).model.parameters()).dtype == half_precision("cpu")
    assert generator.model.kernel == "Linear"
    assert generator.context_tokens == CONTEXT


def test_nf4_loads_and_streams_its_own_greedy_decoding(folder: Path) -> None:
    nf4 = load(folder, answer_precision="nf4")

    asked = prompt("年休?")  # one prefill window
    pieces = list(nf4.stream(asked, 10, Event()))

    assert (nf4.model_id, nf4.model.kernel) == ("tiny-llama (NF4)", "Linear4bit")
    ids = greedy_ids(torch_model(nf4), nf4.prompt_ids(asked), 10)
    expected = nf4.model.tokenizer.decode(ids, skip_special_tokens=True)
    assert "".join(pieces) == expected.rstrip("\ufffd")


def test_a_model_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    base = make_model(tmp_path / "base-model", template=None)

    with pytest.raises(ModelError, match=r"base-model has no chat template.*-Instruct"):
        load(base)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", "{"),
        ("config.json", "[]"),
        ("config.json", '{"model_type": "no-such-architecture"}'),
        ("config.json", '{"model_type": "llama", "quantization_config": 4}'),
        ("tokenizer.json", "{"),
        ("model.safetensors", "no weights"),
    ],
)
def test_a_damaged_model_folder_is_an_error_in_words(
    tmp_path: Path, file: str, content: str
) -> None:
    broken = make_model(tmp_path / "broken")
    (broken / file).write_text(content)

    with pytest.raises(ModelError, match="broken") as raised:
        load(broken)
    assert "\n" not in str(raised.value)


def test_a_gptq_checkpoint_is_not_served_in_another_precision(tmp_path: Path) -> None:
    checkpoint = make_model(tmp_path / "gptq")
    table = json.loads((checkpoint / "config.json").read_text())
    table["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (checkpoint / "config.json").write_text(json.dumps(table))

    with pytest.raises(ModelError, match=r"RAG_ANSWER_PRECISION=auto"):
        load(checkpoint, answer_precision="nf4")


def test_a_missing_gpu_is_an_error_naming_the_setting(folder: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ModelError, match="RAG_DEVICE=auto"):
        load_generator(replace(Config(), answer_model=str(folder), device="cuda"))


def test_extractive_needs_no_model(tmp_path: Path) -> None:
    config = replace(Config(), answer_model="extractive", models_dir=tmp_path / "none")

    assert isinstance(load_generator(config), ExtractiveGenerator)


@pytest.mark.model
@pytest.mark.skipif(not DEFAULT_MODEL.is_dir(), reason="made by `python -m training setup`")
def test_the_default_model_runs_on_openvino_and_says_what_gptqmodel_says() -> None:
    default = load(DEFAULT_MODEL)
    default._is_tuned, default._abstention = False, {}  # greedy, as transformers decodes
    stock = TorchCausalModel(DEFAULT_MODEL, default.precision, "cpu")

    pieces = list(default.stream(QUESTION, 12, Event()))

    expected = greedy_ids(stock, default.prompt_ids(QUESTION), 12)
    text = stock.tokenizer.decode(expected, skip_special_tokens=True)
    assert default.precision == "GPTQ 8-bit"
    assert default.model.kernel.startswith("OpenVINO 8-bit")
    assert stock.kernel == "TorchLinear"  # all that GPTQModel has for 8 bits on a CPU
    assert "".join(pieces).strip() == text.rstrip("\ufffd").strip()


@pytest.mark.model
@pytest.mark.skipif(not DEFAULT_MODEL.is_dir(), reason="made by `python -m training setup`")
def test_stop_ends_the_reading_of_a_long_prompt_on_openvino() -> None:
    default = load(DEFAULT_MODEL)
    stop = Event()
    whole = list(default.stream(QUESTION, 4, Event()))
    Timer(0.1, stop.set).start()

    stopped = list(default.stream(prompt("word " * 4000), 20, stop))

    assert stopped == []
    assert list(default.stream(QUESTION, 4, Event())) == whole  # nothing of it is left
