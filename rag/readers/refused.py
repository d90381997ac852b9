"""Files that are told unsupported by their name alone, and what to do about each kind."""

_FAMILIES: dict[str, str] = {
    ".mp4 .m4v .mov .avi .mkv .webm .wmv .flv .mpg .mpeg .3gp .mts": (
        "This is a video; add its transcript or subtitles as a text file instead."
    ),
    ".mp3 .wav .m4a .aac .flac .ogg .oga .opus .wma .aiff .amr .mid .midi": (
        "This is a sound recording; add its transcript as a text file instead."
    ),
    ".exe .dll .msi .scr .sys .so .dylib .elf .o .lib .obj .class .pyc .pyd "
    ".jar .war .apk .ipa .whl .deb .rpm .wasm .cab": (
        "This is a program or a part of one, not a document, so it is left out."
    ),
    ".iso .img .dmg .vhd .vhdx .vmdk .qcow2 .ova .toast .nrg": (
        "This is a disk image; copy the documents it holds into the folder instead."
    ),
    ".ttf .otf .ttc .woff .woff2 .eot .pfb .fon": "This is a font, so it is left out.",
    ".mdb .accdb .sqlite .sqlite3 .db .db3 .dbf .fdb .mdf .ldf .ibd .parquet .feather .orc "
    ".avro .sav .dta .sas7bdat .rds .rdata .h5 .hdf5 .mat .npy .npz .pkl .pickle": (
        "This is a database or a data file of a program; export what matters as CSV or .xlsx."
    ),
    ".psd .psb .ai .indd .idml .eps .xd .fig .sketch .afdesign .afphoto .afpub .cdr .svg .svgz "
    ".dwg .dxf .dwf .skp .stl .step .stp .iges .igs .3ds .blend .fbx .pub .vsd .vsdx .drawio "
    ".xmind .mpp .odg .xps .oxps .ps .djvu .clip .jww .sfc .p21": (
        "This is a design or drawing file; export it as PDF and add that."
    ),
    ".heic .heif .avif .jxl .jp2 .cr2 .cr3 .nef .arw .dng .ico .icns .emf .wmf .pcx .tga "
    ".jbig2 .jb2 .exr": (
        "This image format cannot be read here; save it as PNG or JPEG if it shows text."
    ),
    ".7z .rar .tar .gz .tgz .bz2 .tbz .tbz2 .xz .txz .zst .lz .lz4 .lzh .lha .z .sit .sitx .cpio "
    ".arj .ace": (
        "This archive format cannot be opened here; unpack it into the folder, "
        "or pack it again as .zip."
    ),
    ".pages": "This is a Pages document; export it from Pages as Word (.docx) or PDF.",
    ".numbers": "This is a Numbers spreadsheet; export it from Numbers as Excel (.xlsx) or CSV.",
    ".key": "This is a Keynote presentation or a key; export slides as PowerPoint (.pptx) or PDF.",
    ".gdoc .gsheet .gslides .gdraw .gform .gmap .gsite .gscript .gjam .glink .gnote .gtable": (
        "This is only a link to a Google document; download it as .docx, .xlsx, .pptx or PDF."
    ),
    ".url .webloc .lnk .desktop .alias .icloud .website .boxnote .dropbox": (
        "This is only a link to something kept elsewhere; copy the file itself into the folder."
    ),
    ".one .onetoc2 .onepkg": "This is a OneNote file; export its pages from OneNote as PDF.",
    ".pst .ost .dbx .nsf .olm": (
        "This is a whole mailbox; save the messages that matter as .eml or .msg."
    ),
    ".tnef": (
        "Outlook has wrapped the attachments of a message in this file (winmail.dat); "
        "ask for them to be sent again, or save the message as .msg."
    ),
    ".jtd .jtt .jtdc .jttc .jsw .jfw .jvw .juw .oas .oa2 .oa3 .wri .wpd .wps .sdw .hwp "
    ".hwpx .lwp .wks .wk1 .wk3 .wk4 .123 .qpw .gnumeric .sxw .sxc .sxi": (
        "This format of another office program cannot be read here; "
        "save it as .docx, .xlsx, .pptx or PDF."
    ),
    ".xlsb .xlam .xla": "This spreadsheet is in a binary form; save it in Excel as .xlsx.",
    ".mobi .azw .azw3 .azw4 .kf8 .kfx .lit .lrf .pdb .prc .ibooks .cbz .cbr .cb7 .acsm": (
        "This e-book format cannot be read here; convert it to EPUB or PDF."
    ),
    ".p7m .p7c .pgp .gpg .aes .enc .kdbx .age .axx": (
        "This file is encrypted; decrypt it and add the result."
    ),
    ".p7s .p12 .pfx .cer .crt .der .jks .keystore": (
        "This is a certificate or a signature, not a document, so it is left out."
    ),
    ".xdw .xbd .xct": "This is a DocuWorks document; save it from DocuWorks as PDF.",
    ".onnx .gguf .safetensors .pt .pth .ckpt .h5ad .tflite .faiss": (
        "This is a model or an index of a program, not a document, so it is left out."
    ),
    ".torrent .crdownload .download .partial .swp .swo .dmp .dump": (
        "This is an unfinished download or a temporary file of a program, so it is left out."
    ),
}  # fmt: skip

# suffix in lower case -> one sentence for a person
REFUSED_SUFFIXES: dict[str, str] = {
    suffix: reason for suffixes, reason in _FAMILIES.items() for suffix in suffixes.split()
}
