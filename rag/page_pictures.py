"""Drawn pages, kept for a while. In memory and not on disk.

Drawing takes under a second, so that there is little to win from a disk, and pictures of private
documents would outlive the files and the index that they were made of.
"""

from collections import OrderedDict
from pathlib import Path
from threading import Lock

from rag.config import Config
from rag.readers.page_process import PagePicture, PageProblem, draw_page

MAX_KEPT_MB = 32
_MAX_KEPT = 64  # pages; the characters of a page take room beside its picture

_Key = tuple[Path, int, int, str, int]  # file, time written, size, hash when indexed, page


class PagePictures:
    """Draws pages in child processes, one after another. Thread-safe."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._drawing = Lock()  # a page takes a core; many tabs must not take all
        self._kept: OrderedDict[_Key, PagePicture | PageProblem] = OrderedDict()

    def picture(self, file: Path, sha256: str, number: int) -> PagePicture | PageProblem:
        """Return page ``number`` of the PDF ``file`` as it was indexed; see `draw_page`.

        A page that cannot be drawn is not tried again until the file is written to.
        """
        try:
            facts = file.stat()
        except OSError:
            return "gone"
        key = (file, facts.st_mtime_ns, facts.st_size, sha256, number)
        with self._drawing:
            if key not in self._kept:
                self._kept[key] = draw_page(
                    file,
                    sha256,
                    number,
                    seconds=self._config.parse_seconds,
                    memory_mb=self._config.parse_memory_mb,
                )
                self._forget()
            self._kept.move_to_end(key)
            return self._kept[key]

    def _forget(self) -> None:
        """Drop the pages that were looked at longest ago, but for the last one."""
        while len(self._kept) > 1 and (
            len(self._kept) > _MAX_KEPT or self._kept_bytes() > MAX_KEPT_MB << 20
        ):
            self._kept.popitem(last=False)

    def _kept_bytes(self) -> int:
        """Return what the kept pages take: pictures, and about 200 bytes for each character."""
        pictures = (kept for kept in self._kept.values() if isinstance(kept, PagePicture))
        return sum(len(picture.image) + 200 * len(picture.boxes) for picture in pictures)
