"""The words of the inspector of an answer in Japanese."""

INSPECTOR_JA = {
    "inspect": "この回答ができるまで",
    "inspect_question": "質問",
    "inspect_searched": "検索した文",
    "inspect_as_asked": "質問のまま",
    "inspect_evidence": "根拠",
    "inspect_evidence_value": "{value}（最大1）",
    "inspect_times": "時間",
    "inspect_tokens": "トークン",
    "inspect_tokens_value": "プロンプト {prompt}、回答 {completion}",
    "inspect_tokens_budget": "プロンプト {prompt}（上限 {budget}）、回答 {completion}",
    "inspect_model": "回答モデル",
    "inspect_no_model": "使っていません",
    "inspect_index": "索引",
    "inspect_template": "プロンプトの型",
    # Passages
    "inspect_passages": "文章",
    "inspect_passage": "文章",
    "inspect_rank": "順位",
    "inspect_score": "スコア",
    "inspect_lexical": "言葉による検索",
    "inspect_vector": "意味による検索",
    "inspect_reranked": "再順位付け",
    "inspect_fate": "扱い",
    "inspect_place": "{rank}位（{score}）",
    "inspect_no_place": "–（{score}）",
    "inspect_legend": "言葉による検索は順位とBM25スコア、意味による検索は順位とコサイン類似度です。"
    "スコアは両方を合わせたもので、0から1です。{depth}位より後の順位は数えません。",
    "inspect_other_index": "順位は、回答に使った索引の中でのものです。"
    "その後、索引が更新されたため、順位を数えることも、ファイルを調べることもできません。"
    "もう一度質問すると表示できます。",
    "inspect_unusable": "今は索引を調べられません。",
    "fate_cited": "引用しました",
    "fate_shown": "モデルに見せましたが、引用していません",
    "fate_over_budget": "プロンプトに入りきらず、省きました（prompt_tokens）",
    "fate_no_sentence": "上位の文が含まれないため、見せていません（evidence_sentences）",
    "fate_not_read": "モデルが読む順位より後のため、見せていません（max_passages）",
    "fate_not_asked": "モデルを使わなかったため、見せていません",
    "fate_not_shown": "見せていません",
    # Prompt
    "inspect_prompt": "モデルに送ったプロンプト（モデルのチャット形式で送ります）",
    "inspect_no_prompt": "根拠が弱いため、モデルを使いませんでした。",
    "inspect_stopped": "モデルを使う前に停止しました。",
    "inspect_completion": "モデルが書いた文（確認前）",
    "role_system": "指示",
    "role_user": "利用者",
    "role_assistant": "モデル",
    # Why not this file?
    "probe_file": "このファイルが使われないのはなぜ？",
    "probe_placeholder": "ファイルを選ぶか、パスを入力してください",
    "probe_best": "最も近い文章：{place}",
    "probe_ranks": "言葉による検索：{lexical}。意味による検索：{vector}。合計：{fused}。",
    "probe_fused": "{looked_at}件中{rank}位（{score}）",
    "probe_not_fused": "調べた{looked_at}件に入っていません",
    "probe_cited": "使われています。回答はこの文章を引用しています。",
    "probe_shown": "モデルに見せましたが、回答の根拠にはなっていません。",
    "probe_over_budget": "見つかりましたが、プロンプトに入りきりませんでした。"
    "設定 prompt_tokens を大きくすると入ることがあります。",
    "probe_no_sentence": "見つかりましたが、モデルに見せる上位の文が含まれていませんでした。"
    "設定 evidence_sentences を大きくすると入ることがあります。",
    "probe_not_read": "見つかりましたが、モデルが読む順位より後でした。"
    "設定 max_passages を大きくすると入ることがあります。",
    "probe_not_asked": "見つかりましたが、モデルを使いませんでした。",
    "probe_not_shown": "見つかりましたが、モデルに見せていません。"
    "以前のバージョンの回答のため、理由は残っていません。",
    "probe_not_indexed": "索引に、このファイルの本文がありません。",
    "probe_outside_limits": "この質問の検索範囲の外にあります。",
    "probe_shares_nothing": "質問と共通する言葉がありません。",
    "probe_behind_in_legs": "言葉でも意味でも、ほかの文章のほうが近いため、調べていません。"
    "ファイルにある言葉を使うと見つかることがあります。",
    "probe_repeated": "同じ文がほかの文章にもあり、そちらを調べました。",
    "probe_low_score": "スコアが設定 min_score_percent を下回っています。",
    "probe_outranked": "ほかの文章のほうが近く、上位{top_k}件に入りませんでした。"
    "ファイルにある言葉を使う、範囲を絞る、設定 top_k を大きくする、"
    "のいずれかで入ることがあります。",
}
