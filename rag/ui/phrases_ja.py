"""Parts of messages that are English themselves, in Japanese, by the placeholder that they fill."""

PHRASES = {
    "text_name": {
        "question": "質問",
        "corrected answer": "正しい回答",
        "comment": "コメント",
        "name of the author": "投稿者の名前",
        "path of the source": "出典のパス",
        "quote": "引用文",
        "passage": "該当箇所",
    },
    "kind": {
        "a Word document": "Word文書",
        "an Excel workbook": "Excelブック",
        "a PowerPoint presentation": "PowerPointプレゼンテーション",
        "an OpenDocument text": "OpenDocumentテキスト",
        "an OpenDocument spreadsheet": "OpenDocumentスプレッドシート",
        "an OpenDocument presentation": "OpenDocumentプレゼンテーション",
        "an EPUB book": "EPUBの電子書籍",
        "a zip archive": "ZIPアーカイブ",
    },
    "remedy": {
        "run `{command}`": "`{command}` を実行し",
    },
    "formulas": {
        "1 formula has": "数式1個",
        "{count} formulas have": "数式{count}個",
    },
    "parts": {
        "damaged: {name}": "壊れているもの：{name}",
        "damaged: {name} and {count} more": "壊れているもの：{name} ほか{count}個",
        "links to other files: {count}": "ほかのファイルへのリンク：{count}個",
    },
    "problem": {
        "should be a folder; move it away": "はフォルダーではありません。別の場所に移してください",
        "does not name an index": "に索引の名前がありません",
        "is missing": "がありません",
        "is missing or cannot be read": "がないか、読み取れません",
        "holds no checksum": "にチェックサムがありません",
        "differs from its checksum": "の内容がチェックサムと一致しません",
        "was written by another version": "は別のバージョンで作られています",
    },
    "rebuild": {
        "Rebuild it: `{command}`": "`{command}` で作り直して",
    },
    "gates": {
        (
            "{measure} {ours} against {theirs}, difference {difference} [{low_end}, {high_end}], "
            "n = {rows}"
        ): (
            "{measure} {ours}（現在 {theirs}）、差 {difference} [{low_end}, {high_end}]、n = {rows}"
        ),
    },
    "measure": {
        "normalized_exact{where}": "一致（表記を統一）{where}",
        "f1{where}": "F1{where}",
        "abstention_recall{where}": "「見つからない」の再現率{where}",
        "false_abstention{where}": "誤って諦めた割合{where}",
        "citation_precision{where}": "引用の適合率{where}",
        "general_likelihood{where}": "一般的な知識{where}",
    },
    "where": {
        " (en)": "（英語）",
        " (ja)": "（日本語）",
        " (other)": "（その他の言語）",
        "": "",
    },
    "job": {
        "sync": "索引の更新",
        "training": "学習",
        "check": "確認",
        "activation": "モデルの切り替え",
        "quality": "品質の確認",
        "doctor": "診断",
    },
    "code": {
        "": "",
        " with code {number}": "（終了コード {number}）",
    },
    "error": {
        "it has version {version}, this program knows {own}": (
            "バージョンが{version}で、このプログラムは{own}までに対応しています"
        ),
    },
    "fault": {
        "it is compressed, although nobody asked for that": "求めていないのに圧縮されています",
        "it is larger than {limit} bytes": "{limit}バイトを超えています",
        "it is of type {media_type} and no stream of events": (
            "種類が {media_type} で、イベントの列ではありません"
        ),
        "it is no list of models": "モデルの一覧ではありません",
        "an event is larger than {limit} bytes": "イベントが{limit}バイトを超えています",
        "an event is no JSON": "イベントがJSONではありません",
        "an event is no JSON object": "イベントがJSONオブジェクトではありません",
    },
    "step": {
        "status {status}": "状態コード {status}",
        "in its answer": "回答の途中",
    },
    "problems": {
        "{path} is not a file": "{path} はファイルではありません",
        "{path} is not readable as TOML ({error})": "{path} をTOMLとして読み取れません（{error}）",
        "unknown in the environment: {names}": "環境変数に不明な名前：{names}",
        "unknown in {path}: {names} (known: {known})": (
            "{path} に不明な名前：{names}（使える名前：{known}）"
        ),
        "{setting} = {value} in {origin}: {expected}": (
            "{origin} の {setting} = {value}：{expected}"
        ),
        "chunk_overlap_tokens ({overlap}) must be smaller than chunk_tokens ({size})": (
            "chunk_overlap_tokens（{overlap}）は chunk_tokens（{size}）より小さくしてください"
        ),
        "max_new_tokens is more than four times prompt_tokens; raise prompt_tokens": (
            "max_new_tokens が prompt_tokens の4倍を超えています。"
            "prompt_tokens を大きくしてください"
        ),
        "answer_model is remote, so that remote_url and remote_model are needed": (
            "answer_model が remote のときは、remote_url と remote_model が必要です"
        ),
        (
            "remote_context_tokens ({tokens}) must be at least {least}, for a prompt and "
            "max_new_tokens"
        ): (
            "remote_context_tokens（{tokens}）は、質問文と max_new_tokens のため{least}以上に"
            "してください"
        ),
        (
            "address ({address}) lets other machines in, and nobody is asked who they are; write "
            '`auth = "password"` and add people with `python -m rag user add NAME`, or leave '
            "address at {loopback}"
        ): (
            "address（{address}）ではほかのパソコンからも開けますが、サインインが設定されて"
            'いません。`auth = "password"` と書いて `python -m rag user add NAME` で利用者を'
            "登録するか、address を {loopback} のままにしてください"
        ),
        (
            "address lets other machines in, so that public_url is needed: the address that people "
            "type, such as https://docs.example.org"
        ): (
            "address でほかのパソコンからも開けるようにするときは、利用者が入力するアドレス"
            "（https://docs.example.org など）を public_url に書いてください"
        ),
        "with auth, api needs an api_key_file: programs do not sign in": (
            "auth を使うときは、api に api_key_file が必要です（プログラムはサインインしません）"
        ),
        "auth is oidc, so that oidc_admins must name an administrator": (
            "auth が oidc のときは、oidc_admins に管理者を書いてください"
        ),
    },
    "origin": {
        "the command line": "コマンドライン",
        "the environment ({key})": "環境変数 {key}",
    },
    "expected": {
        "expected a whole number from {low} to {high}": "{low}から{high}までの整数にしてください",
        "expected an IP address of this machine, such as 127.0.0.1 or 0.0.0.0": (
            "127.0.0.1 や 0.0.0.0 など、このパソコンのIPアドレスにしてください"
        ),
        "expected an address such as https://docs.example.org, without a path": (
            "https://docs.example.org のような、パスのないアドレスにしてください"
        ),
        'expected e-mail addresses, such as ["mika@example.org"]': (
            '["mika@example.org"] のようなメールアドレスにしてください'
        ),
        "expected mika@example.org, or @example.org for all, not {value}": (
            "mika@example.org、または全員なら @example.org にしてください（{value} ではなく）"
        ),
        "expected a folder": "フォルダーを指定してください",
        'expected some of "en", "ja", "other"': '"en"・"ja"・"other" から選んでください',
        "expected text in quotes": "引用符で囲んだ文字列にしてください",
        "expected one of {names}": "{names} のいずれかにしてください",
        "expected a model name or folder": "モデルの名前かフォルダーを指定してください",
        "expected an address such as https://host:19530, or a folder ending in .db": (
            "https://host:19530 のようなアドレスか、.db で終わるフォルダーを指定してください"
        ),
        "expected an address such as http://gpu-box:8000/v1, without user, password and ?": (
            "http://gpu-box:8000/v1 のようなアドレスを、"
            "ユーザー名・パスワード・「?」なしで指定してください"
        ),
        "expected the whole path of a file that holds the key": (
            "キーを書いたファイルのフルパスを指定してください"
        ),
    },
}
