"""What a check says of examples before anything is trained: kind -> (English, Japanese)."""

CHECKS: dict[str, tuple[str, str]] = {
    # nothing is trained as long as one of these is said
    "no_examples": (
        "No row can be learned from. The reasons stand beside the rejected rows.",
        "学習に使える行がありません。除かれた行の理由を確認してください。",
    ),
    "rows_cut": (
        "{count} of {total} rows have more than the {limit:,} tokens that are learned of a row; "
        "the longest has {longest:,}. Their answers would lose their end. Shorten the answers, "
        "lower prompt.budget_tokens, or raise train.max_tokens ({places}).",
        "{total}行中{count}行が、1行で学習できる{limit:,}トークンを超えています"
        "（最長{longest:,}トークン）。回答の終わりが切れます。回答を短くするか、"
        "prompt.budget_tokens を下げるか、train.max_tokens を上げてください（{places}）。",
    ),
    "end_not_taught": (
        "{count} of {total} rows do not teach where an answer ends, so that the model would go on "
        "writing ({places}). The tokenizer of the base model names no token for it; choose "
        "another base.",
        "{total}行中{count}行が回答の終わりを教えないため、モデルが書き続けてしまいます"
        "（{places}）。ベースモデルのトークナイザーに終わりを示すトークンがありません。"
        "別のベースモデルを選んでください。",
    ),
    "document_leak": (
        "{count} documents stand both in what is learned and in what is tested, so that the test "
        "would flatter ({places}).",
        "{count}件の文書が学習用とテスト用の両方に含まれ、テスト結果が実際より良く見えます"
        "（{places}）。",
    ),
    # worth a thought
    "rejected": (
        "{name}: {count} of {total} rows are left out.",
        "{name}：{total}行中{count}行を除きました。",
    ),
    "unread": (
        "{name}: only the first {read:,} of {total:,} rows are read; more would not fit into "
        "memory. They may not be typical of the rest. Choose rows at random into a smaller file.",
        "{name}：{total:,}行のうち先頭の{read:,}行だけを読み取りました（メモリーの上限）。"
        "残りと傾向が違うことがあります。無作為に選んだ小さなファイルにしてください。",
    ),
    "duplicates": (
        "{count} rows repeat another row with the same question, answer and passage. They weigh "
        "more than others ({places}).",
        "{count}行は、質問・回答・文章が別の行と同じです。その分だけ強く学習されます（{places}）。",
    ),
    "near_duplicates": (
        "{count} questions are worded nearly like another one ({places}).",
        "{count}件の質問は、別の質問とほとんど同じ文面です（{places}）。",
    ),
    "conflicts": (
        "{count} questions have different answers about the same text, so that one of them must "
        "be wrong ({places}).",
        "{count}件の質問は、同じ文章について異なる回答を持っています。"
        "どちらかが誤りです（{places}）。",
    ),
    "asked_elsewhere": (
        "{count} questions are asked of several texts, with different answers. That is fine when "
        "each row brings its passage along.",
        "{count}件の質問は、複数の文章について異なる回答を持っています。"
        "各行に文章が付いていれば問題ありません。",
    ),
    "majority_label": (
        "{share:.1%} of the {total} labels are {label!r}. A model that always says {label!r} has "
        "an accuracy of {accuracy:.3f} and a macro-F1 of {macro_f1:.3f}, and training tends to end "
        'there. Set data.balance to "sample" (rare labels come more often) or "weights" (they '
        "count more), and judge by macro-F1.",
        "{total}件のラベルの{share:.1%}が {label!r} です。常に {label!r} と答えるモデルでも"
        "正解率{accuracy:.3f}、マクロF1 {macro_f1:.3f}となり、学習がそこに陥りがちです。"
        'data.balance を "sample"（少ないラベルを多く使う）か "weights"（重みを付ける）にし、'
        "マクロF1で判断してください。",
    ),
    "majority_balanced": (
        "{share:.1%} of the {total} labels are {label!r} (always saying so: accuracy "
        "{accuracy:.3f}, macro-F1 {macro_f1:.3f}); data.balance = {balance!r} works against it.",
        "{total}件のラベルの{share:.1%}が {label!r} です（常にそう答えた場合の正解率"
        "{accuracy:.3f}、マクロF1 {macro_f1:.3f}）。data.balance = {balance!r} で補正します。",
    ),
    "one_label": (
        "All {total} labels are {label!r}: there is nothing to tell apart.",
        "{total}件のラベルがすべて {label!r} です。区別を学べません。",
    ),
    "no_not_found": (
        'No row teaches to say "not found", so that the model would answer every question. '
        "{share:.0%} of the rows are made by taking the right passage away "
        "(data.not_found_share).",
        "「見つかりません」と答える行がないため、どんな質問にも答えるモデルになります。"
        "正しい文章を取り除いた行を{share:.0%}作ります（data.not_found_share）。",
    ),
    "no_not_found_at_all": (
        'No row teaches to say "not found", so that the model would answer every question. Set '
        "data.not_found_share, such as to 0.2, and such rows are made.",
        "「見つかりません」と答える行がないため、どんな質問にも答えるモデルになります。"
        "data.not_found_share を 0.2 などにすると、そのような行を作ります。",
    ),
    "many_not_found": (
        '{share:.0%} of the rows say "not found", so that the model may give up on questions that '
        "have an answer. 15 to 25 % are usual.",
        "{share:.0%}の行が「見つかりません」と答えます。答えのある質問も諦めるおそれがあります。"
        "15～25%が目安です。",
    ),
    "near_leak": (
        "{count} of {total} questions to test on are worded nearly like one that is learned "
        "({places}).",
        "テスト用の{total}件中{count}件の質問が、学習用の質問とほとんど同じ文面です（{places}）。",
    ),
    "one_document": (
        "All examples are about one document, so that the test is about a document that was "
        "learned from; only the {unit} differ. Expect less on others.",
        "すべての例が1件の文書についてのものです。学習した文書でテストすることになり、"
        "違うのは{unit_ja}だけです。ほかの文書では結果が下がります。",
    ),
    "no_held_out": (
        "There is nothing to test on: {total} examples cannot be parted. Add more.",
        "テスト用の例がありません。{total}件では分けられません。例を増やしてください。",
    ),
    "set_aside": (
        "{count} examples are neither learned nor tested: they are about held-out documents, of "
        "which at most {limit} examples are tested (data.max_held_out).",
        "{count}件の例は学習にもテストにも使いません。テスト用の文書の例のうち、"
        "使うのは最大{limit}件です（data.max_held_out）。",
    ),
    "not_chosen": (
        "{count} examples are left out, as data.max_rows is {limit}; which ones is left to chance.",
        "data.max_rows が {limit} のため、無作為に選んだ{count}件の例を除きました。",
    ),
    "author_cap": (
        "{left_out} of the {total} corrections of {author} are left out: one person brings at "
        "most {share:.0%} of all rows (data.author_share). If the person can be trusted, raise it; "
        "1 is no limit.",
        "{author} の修正{total}件のうち{left_out}件を除きました。1人の修正は全体の{share:.0%}まで"
        "です（data.author_share）。信頼できる人なら値を上げてください。1で無制限になります。",
    ),
    "recall_low": (
        "The search brings the passage that holds the answer among the first {k} for only "
        "{recall:.0%} of {total} questions tried. Training cannot repair that; look at the "
        "search first.",
        "試した{total}件の質問のうち、答えのある文章が検索の上位{k}件に入ったのは{recall:.0%}です。"
        "これは学習では直せません。先に検索を見直してください。",
    ),
    "recall": (
        "The search brings the passage that holds the answer among the first {k} for {recall:.0%} "
        "of {total} questions tried.",
        "試した{total}件の質問の{recall:.0%}で、答えのある文章が検索の上位{k}件に入りました。",
    ),
    "no_row": (
        "No row can be made of {count} of {total} examples ({places}): {reason}",
        "{total}件中{count}件の例から行を作れません（{places}）：{reason}",
    ),
    "no_place": (
        "{count} answers come with neither a passage nor a document, so that nothing tells which "
        "passage holds them ({places}).",
        "{count}件の回答には文章も出典もなく、どの文章に答えがあるのか分かりません（{places}）。",
    ),
    "not_in_passage": (
        "{count} of {total} answers do not stand word for word in the text that they come from. "
        "The app shows only what a passage supports ({places}).",
        "{total}件中{count}件の回答は、元の文章にそのままの言葉では出てきません。"
        "アプリは文章に裏付けのある言葉だけを表示します（{places}）。",
    ),
    "personal": (
        "The texts hold what looks like personal data: {emails} e-mail addresses, {phones} phone "
        "numbers, {cards} card numbers. A model can repeat what it learned.",
        "個人情報らしきものがあります（メールアドレス{emails}件、電話番号{phones}件、"
        "カード番号{cards}件）。モデルは学習した内容をそのまま答えることがあります。",
    ),
    "other_language": (
        "{count} questions are in neither English nor Japanese ({places}).",
        "{count}件の質問は英語でも日本語でもありません（{places}）。",
    ),
    "less_than_a_step": (
        "{rows} rows are fewer than one step takes ({per_step}: batch_size times "
        "gradient_accumulation), so that an epoch changes the model only once. Lower them.",
        "{rows}行は1ステップ分（{per_step}行、batch_size × gradient_accumulation）に足りず、"
        "1エポックで1回しか更新されません。値を下げてください。",
    ),
    "unused_columns": (
        "{name}: nothing is read from {columns}.",
        "{name}：{columns} は使いません。",
    ),
}
