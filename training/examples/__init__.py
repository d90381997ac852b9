"""Examples to learn from: read from files of any usual layout, checked, and split."""
