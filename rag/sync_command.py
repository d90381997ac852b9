"""A sync as a command: what a page asks for, in the words of `python -m rag sync`. Pure."""

from collections.abc import Iterable
from pathlib import Path

from rag.sources import SyncRequest


def sync_arguments(request: SyncRequest) -> list[str]:
    """Return ``request`` as arguments of `python -m rag sync`.

    Values follow an equals sign: the name of a document may begin with a dash.

    Raises:
        ValueError: ``request`` adds folders with different settings, or follows only those.
    """
    if request.replaces:
        raise ValueError("A sync adds folders; to follow only some, drop the others.")
    arguments = [str(_absolute(edit.folder)) for edit in request.add]
    settings = {(edit.collection, edit.include, edit.exclude) for edit in request.add}
    if len(settings) > 1:
        raise ValueError("Folders with different settings need a sync each.")
    for collection, include, exclude in settings:
        arguments += [] if collection is None else [f"--collection={collection}"]
        # The empty pattern says that a known folder has no patterns any longer.
        arguments += _options("include", ("",) if include == () else include or ())
        arguments += _options("exclude", ("",) if exclude == () else exclude or ())
    arguments += _options("drop", [str(_absolute(folder)) for folder in request.drop])
    arguments += _options("leave-out", request.leave_out)
    arguments += _options("take-in", request.take_in)
    arguments += _options("retry", request.retry)
    return [*arguments, *(("--retry-all",) if request.retries_all else ())]


def subject_of(request: SyncRequest) -> str:
    """Return what a sync is about, for a person: folders or documents; "" is everything."""
    folders = [str(_absolute(edit.folder)) for edit in request.add]
    dropped = [str(_absolute(folder)) for folder in request.drop]
    return ", ".join((*folders, *dropped, *request.leave_out, *request.take_in, *request.retry))


def _options(name: str, values: Iterable[str]) -> list[str]:
    return [f"--{name}={value}" for value in values]


def _absolute(folder: Path) -> Path:
    return folder.expanduser().absolute()
