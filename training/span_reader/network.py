"""The network that learns: an encoder with two heads, one for spans and one for hidden characters.

The span head and its null answer, [CLS], are those of BERT for SQuAD 2.0 (Devlin et al., 2019,
arXiv:1810.04805). The second head serves training only: an English encoder learns Japanese by
guessing characters, as in masked language modelling.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from training.retriever.loop import autocast
from training.span_reader.artifact import Artifact
from training.span_reader.characters import MASK, PAD, Characters, base_vocabulary
from training.span_reader.rows import SpanRow, filled_length

GUESSED_SHARE = 0.2  # of the characters of a piece
_SHOWN_AS_MASK = 0.8  # of those that are guessed; of the rest, half show another character
_SHOWN_AS_OTHER = 0.1
_NEW_SPREAD = 0.7  # of new rows, in standard deviations of the known ones
_NEVER = -1e4  # logit of a token that cannot be an answer


class OwnRows(torch.nn.Module):
    """Word embeddings: frozen rows of the base, and rows of their own for Japanese characters.

    Shapes:
        base: ``(base tokens, dim)``; own: ``(characters, dim)``; row_of: ``(all tokens,)``, the
            row of ``own`` that a token has, -1 for one of the base.
    """

    base: torch.Tensor
    row_of: torch.Tensor

    def __init__(
        self, base: torch.Tensor, token_ids: Sequence[int], known: int, rng: torch.Generator
    ) -> None:
        super().__init__()
        tokens = len(base) + len(token_ids) - known
        rows = torch.tensor(token_ids)
        # New characters start among the known ones, or among all words where these are too few.
        like = base[rows[:known]] if known > 1 else base
        noise = torch.randn(len(rows), base.shape[1], generator=rng)
        own = like.mean(0) + like.std(0) * noise * _NEW_SPREAD
        own[:known] = base[rows[:known]]
        row_of = torch.full((tokens,), -1)
        row_of[rows] = torch.arange(len(rows))
        self.register_buffer("base", base.clone())
        self.register_buffer("row_of", row_of)
        self.own = torch.nn.Parameter(own)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the embedding of each token. Shapes: ids ``(...)``; result ``(..., dim)``."""
        row = self.row_of[ids]
        own = self.own[row.clamp(min=0)]
        return torch.where((row >= 0)[..., None], own, self.base[ids.clamp(max=len(self.base) - 1)])


class SpanNetwork(torch.nn.Module):
    """An encoder of sentence-transformers or BERT that learns to read spans, without dropout.

    Args:
        base: folder of the encoder.
        characters: with embeddings of their own.
        seed: of the new weights.

    Raises:
        OSError, ValueError: the base cannot be loaded, or its tokenizer is that of another one.
    """

    def __init__(self, base: Path, characters: Characters, seed: int) -> None:
        from transformers import BertConfig, BertForQuestionAnswering

        super().__init__()
        torch.manual_seed(seed)  # the heads are new
        config = BertConfig.from_pretrained(base, local_files_only=True)
        config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
        reader: Any = BertForQuestionAnswering.from_pretrained(
            base,
            config=config,
            attn_implementation="eager",
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
        )
        vocabulary = base_vocabulary(base / "tokenizer.json")
        words = reader.bert.embeddings.word_embeddings.weight.data
        if len(words) != len(vocabulary):
            raise ValueError(
                f"{base} has {len(words)} word embeddings and a tokenizer of {len(vocabulary)} "
                "tokens. Give a base whose tokenizer is its own."
            )
        self.token_ids = characters.token_ids(vocabulary)
        rng = torch.Generator().manual_seed(seed)
        rows = OwnRows(words, self.token_ids, len(characters.known), rng)
        reader.bert.embeddings.word_embeddings = rows
        self.reader = reader
        dim = words.shape[1]
        self.guess = torch.nn.Sequential(
            torch.nn.Linear(dim, dim), torch.nn.GELU(), torch.nn.LayerNorm(dim)
        )
        self.guess_bias = torch.nn.Parameter(torch.zeros(len(characters)))
        self.mask_id, self.pad_id = vocabulary[MASK], vocabulary[PAD]

    def take_over(self, artifact: Artifact) -> None:
        """Go on from what was learned before. The second head starts anew.

        Raises:
            ValueError: a weight is missing, or is that of another base.
        """
        body = self.body()
        if artifact.body.keys() != body.keys():
            odd = sorted(artifact.body.keys() ^ body.keys())
            raise ValueError(f"one of the two lacks {odd[0]}")
        pairs = [(self.characters.own, artifact.rows)]
        pairs += [(body[name], weight) for name, weight in artifact.body.items()]
        for parameter, weight in pairs:
            if parameter.shape != weight.shape:
                raise ValueError(f"a weight of shape {tuple(weight.shape)} does not fit")
            parameter.data.copy_(weight)

    @property
    def characters(self) -> OwnRows:
        """The word embeddings."""
        rows: OwnRows = self.reader.bert.embeddings.word_embeddings
        return rows

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.guess_bias.device

    def body(self) -> dict[str, torch.nn.Parameter]:
        """Return what learns beside characters and the second head, by its name in BERT."""
        rows = {id(parameter) for parameter in self.characters.parameters()}
        return {n: p for n, p in self.reader.named_parameters() if id(p) not in rows}

    def padded(self, rows: Sequence[Sequence[int]], filler: int) -> torch.Tensor:
        """Return ``rows`` filled up to one length. Shape: ``(rows, tokens)``."""
        width = filled_length(max(map(len, rows)))
        filled = [[*row, *[filler] * (width - len(row))] for row in rows]
        return torch.tensor(filled, device=self.device)

    def span_logits(self, rows: Sequence[SpanRow]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits of starts and ends. Shapes: ``(rows, tokens)``, in 32 bits.

        Only [CLS] and tokens of the text can be an answer.
        """
        ids = self.padded([row.ids for row in rows], self.pad_id)
        types = self.padded([row.type_ids for row in rows], 0)
        is_there = self.padded([[1] * len(row.ids) for row in rows], 0)
        with autocast(self.device.type):
            output = self.reader(input_ids=ids, attention_mask=is_there, token_type_ids=types)
        never = types == 0
        never[:, 0] = False
        starts, ends = (
            logits.float().masked_fill(never, _NEVER)
            for logits in (output.start_logits, output.end_logits)
        )
        return starts, ends


def span_loss(network: SpanNetwork, rows: Sequence[SpanRow]) -> torch.Tensor:
    """Return the mean cross-entropy of the first and of the last token of each answer."""
    starts, ends = network.span_logits(rows)
    first = torch.tensor([row.start for row in rows], device=network.device)
    last = torch.tensor([row.end for row in rows], device=network.device)
    return (cross_entropy(starts, first) + cross_entropy(ends, last)) / 2


def guess_loss(
    network: SpanNetwork, pieces: Sequence[Sequence[int]], rng: torch.Generator
) -> torch.Tensor:
    """Return the mean cross-entropy of characters that are hidden or replaced.

    A fifth of the Japanese characters is to be guessed; they are shown as [MASK], as themselves or
    as another one, as in BERT. Their rows serve as the output weights (Press and Wolf, 2017,
    arXiv:1608.05859).

    Args:
        network: whose second head guesses.
        pieces: tokens with [CLS] and [SEP].
        rng: on the CPU; chooses what is guessed and shown.
    """
    device = network.device
    ids = network.padded(pieces, network.pad_id)
    right = network.characters.row_of[ids]
    chance = torch.rand(ids.shape, generator=rng).to(device)
    is_guessed = (chance < GUESSED_SHARE) & (right >= 0)
    chance = torch.rand(ids.shape, generator=rng).to(device)
    shown = ids.masked_fill(is_guessed & (chance < _SHOWN_AS_MASK), network.mask_id)
    draws = torch.randint(0, len(network.token_ids), ids.shape, generator=rng)
    others = torch.tensor(network.token_ids)[draws].to(device)
    shown = torch.where(is_guessed & (chance > 1 - _SHOWN_AS_OTHER), others, shown)
    is_there = (ids != network.pad_id).long()
    with autocast(device.type):
        states = network.reader.bert(input_ids=shown, attention_mask=is_there).last_hidden_state
        logits = network.guess(states[is_guessed]) @ network.characters.own.T
    return cross_entropy(logits.float() + network.guess_bias, right[is_guessed])
