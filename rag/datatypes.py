"""The values that flow through the pipeline. Standard library only, all frozen.

Path -> Document -> Chunk -> index; question -> Hit -> Prompt -> Token | Answer.
Offsets are code points into ``Document.text`` and half-open, like Python slices.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Language = Literal["en", "ja", "other"]
DEFAULT_COLLECTION = "documents"
Status = Literal[
    "indexed",
    "unchanged",  # indexed, and taken over from the index before; only in the report of a build
    "archive",  # holds other files, each with a status of its own, and no text itself
    "stale",  # cannot be read any more; the text it had before is still indexed
    "no_text",
    "encrypted",
    "unsupported",
    "failed",
    "excluded",
]
BlockKind = Literal["heading", "paragraph", "table", "list", "code", "note"]


@dataclass(frozen=True, slots=True)
class Block:
    """A structural unit of a document. Blocks are ordered and do not overlap."""

    kind: BlockKind
    start: int
    end: int
    heading_path: tuple[str, ...] = ()  # headings above this block, outermost first


@dataclass(frozen=True, slots=True)
class Document:
    """The stored text of one file; every span of the product points into ``text``."""

    path: str  # relative to the indexed folder, "/" between parts
    text: str
    sha256: str  # of the file's bytes, not of the text
    blocks: tuple[Block, ...] = ()
    page_starts: tuple[int, ...] = ()  # offset where page i + 1 begins; () without pages
    title: str = ""


@dataclass(frozen=True, slots=True)
class FileStatus:
    """What became of one file. Every file, also one inside an archive, gets exactly one."""

    path: str
    status: Status
    reason: str  # one sentence for a person; "" when there is nothing to explain
    chunks: int = 0
    pages: int = 0
    size_bytes: int = 0
    seconds: float = 0.0  # that reading it took
    scanned_pages: int = 0  # pages whose text was recognized in an image
    container: str = ""  # path of the file on disk that holds this one; "" when that is itself
    sha256: str = ""  # of the file's bytes; "" when they were not read
    # When the file on disk was last written, that around it for one inside another: seconds since
    # 1970. None when nobody looked, and in an index of a version that did not keep it.
    modified: int | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage: ``document.text[start:end] == text`` always holds."""

    path: str
    start: int
    end: int
    text: str
    page: int | None = None  # 1-based; None for formats without pages
    heading: str = ""  # headings above the passage, " > " between them; the title without any

    @property
    def search_text(self) -> str:
        """What both search legs index: the passage under its headings."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


@dataclass(frozen=True, slots=True)
class SearchFilter:
    """What a search is limited to; all limits together. Those that are empty limit nothing."""

    collection: str = ""
    paths: tuple[str, ...] = ()  # globs as in `rag.sources`; one of them must match
    types: tuple[str, ...] = ()  # suffixes such as "pdf", or families of `rag.filters`; any of them
    since: date | None = None  # the file was written on this day or later
    until: date | None = None  # the file was written on this day or earlier


EVERYWHERE = SearchFilter()


@dataclass(frozen=True, slots=True)
class Span:
    """Words of a document that may be the answer; ``document.text[start:end] == text``."""

    start: int
    end: int
    text: str
    log_odds: float  # of these words against none of their passage, as a span reader sees it


@dataclass(frozen=True, slots=True)
class Hit:
    """One retrieved chunk. Hits come best first: by ``rerank_score`` where there is one."""

    rank: int  # 1-based
    chunk: Chunk
    score: float  # of both legs and the best sentence together, 0 to 1; see `rag.retrieve`
    lexical_score: float | None = None  # BM25; None when no term is shared
    vector_score: float | None = None  # cosine similarity in [-1, 1]; None without this leg
    rerank_score: float | None = None  # of the cross-encoder, 0 to 1; None when it did not read it
    spans: tuple[Span, ...] | None = None  # likeliest first; None when no span reader read it


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sentence of a passage; ``document.text[start:end] == text``."""

    path: str
    page: int | None
    start: int
    end: int
    text: str
    score: float  # how well it speaks to the question, about 0 to 3; higher is better
    spans: tuple[Span, ...] = ()  # of the sentence, likeliest first; () also when nothing read it


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class PromptStyle:
    """How a model is asked. One that was tuned is asked as it was taught."""

    evidence_sentences: int = 0  # it is shown the best so many; 0: whole passages
    has_examples: bool = True  # worked examples come before the question
    max_passages: int = 0  # it reads at most so many; 0: as the settings say


@dataclass(frozen=True, slots=True)
class Prompt:
    """Chat messages for the answerer. ``hits[n - 1]`` is the passage numbered ``[n]``."""

    messages: tuple[Message, ...]
    question: str
    language: Language
    hits: tuple[Hit, ...]
    evidence: tuple[Evidence, ...]  # sentences of the retrieved passages, best first
    shown_sentences: int  # how many of them the model was shown; 0: whole passages
    token_count: int  # of the rendered chat, as the answerer's tokenizer counts it
    template_hash: str
    evidence_score: float = 0.5  # how probably the passages hold an answer, by retrieval alone
    # What it was made under, for whoever asks why a passage is not in it; both are 0 in a prompt
    # of a version that did not keep them.
    passages_read: int = 0  # so many of the best hits were looked at
    budget_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of answer text as it is decoded; pieces concatenate to the completion."""

    text: str


@dataclass(frozen=True, slots=True)
class Citation:
    """Marker ``[n]`` of an answer, resolved. ``document.text[start:end] == quote``."""

    n: int
    path: str
    page: int | None
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request, as the answerer's tokenizer counts them."""

    prompt: int = 0
    completion: int = 0


@dataclass(frozen=True, slots=True)
class Timings:
    """Wall-clock milliseconds of one request; ``first_token_ms`` is None without a token."""

    retrieve_ms: float = 0.0
    first_token_ms: float | None = None
    total_ms: float = 0.0


AnswerStatus = Literal["answered", "no_evidence"]
EvidenceLevel = Literal["strong", "partial", "weak"]
AnswerSource = Literal["model", "quote", "none"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one question, with everything needed to explain or replay it."""

    question: str
    language: Language
    status: AnswerStatus
    text: str
    source: AnswerSource  # the model's words; a sentence quoted from a passage; nothing
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]  # all retrieved passages; the prompt holds the best, neighbours joined
    prompt: Prompt | None  # None when the model was not called
    completion: str  # what the model wrote, before checking; "" when it was not called
    usage: Usage
    timings: Timings
    model_id: str
    index_id: str
    is_stopped: bool = False  # the reader pressed stop; ``text`` is what was there by then
    # The question as it was searched and put to the model, rewritten when it leaned on the
    # conversation; "" in an answer of a version that did not keep it.
    searched: str = ""
    evidence: float | None = None  # how probably ``hits`` hold an answer; see `rag.evidence_score`
    evidence_level: EvidenceLevel | None = None  # the same, as it is shown
    documents_searched: int = 0  # within the limits; 0 in an answer that did not keep it


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a long job. ``total`` is 0 while it is not known."""

    stage: str
    done: int
    total: int
    item: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A folder that the index follows, with the patterns of `rag.sources`."""

    folder: str  # absolute, links resolved
    collection: str = DEFAULT_COLLECTION
    include: tuple[str, ...] = ()  # () means every file
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """How the folders differ from the index. Files on disk are counted, not what is inside them.

    Files that their name tells unsupported, and excluded ones, stand in none of these.
    """

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()  # from, to; also moved to another folder
    removed: tuple[str, ...] = ()
    retried: tuple[str, ...] = ()  # unchanged, but to be read again
    unchanged: int = 0

    @property
    def has_changes(self) -> bool:
        """Tell whether a sync would make another index."""
        return bool(self.new or self.changed or self.renamed or self.removed or self.retried)


@dataclass(frozen=True, slots=True)
class BuildReport:
    """The outcome of one build; ``files`` names every file found in the folders."""

    index_id: str
    documents: int
    chunks: int
    files: tuple[FileStatus, ...]
    seconds: float
    plan: SyncPlan = field(default=SyncPlan())
    embedded: int = 0  # passages that were embedded; the others' vectors were there already
    is_new: bool = True  # False: nothing had changed, so the index before serves on


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """What the serving index holds."""

    index_id: str
    folder: str  # the first of the folders
    created: str  # ISO 8601, UTC
    documents: int
    chunks: int
    embed_model: str
    embed_languages: tuple[Language, ...]
    files: tuple[FileStatus, ...] = field(default=())
    sources: tuple[Source, ...] = ()
    damage: str = ""  # why the newest index does not serve; "" when this is the newest
    knows_dates: bool = True  # False until the next sync, when an earlier version made the index
