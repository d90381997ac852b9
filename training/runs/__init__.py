"""One experiment from its settings to a registered model, in a folder of its own."""
