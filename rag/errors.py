"""Errors that a person can repair. Every message says what is wrong and what to do next."""

from rag.datatypes import Status


class RagError(Exception):
    """Base of all errors that `cli.py` and `app.py` show as one line."""


class ConfigError(RagError):
    """A setting is missing, unknown or out of range."""


class DocumentError(RagError):
    """One file could not be read; ``status`` is the word shown beside it.

    Raised for one file only; `ingest` turns it into a `FileStatus`, so that one bad file
    never stops a build.
    """

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class IndexNotFoundError(RagError):
    """There is no published index yet."""


class IndexDamagedError(RagError):
    """A file of the index is missing or differs from its recorded checksum."""


class IndexMismatchError(RagError):
    """The index was built with another embedder than the configured one, or in another format."""


class IndexBusyError(RagError):
    """Another process is building the index at this moment."""


class BuildError(RagError):
    """A build could not produce an index worth publishing; the old one still serves."""


class ModelError(RagError):
    """A model is missing, unsafe to load, or not of a supported kind."""


class BackendError(RagError):
    """The distributed search engine is missing, cannot be reached, or refused a request."""


class QuestionError(RagError):
    """The question is empty or too long."""


class CrowdedError(RagError):
    """Too many questions are waiting already."""


class AccessError(RagError):
    """Somebody may not do this, or who may do what cannot be told."""


class SignedOutError(RagError):
    """Nobody is signed in any more."""


def first_line(error: Exception) -> str:
    """Return what a library says is wrong, in one line; the name of the error where it is mute."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
