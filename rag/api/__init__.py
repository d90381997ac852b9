"""What programs ask over HTTP: chat completions as of OpenAI, and search. See docs/api.md."""
