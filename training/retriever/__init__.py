"""Tuning of embedders and rerankers."""
