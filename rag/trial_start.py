"""``python -m rag.trial_start``: get ready to answer as the app does, and tell what that took.

A process of its own, because libraries and models stay in the memory of the one that loads them.
"""

import json
import resource
import sys
import time

import psutil

from rag.config import load_config
from rag.engine import RagEngine
from rag.environment import limit_threads, prepare_process
from rag.errors import RagError, first_line

_KILOBYTES = 1 if sys.platform == "darwin" else 1024  # bytes of a unit of ru_maxrss


def main() -> int:
    """Print seconds, memory and what computes, or the error, as JSON."""
    prepare_process()
    config = load_config()
    limit_threads(config.threads)
    try:
        kernel = RagEngine(config).warm_up()
    except RagError as error:
        sys.stdout.write(json.dumps({"error": first_line(error)}))
        return 1
    seconds = time.time() - psutil.Process().create_time()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KILOBYTES / 1e6
    sys.stdout.write(json.dumps({"seconds": seconds, "peak_mb": peak_mb, "kernel": kernel}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
