"""What the words of RTF mean (Rich Text Format Specification 1.9.1, Microsoft, 2008)."""

CODE_PAGES = {  # of a font's \fcharset; Macintosh ones as their Windows relatives
    0: "cp1252", 2: "cp1252", 77: "mac_roman", 78: "cp932", 79: "cp949", 80: "gbk", 81: "cp950",
    83: "cp1255", 84: "cp1256", 85: "cp1253", 86: "cp1254", 87: "cp874", 88: "cp1250",
    89: "cp1251", 128: "cp932", 129: "cp949", 130: "johab", 134: "gbk", 136: "cp950",
    161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257",
    204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
CHARACTERS = {
    "tab": "\t", "line": "\n", "page": "\n", "column": "\n", "emdash": "—", "endash": "–",
    "emspace": "\u2003", "enspace": "\u2002", "qmspace": "\u2005", "bullet": "•",
    "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "nestcell": " ",
    "nestrow": " ", "~": "\u00a0", "_": "\u2011", "\\": "\\", "{": "{", "}": "}",
}  # fmt: skip
# What a group is for, by the word it begins with; all other "\*" groups are left out.
DESTINATIONS = {
    "fonttbl": "fonts", "stylesheet": "styles", "title": "title", "footnote": "note",
    "shptxt": "box", "shpinst": "", "listtext": "label", "pntext": "label", "info": "skip",
    **dict.fromkeys(
        "colortbl pict header headerl headerr headerf footer footerl footerr footerf filetbl "
        "listtable listoverridetable revtbl rsidtbl fldinst objdata nonshppict shprslt sp "
        "themedata datastore latentstyles xe tc rxe bkmkstart bkmkend annotation atnid atnauthor "
        "generator template background ftnsep ftnsepc aftnsep aftnsepc".split(),
        "skip",
    ),
}  # fmt: skip
