"""The words of earlier conversations, of versions and of suggestions in Japanese."""

HISTORY_JA = {
    # The list in the sidebar
    "search_conversations": "会話を検索",
    "conversations_none": "該当する会話はありません。",
    "conversations_pinned": "ピン留め",
    "conversations_today": "今日",
    "conversations_yesterday": "昨日",
    "conversations_week": "過去7日間",
    "conversations_earlier": "それ以前",
    "conversations_more": "さらに表示",
    "conversation_menu": "「{title}」の操作",
    "conversation_rename": "名前を変更",
    "conversation_pin": "上部にピン留め",
    "conversation_unpin": "ピン留めを外す",
    "conversation_export": "書き出す",
    "conversation_delete": "削除",
    "rename_conversation": "会話の名前を変更",
    "conversation_title": "名前",
    "save": "保存",
    # Export
    "export_conversation": "会話を書き出す",
    "export_intro": "ファイルはこのパソコンで作成され、質問、回答、引用した箇所が含まれます。"
    "JSON Linesには、以前の版と、見つかったすべての箇所も含まれます。",
    "export_markdown": "Markdown",
    "export_html": "ウェブページ（HTML）",
    "export_jsonl": "JSON Lines（1行に1つの質問と回答）",
    "export_unanswered": "ファイルの作成時、この質問には回答中でした。",
    "export_made": "文庫から書き出した会話です。最後の質問：{when}",
    "export_asked": "質問日時：{when}",
    "export_sources": "出典",
    # Versions of the last question
    "ask_again": "もう一度質問",
    "ask_again_help": "同じ質問を、下で選んだ絞り込みでもう一度行います。"
    "今の回答も後から見られます。",
    "edit_question": "質問を編集",
    "edit_send": "質問する",
    "version_earlier": "前の版",
    "version_newer": "次の版",
    "version_number": "{count}版中の第{number}版",
    "version_old": "以前の版を表示しています。会話は最新の版から続きます。",
    # Suggestions
    "suggestions": "文書からの質問例",
}
