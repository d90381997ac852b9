"""How well passages are found: question files, metrics, and runs of the search legs over them."""
