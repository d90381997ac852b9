"""The words of feedback and of the Teach page in Japanese."""

TEACH_JA = {
    "page_teach": "教える",
    "sentence_space": "",
    # Below an answer
    "feedback_thanks": "ありがとうございます。",
    "feedback_fault": "どこに問題がありましたか？",
    "fault_wrong": "回答が誤り",
    "fault_not_in_source": "出典の内容と違う",
    "fault_incomplete": "不十分",
    "fault_not_found": "「見つからない」と答えるべき",
    "fault_language": "言語が違う",
    "fault_other": "その他",
    "feedback_correction": "正しい回答",
    "feedback_correction_placeholder": "文書の言葉を使って、できるだけ短く",
    "feedback_correction_help": "「教える」ページで採用した後に、はじめて学習の例になります。"
    "自動で学習することはありません。分からない場合は空欄のままで構いません。",
    "feedback_passage": "正しい回答が書かれている箇所",
    "feedback_passage_placeholder": "分からない、またはこの中にない",
    "feedback_passage_help": "選ばない場合は、入力した回答の言葉から該当箇所を探します。",
    "feedback_note": "コメント",
    "feedback_send": "送信",
    "feedback_later": "今はしない",
    "feedback_change": "変更",
    "feedback_looking": "原因を調べています",
    "feedback_proposed": "「教える」ページに例の候補として登録しました。",
    # What follows from a triage
    "advice_no_correction": "正しい回答が分かれば、原因を調べられます。",
    "advice_not_indexed": "この内容は、どの文書にも見当たりません。文書を追加するか、"
    "「文書」ページで読み込めているか確認してください。学習では解決しません。",
    "advice_not_retrieved": "該当箇所は文書の中にありますが、"
    "この質問では検索で見つかりませんでした。"
    "言い回しを変える、絞り込みを減らす、top_k を増やすと見つかることがあります。"
    "学習では解決しません。",
    "advice_not_retrieved_rank": "該当箇所は文書の中にありますが、この質問では{rank}番目でした。"
    "言い回しを変える、絞り込みを減らす、top_k を増やすと見つかることがあります。"
    "学習では解決しません。",
    "advice_not_in_prompt": "該当箇所は見つかっていましたが、モデルには渡されていません。"
    "max_passages や evidence_sentences を増やすと改善することがあります。"
    "学習では解決しません。",
    "advice_not_in_prompt_rank": "該当箇所は{rank}番目に見つかっていましたが、"
    "この文はモデルに渡されていません。max_passages や evidence_sentences を増やすと"
    "改善することがあります。学習では解決しません。",
    "advice_answered_wrong": "モデルは正しい文を読んだうえで誤って回答しました。"
    "学習で改善できます。",
    "advice_should_not_find": "文書に書かれていないのに、モデルが回答しました。"
    "学習で改善できます。",
    "advice_unknown": "正しい回答がどこに書かれているか特定できませんでした。"
    "該当箇所を選ぶか、文書の言葉で回答を入力してください。",
    "outcome_not_indexed": "索引にない",
    "outcome_not_retrieved": "検索で見つからない",
    "outcome_not_in_prompt": "モデルに渡っていない",
    "outcome_answered_wrong": "回答の誤り",
    "outcome_unknown": "原因不明",
    "outcome_up": "正しい回答",
    # Teach
    "teach_intro": "回答への評価、誤りの原因、回答モデルに学習させる例を管理します。"
    "学習に使われるのは、ここで採用した例だけです。",
    "teach_view": "表示",
    "teach_inbox": "評価",
    "teach_pairs": "例",
    "teach_compare": "モデルの比較",
    "teach_right": "正しい",
    "teach_wrong": "誤り",
    "teach_to_review": "確認待ち",
    "teach_accepted": "採用した例",
    "teach_left_out": "採用した例のうち{count}件は、文書または該当箇所が索引にないため"
    "除外しています。索引に戻ると再び使われます。",
    "teach_index_unusable": "該当箇所がまだ索引にあるか確認できません。",
    "inbox_empty": "評価はまだありません。回答の下の 👍 か 👎 を押してください。",
    "inbox_filter": "原因",
    "inbox_said": "回答",
    "inbox_corrected": "正しい回答",
    "inbox_quote": "文書の記載",
    "inbox_propose": "例として使う",
    "inbox_again": "もう一度調べる",
    "inbox_more": "さらに{count}件を表示",
    "inbox_delete": "この評価を削除",
    "inbox_delete_confirm": "評価とその回答の写し、そこから作った例は完全に削除され、"
    "元に戻せません。",
    "pair_proposed": "候補",
    "pair_accepted": "採用",
    "pair_rejected": "不採用",
    "pairs_empty": "例はまだありません。モデルが正しい箇所を読んで誤った場合や、"
    "「評価」で指定した場合に、正しい回答が例になります。",
    "pairs_intro": "セルをダブルクリックすると編集できます。回答を空にすると、"
    "「見つからない」と答える例になります。",
    "pairs_filter": "状態",
    "pairs_alt": "確認する例の一覧",
    "pairs_state": "状態",
    "pairs_question": "質問",
    "pairs_answer": "正しい回答",
    "pairs_source": "文書",
    "pairs_quote": "引用文",
    "pairs_passage": "該当箇所",
    "pairs_remark": "備考",
    "pairs_author": "投稿者：{author}",
    "pairs_not_found": "「見つからない」と答える例",
    "pairs_one_author": "採用した{total}件のうち{count}件が{author}さんの例です。"
    "学習に使うのは1人につき全体の{percent}%までです。",
    "pairs_save": "変更した{count}行を保存",
    "pairs_saved_all": "変更はありません",
    "pairs_saved": "{count}行を保存しました。",
    "pairs_discard": "変更を破棄",
    "pairs_download": "採用した{count}件をダウンロード",
    "missing_document": "除外：文書が索引にありません",
    "missing_passage": "除外：文書にこの記載がありません",
    "blind_intro": "2つのモデルが、同じ質問に同じ箇所を読んで回答します。"
    "どちらのモデルか伏せたまま良い方を選びます。結果はモデルの学習（DPO）に使えます。",
    "blind_one_model": "このパソコンにある回答モデルは1つだけです。"
    "別のモデルを学習させるか、モデルのフォルダーに追加してください。",
    "blind_no_answers": "モデルが回答した質問がまだありません。先に質問してください。",
    "blind_question": "質問",
    "blind_first": "一方のモデル",
    "blind_second": "もう一方のモデル",
    "blind_start": "比較する",
    "blind_running": "2つのモデルのうち{done}つが回答しました",
    "blind_prompt": "両方のモデルに渡した内容",
    "blind_silent": "このモデルは何も書きませんでした。",
    "blind_left": "Aが良い",
    "blind_tie": "同じくらい",
    "blind_right": "Bが良い",
    "blind_votes": "結果",
    "blind_wins": "{model}：{wins}勝{losses}敗",
    "blind_ties": "同じくらい：{count}件",
    "blind_better": "良かったモデル",
    "blind_chosen": "そのモデルの回答",
    "blind_other": "もう一方の回答",
}
