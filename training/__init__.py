"""Make answer models: base weights, calibration, quantization. `rag` never imports this."""
