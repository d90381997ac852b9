"""What errors say, in Japanese. Same placeholders as in English (tested)."""

ERRORS = {
    # asking
    "The question is empty. Type what you want to know.": (
        "質問が空です。知りたいことを入力してください。"
    ),
    (
        "The question has {count} characters; at most {limit} are read. Shorten it, or put the "
        "long text into a document and ask about that."
    ): (
        "質問が{count}文字あり、上限の{limit}文字を超えています。短くするか、"
        "長い文章を文書に入れてそれについて質問してください。"
    ),
    "{count} questions are waiting already. Ask again when some of them are answered.": (
        "すでに{count}件の質問が順番を待っています。回答が進んでから、もう一度質問してください。"
    ),
    "This conversation was deleted. Start a new one.": (
        "この会話は削除されました。新しい会話を始めてください。"
    ),
    (
        "This conversation has gone on in another window. Only its last question can be asked "
        "again."
    ): ("この会話は別のウィンドウで続いています。もう一度質問できるのは最後の質問だけです。"),
    "This question is being answered already. Wait for the answer, or stop it first.": (
        "この質問にはすでに回答中です。回答を待つか、先に停止してください。"
    ),
    "There is no collection {name}; there are: {names}.": (
        "コレクション {name} はありません。あるのは {names} です。"
    ),
    (
        "No document of this index is called {pattern} or lies there. Its paths are such as: "
        "{paths}."
    ): ("この索引に {pattern} という文書やフォルダーはありません。パスの例：{paths}"),
    "No document of this index is of type {name}; there are: {names}.": (
        "この索引に種類が {name} の文書はありません。あるのは {names} です。"
    ),
    "The first day ({first}) lies after the last day ({last}). Swap them.": (
        "開始日（{first}）が終了日（{last}）より後になっています。入れ替えてください。"
    ),
    "{day} is no day. Write one as 2024-03-01, 2024/3/1 or 2024年3月1日.": (
        "{day} は日付ではありません。2024-03-01、2024/3/1、2024年3月1日のように入力してください。"
    ),
    (
        "This index does not know the dates of its files yet, as an earlier version made it. "
        "Bring it up to date once: `python -m rag sync`."
    ): (
        "この索引は以前のバージョンで作られており、ファイルの日付をまだ記録していません。"
        "`python -m rag sync` で一度更新してください。"
    ),
    "The index holds no document {path}; it may have been removed.": (
        "文書 {path} は索引にありません。削除された可能性があります。"
    ),
    "The index holds no file {path}; it may have been removed.": (
        "ファイル {path} は索引にありません。削除された可能性があります。"
    ),
    "{path} lies in no folder of this index.": "{path} はこの索引のどのフォルダーにもありません。",
    "{path} cannot be opened; check that it is still in its folder.": (
        "{path} を開けません。元のフォルダーにあるか確認してください。"
    ),
    "{path} is no longer a regular file.": "{path} は通常のファイルではなくなっています。",
    # feedback
    "The {text_name} has {count} characters; at most {limit} are kept. Shorten it.": (
        "{text_name}が{count}文字あり、上限の{limit}文字を超えています。短くしてください。"
    ),
    "The question of an example is empty. Write it, or reject the row.": (
        "質問が空の例があります。質問を入力するか、その行を「不採用」にしてください。"
    ),
    "{file} cannot be written ({error}). Name another file.": (
        "{file} に書き込めません（{error}）。別のファイルを指定してください。"
    ),
    "A model cannot be compared with itself. Choose two different ones.": (
        "同じモデルどうしは比べられません。別のモデルを選んでください。"
    ),
    "Two models are being compared already. Wait until that ends.": (
        "すでに2つのモデルを比べています。終わるまでお待ちください。"
    ),
    (
        "The stored prompt is too long for {name}, which reads at most {limit} tokens. Choose "
        "another answer or another model."
    ): (
        "保存されている質問文は長すぎて、{name}（上限{limit}トークン）では読めません。"
        "別の回答か別のモデルを選んでください。"
    ),
    # folders and files to sync
    "The folder {folder} does not exist. Name a folder with documents.": (
        "フォルダー {folder} がありません。文書のあるフォルダーを指定してください。"
    ),
    "{folder} is a file, not a folder. Name the folder that holds it.": (
        "{folder} はフォルダーではなくファイルです。"
        "そのファイルがあるフォルダーを指定してください。"
    ),
    "The folder {folder} holds no files. Put documents into it and retry.": (
        "フォルダー {folder} にはファイルがありません。文書を入れてから、もう一度実行してください。"
    ),
    "The folder {folder} cannot be listed ({error}). Check its permissions.": (
        "フォルダー {folder} の中を読み取れません（{error}）。アクセス権を確認してください。"
    ),
    "{folder} is not a folder on this machine. Check the path.": (
        "{folder} は、このパソコンのフォルダーではありません。パスを確認してください。"
    ),
    "{folder} is no folder of this index (it has: {names}).": (
        "{folder} は、この索引のフォルダーではありません（あるのは {names}）。"
    ),
    "{path} belongs to no folder of this index.": (
        "{path} は、この索引のどのフォルダーにも属していません。"
    ),
    (
        "{folder} lies inside {other}, which is in the index already; its files would stand there "
        "twice. Drop one of the two folders."
    ): (
        "{folder} は、登録済みの {other} の中にあり、同じファイルが二重に登録されてしまいます。"
        "どちらか一方を対象から外してください。"
    ),
    "This leaves no folder in the index. Name one to keep or to add.": (
        "索引のフォルダーがなくなります。残すか追加するフォルダーを指定してください。"
    ),
    "The name of a collection has 1 to 100 characters.": (
        "コレクションの名前は1文字以上100文字以内にしてください。"
    ),
    "The index lists no file {path}. Copy its path from `status`.": (
        "ファイル {path} は索引の一覧にありません。"
        "`status` に表示されるパスをそのまま指定してください。"
    ),
    "{path} lies inside {other}, which can only be left out or taken in whole.": (
        "{path} は {other} の中にあります。除外や除外の解除は、{other} 全体にしか行えません。"
    ),
    # test questions
    "A test question is empty. Write what should be asked.": (
        "質問が空です。質問の内容を書いてください。"
    ),
    (
        "There would be {count} test questions; at most {limit} are kept. Remove some, or import "
        "fewer."
    ): (
        "テスト質問が{count}問になり、上限の{limit}問を超えます。一部を外すか、"
        "読み込む数を減らしてください。"
    ),
    (
        "There are no test questions yet. Add some on the Quality page, or with `python -m rag "
        "quality --add FILE`."
    ): (
        "テスト質問がまだありません。「品質」ページか `python -m rag quality --add FILE` で"
        "追加してください。"
    ),
    (
        "The index was updated during the check, so its results cannot be compared. Check again."
    ): "確認中に索引が更新されたため、結果を比べられません。もう一度確認してください。",
    "The file holds no questions. It needs one JSON object a line.": (
        "ファイルに質問がありません。1行に1つのJSONオブジェクトが必要です。"
    ),
    "Line {count} of the file is not valid JSON ({error}).": (
        "ファイルの{count}行目が正しいJSONではありません（{error}）。"
    ),
    (
        'Line {count} of the file has no text as "{name}". It should look like '
        '{{"question": "…", "answer": "…"}}.'
    ): (
        "ファイルの{count}行目に、文字列の「{name}」がありません。"
        '{{"question": "…", "answer": "…"}} のように書いてください。'
    ),
    "{path} cannot be read ({error}). Name a file of JSON lines in UTF-8.": (
        "{path} を読めません（{error}）。UTF-8のJSON Linesファイルを指定してください。"
    ),
    # syncs and builds
    "The index is being updated already. Wait until that ends, or cancel it.": (
        "索引はすでに更新中です。終わるのを待つか、中止してください。"
    ),
    "Another build is writing to {folder} at this moment. Wait for it to end.": (
        "別の更新が {folder} に書き込んでいます。終わるまでお待ちください。"
    ),
    "The {job} could not start ({error}).": "{job}を始められませんでした（{error}）。",
    "The {job} ended unexpectedly{code}. Its log is {path}.": (
        "{job}が異常終了しました{code}。記録は {path} にあります。"
    ),
    "Another {job} is under way. Wait until it ends, or stop it.": (
        "別の{job}が進行中です。終わるのを待つか、停止してください。"
    ),
    "There is no job {name}.": "処理 {name} は見つかりません。",
    (
        "None of the {count} files in {folders} could be indexed ({reasons}). Add readable "
        "documents; the previous index is untouched."
    ): (
        "{folders} の{count}個のファイルは、どれも登録できませんでした（{reasons}）。"
        "読み込める文書を追加してください。これまでの索引は元のままです。"
    ),
    (
        "Only {after} of {before} documents are left in {folders}. If that is meant, repeat the "
        "command with --allow-shrink; otherwise check that the folder is complete. The previous "
        "index is untouched."
    ): (
        "{folders} の文書{before}件のうち{after}件しか残りません。意図したものであれば、"
        "--allow-shrink を付けてもう一度実行してください。そうでなければ、"
        "フォルダーの中身がそろっているか確認してください。これまでの索引は元のままです。"
    ),
    (
        "The new index could not be written to {folder} ({error}). Free some disk space or check "
        "the folder's permissions; the previous index is untouched."
    ): (
        "新しい索引を {folder} に書き込めませんでした（{error}）。ディスクの空きを増やすか、"
        "フォルダーのアクセス権を確認してください。これまでの索引は元のままです。"
    ),
    (
        "The new index failed its self-check and was not published; the previous one still "
        "serves. Build again; if it happens twice, please report it."
    ): (
        "新しい索引が自己検査に合格しなかったため、これまでの索引を使い続けます。"
        "もう一度更新してください。繰り返す場合は、不具合としてお知らせください。"
    ),
    (
        "The embedding model ended unexpectedly, perhaps for want of memory. Close other programs "
        "and repeat the command: what was embedded so far is kept, and the previous index is "
        "untouched."
    ): (
        "検索モデルが異常終了しました。メモリー不足の可能性があります。ほかのアプリを閉じて、"
        "もう一度更新してください。ここまでの解析結果は残っており、これまでの索引は元のままです。"
    ),
    "The index folder {folder} cannot be written ({error}).": (
        "索引のフォルダー {folder} に書き込めません（{error}）。"
    ),
    # the index
    "There is no index in {folder} yet. Build one: `python -m rag build FOLDER`.": (
        "{folder} に索引はまだありません。`python -m rag build FOLDER` で作成してください。"
    ),
    "The index file {path} {problem}. Rebuild it: `python -m rag build {folders}`.": (
        "索引のファイル {path} {problem}。`python -m rag build {folders}` で作り直してください。"
    ),
    (
        "The index has format {version}; this version reads format {own}. Rebuild it: `python -m "
        "rag build {folders}`."
    ): (
        "索引の形式は{version}ですが、このバージョンが読み取れる形式は{own}です。"
        "`python -m rag build {folders}` で作り直してください。"
    ),
    "The index has format {version}; this version reads format {own}. {rebuild}.": (
        "索引の形式は{version}ですが、このバージョンが読み取れる形式は{own}です。"
        "{rebuild}ください。"
    ),
    (
        "The index was built with embedder {built} ({hash}), but the settings name {name} "
        "({own}). {rebuild}, or set RAG_EMBED_MODEL={model}."
    ): (
        "索引は検索モデル {built}（{hash}）で作られていますが、"
        "設定では {name}（{own}）になっています。{rebuild}いただくか、"
        "RAG_EMBED_MODEL={model} を設定してください。"
    ),
    "{path} is damaged ({error}). Rebuild the index.": (
        "{path} が壊れています（{error}）。索引を作り直してください。"
    ),
    "{path} is damaged. Rebuild the index.": "{path} が壊れています。索引を作り直してください。",
    # settings, history and models
    "Settings to mend: {problems}.": "直す必要のある設定があります（{problems}）。",
    (
        "The history in {path} cannot be opened ({error}). Move that file aside, or set "
        "RAG_STATE_DIR to a writable folder, and start again."
    ): (
        "会話の履歴 {path} を開けません（{error}）。そのファイルを別の場所に移すか、"
        "RAG_STATE_DIR に書き込めるフォルダーを設定して、起動し直してください。"
    ),
    (
        "The embedder in {folder} could not be loaded ({error}). Check that it is a "
        "sentence-transformers model and that RAG_DEVICE fits this machine, or set "
        "RAG_EMBED_MODEL to another one."
    ): (
        "{folder} の検索モデルを読み込めませんでした（{error}）。"
        "sentence-transformersのモデルであることと、"
        "RAG_DEVICE がこのパソコンに合っていることを確認するか、"
        "RAG_EMBED_MODEL に別のモデルを設定してください。"
    ),
    (
        "The reranker in {folder} could not be loaded ({error}). Check that it is a CrossEncoder "
        "of sentence-transformers with one score and that RAG_DEVICE fits this machine, or set "
        "RAG_RERANK_MODEL to another one."
    ): (
        "{folder} の並べ替えモデルを読み込めませんでした（{error}）。"
        "スコアを1つ返すsentence-transformersのCrossEncoderであることと、"
        "RAG_DEVICE がこのパソコンに合っていることを確認するか、"
        "RAG_RERANK_MODEL に別のモデルを設定してください。"
    ),
    (
        "The span reader in {folder} could not be loaded ({error}). Check that it is a model for "
        "extractive question answering and that RAG_DEVICE fits this machine, or set "
        "RAG_SPAN_MODEL to another one."
    ): (
        "{folder} の読解モデルを読み込めませんでした（{error}）。"
        "抜き出し型の質問応答モデルであることと、"
        "RAG_DEVICE がこのパソコンに合っていることを確認するか、"
        "RAG_SPAN_MODEL に別のモデルを設定してください。"
    ),
    (
        "The model in {folder} does not find answers in passages. Set RAG_SPAN_MODEL to a model "
        "for extractive question answering, or to nothing."
    ): (
        "{folder} のモデルは文章の中から答えを抜き出せません。"
        "RAG_SPAN_MODEL に抜き出し型の質問応答モデルを設定するか、空にしてください。"
    ),
    (
        "The model in {folder} is no reranker: it has no score for a question and a passage. Set "
        "RAG_RERANK_MODEL to a CrossEncoder of sentence-transformers."
    ): (
        "{folder} のモデルは質問と文章の組にスコアを付けられないため、並べ替えには使えません。"
        "RAG_RERANK_MODEL にsentence-transformersのCrossEncoderを設定してください。"
    ),
    (
        "The graph in {folder} is damaged ({error}). Delete that folder; it is made anew from "
        "the model."
    ): (
        "{folder} の計算グラフが壊れています（{error}）。"
        "このフォルダを削除してください。モデルから作り直されます。"
    ),
    (
        "The answer model in {folder} could not be loaded ({error}). Set RAG_ANSWER_MODEL to "
        "another model, or to `extractive` to go without one."
    ): (
        "{folder} の回答用モデルを読み込めませんでした（{error}）。"
        "RAG_ANSWER_MODEL に別のモデルを設定するか、"
        "モデルを使わない場合は `extractive` を設定してください。"
    ),
    (
        "The answer model in {folder} has no chat template. Choose an instruction-tuned model "
        "(its name often ends in -Instruct)."
    ): (
        "{folder} の回答用モデルにはチャットテンプレートがありません。"
        "指示に従うよう調整されたモデル（名前の末尾が -Instruct のものなど）を選んでください。"
    ),
    (
        "{folder} is a checkpoint of {method} and cannot be served as {precision}. Set "
        "RAG_ANSWER_PRECISION=auto."
    ): (
        "{folder} は{method}のモデルのため、{precision} では使えません。"
        "RAG_ANSWER_PRECISION=auto を設定してください。"
    ),
    "RAG_DEVICE=cuda, but torch sees no CUDA GPU. Set RAG_DEVICE=auto.": (
        "RAG_DEVICE=cuda ですが、CUDA対応のGPUが見つかりません。"
        "RAG_DEVICE=auto を設定してください。"
    ),
    "{path} is missing or damaged.": "{path} がないか、壊れています。",
    "The default embedder is not installed. Run `make setup` to install it.": (
        "標準の検索モデルがインストールされていません。`make setup` を実行してください。"
    ),
    (
        "There is no model {name} on this machine. Give the path of a model folder, or put it "
        "below the models folder, or fetch a hub model once with `HF_HUB_OFFLINE=0 hf download "
        "{model} --include '*.safetensors' '*.json' '*.txt' '*.model' '*.jinja'`."
    ): (
        "モデル {name} がこのパソコンにありません。モデルのフォルダーのパスを指定するか、"
        "モデル用フォルダーの下に置いてください。"
        "Hugging Faceのモデルは `HF_HUB_OFFLINE=0 hf download {model} --include '*.safetensors' '*"
        ".json' '*.txt' '*.model' '*.jinja'` で一度だけ取得できます。"
    ),
    "The model folder {folder} holds no safetensors weights.": (
        "モデルのフォルダー {folder} にsafetensors形式の重みがありません。"
    ),
    (
        "The model folder {folder} holds {file}: pickled weights can run code when they are "
        "loaded. Use a copy of the model with safetensors files only."
    ): (
        "モデルのフォルダー {folder} に {file} があります。pickle形式の重みは、"
        "読み込むだけでコードを実行できてしまいます。safetensors形式だけのモデルを使ってください。"
    ),
    (
        "The model folder {folder} holds program code ({file}), which is never run here. Use a "
        "model of a standard architecture, with safetensors files only."
    ): (
        "モデルのフォルダー {folder} にプログラム（{file}）がありますが、実行しません。"
        "標準的な構造で、safetensors形式だけのモデルを使ってください。"
    ),
    (
        "{file} asks for custom code ({key}), which is never run here. Use a model of a standard "
        "architecture."
    ): (
        "{file} は独自のコード（{key}）を求めていますが、実行しません。"
        "標準的な構造のモデルを使ってください。"
    ),
    "{file} is not valid JSON; the model folder is damaged.": (
        "{file} が正しいJSONではありません。モデルのフォルダーが壊れています。"
    ),
    # searching in Milvus
    (
        "Searching in Milvus needs a package that is not installed. Run `pip install -r "
        "requirements-milvus.txt`, or empty the setting milvus_uri."
    ): (
        "Milvusで検索するためのパッケージがインストールされていません。"
        "`pip install -r requirements-milvus.txt` を実行するか、"
        "設定 milvus_uri を空にしてください。"
    ),
    "The folder {folder} cannot be made ({error}). Name another one.": (
        "フォルダー {folder} を作れません（{error}）。別のフォルダーを指定してください。"
    ),
    (
        "Milvus at {place} did not do what was asked ({reason}). Check that it runs and that no "
        "other program has its folder open, or empty the setting milvus_uri."
    ): (
        "{place} のMilvusで処理できませんでした（{reason}）。Milvusが動いていること、"
        "ほかのプログラムがそのフォルダーを開いていないことを確認するか、"
        "設定 milvus_uri を空にしてください。"
    ),
    (
        "The collection {collection} in Milvus at {place} holds {count} of the passages of the "
        "index, and not just all of them. Export again: `python -m rag export --to URI`."
    ): (
        "{place} のMilvusのコレクション {collection} にある文章は{count}個で、索引と一致しません。"
        "`python -m rag export --to URI` でもう一度コピーしてください。"
    ),
    (
        "The copy in Milvus at {place} finds {recall} of what the index on this machine finds; at "
        "least {least} is wanted. It was not put into service. Export again, or look into the "
        "settings of Milvus."
    ): (
        "{place} のMilvusのコピーで見つかるのは、このパソコンの索引で見つかるものの{recall}です"
        "（必要なのは{least}以上）。コピーは使われません。"
        "もう一度コピーするか、Milvusの設定を確認してください。"
    ),
    # the answer server
    (
        "The API key file {file} cannot be read ({said}). Put the key into it, or empty the "
        "setting {setting}."
    ): (
        "APIキーのファイル {file} を読み取れません（{said}）。キーをこのファイルに書き込むか、"
        "設定 {setting} を空にしてください。"
    ),
    (
        "The API key file {file} can be read by other accounts. Make it yours alone: `chmod 600 "
        "{same_file}`."
    ): (
        "APIキーのファイル {file} を、ほかの利用者も読み取れます。"
        "`chmod 600 {same_file}` で自分だけが読めるようにしてください。"
    ),
    ("The API key file {file} holds no key. Put the key into it, in one line and nothing else."): (
        "APIキーのファイル {file} にキーがありません。キーだけを1行で書き込んでください。"
    ),
    (
        "The answer server {host} cannot be reached ({said}). Check that it runs and that "
        "remote_url is right; `python -m rag doctor` tries it."
    ): (
        "回答サーバー {host} に接続できません（{said}）。サーバーが動いていることと、"
        "設定 remote_url が正しいことを確認してください。`python -m rag doctor` で接続を試せます。"
    ),
    (
        "The answer server {host} cannot be trusted ({said}). Give it a certificate for its name, "
        "or make that of your own authority known to this system. Nothing was sent."
    ): (
        "回答サーバー {host} の証明書を信頼できません（{said}）。"
        "サーバーの名前に合う証明書を使うか、"
        "独自の認証局の証明書をこのシステムに登録してください。何も送信していません。"
    ),
    (
        "The answer server {host} did not finish within {seconds} s. Ask again, or raise "
        "remote_seconds."
    ): (
        "回答サーバー {host} の回答が{seconds}秒以内に終わりませんでした。"
        "もう一度質問するか、設定 remote_seconds を大きくしてください。"
    ),
    (
        "The answer server {host} broke off in mid-answer ({said}). Ask again; if it happens "
        "often, look into its log."
    ): (
        "回答サーバー {host} との通信が回答の途中で切れました（{said}）。"
        "もう一度質問してください。繰り返す場合は、サーバーの記録を確認してください。"
    ),
    (
        "The answer server {host} sent no answer ({fault}). Check that remote_url leads to an "
        "OpenAI-compatible server; it usually ends in /v1."
    ): (
        "回答サーバー {host} から回答が届きませんでした（{fault}）。"
        "設定 remote_url がOpenAI互換のサーバーを指しているか確認してください"
        "（ふつう /v1 で終わります）。"
    ),
    (
        "The answer server {host} does not accept the API key, or misses one (status {status}). "
        "Put a valid key into the file that remote_key_file names."
    ): (
        "回答サーバー {host} がAPIキーを受け付けないか、キーを求めています"
        "（状態コード {status}）。設定 remote_key_file のファイルに正しいキーを書き込んでください。"
    ),
    (
        "The answer server {host} cannot answer at the moment (status {status}: {said}). Ask again "
        "in a while."
    ): (
        "回答サーバー {host} は今は回答できません（状態コード {status}：{said}）。"
        "しばらくしてから、もう一度質問してください。"
    ),
    (
        "The answer server {host} has no model {model}, or nothing at this address ({said}). "
        "`python -m rag doctor` lists its models; remote_url usually ends in /v1."
    ): (
        "回答サーバー {host} にモデル {model} がないか、アドレスが違います（{said}）。"
        "サーバーのモデルは `python -m rag doctor` で確認できます。"
        "設定 remote_url はふつう /v1 で終わります。"
    ),
    (
        "The answer server {host} sends requests on to {place}, which is not followed: it may be "
        "another machine. Set remote_url to the address that answers."
    ): (
        "回答サーバー {host} は {place} への転送を求めましたが、"
        "別のコンピューターかもしれないため従いません。"
        "設定 remote_url に、実際に回答するアドレスを指定してください。"
    ),
    (
        "The answer server {host} reports an error ({step}: {said}). Ask again; if it stays, check "
        "remote_model and the log of the server."
    ): (
        "回答サーバー {host} でエラーが起きました（{step}：{said}）。もう一度質問してください。"
        "直らない場合は、設定 remote_model とサーバーの記録を確認してください。"
    ),
    (
        "The question with its passages is too long for {model} at {host} ({said}). Set "
        "remote_context_tokens to what the server reads, or lower prompt_tokens."
    ): (
        "質問と文章が、{host} の {model} には長すぎます（{said}）。"
        "設定 remote_context_tokens をサーバーの上限に合わせるか、"
        "prompt_tokens を小さくしてください。"
    ),
    (
        "The question with its best passage has about {count} tokens, and with the answer at most "
        "{limit} are sent to the answer server. Shorten the question, or raise "
        "remote_context_tokens if the server reads more."
    ): (
        "質問と最も近い文章だけで約{count}トークンになり、回答を含めて{limit}トークンまでという"
        "上限を超えます。質問を短くするか、サーバーの上限がもっと大きい場合は"
        "設定 remote_context_tokens を大きくしてください。"
    ),
    (
        "The model {model} at {host} wrote nothing within {limit} tokens ({said}). If it thinks "
        "before it answers, switch that off in the server or raise max_new_tokens."
    ): (
        "{host} の {model} は、{limit}トークン以内に何も書きませんでした（{said}）。"
        "回答の前に思考するモデルの場合は、サーバーでその機能を切るか、"
        "設定 max_new_tokens を大きくしてください。"
    ),
    (
        "The model {model} thinks before it answers. Switch that off in the server, or let the "
        "server keep the thoughts apart (vLLM: --reasoning-parser)."
    ): (
        "モデル {model} は回答の前に思考を書き出します。サーバーでその機能を切るか、"
        "思考を分けて返すようにしてください（vLLMでは --reasoning-parser）。"
    ),
    # the model that answers
    (
        "{path}, which names the model that answers, is damaged. Remove it to use the default "
        "model, or activate a model again with `python -m training activate NAME`."
    ): (
        "回答に使うモデルを記したファイル {path} が壊れています。"
        "削除すると標準のモデルに戻ります。"
        "`python -m training activate NAME` でモデルを選び直すこともできます。"
    ),
}
