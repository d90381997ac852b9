import random
from itertools import pairwise

from rag.chunk import chunk_document
from rag.datatypes import Block, Document


def characters(text: str) -> int:
    return len(text)


def document(text: str, **fields: object) -> Document:
    return Document(path="notes/rules.md", text=text, sha256="", **fields)  # type: ignore[arg-type]


def test_every_span_gives_its_own_text_and_nothing_is_lost() -> None:
    rng = random.Random(0)
    alphabet = "ab c。！\n\n 　有給Ａ1,. "
    for length in (0, 1, 50, 3000):
        text = "".join(rng.choice(alphabet) for _ in range(length))

        chunks = chunk_document(document(text), 80, 20, characters)

        covered = {i for chunk in chunks for i in range(chunk.start, chunk.end)}
        assert all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks)
        assert all(text[i].isspace() for i in range(length) if i not in covered)


def test_no_passage_is_longer_than_the_embedder_reads() -> None:
    text = "これは長い文です。" * 200

    chunks = chunk_document(document(text), 100, 20, characters)

    assert max(len(chunk.search_text) - 1 for chunk in chunks) <= 100


def test_a_japanese_sentence_keeps_its_full_stop() -> None:
    text = "一つ目の文はここで終わります。" * 10

    chunks = chunk_document(document(text), 60, 0, characters)

    assert len(chunks) > 1
    assert all(chunk.text.endswith("。") for chunk in chunks)


def test_passages_of_one_section_overlap_by_whole_sentences() -> None:
    text = " ".join(f"Sentence number {i} stands here." for i in range(20))

    chunks = chunk_document(document(text), 150, 40, characters)

    assert all(chunk.text.startswith("Sentence") for chunk in chunks)
    assert all(b.start < a.end for a, b in pairwise(chunks))


def test_a_passage_keeps_to_its_page_and_names_it() -> None:
    text = "First page text.\n\nSecond page text."

    chunks = chunk_document(document(text, page_starts=(0, 18)), 200, 40, characters)

    assert [(chunk.page, chunk.text) for chunk in chunks] == [
        (1, "First page text."),
        (2, "Second page text."),
    ]


def test_the_name_of_the_file_stands_above_headings_that_no_title_precedes() -> None:
    text = "Held in May.\n\n5. Lift\n\nTwo firms."
    blocks = (
        Block("paragraph", 0, 12),
        Block("heading", 14, 21),
        Block("paragraph", 23, 33, ("5. Lift",)),
    )

    def headings(text: str, *blocks: Block, title: str = "") -> list[str]:
        made = document(text, blocks=blocks, title=title)
        return [chunk.heading for chunk in chunk_document(made, 20, 0, characters)]

    assert headings(text, *blocks)[-1] == "rules > 5. Lift"
    assert headings(text, *blocks, title="Minutes")[-1] == "5. Lift"
    assert (
        headings(
            text[14:],
            *(Block(b.kind, b.start - 14, b.end - 14, b.heading_path) for b in blocks[1:]),
        )[-1]
        == "5. Lift"
    )


def test_a_passage_keeps_to_its_heading_and_stands_under_it() -> None:
    text = "# Rules\n\n## Leave\n\nTen days.\n\n## Pay\n\nMonthly."
    blocks = (
        Block("heading", 0, 7),
        Block("heading", 9, 17, ("Rules",)),
        Block("paragraph", 19, 28, ("Rules", "Leave")),
        Block("heading", 30, 36, ("Rules",)),
        Block("paragraph", 38, 46, ("Rules", "Pay")),
    )

    chunks = chunk_document(document(text, blocks=blocks, title="Rules"), 200, 40, characters)

    assert [chunk.text for chunk in chunks] == [
        "# Rules\n\n## Leave\n\nTen days.",
        "## Pay\n\nMonthly.",
    ]
    assert chunks[1].heading == "Rules"
    assert chunks[1].search_text == "Rules\n## Pay\n\nMonthly."


def test_lines_without_a_single_token_are_neither_lost_nor_doubled() -> None:
    text = "".join(f"Change Loop number {n}\n\u00a0\t\n" for n in range(40))
    document = Document("moves.epub", text, "0" * 64)

    chunks = chunk_document(document, 20, 0, lambda piece: len(piece.split()))

    assert all(document.text[c.start : c.end] == c.text for c in chunks)
    assert [line for c in chunks for line in c.text.split("\n") if line.strip()] == [
        f"Change Loop number {n}" for n in range(40)
    ]
