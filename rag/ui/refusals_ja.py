"""Why a file is told unsupported by its name alone, in Japanese, see `rag.readers.refused`."""

REFUSALS = {
    "This is a video; add its transcript or subtitles as a text file instead.": (
        "動画です。書き起こしや字幕をテキストファイルとして追加してください。"
    ),
    "This is a sound recording; add its transcript as a text file instead.": (
        "音声です。書き起こしをテキストファイルとして追加してください。"
    ),
    "This is a program or a part of one, not a document, so it is left out.": (
        "文書ではなくプログラムまたはその一部のため、登録していません。"
    ),
    "This is a disk image; copy the documents it holds into the folder instead.": (
        "ディスクイメージです。中の文書をフォルダーにコピーしてください。"
    ),
    "This is a font, so it is left out.": "フォントのため、登録していません。",
    "This is a database or a data file of a program; export what matters as CSV or .xlsx.": (
        "データベースまたはプログラムのデータです。必要な部分をCSVか .xlsx で書き出してください。"
    ),
    "This is a design or drawing file; export it as PDF and add that.": (
        "デザインまたは図面のファイルです。PDFで書き出して追加してください。"
    ),
    "This image format cannot be read here; save it as PNG or JPEG if it shows text.": (
        "この画像形式は読み込めません。文字が写っている場合は、PNGかJPEGで保存してください。"
    ),
    (
        "This archive format cannot be opened here; unpack it into the folder, or pack it again "
        "as .zip."
    ): "このアーカイブ形式は開けません。フォルダーに展開するか、.zip でまとめ直してください。",
    "This is a Pages document; export it from Pages as Word (.docx) or PDF.": (
        "Pages文書です。PagesからWord（.docx）かPDFで書き出してください。"
    ),
    "This is a Numbers spreadsheet; export it from Numbers as Excel (.xlsx) or CSV.": (
        "Numbersスプレッドシートです。NumbersからExcel（.xlsx）かCSVで書き出してください。"
    ),
    "This is a Keynote presentation or a key; export slides as PowerPoint (.pptx) or PDF.": (
        "Keynoteプレゼンテーションか鍵ファイルです。"
        "スライドはPowerPoint（.pptx）かPDFで書き出してください。"
    ),
    "This is only a link to a Google document; download it as .docx, .xlsx, .pptx or PDF.": (
        "Googleドキュメントへのリンクだけのファイルです。"
        ".docx・.xlsx・.pptx・PDFのいずれかでダウンロードしてください。"
    ),
    "This is only a link to something kept elsewhere; copy the file itself into the folder.": (
        "別の場所へのリンクだけのファイルです。ファイル自体をフォルダーにコピーしてください。"
    ),
    "This is a OneNote file; export its pages from OneNote as PDF.": (
        "OneNoteファイルです。OneNoteからページをPDFで書き出してください。"
    ),
    "This is a whole mailbox; save the messages that matter as .eml or .msg.": (
        "メールボックス全体のファイルです。必要なメールを .eml か .msg で保存してください。"
    ),
    (
        "This format of another office program cannot be read here; save it as .docx, .xlsx, "
        ".pptx or PDF."
    ): (
        "このオフィスソフトの形式は読み込めません。"
        ".docx・.xlsx・.pptx・PDFのいずれかで保存してください。"
    ),
    "This spreadsheet is in a binary form; save it in Excel as .xlsx.": (
        "バイナリ形式のスプレッドシートです。Excelで .xlsx として保存してください。"
    ),
    "This e-book format cannot be read here; convert it to EPUB or PDF.": (
        "この電子書籍形式は読み込めません。EPUBかPDFに変換してください。"
    ),
    "This file is encrypted; decrypt it and add the result.": (
        "暗号化されています。復号したものを追加してください。"
    ),
    "This is a certificate or a signature, not a document, so it is left out.": (
        "文書ではなく証明書または署名のため、登録していません。"
    ),
    "This is a DocuWorks document; save it from DocuWorks as PDF.": (
        "DocuWorks文書です。DocuWorksからPDFで保存してください。"
    ),
    "This is a model or an index of a program, not a document, so it is left out.": (
        "文書ではなくプログラムのモデルまたは索引のため、登録していません。"
    ),
    "This is an unfinished download or a temporary file of a program, so it is left out.": (
        "ダウンロード途中のファイルまたはプログラムの一時ファイルのため、登録していません。"
    ),
    (
        "Outlook has wrapped the attachments of a message in this file (winmail.dat); "
        "ask for them to be sent again, or save the message as .msg."
    ): (
        "Outlookがメールの添付ファイルを包み込んだファイル (winmail.dat) です。送り直してもらうか、"
        "メールを .msg で保存してください。"
    ),
}
