"""What of a build is embedding, and how much memory it takes.

    python -m benchmarks.build_share FOLDER

Builds an index of FOLDER from nothing in a temporary folder, then embeds the same passages once
more, alone, in another process of the same kind. Both times begin with starting that process. The
ratio is the figure: reading, cutting, indexing and publishing should add at most a quarter.
"""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from rag.build import EMBED_BATCH
from rag.config import load_config
from rag.corpus import Corpus
from rag.datatypes import Progress
from rag.embed_process import EmbedderProcess
from rag.engine import RagEngine
from rag.environment import prepare_process
from rag.generations import open_current


class Stages:
    """Seconds between the first report of a stage and the first of the next one."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._stage, self._since = "start", time.perf_counter()

    def __call__(self, progress: Progress) -> None:
        """Take note of a progress report."""
        now = time.perf_counter()
        self.seconds[self._stage] += now - self._since
        self._stage, self._since = progress.stage, now


def main(argv: list[str] | None = None) -> int:
    """Print the figures; the exit status is 0."""
    import resource

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(argv).folder
    prepare_process()
    with tempfile.TemporaryDirectory() as place:
        config = replace(load_config(), index_dir=Path(place))
        engine, stages = RagEngine(config), Stages()
        started = time.perf_counter()
        report = engine.build([folder], stages)
        build_seconds = time.perf_counter() - started
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        corpus = Corpus(open_current(config.index_dir).path)
        texts = [chunk.search_text for chunk in corpus.chunks(range(report.chunks))]
    texts.sort(key=len)
    started = time.perf_counter()
    with closing(EmbedderProcess(config)) as embedder:
        for start in range(0, len(texts), EMBED_BATCH):
            embedder.embed_passages(texts[start : start + EMBED_BATCH])
    embed_seconds = time.perf_counter() - started
    print(f"{len(report.files)} files, {report.documents} documents, {report.chunks} passages")
    for stage, seconds in stages.seconds.items():
        print(f"  {stage:6} {seconds:7.1f} s")
    print(f"build {build_seconds:.1f} s, embedding alone {embed_seconds:.1f} s")
    print(f"ratio {build_seconds / embed_seconds:.2f} (at most 1.25)")
    print(f"peak memory of the building process {peak_mb:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
