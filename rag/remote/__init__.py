"""Answers from a server that speaks the protocol of OpenAI: the one way out of this machine."""
