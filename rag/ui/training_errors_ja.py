"""What training, its check and the exchange of models say, in Japanese (tested to be all)."""

TRAINING_ERRORS = {
    # settings that a page makes
    "{name} cannot name a model. Use up to 60 letters, digits, - and _.": (
        "{name} はモデルの名前にできません。文字・数字・- ・_ を60文字以内で使ってください。"
    ),
    (
        "{path} cannot be written ({error}). Free some space, or set RAG_STATE_DIR to a writable "
        "folder, and start again."
    ): (
        "{path} に書き込めません（{error}）。空き容量を増やすか、"
        "RAG_STATE_DIR に書き込めるフォルダーを設定して、起動し直してください。"
    ),
    "Settings to mend in {path}: {mistakes}.": "{path} の設定を直してください：{mistakes}",
    "There is no file {path}. Configurations that come along: {names}.": (
        "ファイル {path} がありません。用意されている設定：{names}"
    ),
    "{path} is no TOML file: {error}.": "{path} をTOMLとして読み取れません：{error}",
    # before a training
    "The base model is not installed. Run `make setup` to install it.": (
        "ベースモデルがありません。`make setup` を実行してください。"
    ),
    "There is no model in {path}. Make it: `python -m training setup`.": (
        "{path} にモデルがありません。`python -m training setup` で作成してください。"
    ),
    (
        "There is nothing to check. Name files with --data, or add --feedback for the corrections "
        "of the app."
    ): (
        "確認する例がありません。--data でファイルを指定するか、"
        "--feedback で採用済みの修正を加えてください。"
    ),
    "Nothing was trained.": "学習は行われませんでした。",
    "Another training run is being worked on. Wait for its end, or stop it.": (
        "別の学習が進行中です。終わるのを待つか、停止してください。"
    ),
    (
        "There are {left} GB left on the disk of {path}, and this run needs about {needed} GB. "
        "Make room, then go on with it."
    ): (
        "{path} のディスクの空きは {left} GBで、この学習には約 {needed} GB必要です。"
        "空きを増やしてから再開してください。"
    ),
    "The disk of {path} is full. Make room, then go on with the run.": (
        "{path} のディスクがいっぱいです。空きを増やしてから再開してください。"
    ),
    "{path} could not be written ({error}).": "{path} に書き込めませんでした（{error}）。",
    "There is no training run in {path}.": "{path} に学習の記録がありません。",
    "{name} is no name of a run.": "{name} は学習の名前ではありません。",
    "{path} is damaged ({error}). Start a new run.": (
        "{path} が壊れています（{error}）。新しく学習を始めてください。"
    ),
    "{path} was made in this very second. Try again.": (
        "{path} はたった今作られました。もう一度実行してください。"
    ),
    # rows
    "The rows in {path} cannot be read ({error}).": "{path} の行を読み取れません（{error}）。",
    "{path} line {line} is no row ({error}). Remove the file; the run makes it again.": (
        "{path} の{line}行目が壊れています（{error}）。"
        "ファイルを削除すると、学習の際に作り直されます。"
    ),
    (
        "The model in {path} has no chat template, so it cannot be asked as it is served. Choose "
        "an instruction-tuned model (its name often ends in -Instruct)."
    ): (
        "{path} のモデルにチャットテンプレートがなく、使うときと同じ形で質問できません。"
        "指示に対応したモデル（名前の末尾が -Instruct など）を選んでください。"
    ),
    (
        "{place}: the prompt has {prompt} tokens and the answer {answer}, together more than the "
        "{size} of a row. Shorten the answer, lower prompt.budget_tokens, or raise "
        "train.max_tokens."
    ): (
        "{place}：プロンプト{prompt}トークンと回答{answer}トークンの合計が、"
        "1行の上限{size}を超えています。回答を短くするか、prompt.budget_tokens を下げるか、"
        "train.max_tokens を上げてください。"
    ),
    "The model in {path} names no token that ends an answer (eos_token).": (
        "{path} のモデルに、回答の終わりを示すトークン（eos_token）がありません。"
    ),
    "{path} is damaged. Copy the model again.": (
        "{path} が壊れています。モデルをコピーし直してください。"
    ),
    "{path} is damaged ({error}). Copy the model again.": (
        "{path} が壊れています（{error}）。モデルをコピーし直してください。"
    ),
    "The tokenizer in {path} could not be loaded ({error}).": (
        "{path} のトークナイザーを読み込めません（{error}）。"
    ),
    # while weights change
    "Stopped after step {step} of {steps}. Run the same command again to go on from there.": (
        "ステップ{step} / {steps} で停止しました。同じ操作で続きから再開できます。"
    ),
    "There are no rows to learn from, or none to test on.": (
        "学習用またはテスト用の行がありません。"
    ),
    (
        "The weights are no numbers any more: training diverged. Lower train.learning_rate (it is "
        "{rate}) and start a new run."
    ): (
        "重みが数値でなくなりました（学習の発散）。学習率（現在 {rate}）を下げて、"
        "新しく始めてください。"
    ),
    (
        'train.precision = "nf4" holds the weights fixed, but method "{name}" changes them. Use '
        'method "lora", or precision "auto".'
    ): (
        'train.precision = "nf4" では重みが固定されますが、方法 "{name}" は重みを変えます。'
        '方法を "lora" にするか、精度を "auto" にしてください。'
    ),
    (
        "The base model in {path} could not be loaded for training ({error}). A base is a folder "
        "with 16-bit weights as safetensors; a GPTQ checkpoint cannot be trained."
    ): (
        "{path} のベースモデルを学習用に読み込めません（{error}）。"
        "16ビットの重み（safetensors）のフォルダーが必要です。GPTQのモデルは学習できません。"
    ),
    "train.targets:": "train.targets：",
    (
        "train.adapter: {path} cannot be gone on with ({error}). Name the folder of an adapter of "
        "the same base, with adapter_config.json and adapter_model.safetensors."
    ): (
        "train.adapter：{path} の学習を続けられません（{error}）。同じベースモデルのアダプターの"
        "フォルダー（adapter_config.json と adapter_model.safetensors）を指定してください。"
    ),
    'Preferences are learned by an adapter. Set train.method = "lora".': (
        '好みの学習にはアダプターを使います。train.method を "lora" にしてください。'
    ),
    (
        "There are no pairs to learn from, or none to test on. Compare two models on the Teach "
        "page first."
    ): (
        "学習用またはテスト用の組がありません。先に「教える」ページで2つのモデルを比べてください。"
    ),
    "train.method = {name} cannot train a classification. Choose one of {names}.": (
        "train.method = {name} では分類を学習できません。{names} から選んでください。"
    ),
    (
        "{unlabelled} examples have no label, the first one in {place}. Map a column to `label`, "
        "or leave these examples out."
    ): (
        "{unlabelled}件の例にラベルがありません（最初は {place}）。"
        "列を「ラベル」に対応させるか、その例を除いてください。"
    ),
    (
        "The examples to learn from have the labels {names}{rest}. At least two labels are needed, "
        "and every label must be learned."
    ): (
        "学習用の例のラベルは {names}{rest} です。ラベルは2種類以上必要で、"
        "すべてのラベルを学習用に含める必要があります。"
    ),
    (
        "Of {files} files in {folders}, {readable} could be read. At least two are needed: one to "
        "learn from and one to test on. Name folders in data.folders."
    ): (
        "{folders} の{files}ファイルのうち、読み取れたのは{readable}件です。"
        "学習用とテスト用に2件以上必要です。data.folders にフォルダーを指定してください。"
    ),
    # merge and quantization
    "The adapter in {path} does not fit its base or is damaged ({error}). Train it again.": (
        "{path} のアダプターがベースモデルに合わないか、壊れています（{error}）。"
        "学習し直してください。"
    ),
    "There is too little text in {path} to calibrate with.": (
        "{path} には量子化の調整に使う文章が足りません。"
    ),
    "There are no texts to calibrate the quantization with.": (
        "量子化の調整に使う文章がありません。"
    ),
    "{name} has {inputs} inputs, which groups of {group} do not divide. {advice}.": (
        "{name} の入力は{inputs}個で、{group}個ずつの組に分けられません。{advice}。"
    ),
    "{path} could not be quantized ({error}). What was done is in {log}.": (
        "{path} を量子化できませんでした（{error}）。経過は {log} にあります。"
    ),
    # the comparison
    "There are no rows to evaluate on. Give questions with answers.": (
        "比較に使う行がありません。回答のある質問を加えてください。"
    ),
    "No model could be evaluated.": "比較できたモデルがありません。",
    "There is no suite {name}. Use one of {names}.": (
        "{name} という問題集はありません。{names} から選んでください。"
    ),
    "{path} is missing. Name the folder of the suite with --data.": (
        "{path} がありません。問題集のフォルダーを --data で指定してください。"
    ),
    "{run} has no adapter to export: a run that is done and whose train.method is "
    '"lora" or "rslora" has one, as long as its model is among the models.': (
        "{run} には書き出せるアダプターがありません。train.method が「lora」か「rslora」で完了し、"
        "モデルが残っている学習にだけあります。"
    ),
    "{runs} runs need {shares} shares that add up to 1, not {given}.": (
        "{runs} 件の学習には、合計が 1 になる割合が {shares} 個必要です（指定：{given}）。"
    ),
    "The adapters of {run} and {last} are of different shapes or bases, so they "
    "have no mean. Export one of them.": (
        "{run} と {last} のアダプターは形かベースモデルが異なるため、平均できません。"
        "どちらか一方を書き出してください。"
    ),
    "{name} cannot name a model here: use letters, digits, - and _.": (
        "{name} はここではモデルの名前にできません。英数字・- ・_ を使ってください。"
    ),
    "{name}: {precision} is no precision. Use one of {names}.": (
        "{name}：{precision} という精度はありません。{names} から選んでください。"
    ),
    "There is no evaluation in {path}.": "{path} に比較の結果がありません。",
    "{path} is damaged. Evaluate the models again.": (
        "{path} が壊れています。モデルを比較し直してください。"
    ),
    # the exchange of models
    (
        "The settings name the answer model {name}, so that activating another one changes "
        'nothing. Set answer_model = "{active}" first.'
    ): (
        "設定で回答モデル {name} が指定されているため、切り替えても変わりません。"
        '先に answer_model = "{active}" にしてください。'
    ),
    "Say why the gates are to be passed over: --force --why TEXT.": (
        "基準を無視する理由を書いてください：--force --why 理由"
    ),
    "{name} is no name of a folder below {path}.": (
        "{name} は {path} にあるフォルダーの名前ではありません。"
    ),
    (
        "There is no model {name} in {path}. `python -m training models` lists those that are "
        "there."
    ): ("{path} にモデル {name} はありません。`python -m training models` で一覧を確認できます。"),
    "{name} answers already.": "{name} はすでに回答に使われています。",
    (
        "{name} was never compared with {serving}, which answers now. Run `python -m training "
        "evaluate --model {first} {second} --data FILE` with questions that it was not trained on."
    ): (
        "{name} は、今回答している {serving} と比較されていません。学習に使っていない質問で "
        "`python -m training evaluate --model {first} {second} --data ファイル` "
        "を実行してください。"
    ),
    (
        "{name} is worse than {serving}, which answers now: {gates}. It was not activated ({path})."
    ): (
        "{name} は、今回答している {serving} より次の点で劣るため、切り替えませんでした（{path}）："
        "{gates}"
    ),
    (
        "{name} was compared with {serving} on {rows} questions only, and fewer than {least} "
        "cannot tell which is better. Evaluate on more."
    ): (
        "{name} と {serving} の比較は{rows}問だけです。{least}問より少ないと優劣を判断できません。"
        "質問を増やして比較してください。"
    ),
    (
        "{name} was loaded and asked the built-in test questions, and answered less than half of "
        "them in every language. It was not activated."
    ): (
        "{name} を読み込んで試験用の質問をしましたが、どの言語でも半分も答えられませんでした。"
        "切り替えていません。"
    ),
    "No model was activated, so there is none to go back to.": (
        "モデルを切り替えたことがないため、戻す先がありません。"
    ),
    "The model folder {path} has no {name}. Copy the model again.": (
        "モデルのフォルダー {path} に {name} がありません。コピーし直してください。"
    ),
    "Another process is activating a model at this moment. Try again.": (
        "別の処理がモデルを切り替えています。もう一度実行してください。"
    ),
}
