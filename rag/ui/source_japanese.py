"""The words of the drawer that shows where an answer comes from, in Japanese."""

SOURCE_JA = {
    "source_view": "表示",
    "source_view_page": "ページ",
    "source_view_text": "テキスト",
    "source_previous": "前へ",
    "source_next": "次へ",
    "source_place_of": "{place}（全{count}）",
    "source_quote_elsewhere": "引用した部分は{place}にあります。",
    "source_quote_back": "引用した部分に戻る",
    "source_page_alt": "{name}の{place}の画像",
    "source_page_alt_marked": "{name}の{place}の画像。引用した部分に印が付いています",
    "source_drawing": "ページを描画しています",
    "source_unplaced": "引用した部分がこのページのどこにあるか正確に特定できなかったため、"
    "印を付けていません。テキスト表示で確認できます。",
    "source_scan": "このページはスキャン画像で、文字は認識されたものです。そのため、"
    "引用した部分に印を付けられません。テキスト表示で確認できます。",
    "page_problem_gone": "ファイルが元のフォルダーにないため、ページを表示できません。"
    "索引に登録された時のテキストを表示しています。",
    "page_problem_changed": "索引への登録後にファイルが変更されているため、"
    "ページを表示していません。登録時のテキストを表示しています。最新にするには「文書」ページで同期してください。",
    "page_problem_encrypted": "ファイルを開くにはパスワードが必要になっているため、"
    "ページを表示できません。索引に登録された時のテキストを表示しています。",
    "page_problem_slow": "ページの描画に時間がかかりすぎたため中止しました。"
    "テキストを表示しています。",
    "page_problem_failed": "ページを描画できませんでした。テキストを表示しています。",
    "page_problem_inside": "この文書は{container}の中にあるため、ページを描画できません。"
    "テキストを表示しています。",
    "source_open_file": "ファイルを開く",
    "source_open_file_help": "{name}をブラウザーで保存し、対応するソフトで開きます。",
    "source_no_file": "ファイルが元のフォルダーにないため、開けません。",
    "source_table_alt": "引用した行と列の見出し",
    "source_more_rows": "ほか{count}行",
    "source_around": "前後の文章",
}
