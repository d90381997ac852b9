"""Compound files (OLE2) written by hand, because no library writes them."""

import struct
from pathlib import Path

_SECTOR, _MINI_SECTOR = 512, 64
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_STORAGE, _STREAM, _ROOT = 1, 2, 5

Entry = tuple[str, int, int, bytes]  # name, kind, number of its folder, content


def write_compound(file: Path, streams: dict[str, bytes]) -> None:
    """Write ``streams`` of less than 4096 bytes, named by their path with "/" between folders.

    Streams of this size stand one after the other in the "mini" stream of the root.
    """
    entries: list[Entry] = [("Root Entry", _ROOT, 0, b"")]
    folders = {"": 0}
    for path, content in streams.items():
        assert len(content) < 4096
        *above, name = path.split("/")
        for depth, folder in enumerate(above):
            key = "/".join(above[: depth + 1])
            if key not in folders:
                folders[key] = len(entries)
                entries.append((folder, _STORAGE, folders["/".join(above[:depth])], b""))
        entries.append((name, _STREAM, folders["/".join(above)], content))
    mini, mini_fat, starts = b"", list[int](), list[int]()
    for _, _, _, content in entries:
        count = -(-len(content) // _MINI_SECTOR)
        starts.append(len(mini_fat) if count else _END)
        mini_fat += [*range(len(mini_fat) + 1, len(mini_fat) + count), _END] if count else []
        mini += content.ljust(count * _MINI_SECTOR, b"\0")
    mini_table = _table(mini_fat)
    directory = _entry(entries, 0, 0, len(mini)) + b"".join(
        _entry(entries, number, starts[number], len(entries[number][3]))
        for number in range(1, len(entries))
    )
    data, fat, first = b"", list[int](), list[int]()
    for chain in (mini, directory, mini_table):
        count = max(-(-len(chain) // _SECTOR), 1)
        first.append(len(fat))
        fat += [*range(len(fat) + 1, len(fat) + count), _END]
        data += chain.ljust(count * _SECTOR, b"\0")
    fat_start = len(fat)
    table = _table([*fat, _FAT])
    assert len(table) == _SECTOR  # one sector is enough for 64 kB
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack(
        "<HHHHH6x9I109I", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, first[1], 0, 4096, first[2],
        len(mini_table) // _SECTOR, _END, 0, fat_start, *[_FREE] * 108,
    )  # fmt: skip
    file.write_bytes(header + data + table)


def _table(chain: list[int]) -> bytes:
    """Return an allocation table, filled up to whole sectors."""
    numbers = [*chain, *[_FREE] * (-len(chain) % (_SECTOR // 4))]
    return struct.pack(f"<{len(numbers)}I", *numbers)


def _entry(entries: list[Entry], number: int, start: int, size: int) -> bytes:
    name, kind, parent, _ = entries[number]
    inside = [n for n, entry in enumerate(entries) if n and entry[2] == number]
    siblings = [n for n, entry in enumerate(entries) if n and entry[2] == parent and n > number]
    right = siblings[0] if number and siblings else _FREE
    child = inside[0] if inside and kind != _STREAM else _FREE
    encoded = name.encode("utf-16-le")
    return (
        encoded.ljust(64, b"\0")
        + struct.pack("<HBBIII", len(encoded) + 2, kind, 1, _FREE, right, child)
        + bytes(36)
        + struct.pack("<IQ", start, size)
    )
