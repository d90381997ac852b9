"""Errors of signing in and of what a person may do, in Japanese."""

ACCESS_ERRORS = {
    "You are signed out. Sign in again.": (
        "サインアウトしています。もう一度サインインしてください。"
    ),
    "Only an administrator may do this. Ask one of yours.": (
        "この操作は管理者だけが行えます。管理者に依頼してください。"
    ),
    "This is not yours, or is no longer there. Load the page again.": (
        "ご自身のものではないか、すでに削除されています。ページを再読み込みしてください。"
    ),
    (
        "The file of users {file} can be read by other accounts. Make it yours alone: `chmod 600 "
        "{same_file}`."
    ): (
        "ユーザーのファイル {file} を、ほかの利用者も読み取れます。"
        "`chmod 600 {same_file}` で自分だけが読めるようにしてください。"
    ),
    (
        "The file of users {file} cannot be read ({said}). Make it readable for the account that "
        "runs Fumikura."
    ): (
        "ユーザーのファイル {file} を読み取れません（{said}）。"
        "文庫を動かしている利用者が読めるようにしてください。"
    ),
    (
        "Line {count} of the file of users {file} is malformed. Remove that line, and add the "
        "person with `python -m rag user add NAME`."
    ): (
        "ユーザーのファイル {file} の{count}行目が正しくありません。その行を削除し、"
        "`python -m rag user add NAME` で登録し直してください。"
    ),
}
