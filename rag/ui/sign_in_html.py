"""The pages of the sign-in, as HTML of their own: no script of Streamlit runs for a stranger."""

import html
from urllib.parse import urlencode

from rag.ui.strings import UiLanguage, Words

_STYLE = """
:root{color-scheme:light dark}
body{margin:0;min-height:100vh;display:flex;align-items:center;justify-content:center;
font:1rem/1.6 'Noto Sans JP','Noto Sans CJK JP','Hiragino Sans','Yu Gothic UI','Meiryo',sans-serif;
background:#fcfbf8;color:#23272e}
main{width:min(22rem,88vw);padding:2rem 0}
h1{font-size:1.4rem;margin:0 0 1.2rem}
label{display:block;margin:.8rem 0 .2rem}
input{width:100%;box-sizing:border-box;padding:.6rem .7rem;font:inherit;border:1px solid #8b8677;
border-radius:.6rem;background:#fff;color:inherit}
button,.action{display:block;width:100%;box-sizing:border-box;margin-top:1.4rem;padding:.65rem;
font:inherit;text-align:center;text-decoration:none;border:0;border-radius:.6rem;
background:#2f5d8a;color:#fff;cursor:pointer}
:focus-visible{outline:3px solid #4a80b3;outline-offset:2px}
.said{margin:0 0 1rem;padding:.7rem .9rem;border-left:4px solid #a4452c;background:#f6ebe6}
.other{display:inline-block;margin-top:1.6rem;color:inherit}
@media (prefers-color-scheme:dark){body{background:#15181d;color:#e4e2dc}
input{background:#1e2229;border-color:#6d7683}.said{background:#33241f}}
"""


def sign_in_page(words: Words, following: str, said: str = "", name: str = "") -> str:
    """Return the form for a name and a password.

    Args:
        words: of the reader's language.
        following: the address to go to afterwards, one of this server.
        said: what went wrong before; "" at first.
        name: as typed before.
    """
    name_focus, password_focus = ("", " autofocus") if name else (" autofocus", "")
    form = (
        '<form method="post" action="/sign-in">'
        f'<input type="hidden" name="next" value="{html.escape(following)}">'
        f'<input type="hidden" name="lang" value="{words.language}">'
        f'<label for="name">{html.escape(words("sign_in_name"))}</label>'
        f'<input id="name" name="name" value="{html.escape(name)}" required maxlength="64" '
        f'autocomplete="username" autocapitalize="none" spellcheck="false"{name_focus}>'
        f'<label for="password">{html.escape(words("sign_in_password"))}</label>'
        '<input id="password" name="password" type="password" required maxlength="200" '
        f'autocomplete="current-password"{password_focus}>'
        f'<button type="submit">{html.escape(words("sign_in"))}</button></form>'
    )
    return _page(words, _said(said) + form, following)


def provider_page(words: Words, address: str, following: str, said: str = "") -> str:
    """Return the page that leads to the provider at ``address``; "" where there is none."""
    link = (
        f'<a class="action" href="{html.escape(address)}">'
        f"{html.escape(words('sign_in_provider'))}</a>"
    )
    return _page(words, _said(said) + (link if address else ""), following)


def bounce_page(words: Words, following: str) -> str:
    """Return a page that goes on to ``following`` by itself.

    A browser sends a strict cookie only where a page of this server leads: not with a click on
    a link elsewhere, nor on the way back from a provider.
    """
    target = html.escape(following)
    return _document(
        words,
        f"<main><p>{html.escape(words('sign_in_opening'))}</p>"
        f'<a class="other" href="{target}">{html.escape(words("sign_in"))}</a></main>',
        f'<meta http-equiv="refresh" content="0;url={target}">',
    )


def _page(words: Words, content: str, following: str) -> str:
    other: UiLanguage = "en" if words.language == "ja" else "ja"
    switch = "/sign-in?" + urlencode({"lang": other, "next": following})
    return _document(
        words,
        f"<main><h1>{html.escape(words('sign_in_title'))}</h1>{content}"
        f'<a class="other" lang="{other}" href="{html.escape(switch)}">'
        f"{html.escape(words('sign_in_other_language'))}</a></main>",
    )


def _said(text: str) -> str:
    return f'<p class="said" role="alert">{html.escape(text)}</p>' if text else ""


def _document(words: Words, body: str, head: str = "") -> str:
    # The policy of referrers lets the form name its origin, which the server checks.
    return (
        f'<!doctype html><html lang="{words.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="referrer" content="same-origin">{head}'
        f"<title>{html.escape(words('sign_in_title'))}</title><style>{_STYLE}</style></head>"
        f"<body>{body}</body></html>"
    )
