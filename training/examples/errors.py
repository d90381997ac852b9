"""The error of a file of examples that cannot be used."""

from rag.errors import RagError
from training.examples.sentence import Sentence, Value


class ExampleFileError(RagError):
    """A file of examples cannot be read at all; nothing of it is learned."""

    def __init__(self, kind: str, **values: Value) -> None:
        self.sentence = Sentence(kind, values)
        super().__init__(str(self.sentence))
