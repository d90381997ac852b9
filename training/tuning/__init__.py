"""Rows and texts to changed weights, through transformers, peft and trl."""
