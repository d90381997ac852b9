"""Where models run: on a GPU that torch can use, or on the CPU."""

from ctypes.util import find_library

from rag.errors import ModelError


def uses_gpu(setting: str) -> bool:
    """Tell whether ``setting`` (`Config.device`) means a GPU on this machine.

    torch, slow to import, is only asked where there is a driver.
    """
    if setting != "auto":
        return setting != "cpu"
    if all(find_library(name) is None for name in ("cuda", "nvcuda")):
        return False
    import torch

    return torch.cuda.is_available()


def torch_device(setting: str) -> str:
    """Return the device of torch that ``setting`` means.

    Raises:
        ModelError: a GPU is asked for and there is none.
    """
    import torch

    if setting == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if setting == "cuda" and not torch.cuda.is_available():
        raise ModelError("RAG_DEVICE=cuda, but torch sees no CUDA GPU. Set RAG_DEVICE=auto.")
    return setting
