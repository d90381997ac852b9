"""Reading order of recognized lines: rows, columns, vertical writing, sizes made even."""

from rag.readers.page_lines import Line
from rag.readers.scan_layout import arrange


def across(text: str, left: float, top: float, width: float, size: float = 20) -> Line:
    return Line(text, left, left + width, -top - size, -top, size)


def down(text: str, right: float, top: float, height: float, size: float = 20) -> Line:
    return Line(text, top, top + height, right - size, right, size, is_vertical=True)


def texts(lines: list[Line]) -> list[str]:
    return [line.text for line in arrange(lines, 10.0)]


def test_lines_come_from_top_to_bottom_and_rows_from_left_to_right() -> None:
    lines = [
        across("10日", 400, 102, 60), across("年次有給休暇", 100, 100, 120),
        across("5日", 400, 139, 40), across("慶弔休暇", 100, 140, 80),
        across("第三章 休暇", 100, 20, 200),
    ]  # fmt: skip
    assert texts(lines) == ["第三章 休暇", "年次有給休暇\t10日", "慶弔休暇\t5日"]


def columns_of(widths: list[float]) -> list[Line]:
    left = [across(f"left {n}", 100, 100 + 30 * n, width) for n, width in enumerate(widths)]
    right = [across(f"right {n}", 600, 105 + 30 * n, width) for n, width in enumerate(widths)]
    return [line for pair in zip(left, right, strict=True) for line in pair]


def test_columns_of_running_text_are_read_one_by_one_below_their_title() -> None:
    lines = [across("Title over both", 100, 20, 900), *columns_of([400, 395, 398, 200])]
    lines.append(across("- 3 -", 540, 400, 40))
    assert texts(lines) == [
        "Title over both",
        *(f"left {n}" for n in range(4)),
        *(f"right {n}" for n in range(4)),
        "- 3 -",
    ]


def test_columns_of_a_table_stay_rows() -> None:
    lines = columns_of([400, 120, 150, 90, 200])  # few cells fill their column
    assert texts(lines)[:2] == ["left 0\tright 0", "left 1\tright 1"]


def test_vertical_columns_are_read_from_right_to_left_and_tiers_from_the_top() -> None:
    upper = [down(f"上段{n}行目の文", 900 - 40 * n, 100, 400) for n in range(4)]
    lower = [down(f"下段{n}行目の文", 900 - 40 * n, 600, 400) for n in range(4)]
    expected = [line.text for line in [*upper, *lower]]
    assert texts([*lower[::-1], *upper[::-1]]) == expected


def test_sizes_near_the_usual_one_become_the_same_and_headings_stay_larger() -> None:
    lines = [
        across("Leave", 100, 20, 100, size=40),
        across("The annual leave of an employee", 100, 100, 600, size=20),
        across("is twenty days for everybody", 100, 130, 590, size=24),
        across("in the company.", 100, 160, 300, size=17),
    ]
    assert [line.size for line in arrange(lines, 10.5)] == [21.0, 10.5, 10.5, 10.5]
    assert arrange(lines, 10.5)[1].end == 700 * 10.5 / 20


def test_no_lines_are_no_page() -> None:
    assert arrange([], 10.0) == []
