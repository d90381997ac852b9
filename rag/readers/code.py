"""Source code, configuration files and notebooks.

The text of code is the file itself; its blocks are what blank lines set apart. A notebook is
written out as Markdown, cell by cell, without the output of its cells.
"""

import json
import re
from pathlib import Path
from typing import Any

from rag.readers.encoding import decode_text
from rag.readers.extract import Extract, normalize_text
from rag.readers.text import markdown_extract, plain_extract

CODE_SUFFIXES = tuple(
    ".py .pyi .js .mjs .cjs .jsx .ts .tsx .vue .svelte .java .kt .kts .scala .groovy .gradle "
    ".c .h .cc .cpp .cxx .hh .hpp .hxx .m .mm .cs .vb .vbs .bas .cls .frm .fs .go .rs .rb .php "
    ".swift .dart .lua .pl .pm .r .jl .hs .ml .ex .exs .erl .clj .lisp .el .cob .cbl .f90 .pas "
    ".asm .s .sol .sh .bash .zsh .fish .ps1 .psm1 .bat .cmd .awk .sql .graphql .proto .css .scss "
    ".sass .less .xml .xsl .xslt .xsd .wsdl .dtd .plist .resx .xaml .yaml .yml .toml .ini .cfg "
    ".conf .config .properties .env .reg .tf .hcl .cmake .mk .dockerfile .jsonc .json5 .diff "
    ".patch .bib .po .pot .strings".split()
)
_FENCES = re.compile(r"^[ \t]*(`{3,})", re.MULTILINE)


def read_code(file: Path) -> Extract:
    """Read a text file whose paragraphs are code.

    Raises:
        DocumentError: the bytes are no text.
    """
    return plain_extract(decode_text(file.read_bytes()), "code")


def read_notebook(file: Path) -> Extract:
    """Read the Markdown and code cells of a Jupyter notebook.

    Raises:
        DocumentError: the bytes are no text.
    """
    text = decode_text(file.read_bytes())
    try:
        notebook = json.loads(text)
        cells = notebook.get("cells") or notebook["worksheets"][0]["cells"]
        language = str(notebook.get("metadata", {}).get("language_info", {}).get("name", ""))
        written = [_write_cell(cell, language) for cell in cells]
    except (ValueError, LookupError, TypeError, AttributeError):
        remark = "This is no complete notebook, so it was read as plain text."
        return plain_extract(text, "code", remark)
    return markdown_extract(normalize_text("\n\n".join(cell for cell in written if cell)))


def _write_cell(cell: dict[str, Any], language: str) -> str:
    lines = cell.get("source", cell.get("input", ""))
    source = lines if isinstance(lines, str) else "".join(map(str, lines))
    source = source.strip("\r\n")
    if not source.strip() or cell["cell_type"] in ("markdown", "heading"):
        return source
    longest = max((len(fence) for fence in _FENCES.findall(source)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language if cell['cell_type'] == 'code' else ''}\n{source}\n{fence}"
