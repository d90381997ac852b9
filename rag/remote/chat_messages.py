"""A prompt as messages of the chat protocol, and about how many tokens they are. No I/O.

The tokenizer is the server's. So what could be one of its control tokens is made harmless by its
looks, and tokens are estimated from the script, rather too many than too few.
"""

import re

from rag.datatypes import Prompt

# ``<|im_end|>``, ``</s>``, ``<end_of_turn>``, ``<｜User｜>``, ``[INST]``: a tokenizer takes each
# for a token wherever it stands, so that a passage could go on as the system or as the answer.
_CONTROL = re.compile(r"<(?=[^<>\s]{1,60}>)|\[(?=/?[A-Z_]{3,60}\])")

_LETTERS = re.compile(r"[a-z ]")
_JAPANESE = re.compile(r"[\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef]")
_LETTERS_A_TOKEN = 2.5
_TOKENS_A_JAPANESE_CHARACTER = 2
_TOKENS_AROUND_A_MESSAGE = 10  # its role, and how the chat template sets it off


def chat_messages(prompt: Prompt) -> list[dict[str, str]]:
    """Return the messages of ``prompt``, a space in whatever looks like a control token."""
    return [
        {"role": message.role, "content": _CONTROL.sub(r"\g<0> ", message.content)}
        for message in prompt.messages
    ]


def estimated_tokens(messages: list[dict[str, str]]) -> int:
    """Return about how many tokens the server reads: more than most tokenizers make of it.

    Small Latin letters and spaces: 2.5 a token, where English has about 4. Kana, kanji and
    full-width characters: 2 tokens each, where models that know Japanese take about 0.8 and those
    that do not up to 1.7. Capitals, digits and other ASCII: 1 each. All else: its bytes in UTF-8,
    which is the worst that a tokenizer of bytes makes of it. See docs/log.md.
    """
    return sum(_TOKENS_AROUND_A_MESSAGE + _text_tokens(m["content"]) for m in messages)


def _text_tokens(text: str) -> int:
    letters = len(_LETTERS.findall(text))
    japanese = len(_JAPANESE.findall(text))
    # Three bytes each in UTF-8; a lone surrogate counts as the three of its replacement.
    others = len(text.encode("utf-8", "surrogatepass")) - letters - 3 * japanese
    return round(letters / _LETTERS_A_TOKEN + _TOKENS_A_JAPANESE_CHARACTER * japanese + others)
