"""Examples to rows as they are served, and rows to tokens."""
