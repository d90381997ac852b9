"""What `python -m rag doctor` finds, in Japanese; the command line keeps it in English."""

_PURPOSES = {
    "models": "モデル",
    "answers": "回答",
    "quantized answers": "量子化モデルの回答",
    "NF4 answers": "NF4モデルの回答",
    "search by meaning and answers on a CPU": "CPUでの意味検索と回答",
    "search by meaning": "意味検索",
    "search by words": "語句検索",
    "indexing": "索引の作成",
    "PDF files": "PDFファイル",
    "Office files": "Officeファイル",
    "older Office files": "旧形式のOfficeファイル",
    "older Excel files": "旧形式のExcelファイル",
    "HTML files": "HTMLファイル",
    "the app": "このアプリ",
    "answers of a server": "サーバーの回答",
}
_EXTRAS = {
    "scanned pages and images": "スキャンしたページと画像",
    "old .doc and .ppt files": "旧形式の .doc と .ppt",
}

FINDINGS = {
    **{
        f"not installed; needed for {english}": f"インストールされていません（用途：{japanese}）"
        for english, japanese in _PURPOSES.items()
    },
    **{
        f"installed; {english} are read": f"インストール済みで、{japanese}を読み取れます"
        for english, japanese in _EXTRAS.items()
    },
    **{
        f"not installed; {english} are not read": (
            f"インストールされていないため、{japanese}は読み取れません"
        )
        for english, japanese in _EXTRAS.items()
    },
    "{name} in {folder}": "{name}（{folder}）",
    "{name} in {folder}, {size} MB": "{name}（{folder}、{size} MB）",
    "none by choice: answers are quoted sentences": "設定により使わず、文の引用で回答します",
    "none by choice: evidence is told by words alone": (
        "設定により使わず、語句だけで根拠を判断します"
    ),
    "questions and the passages shown to the model are sent to {host}": (
        "質問とモデルに示す箇所は {host} に送信されます"
    ),
    "http:// is not encrypted: others on the way can read questions, passages": (
        "http:// は暗号化されないため、質問と該当箇所を途中で読まれるおそれがあります"
    ),
    "http:// is not encrypted: others on the way can read questions, passages and the API key": (
        "http:// は暗号化されないため、質問と該当箇所とAPIキーを途中で読まれるおそれがあります"
    ),
    "{url} offers {names}; it said so in {count} ms": "{url} のモデル：{names}（応答 {count} ms）",
    "{name} is not offered there": "{name} はそのサーバーにありません",
    "{name} reads {count} tokens there, not remote_context_tokens": (
        "{name} がそこで読めるのは{count}トークンで、remote_context_tokens より少なめです"
    ),
    "{name}, of that server": "{name}（そのサーバーのモデル）",
    "an older one serves.": "前の索引を使っています。",
    "{count} documents, {after} passages of {folders}": "文書{count}件、{after}箇所（{folders}）",
    "none that torch can use; answers run on {count} CPU cores": (
        "torchで使えるGPUはありません。回答にはCPU {count}コアを使います"
    ),
    "no 16-bit arithmetic: 16-bit models run in 32 bits here, at twice the memory": (
        "16ビット演算がないため、16ビットのモデルは32ビットで動き、メモリーを2倍使います"
    ),
    "{size} GB free": "空き {size} GB",
    "this machine alone, without a sign-in": "このマシンだけで、サインインなしで使えます",
    "at {address}, after a sign-in ({kind})": "{address} で、サインインすると使えます（{kind}）",
    "public_url is not encrypted: others on the way can read passwords and documents": (
        "public_url は暗号化されないため、パスワードと文書を途中で読まれるおそれがあります"
    ),
    "{count} administrators, {after} readers": "管理者{count}人、閲覧者{after}人",
    "whom the provider knows as {names}": "認証プロバイダーが確認した次の人：{names}",
    "Authlib is not installed; nobody can sign in": (
        "Authlibがインストールされていないため、だれもサインインできません"
    ),
    "no provider is named in .streamlit/secrets.toml": (
        ".streamlit/secrets.toml に認証プロバイダーの設定がありません"
    ),
    "{name} holds the secret of the provider, and other accounts can read it": (
        "{name} には認証プロバイダーの秘密情報があり、ほかのアカウントから読めます"
    ),
    "the models could not be started ({error})": "モデルを起動できませんでした（{error}）",
    (
        "ready to answer after {seconds} s, with {size} MB of memory at most; the answer model is "
        "run by {name}"
    ): (
        "{seconds}秒で回答できる状態になりました（メモリー最大 {size} MB、"
        "回答モデルの実行：{name}）"
    ),
}
REMEDIES = {
    "install LibreOffice": "LibreOfficeをインストールしてください",
    "set RAG_EMBED_MODEL, or make setup": (
        "RAG_EMBED_MODEL を設定するか、make setup を実行してください"
    ),
    "set RAG_ANSWER_MODEL": "RAG_ANSWER_MODEL を設定してください",
    "set RAG_SPAN_MODEL": "RAG_SPAN_MODEL を設定してください",
    "set RAG_REMOTE_URL to an https:// address": (
        "RAG_REMOTE_URL に https:// のアドレスを設定してください"
    ),
    "start it, or set RAG_REMOTE_URL": ("サーバーを起動するか、RAG_REMOTE_URL を設定してください"),
    "set RAG_REMOTE_MODEL": "RAG_REMOTE_MODEL を設定してください",
    "set RAG_REMOTE_CONTEXT_TOKENS={count}": (
        "RAG_REMOTE_CONTEXT_TOKENS={count} を設定してください"
    ),
    "keep the quantized answer model": "量子化した回答モデルを使い続けてください",
    "close other programs before asking": "質問する前に、ほかのアプリを閉じてください",
    "free some disk space": "ディスクの空きを増やしてください",
    "close other programs": "ほかのアプリを閉じてください",
    "a reverse proxy with TLS, and its https:// address": (
        "TLSのリバースプロキシを置き、その https:// のアドレスを設定してください"
    ),
    'see "A shared host" in docs/security.md': "docs/security.md の「A shared host」をご覧ください",
}
