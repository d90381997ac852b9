"""Pages a second of the PDF reader, as process time of one core.

    python -m benchmarks.pdf_pages [--repeat N] [FILE ...]

Beside it stands what pdfium itself takes for the bare text of the same pages, in the same run,
because the ratio of the two holds on any machine and the pages a second do not. Without
arguments it makes a PDF of its own, with a standard font and the length of real pages.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rag.readers.pdf import read_pdf

_PAGES = 100
_ENGLISH = (
    "The annual leave of a full-time employee is twenty days. It is granted in April and ends",
    "after two years. Whoever works part time receives a share in proportion to the hours. All",
    "requests go to the head of the department three days before, and are answered in one day.",
)
_JAPANESE = (
    "年次有給休暇は、入社日から起算して六か月間継続勤務し、全労働日の八割以上出",
    "勤した者に与える。付与日数は10日とし、以後一年ごとに増やす。申請は取得日の",
    "三日前までに所属長へ提出するものとする。繰越は二年を限度とし、半日も認める",
)
_LAYOUTS = {"English": (_ENGLISH, 38, 18.0), "Japanese": (_JAPANESE, 28, 20.0)}


def main(argv: list[str] | None = None) -> int:
    """Print one line a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="PDF files; none: two made here")
    parser.add_argument("--repeat", type=int, default=5, help="the best of so many runs counts")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        files = arguments.files or [_write(Path(folder), *item) for item in _LAYOUTS.items()]
        for file in files:
            _report(file, arguments.repeat)
    return 0


def _report(file: Path, repeat: int) -> None:
    extract = read_pdf(file)
    pages = len(extract.page_starts)
    own = _best_seconds(lambda: read_pdf(file), repeat) / pages
    bare = _best_seconds(lambda: _bare_text(file), repeat) / pages
    print(
        f"{file.name}: {pages} pages of {len(extract.text) / pages:.0f} characters, "
        f"{1 / own:.0f} pages/s; pdfium alone {1 / bare:.0f} pages/s; ratio {own / bare:.1f}"
    )


def _best_seconds(run: Callable[[], object], repeat: int) -> float:
    seconds = []
    for _ in range(repeat):
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    return min(seconds)


def _bare_text(file: Path) -> None:
    import pypdfium2

    with pypdfium2.PdfDocument(file) as document:
        for page in document:
            page.get_textpage().get_text_range()


def _write(folder: Path, name: str, layout: tuple[tuple[str, ...], int, float]) -> Path:
    """Write a PDF of `_PAGES` equal pages, each with a stream of its own."""
    lines, count, leading = layout
    shown = b"".join(
        b"1 0 0 1 50 %g Tm %s Tj\n" % (780 - number * leading, _string(lines[number % len(lines)]))
        for number in range(count)
    )
    stream = b"BT /%s 10 Tf\n%sET" % (b"F" if lines[0].isascii() else b"J", shown)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%s]>>"
        % (_PAGES, b" ".join(b"%d 0 R" % (5 + 2 * page) for page in range(_PAGES))),
        b"<</Type/Font/Subtype/Type1/BaseFont/Times-Roman/Encoding/WinAnsiEncoding>>",
        b"<</Type/Font/Subtype/Type0/BaseFont/KozMinPro/Encoding/UniJIS-UCS2-H"
        b"/DescendantFonts[<</Type/Font/Subtype/CIDFontType0/BaseFont/KozMinPro/DW 1000"
        b"/CIDSystemInfo<</Registry(Adobe)/Ordering(Japan1)/Supplement 2>>"
        b"/FontDescriptor<</Type/FontDescriptor/FontName/KozMinPro/Flags 4>>>>]>>",
    ]
    for page in range(_PAGES):
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R"
            b"/Resources<</Font<</F 3 0 R/J 4 0 R>>>>>>" % (6 + 2 * page)
        )
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream))
    file = folder / f"{name}.pdf"
    file.write_bytes(_assemble(objects))
    return file


def _string(text: str) -> bytes:
    if text.isascii():
        return b"(%s)" % text.encode("ascii")
    return b"<%s>" % text.encode("utf-16-be").hex().encode("ascii")


def _assemble(objects: list[bytes]) -> bytes:
    content = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    entries = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    table = b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, entries)
    trailer = b"trailer<</Size %d/Root 1 0 R>>\n" % (len(objects) + 1)
    return content + table + trailer + b"startxref\n%d\n%%%%EOF" % len(content)


if __name__ == "__main__":
    raise SystemExit(main())
