"""What the readers and the scan say of a file, in Japanese. Same placeholders (tested)."""

REASONS = {
    # scan and ingest
    "This link leads out of the folder and is not followed; copy the file instead.": (
        "フォルダーの外を指すリンクのため、たどりません。"
        "ファイル自体をフォルダーにコピーしてください。"
    ),
    "This link leads to a folder that is read under its own name.": (
        "別途読み込んでいるフォルダーへのリンクです。"
    ),
    "This link leads nowhere; delete it or restore what it points to.": (
        "リンク先がありません。リンクを削除するか、リンク先を元に戻してください。"
    ),
    "This cannot be opened; check where it leads.": "開けません。リンク先を確認してください。",
    "This folder cannot be listed; check its permissions.": (
        "フォルダーの中を読み取れません。アクセス権を確認してください。"
    ),
    "This is a pipe, socket or device, not a file, so it is never opened.": (
        "ファイルではなくパイプ・ソケット・デバイスのため、開きません。"
    ),
    "This is no longer a regular file.": "通常のファイルではなくなりました。",
    "This file cannot be opened; check its permissions and the disk.": (
        "ファイルを開けません。アクセス権とディスクを確認してください。"
    ),
    "This file changed while it was being read; try again.": (
        "読み込み中にファイルが変更されました。もう一度読み込んでください。"
    ),
    (
        "This file has {size} MB, more than the limit of {limit} MB; split it, or raise "
        "max_file_mb."
    ): (
        "ファイルが{size}MBあり、上限の{limit}MBを超えています。分割するか、"
        "max_file_mb を大きくしてください。"
    ),
    "Left out by the pattern {pattern} of its folder.": (
        "フォルダーの除外パターン {pattern} に当てはまります。"
    ),
    "Not among the files to include.": "フォルダーの「対象にするファイル」に含まれていません。",
    "Files inside, each listed by itself: {count}.": (
        "中に{count}個のファイルがあり、それぞれ一覧に表示しています。"
    ),
    (
        "This file lies inside itself or more than {depth} other files deep; unpack it into the "
        "folder if it matters."
    ): (
        "自分自身の中、または{depth}段より深い階層にあるファイルです。必要であれば、"
        "フォルダーに展開してください。"
    ),
    "Not tried, as other files in the same archive took too long; unpack it.": (
        "同じアーカイブの他のファイルに時間がかかりすぎたため、読み込んでいません。"
        "アーカイブを展開してください。"
    ),
    "Not tried, as the archive unpacks to more than {limit} MB; unpack it into the folder.": (
        "アーカイブの展開後の大きさが{limit}MBを超えるため、読み込んでいません。"
        "フォルダーに展開してください。"
    ),
    "Answers still use the text that this file had before.": (
        "回答には、このファイルの以前の本文を引き続き使います。"
    ),
    "This file holds no text that could be searched, so it is left out.": (
        "検索できる文字がないため、登録していません。"
    ),
    "This text could not be cut into passages; please report it.": (
        "本文を検索用に区切れませんでした。不具合としてお知らせください。"
    ),
    # limits of the parsers
    (
        "Reading this file took longer than {seconds} seconds and was stopped; split it, or raise "
        "parse_seconds."
    ): (
        "読み込みが{seconds}秒を超えたため、中断しました。分割するか、"
        "parse_seconds を大きくしてください。"
    ),
    "Reading was cancelled.": "読み込みを中止しました。",
    "The reader crashed on this file, which may be damaged; save it again or convert it.": (
        "読み込みが異常終了しました。ファイルが壊れている可能性があります。保存し直すか、"
        "別の形式に変換してください。"
    ),
    "This file needs more memory than parse_memory_mb allows; split it or raise that.": (
        "読み込みに必要なメモリーが parse_memory_mb の上限を超えています。分割するか、"
        "上限を大きくしてください。"
    ),
    "This file is nested too deeply to be read; save it in a simpler form.": (
        "入れ子が深すぎて読み込めません。より単純な形で保存し直してください。"
    ),
    "This file holds more than {limit} MB of text; split it.": (
        "本文が{limit}MBを超えています。分割してください。"
    ),
    "This file holds more than {million} million characters of text; split it.": (
        "本文が{million}00万文字を超えています。分割してください。"
    ),
    "This file holds more than {limit} MB or {count} files inside; unpack it into the folder.": (
        "中のファイルが{limit}MBまたは{count}個を超えています。フォルダーに展開してください。"
    ),
    (
        "This file consists of {count} elements, more than the {limit} that are safe to open; "
        "split it into smaller files."
    ): (
        "要素が{count}個あり、安全に開ける{limit}個を超えています。"
        "小さなファイルに分割してください。"
    ),
    (
        "This file unpacks to {size} MB in {count} parts, which is more than is safe to open; "
        "remove large pictures or split it into smaller files."
    ): (
        "展開すると{size}MB（{count}個）になり、安全に開ける大きさを超えています。"
        "大きな画像を除くか、小さなファイルに分割してください。"
    ),
    # any format
    (
        "This kind of file cannot be read here; export it as PDF, as an Office document or as "
        "plain text."
    ): (
        "この種類のファイルは読み込めません。"
        "PDF・Office文書・テキストのいずれかで書き出してください。"
    ),
    "This file is empty or holds no text, so it is left out.": (
        "空のファイルか、文字を含まないファイルのため、登録していません。"
    ),
    (
        "This file is damaged or not what its suffix says; open it in its own program and save it "
        "again."
    ): (
        "ファイルが壊れているか、内容が拡張子と異なります。元のアプリで開いて保存し直してください。"
    ),
    "This file is damaged or not {kind}; open it in its own program and save it again.": (
        "ファイルが壊れているか、{kind}ではありません。元のアプリで開いて保存し直してください。"
    ),
    (
        "This file is damaged or not an RTF document; open it in its own program and save it again."
    ): "ファイルが壊れているか、RTF文書ではありません。元のアプリで開いて保存し直してください。",
    "This file is protected with a password; save a copy without the password.": (
        "パスワードで保護されています。パスワードを外したコピーを保存してください。"
    ),
    "This file is protected with a password or a licence; save a copy without the protection.": (
        "パスワードまたはライセンスで保護されています。保護を外したコピーを保存してください。"
    ),
    (
        "This file holds binary data or text in an unknown encoding; save it as plain text in "
        "UTF-8, or give it the suffix of its real format."
    ): (
        "バイナリデータか、文字コードの分からないテキストです。UTF-8のテキストとして保存するか、"
        "実際の形式の拡張子を付けてください。"
    ),
    # office documents
    "This file is in the old {program} format ({old}); save it as {new}.": (
        "古い{program}形式（{old}）です。{new} で保存してください。"
    ),
    (
        "This file is in the old {program} format ({old}); install LibreOffice or save it as {new}."
    ): (
        "古い{program}形式（{old}）です。LibreOfficeをインストールするか、"
        "{new} で保存してください。"
    ),
    (
        "LibreOffice could not convert this file, which may be damaged; open it in its own "
        "program and save it as {new}."
    ): (
        "LibreOfficeで変換できませんでした。ファイルが壊れている可能性があります。"
        "元のアプリで開き、{new} で保存してください。"
    ),
    "LibreOffice took too long to convert this file; save it in the new format yourself.": (
        "LibreOfficeでの変換に時間がかかりすぎました。新しい形式で保存し直してください。"
    ),
    (
        "This file is damaged or not an Excel workbook, though its suffix says so; open it in a "
        "spreadsheet program and save it as .xlsx."
    ): (
        "ファイルが壊れているか、拡張子と異なりExcelブックではありません。表計算アプリで開き、"
        ".xlsx で保存してください。"
    ),
    "{formulas} no stored value; open and save the file in a spreadsheet program.": (
        "{formulas}には計算結果が保存されていません。表計算アプリで開いて保存し直してください。"
    ),
    "This file holds nothing else:": "ほかに内容はありません。",
    # PDF and images
    (
        "This file is damaged or not a PDF; open it in a PDF viewer and save or print it as a new "
        "PDF."
    ): (
        "ファイルが壊れているか、PDFではありません。PDFビューアーで開き、"
        "新しいPDFとして保存または印刷してください。"
    ),
    "This PDF opens only with a password; save a copy without the password.": (
        "このPDFを開くにはパスワードが必要です。パスワードを外したコピーを保存してください。"
    ),
    (
        "This PDF holds only scanned images; to have their text recognized, {remedy} and build "
        "again."
    ): "スキャン画像だけのPDFです。文字を認識させるには、{remedy}、索引を更新してください。",
    (
        "This PDF holds only images with more than {million} million pixels; scan it at 300 dots "
        "an inch or less."
    ): "{million}00万画素を超える画像だけのPDFです。300dpi以下でスキャンし直してください。",
    (
        "This PDF holds no text, perhaps only drawings; run it through OCR (text recognition) and "
        "add the result."
    ): (
        "文字情報のないPDFです（図だけの可能性があります）。"
        "OCR（文字認識）にかけたものを追加してください。"
    ),
    "No text was found in the scanned images of this PDF; scan it again, in better light.": (
        "スキャン画像から文字が見つかりませんでした。明るく鮮明にスキャンし直してください。"
    ),
    (
        "{count} of {pages} pages are scanned images; to have their text recognized, {remedy} and "
        "build again."
    ): (
        "{pages}ページ中{count}ページがスキャン画像です。文字を認識させるには、{remedy}、"
        "索引を更新してください。"
    ),
    (
        "{count} of {pages} pages are images with more than {million} million pixels, which are "
        "not read."
    ): "{pages}ページ中{count}ページは{million}00万画素を超える画像のため、読み込んでいません。",
    "{count} attached files are damaged or too large and left out.": (
        "添付ファイル{count}個は、壊れているか大きすぎるため除外しました。"
    ),
    "This is an image; to have the text in it recognized, {remedy} and build again.": (
        "画像ファイルです。文字を認識させるには、{remedy}、索引を更新してください。"
    ),
    "This image has more than {million} million pixels; save it smaller.": (
        "画像が{million}00万画素を超えています。縮小して保存してください。"
    ),
    "No text was found in this image; if it shows some, scan it larger and straighter.": (
        "画像から文字が見つかりませんでした。文字が写っている場合は、"
        "大きくまっすぐにスキャンし直してください。"
    ),
    # archives, mail, books, notebooks, JSON
    "Left out of this archive: {parts}.": "アーカイブから次のものを除外しました（{parts}）。",
    "This file holds no event and no address; export it again from its program.": (
        "予定も連絡先も含まれていません。元のソフトからもう一度書き出してください。"
    ),
    "Encrypted messages of this mailbox, left out: {count}.": (
        "暗号化されたメール{count}通を除外しました。"
    ),
    (
        "This message is encrypted; open it in your mail program and save its text, or print it "
        "to PDF."
    ): "暗号化されたメールです。メールアプリで開き、本文を保存するかPDFに印刷してください。",
    "{count} parts of this book are missing in the file.": (
        "この電子書籍のうち{count}個の部分がファイルにありません。"
    ),
    (
        "This book is copy protected (DRM) and cannot be opened here; add a copy without the "
        "protection."
    ): "コピー防止（DRM）のある電子書籍のため、開けません。保護のないものを追加してください。",
    (
        "This file is damaged or not an EPUB book: its table of contents is missing; get it again "
        "or convert it to PDF."
    ): (
        "ファイルが壊れているか、EPUBの電子書籍ではありません（目次がありません）。入手し直すか、"
        "PDFに変換してください。"
    ),
    "This is no complete notebook, so it was read as plain text.": (
        "ノートブックとして不完全なため、通常のテキストとして読み込みました。"
    ),
    "This is no complete JSON, so it was read as plain text.": (
        "JSONとして不完全なため、通常のテキストとして読み込みました。"
    ),
    "This JSON holds too many values to be taken apart, so it was read as plain text.": (
        "JSONの値が多すぎるため、通常のテキストとして読み込みました。"
    ),
}
