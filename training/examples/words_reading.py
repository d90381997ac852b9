"""What is said while a file of examples is read: kind -> (English, Japanese)."""

READING: dict[str, tuple[str, str]] = {
    # a file that cannot be read at all
    "file_missing": (
        "There is no file {file}. Check the path.",
        "ファイル {file} がありません。パスを確認してください。",
    ),
    "file_unreadable": (
        "{file} cannot be read ({error}).",
        "{file} を読み取れません（{error}）。",
    ),
    "file_damaged": (
        "{file} is damaged: it ends or changes in the middle ({error}). Copy it again from where "
        "it came from.",
        "{file} が壊れています（{error}）。元の場所からもう一度コピーしてください。",
    ),
    "file_kind": (
        "{file} is no file of examples. Read are: {kinds}; all but workbooks also as .gz.",
        "{file} は学習例のファイルではありません。読み取れる形式：{kinds}"
        "（ブック以外は .gz も可）。",
    ),
    "file_empty": (
        "{file} holds no rows.",
        "{file} に行がありません。",
    ),
    "file_encoding": (
        "{file} line {line} is text in an unknown encoding. Save the file as UTF-8.",
        "{file} の{line}行目の文字コードを判別できません。UTF-8で保存し直してください。",
    ),
    "json_too_large": (
        "{file} holds more than {limit} MB of JSON, which has to be read in one piece. Save it as "
        "JSONL (.jsonl), one object a line: that is read line by line.",
        "{file} は{limit} MBを超えるJSONです。JSONは一度に読み込む必要があります。"
        "1行に1件のJSONL（.jsonl）で保存してください。1行ずつ読み取れます。",
    ),
    "json_malformed": (
        "{file} is not valid JSON: line {line}, column {column}: {error}. Correct that place, or "
        "export the file again.",
        "{file} は正しいJSONではありません（{line}行目、{column}文字目：{error}）。"
        "その箇所を直すか、もう一度書き出してください。",
    ),
    "json_shape": (
        "{file} holds {found}. Expected is a list of objects with question and answer, or an "
        "object in the layout of SQuAD or PubMedQA.",
        "{file} の中身は {found} です。質問と回答を持つオブジェクトのリスト、"
        "またはSQuADかPubMedQAの形式にしてください。",
    ),
    "workbook": (
        "{file} cannot be read: {error}",
        "{file} を読み取れません：{error}",
    ),
    "columns": (
        "{file} has the columns {found}, and none of them could be told as {missing}. Name them, "
        "such as `--map question={example}`, or rename them to question and answer (質問, 回答).",
        "{file} の列は {found} です。{missing} に当たる列が分かりません。"
        "`--map question={example}` のように指定するか、"
        "列名を「質問」「回答」（question、answer）に変えてください。",
    ),
    "mapping_entry": (
        "{entry} maps nothing. Write a field and its column, such as question=質問文.",
        "{entry} は対応の指定になっていません。question=質問文 のように書いてください。",
    ),
    "mapping_field": (
        "There is no field {field} to map a column to. The fields are: {fields}.",
        "{field} という項目はありません。指定できる項目：{fields}",
    ),
    "mapping_column": (
        "{file} has no column {column}. Its columns are: {found}.",
        "{file} に列 {column} はありません。あるのは {found} です。",
    ),
    # a row that is left out
    "row_json": (
        "This line is not valid JSON (column {column}: {error}).",
        "正しいJSONではありません（{column}文字目：{error}）。",
    ),
    "row_shape": (
        "This row is no object with named values.",
        "名前の付いた値を持つオブジェクトではありません。",
    ),
    "row_deep": (
        "This line is nested too deeply to be read.",
        "入れ子が深すぎて読み取れません。",
    ),
    "row_encoding": (
        "This line is not text in the encoding of the file ({encoding}).",
        "ファイルの文字コード（{encoding}）では読めません。",
    ),
    "row_long": (
        "This line has more than {limit:,} characters.",
        "この行は{limit:,}文字を超えています。",
    ),
    "row_quotes": (
        "A quotation mark in this line does not fit ({error}). Double those inside a cell.",
        "引用符が合っていません（{error}）。セル内の引用符は二重にしてください。",
    ),
    "row_cells": (
        "This row has {cells} cells and the header {columns}. Put cells that hold the separator "
        "into quotation marks.",
        "セルが{cells}個ありますが、見出しは{columns}個です。"
        "区切り文字を含むセルは引用符で囲んでください。",
    ),
    "sheet_columns": (
        "This sheet has the columns {found} and no question with answer.",
        "このシートの列は {found} で、質問と回答がありません。",
    ),
    "part_missing": (
        "It has no {part}.",
        "{part} がありません。",
    ),
    "value_shape": (
        "The value of {column} is no text.",
        "{column} の値が文字列ではありません。",
    ),
    "question_empty": (
        "The question is empty.",
        "質問が空です。",
    ),
    "answer_empty": (
        'The answer is empty. If the documents hold none, say so with "answerable": false or '
        '"is_impossible": true.',
        '回答が空です。文書に答えがない場合は "answerable": false か '
        '"is_impossible": true と書いてください。',
    ),
    "answer_contradicts": (
        "The row says that there is no answer, and gives one.",
        "答えがないと書かれているのに、回答があります。",
    ),
    "answer_longer": (
        "The answer has {answer:,} characters and the passage that holds it only {passage:,}, so "
        "it says what the passage does not. Check whether the columns are mapped right.",
        "回答が{answer:,}文字で、元の文章の{passage:,}文字より長く、"
        "文章にないことを述べています。列の対応を確認してください。",
    ),
    "answerable_unknown": (
        "{column} is {value!r}; expected is true or false.",
        "{column} が {value!r} です。true か false にしてください。",
    ),
    "turn_role": (
        "The role {role!r} of a message is not known.",
        "メッセージの役割 {role!r} が分かりません。",
    ),
    "turn_unanswered": (
        "No answer follows this question.",
        "この質問に続く回答がありません。",
    ),
    "turn_unasked": (
        "No question precedes this answer.",
        "この回答の前に質問がありません。",
    ),
    "turns_empty": (
        "The conversation holds no message.",
        "会話にメッセージがありません。",
    ),
    "pair_not_accepted": (
        "This correction was not accepted by a person (it is {state}).",
        "この修正は承認されていません（状態：{state}）。",
    ),
    "pair_missing": (
        "The source of this correction is no longer in the index.",
        "この修正の出典は、すでに索引にありません。",
    ),
}
