"""A model for extractive question answering with random weights, made from the tiny embedder."""

from pathlib import Path

from tests.tiny_embedder import save_tiny_embedder


def save_tiny_span_model(folder: Path) -> None:
    """Write a model that reads single characters, 64 tokens at most of question and passage."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForQuestionAnswering

    base = folder.with_name(f"{folder.name}-base")
    save_tiny_embedder(base)
    bare = base.with_name(f"{base.name}-bare")
    torch.manual_seed(0)
    model = BertForQuestionAnswering(BertConfig.from_pretrained(bare))
    with torch.no_grad():
        for weights in model.parameters():
            weights.mul_(25 if weights.dim() > 1 else 1)  # logits well apart
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(bare).save_pretrained(folder)
