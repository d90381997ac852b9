"""What quantization is calibrated with: prompts as served, and rows that were learned from.

GPTQ keeps what a layer computes on these texts, so they must be of the kind that is served (the
same words, languages and lengths), and none that the model is tested on.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from rag.chunk import chunk_document
from rag.config import Config
from rag.datatypes import Chunk, Hit, Prompt, PromptStyle
from rag.errors import ModelError
from rag.evidence import rank_sentences
from rag.ingest import read_folder
from rag.language import detect_language
from rag.prompt import NOT_FOUND, build_prompt
from training.datatypes import AnswerRow
from training.rows.encoding import RowEncoder

CALIBRATION_PROMPTS = 32  # GPTQ of the default model then takes about 170 s on two cores
PASSAGES_PER_PROMPT = 3
ANSWER_CHARACTERS = 40


def calibration_prompts(
    folder: Path, config: Config, count_tokens: Callable[[str], int], style: PromptStyle
) -> list[Prompt]:
    """Return prompts over passages spread evenly through the documents of ``folder``.

    The question of a prompt is the heading above its first passage: calibration needs text
    of the right kind and language, not answers, and so no question of any test set.

    Args:
        folder: of documents.
        config: how they are cut.
        count_tokens: of the embedder.
        style: how the model is asked.

    Raises:
        ModelError: the folder holds too little text.
    """
    chunks: list[Chunk] = []
    for outcome in read_folder(folder, config):
        if outcome.document:
            chunks += chunk_document(
                outcome.document, config.chunk_tokens, config.chunk_overlap_tokens, count_tokens
            )
    if len(chunks) < PASSAGES_PER_PROMPT:
        raise ModelError(f"There is too little text in {folder} to calibrate with.")
    step = max(1, len(chunks) // CALIBRATION_PROMPTS)
    return [_prompt(chunks, start, style) for start in range(0, len(chunks), step)][
        :CALIBRATION_PROMPTS
    ]


def _prompt(chunks: list[Chunk], start: int, style: PromptStyle) -> Prompt:
    chosen = [chunks[(start + i) % len(chunks)] for i in range(PASSAGES_PER_PROMPT)]
    language = detect_language(chosen[0].text)
    topic = chosen[0].heading.rsplit(" > ", 1)[-1]
    question = f"{topic}について教えてください。" if language == "ja" else f"What about {topic}?"
    hits = [Hit(rank, chunk, 0.0) for rank, chunk in enumerate(chosen, start=1)]
    evidence = rank_sentences(question, hits)
    return build_prompt(question, language, hits, 1 << 20, lambda _: 0, evidence, style)


def tokens_of_prompts(prompts: Sequence[Prompt], base: Path) -> list[list[int]]:
    """Return the tokens of ``prompts`` as the model in ``base`` is asked them, and of answers.

    By turns "not found" and words of a passage: without any answer among these texts, 4 bits lose
    the end of "not found" in Japanese.
    """
    encoder = RowEncoder(base)
    texts = []
    for number, prompt in enumerate(prompts):
        words = f"{prompt.hits[0].chunk.text[:ANSWER_CHARACTERS]} [1]"
        answer = NOT_FOUND[prompt.language] if number % 2 else words
        texts.append([*encoder.prompt_ids(prompt), *encoder.completion_ids(answer)])
    return texts


def tokens_of_rows(
    rows: Sequence[AnswerRow], base: Path, count: int, seed: int
) -> list[tuple[int, ...]]:
    """Return the tokens of ``count`` rows, each prompt with its answer and the end of it.

    Args:
        rows: that were learned from, never those that the model is tested on.
        base: folder of the model.
        count: at most.
        seed: chooses among ``rows``; languages come in their proportion.
    """
    encoder = RowEncoder(base)
    drawn = np.random.default_rng(seed).permutation(len(rows))
    by_language = sorted(drawn, key=lambda n: rows[n].prompt.language)
    step = max(1.0, len(rows) / count)
    chosen = [by_language[int(n * step)] for n in range(min(count, len(rows)))]
    return [encoder.encode(rows[n]).input_ids for n in chosen]
