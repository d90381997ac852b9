"""How a process of this product behaves before any heavy library is imported.

Offline: no library may look anything up, not even a version. Quiet: what libraries say about
themselves is not for the person who asked a question.
"""

import logging
import os

_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "SCARF_NO_ANALYTICS": "true",
    "ANONYMIZED_TELEMETRY": "False",
}
_QUIET = {"TQDM_DISABLE": "1", "TOKENIZERS_PARALLELISM": "false"}


def prepare_process() -> None:
    """Keep this process and its children offline, and their libraries quiet."""
    os.environ.update(_OFFLINE | _QUIET)
    # torch, torchao, bitsandbytes and gptqmodel warn about parts that are not used here, some
    # while they are imported and each through a handler of its own.
    logging.disable(logging.WARNING)
