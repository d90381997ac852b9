"""Calibration texts for quantization: prompts as served, over the sample documents."""

from collections.abc import Callable
from pathlib import Path

from rag.chunk import chunk_document
from rag.config import Config
from rag.datatypes import Chunk, Hit, Prompt
from rag.errors import ModelError
from rag.ingest import read_folder
from rag.language import detect_language
from rag.prompt import build_prompt

CALIBRATION_PROMPTS = 32  # GPTQ of the default model then takes about 80 s on two cores
PASSAGES_PER_PROMPT = 3


def calibration_prompts(
    folder: Path, config: Config, count_tokens: Callable[[str], int]
) -> list[Prompt]:
    """Return prompts over passages spread evenly through the documents of ``folder``.

    The question of a prompt is the heading above its first passage: calibration needs text
    of the right kind and language, not answers, and so no question of any test set.

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
    return [_prompt(chunks, start) for start in range(0, len(chunks), step)][:CALIBRATION_PROMPTS]


def _prompt(chunks: list[Chunk], start: int) -> Prompt:
    chosen = [chunks[(start + i) % len(chunks)] for i in range(PASSAGES_PER_PROMPT)]
    language = detect_language(chosen[0].text)
    topic = chosen[0].heading.rsplit(" > ", 1)[-1]
    question = f"{topic}について教えてください。" if language == "ja" else f"What about {topic}?"
    hits = [Hit(rank, chunk, 0.0) for rank, chunk in enumerate(chosen, start=1)]
    return build_prompt(question, language, hits, budget_tokens=1 << 20, count_tokens=lambda _: 0)
