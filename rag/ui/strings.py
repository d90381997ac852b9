"""Every word of the pages, in English and Japanese. Same keys, same placeholders (tested)."""

from typing import Literal

UiLanguage = Literal["en", "ja"]
LANGUAGE_NAMES: dict[UiLanguage, str] = {"en": "English", "ja": "日本語"}

EN = {
    "app_name": "Fumikura",
    "tagline": "Ask your own documents. Nothing leaves this machine.",
    "language": "Language",
    "page_ask": "Ask",
    "page_documents": "Documents",
    "new_conversation": "New conversation",
    "earlier_conversations": "Earlier conversations",
    "delete_conversation": "Delete this conversation",
    "delete_conversation_confirm": "The questions and answers are removed for good.",
    "delete": "Delete",
    "unexpected_error": "Something went wrong on this page. Reload it; if it happens again, "
    "the terminal that runs Fumikura says more.",
    "start_failed": "Fumikura cannot start yet",
    "index_unusable": "The index cannot be used",
    "opening": "Opening the index",
    # Ask
    "ask_placeholder": "Ask a question about your documents",
    "ask_intro": "What would you like to know?",
    "ask_intro_detail": "{documents} documents, {chunks} passages. "
    "Every answer names the passages it rests on.",
    "you": "You",
    "assistant": "Fumikura",
    "stop": "Stop",
    "waiting": "Waiting: {count} ahead of you",
    "searching": "Searching your documents",
    "reading": "Reading the best passages",
    "stopped": "Stopped. This is the text up to that moment.",
    "stopped_empty": "Stopped before the answer began.",
    "failed": "No answer this time",
    "error_interrupted": "The program ended before this answer was finished. Ask again.",
    "error_internal": "An unexpected error ended this answer. Ask again; if it happens again, "
    "the terminal that runs Fumikura says more.",
    "answered_elsewhere": "Another window is answering this question. Reload in a moment.",
    "page": "p. {page}",
    "open_source": "Show the passage in its document",
    "also_read": "Also found ({count})",
    "closest_passages": "Closest passages",
    "not_found": "Not found in your documents",
    "not_found_detail": "No passage answers this question well enough, so no answer was written. "
    "Try other words, or check on the Documents page that the file is indexed.",
    "quoted": "The model's own wording was not supported by the passages, so the sentences that "
    "match best are quoted.",
    "quoted_without_model": "Quoted word for word, without a language model.",
    "timing_search": "search {value}",
    "timing_first_token": "first token {value}",
    "timing_total": "total {value}",
    "tokens": "{count} tokens",
    "index": "index {index_id}",
    "notice_no_answer_model": "There is no answer model yet, so answers are quoted sentences.",
    "empty_title": "Three steps to your first answer",
    "empty_step_1": "Put the documents you want to ask about into one folder.",
    "empty_step_2": "Open the Documents page, enter the path of that folder and build the index.",
    "empty_step_3": "Come back here and ask.",
    "go_to_documents": "Open Documents",
    # Source drawer
    "source": "Source",
    "section": "Section: {heading}",
    "source_changed": "This document has changed since the answer was written. "
    "Below is the passage as it was then.",
    "source_gone": "The document is no longer in the index. Below is the passage as it was "
    "when the answer was written.",
    "legend_quote": "quoted",
    "legend_passage": "passage",
    # Documents
    "folder": "Folder",
    "folder_help": "The full path of a folder on this machine. Subfolders are included; "
    "your files are only read, never changed.",
    "folder_placeholder": "/home/me/documents",
    "build": "Build the index",
    "rebuild": "Rebuild the index",
    "cancel": "Cancel",
    "cancelling": "Cancelling",
    "documents": "Documents",
    "chunks": "Passages",
    "skipped": "Not indexed",
    "updated": "Updated",
    "indexed_folder": "Indexed folder",
    "no_index": "There is no index yet. Choose a folder to begin.",
    "build_serving": "You can go on asking; the current index answers until the new one is ready.",
    "build_done": "The index is ready. Documents: {documents}, passages: {chunks}, "
    "time: {elapsed}.",
    "build_cancelled": "The build was cancelled; nothing was changed.",
    "build_failed": "The build failed; nothing was changed.",
    "build_anyway": "Build it with fewer documents",
    "build_starting": "Starting",
    "elapsed": "{elapsed} so far",
    "progress": "{done} of {total}",
    "stage_read": "Reading files",
    "stage_embed": "Computing meanings",
    "stage_index": "Writing the index",
    "files": "Files",
    "files_alt": "Table of the indexed files with status and reason",
    "filter_status": "Status",
    "column_path": "File",
    "column_status": "Status",
    "column_reason": "Note",
    "column_chunks": "Passages",
    "column_pages": "Pages",
    "column_size": "Size (KB)",
    "status_indexed": "Indexed",
    "status_unchanged": "Unchanged",
    "status_no_text": "No text",
    "status_encrypted": "Encrypted",
    "status_unsupported": "Not supported",
    "status_failed": "Failed",
    "seconds": "{value} s",
    "minutes": "{minutes} min {seconds} s",
}

JA = {
    "app_name": "文庫",
    "tagline": "手元の文書に質問できます。データはこのパソコンの外に出ません。",
    "language": "表示言語",
    "page_ask": "質問する",
    "page_documents": "文書",
    "new_conversation": "新しい会話",
    "earlier_conversations": "これまでの会話",
    "delete_conversation": "この会話を削除",
    "delete_conversation_confirm": "質問と回答は完全に削除され、元に戻せません。",
    "delete": "削除する",
    "unexpected_error": "ページの表示中に問題が発生しました。再読み込みしてください。"
    "繰り返す場合は、起動したターミナルに詳細が表示されています。",
    "start_failed": "まだ起動できません",
    "index_unusable": "索引を利用できません",
    "opening": "索引を開いています",
    # Ask
    "ask_placeholder": "文書について質問を入力",
    "ask_intro": "何をお調べしますか？",
    "ask_intro_detail": "文書{documents}件（{chunks}箇所）から探し、"
    "回答には根拠とした箇所を必ず示します。",
    "you": "あなた",
    "assistant": "文庫",
    "stop": "停止",
    "waiting": "順番待ち：あと{count}件",
    "searching": "文書を検索しています",
    "reading": "該当箇所を読んでいます",
    "stopped": "停止しました。ここまでの内容を表示しています。",
    "stopped_empty": "回答が始まる前に停止しました。",
    "failed": "回答できませんでした",
    "error_interrupted": "回答の途中でプログラムが終了しました。もう一度質問してください。",
    "error_internal": "予期しないエラーで回答が中断しました。もう一度質問してください。"
    "繰り返す場合は、起動したターミナルに詳細が表示されています。",
    "answered_elsewhere": "別のウィンドウで回答中です。しばらくしてから再読み込みしてください。",
    "page": "{page}ページ",
    "open_source": "文書内の該当箇所を表示",
    "also_read": "ほかに見つかった箇所（{count}件）",
    "closest_passages": "最も近い箇所",
    "not_found": "文書の中に見つかりませんでした",
    "not_found_detail": "十分な根拠となる箇所がないため、回答は作成していません。"
    "言い回しを変えるか、「文書」ページで対象のファイルが登録済みか確認してください。",
    "quoted": "モデルの文章は該当箇所で裏づけられなかったため、"
    "最も近い文をそのまま引用しています。",
    "quoted_without_model": "言語モデルを使わず、最も近い文をそのまま引用しています。",
    "timing_search": "検索 {value}",
    "timing_first_token": "最初の文字まで {value}",
    "timing_total": "合計 {value}",
    "tokens": "{count}トークン",
    "index": "索引 {index_id}",
    "notice_no_answer_model": "回答用のモデルがまだないため、"
    "文書の文をそのまま引用して回答します。",
    "empty_title": "はじめての質問まで3ステップ",
    "empty_step_1": "質問したい文書を1つのフォルダーにまとめます。",
    "empty_step_2": "「文書」ページでそのフォルダーのパスを入力し、索引を作成します。",
    "empty_step_3": "この画面に戻って質問します。",
    "go_to_documents": "「文書」を開く",
    # Source drawer
    "source": "出典",
    "section": "見出し：{heading}",
    "source_changed": "回答の作成後に、この文書は変更されています。"
    "当時の該当箇所を表示しています。",
    "source_gone": "この文書は現在の索引にありません。回答作成時の該当箇所を表示しています。",
    "legend_quote": "引用した部分",
    "legend_passage": "参照した箇所",
    # Documents
    "folder": "フォルダー",
    "folder_help": "このパソコンにあるフォルダーのフルパスを入力します。"
    "サブフォルダーも対象です。ファイルは読み取るだけで、変更しません。",
    "folder_placeholder": "/home/me/documents",
    "build": "索引を作成",
    "rebuild": "索引を作り直す",
    "cancel": "中止",
    "cancelling": "中止しています",
    "documents": "文書数",
    "chunks": "箇所数",
    "skipped": "登録できなかったファイル",
    "updated": "更新日時",
    "indexed_folder": "対象フォルダー",
    "no_index": "索引はまだありません。フォルダーを指定して作成してください。",
    "build_serving": "作成中も質問できます。完了するまでは現在の索引で回答します。",
    "build_done": "索引ができました：文書{documents}件、{chunks}箇所、所要時間{elapsed}",
    "build_cancelled": "索引の作成を中止しました。元の状態のままです。",
    "build_failed": "索引を作成できませんでした。元の状態のままです。",
    "build_anyway": "文書が減ったまま作成する",
    "build_starting": "準備しています",
    "elapsed": "経過 {elapsed}",
    "progress": "{done} / {total}",
    "stage_read": "ファイルを読み込んでいます",
    "stage_embed": "意味を解析しています",
    "stage_index": "索引を書き込んでいます",
    "files": "ファイル",
    "files_alt": "索引の対象ファイルと状態の一覧",
    "filter_status": "状態",
    "column_path": "ファイル",
    "column_status": "状態",
    "column_reason": "説明",
    "column_chunks": "箇所数",
    "column_pages": "ページ数",
    "column_size": "サイズ（KB）",
    "status_indexed": "登録済み",
    "status_unchanged": "変更なし",
    "status_no_text": "文字情報なし",
    "status_encrypted": "暗号化あり",
    "status_unsupported": "未対応の形式",
    "status_failed": "読み込み失敗",
    "seconds": "{value}秒",
    "minutes": "{minutes}分{seconds}秒",
}

CATALOGUES: dict[UiLanguage, dict[str, str]] = {"en": EN, "ja": JA}


class Words:
    """The strings of one language."""

    def __init__(self, language: UiLanguage) -> None:
        self.language = language
        self._catalogue = CATALOGUES[language]

    def __call__(self, key: str, **values: object) -> str:
        """Return the string ``key`` with its placeholders filled."""
        text = self._catalogue[key]
        return text.format(**values) if values else text

    def known(self, key: str, otherwise: str) -> str:
        """Return the string ``key``, or ``otherwise`` when another module coined the key."""
        return self._catalogue.get(key, otherwise)

    def duration(self, seconds: float) -> str:
        """Return a duration for reading: "0.4 s", "12 s" or "3 min 5 s"; "4 s" from an int."""
        if seconds < 10 and not isinstance(seconds, int):
            return self("seconds", value=f"{seconds:.1f}")
        if seconds < 60:
            return self("seconds", value=f"{seconds:.0f}")
        return self("minutes", minutes=int(seconds // 60), seconds=int(seconds % 60))


def language_of_locale(locale: str | None) -> UiLanguage:
    """Return the UI language for a browser's locale such as "ja-JP"."""
    return "ja" if (locale or "").lower().startswith("ja") else "en"
