"""A cross-encoder with random weights, made on the spot from the tiny embedder."""

from pathlib import Path

from tests.tiny_embedder import save_tiny_embedder


def save_tiny_reranker(folder: Path, labels: int = 1) -> None:
    """Write a model that reads single characters, 64 tokens at most of question and passage."""
    import torch
    from sentence_transformers import CrossEncoder

    save_tiny_embedder(folder.with_name(f"{folder.name}-base"))
    torch.manual_seed(0)
    bare = folder.with_name(f"{folder.name}-base-bare")
    model = CrossEncoder(str(bare), num_labels=labels, device="cpu", local_files_only=True)
    with torch.no_grad():
        for weights in model.model.parameters():
            weights.mul_(25 if weights.dim() > 1 else 1)  # logits well apart
    model.save(str(folder))
