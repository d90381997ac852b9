"""Weights on disk: the base model, merged and quantized ones."""
