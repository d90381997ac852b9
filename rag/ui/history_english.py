"""The words of earlier conversations, of versions and of suggestions in English."""

HISTORY_EN = {
    # The list in the sidebar
    "search_conversations": "Search conversations",
    "conversations_none": "No conversation holds these words.",
    "conversations_pinned": "Pinned",
    "conversations_today": "Today",
    "conversations_yesterday": "Yesterday",
    "conversations_week": "Last 7 days",
    "conversations_earlier": "Earlier",
    "conversations_more": "Show more",
    "conversation_menu": "Options for “{title}”",
    "conversation_rename": "Rename",
    "conversation_pin": "Pin to the top",
    "conversation_unpin": "Unpin",
    "conversation_export": "Export",
    "conversation_delete": "Delete",
    "rename_conversation": "Rename this conversation",
    "conversation_title": "Title",
    "save": "Save",
    # Export
    "export_conversation": "Export this conversation",
    "export_intro": "The file is made on this machine and holds the questions, the answers and "
    "the quoted passages. JSON lines also hold earlier versions and all passages that were found.",
    "export_markdown": "Markdown",
    "export_html": "Web page (HTML)",
    "export_jsonl": "JSON lines, one exchange a line",
    "export_unanswered": "This question was being answered when the file was made.",
    "export_made": "Exported from Fumikura. The latest question was asked on {when}.",
    "export_asked": "Asked on {when}",
    "export_sources": "Sources",
    # Versions of the last question
    "ask_again": "Ask again",
    "ask_again_help": "Puts the same question once more, with the limits chosen below. This answer "
    "stays reachable.",
    "edit_question": "Edit question",
    "edit_send": "Ask",
    "version_earlier": "Earlier version",
    "version_newer": "Newer version",
    "version_number": "Version {number} of {count}",
    "version_old": "This is an earlier version. The conversation goes on from the newest one.",
    # Suggestions
    "suggestions": "From your documents",
}
