"""What runs the neural networks: OpenVINO on a CPU, PyTorch on a GPU and for the rest.

`export` makes the graphs for OpenVINO from the models, once, in a child process. `encoder_*` turn
text into vectors, `causal_*` continue text. Each pair has one interface.
"""
