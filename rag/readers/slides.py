"""PowerPoint presentations (PPTX, PPSX, POTX and those with macros): each slide is a page.

Walked on the XML itself, as Word documents are: python-pptx opens no Strict Open XML and shows
no diagrams. Hidden slides are read; dates, footers and slide numbers are not.
"""

from collections.abc import Iterator
from pathlib import Path

from rag.datatypes import BlockKind
from rag.readers.embedded import embedded_files
from rag.readers.extract import Extract
from rag.readers.number_format import show_stored
from rag.readers.ooxml import RELATION_ID, Element, OfficePackage, open_office
from rag.readers.slide_layout import Shape, SlideBuilder, in_reading_order

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = RELATION_ID.removesuffix("id")
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_TITLES = ("title", "ctrTitle")
_FURNITURE = ("dt", "ftr", "hdr", "sldNum", "sldImg")
_BULLETS = (f"{_A}buChar", f"{_A}buAutoNum", f"{_A}buBlip")

Placeholders = dict[tuple[str, str], Element]  # of a layout or master, by type or by index


def read_pptx(file: Path) -> Extract:
    """Read titles, text, tables, charts, diagrams and speaker notes.

    Raises:
        DocumentError: encrypted, an older format, no presentation.
    """
    with open_office(file, "a PowerPoint presentation") as package:
        presentation = package.main(f"{_P}presentation")
        relations = package.relations(package.main_name)
        deck = _Deck(package)
        for slide in presentation.iterfind(f"{_P}sldIdLst/{_P}sldId"):
            kind, part = relations.get(slide.get(RELATION_ID), ("", ""))
            if kind == "slide" and package.claim(part):
                deck.add_slide(part)
    left_out = frozenset(deck.chart_workbooks)
    return deck.builder.build(deck.title, parts=embedded_files(file, left_out))


class _Deck:
    """Adds the slides of one presentation."""

    def __init__(self, package: OfficePackage) -> None:
        self.builder = SlideBuilder()
        self.title = ""
        self.chart_workbooks: list[str] = []  # they repeat what the charts show
        self._package = package
        self._slide = ""
        self._layouts: dict[str, Placeholders] = {}

    def add_slide(self, part: str) -> None:
        """Add one slide with its notes: the title first, wherever it stands."""
        self._slide = part
        self.builder.start_page()
        shapes = list(self._shapes(self._package.parse(part)))
        title = next((s for s in shapes if _placeholder(s)[0] in _TITLES), None)
        if title is not None:
            self._add_title(title)
            shapes.remove(title)
        for shape in shapes:
            self._add_shape(shape)
        for notes in filter(self._package.claim, self._package.related(part, "notesSlide")):
            for shape in self._shapes(self._package.parse(notes)):
                if _placeholder(shape)[0] == "body":
                    texts = (_text(paragraph) for paragraph in shape.iter(f"{_A}p"))
                    self.builder.add("note", "\n".join(text for text in texts if text.strip()))

    def _add_title(self, shape: Element) -> None:
        text = "\n".join(_text(paragraph) for paragraph in shape.iter(f"{_A}p")).strip()
        self.builder.add_heading(text, 1)
        self.title = self.title or " ".join(text.split())

    def _shapes(self, root: Element) -> Iterator[Element]:
        """Yield the shapes of a slide in reading order; groups keep together."""
        tree = root.find(f"{_P}cSld/{_P}spTree")
        return iter(()) if tree is None else self._ordered(tree)

    def _ordered(self, group: Element) -> Iterator[Element]:
        found = [self._place(shape) for shape in _members(group)]
        for shape in in_reading_order(found):
            if shape.tag == f"{_P}grpSp":
                yield from self._ordered(shape)
            elif _placeholder(shape)[0] not in _FURNITURE:
                yield shape

    def _place(self, shape: Element) -> Shape:
        frame = _frame(shape)
        if frame is None and (placeholder := _placeholder(shape)) != ("", ""):
            frame = self._inherited_frame(placeholder)
        left, top, height = (
            _emu(frame, tag, name) for tag, name in (("off", "x"), ("off", "y"), ("ext", "cy"))
        )
        return Shape(left, top, height, shape)

    def _inherited_frame(self, placeholder: tuple[str, str]) -> Element | None:
        """Return the place that the slide's layout, or else its master, gives a placeholder."""
        part = self._slide
        for kind in ("slideLayout", "slideMaster"):
            part = next(iter(self._package.related(part, kind)), "")
            if not part:
                return None
            if part not in self._layouts:
                self._layouts[part] = _placeholders(self._package.parse(part))
            model = _matching(self._layouts[part], placeholder)
            if model is not None and (frame := _frame(model)) is not None:
                return frame
        return None

    def _add_shape(self, shape: Element) -> None:
        if shape.tag == f"{_P}graphicFrame":
            self._add_graphic(shape)
            return
        is_body = _placeholder(shape)[0] in ("body", "obj")
        paragraphs = [p for p in shape.iterfind(f"{_P}txBody/{_A}p") if _text(p).strip()]
        is_list = is_body and len(paragraphs) > 1  # bullets of a body come from the master
        for paragraph in paragraphs:
            kind: BlockKind = "list" if _has_bullet(paragraph, default=is_list) else "paragraph"
            self.builder.add(kind, _text(paragraph))

    def _add_graphic(self, frame: Element) -> None:
        for table in frame.iter(f"{_A}tbl"):
            rows = ("\t".join(_cells(row)).rstrip("\t") for row in table.iterfind(f"{_A}tr"))
            self.builder.add("table", "\n".join(row for row in rows if row.strip()))
        relations = self._package.relations(self._slide)
        for chart in frame.iter(f"{_C}chart"):
            part = relations.get(chart.get(RELATION_ID), ("", ""))[1]
            if part and self._package.claim(part):
                self._add_chart(part)
        for diagram in frame.iter(f"{_DIAGRAM}relIds"):
            part = relations.get(diagram.get(f"{_R}dm"), ("", ""))[1]
            if part and self._package.claim(part):
                for paragraph in self._package.parse(part).iter(f"{_A}p"):
                    self.builder.add("list", _text(paragraph))

    def _add_chart(self, part: str) -> None:
        """Add a chart as its title and a table of what it shows, one row a category."""
        chart = self._package.parse(part).find(f"{_C}chart")
        if chart is None:
            return
        self.chart_workbooks += self._package.related(part, "package")
        for title in chart.iterfind(f"{_C}title"):
            self.builder.add("paragraph", " ".join(_text(p) for p in title.iter(f"{_A}p")))
        all_series = chart.findall(f"{_C}plotArea/*/{_C}ser")
        columns = [_points(series, "cat", "xVal") for series in all_series[:1]]
        columns += [_points(series, "val", "yVal") for series in all_series]
        names = ["", *(_points(series, "tx").get(0, "") for series in all_series)]
        numbers = sorted({number for column in columns for number in column})
        rows = ["\t".join(column.get(number, "") for column in columns) for number in numbers]
        self.builder.add("table", "\n".join(["\t".join(names), *rows]))


def _members(group: Element) -> Iterator[Element]:
    """Yield shapes and groups, through the first choice of alternative contents."""
    for child in group:
        if child.tag in (f"{_P}sp", f"{_P}grpSp", f"{_P}graphicFrame"):
            yield child
        elif child.tag == f"{_MC}AlternateContent":
            for choice in child[:1]:
                yield from _members(choice)


def _placeholder(shape: Element) -> tuple[str, str]:
    """Return type and index of a placeholder, ("", "") for other shapes."""
    found = shape.find(f"*/{_P}nvPr/{_P}ph")
    return ("", "") if found is None else (found.get("type", "obj"), found.get("idx", "0"))


def _placeholders(root: Element) -> Placeholders:
    """Return the first placeholder of each type as (type, "") and of each index as ("", index)."""
    found: Placeholders = {}
    for shape in root.iter(f"{_P}sp", f"{_P}graphicFrame"):
        kind, index = _placeholder(shape)
        found.setdefault((kind, ""), shape)
        found.setdefault(("", index), shape)
    return found


def _matching(models: Placeholders, placeholder: tuple[str, str]) -> Element | None:
    """Return the model of a placeholder: by its index, or else the first of its type."""
    kind, index = placeholder
    alike = {"ctrTitle": "title", "subTitle": "body", "obj": "body"}
    keys = [("", index)] if index != "0" else []
    keys += [(kind, ""), (alike.get(kind, kind), "")]
    return next((models[key] for key in keys if key in models), None)


def _frame(shape: Element) -> Element | None:
    for path in (f"{_P}spPr/{_A}xfrm", f"{_P}grpSpPr/{_A}xfrm", f"{_P}xfrm"):
        if (frame := shape.find(path)) is not None:
            return frame
    return None


def _emu(frame: Element | None, tag: str, name: str) -> float:
    """Return a coordinate; one that is missing, or written with a unit, counts as zero."""
    found = None if frame is None else frame.find(f"{_A}{tag}")
    value = "" if found is None else found.get(name, "")
    return float(value) if value.lstrip("-").isdecimal() else 0.0


def _text(paragraph: Element) -> str:
    pieces = []
    for element in paragraph.iter(f"{_A}t", f"{_A}br"):
        pieces.append("\n" if element.tag == f"{_A}br" else element.text or "")
    return "".join(pieces).replace("\v", "\n")


def _has_bullet(paragraph: Element, *, default: bool) -> bool:
    if paragraph.find(f"{_A}pPr/{_A}buNone") is not None:
        return False
    return default or any(paragraph.find(f"{_A}pPr/{bullet}") is not None for bullet in _BULLETS)


def _cells(row: Element) -> Iterator[str]:
    """Yield the cells of a table row on one line each; merged ones are empty but the first."""
    for cell in row.iterfind(f"{_A}tc"):
        is_merged = cell.get("hMerge", "0") in ("1", "true") or cell.get("vMerge") in ("1", "true")
        texts = (" ".join(_text(paragraph).split()) for paragraph in cell.iter(f"{_A}p"))
        yield "" if is_merged else " ".join(text for text in texts if text)


def _points(series: Element, *names: str) -> dict[int, str]:
    """Return the cached values of the first of ``names`` that is there, by their number."""
    for name in names:
        found: dict[int, str] = {}
        for point in series.iterfind(f"{_C}{name}//{_C}pt"):
            text = point.findtext(f"{_C}v", "")
            if point.getparent().tag == f"{_C}numCache":
                code = point.get("formatCode") or point.getparent().findtext(f"{_C}formatCode", "")
                text = show_stored(text, code)
            found.setdefault(int(point.get("idx", "0")), text)  # inner categories come first
        if found:
            return found
    return {}
