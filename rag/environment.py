"""How a process of this product behaves before any heavy library is imported.

Offline: no library may look anything up, not even a version. Quiet: what libraries say about
themselves is not for the person who asked a question.
"""

import logging
import os
import sys
import warnings

_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime for Linux calls its maker, by itself
    "SCARF_NO_ANALYTICS": "true",
    "ANONYMIZED_TELEMETRY": "False",
}
# They warn about parts that are not used here, some while they are imported.
_NOISY = (
    "accelerate.utils.modeling",
    "bitsandbytes.backends.cpu.ops",
    "faiss.loader",
    "gptqmodel",
    "tokenicer.tokenicer",
    "torch.utils._pytree",
    "torchao",
    "transformers",
)
_QUIET = {
    "TQDM_DISABLE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
}


def limit_threads(threads: int) -> None:
    """Let numerical libraries use ``threads`` threads; 0 leaves the choice to them.

    Works only before they are imported.
    """
    if threads:
        os.environ["OMP_NUM_THREADS"] = str(threads)


def search_path() -> str:
    """Return the ``PYTHONPATH`` with which a child finds the modules that this process finds."""
    return os.pathsep.join(entry for entry in sys.path if entry)


def prepare_process() -> None:
    """Keep this process and its children offline, and their libraries quiet."""
    os.environ.update(_OFFLINE | _QUIET)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.simplefilter("ignore", FutureWarning)  # of libraries, to those who call them
