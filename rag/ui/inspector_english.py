"""The words of the inspector of an answer in English."""

INSPECTOR_EN = {
    "inspect": "How this answer came about",
    "inspect_question": "Asked",
    "inspect_searched": "Searched for",
    "inspect_as_asked": "the question as it was asked",
    "inspect_evidence": "Evidence",
    "inspect_evidence_value": "{value} of 1",
    "inspect_times": "Times",
    "inspect_tokens": "Tokens",
    "inspect_tokens_value": "prompt {prompt}, answer {completion}",
    "inspect_tokens_budget": "prompt {prompt} of at most {budget}, answer {completion}",
    "inspect_model": "Answer model",
    "inspect_no_model": "not asked",
    "inspect_index": "Index",
    "inspect_template": "Prompt template",
    # Passages
    "inspect_passages": "Passages",
    "inspect_passage": "Passage",
    "inspect_rank": "Rank",
    "inspect_score": "Score",
    "inspect_lexical": "By words",
    "inspect_vector": "By meaning",
    "inspect_reranked": "Reranker",
    "inspect_fate": "What became of it",
    "inspect_place": "{rank} ({score})",
    "inspect_no_place": "– ({score})",
    "inspect_legend": "By words: rank and BM25 score. By meaning: rank and cosine similarity. "
    "Score: both together, 0 to 1. Ranks beyond {depth} are not counted.",
    "inspect_other_index": "The ranks are those of the index that answered. It has changed since, "
    "so they cannot be counted any more, and no file can be looked up. Ask again to see them.",
    "inspect_unusable": "The index cannot be looked into at the moment.",
    "fate_cited": "Cited",
    "fate_shown": "Shown to the model, not cited",
    "fate_over_budget": "Cut: the prompt had no room for it (prompt_tokens)",
    "fate_no_sentence": "Not shown: none of its sentences was among the best (evidence_sentences)",
    "fate_not_read": "Not shown: farther behind than the model reads (max_passages)",
    "fate_not_asked": "Not shown: the model was not asked",
    "fate_not_shown": "Not shown",
    # Prompt
    "inspect_prompt": "The prompt as it was sent to the model, in the chat template of the model",
    "inspect_no_prompt": "The model was not asked, as the evidence was too weak.",
    "inspect_stopped": "The answer was stopped before the model was asked.",
    "inspect_completion": "What the model wrote, before the check",
    "role_system": "Instruction",
    "role_user": "User",
    "role_assistant": "Model",
    # Why not this file?
    "probe_file": "Why not this file?",
    "probe_placeholder": "Choose a file, or type its path",
    "probe_best": "Its best passage: {place}",
    "probe_ranks": "By words: {lexical}. By meaning: {vector}. Together: {fused}.",
    "probe_fused": "{rank} of {looked_at} ({score})",
    "probe_not_fused": "not among the {looked_at} looked at",
    "probe_cited": "It was used: the answer cites this passage.",
    "probe_shown": "It was shown to the model, but the answer does not rest on it.",
    "probe_over_budget": "It was found, but the prompt had no room for it. A larger prompt_tokens "
    "may help.",
    "probe_no_sentence": "It was found, but none of its sentences was among the best, which alone "
    "are shown to the model. A larger evidence_sentences may help.",
    "probe_not_read": "It was found, but stands farther behind than the model reads. A larger "
    "max_passages may help.",
    "probe_not_asked": "It was found, but the model was not asked.",
    "probe_not_shown": "It was found, but not shown to the model. This answer is of an older "
    "version, which did not keep why.",
    "probe_not_indexed": "The index holds no text of this file.",
    "probe_outside_limits": "It lies outside the limits of this question.",
    "probe_shares_nothing": "It shares no word with the question.",
    "probe_behind_in_legs": "Other passages match better both by words and by meaning, so that it "
    "was not looked at. Words that stand in the file may help.",
    "probe_repeated": "The same text stands in another passage, which was looked at instead.",
    "probe_low_score": "Its score is below the setting min_score_percent.",
    "probe_outranked": "Other passages match better: only the {top_k} best are taken. Words that "
    "stand in the file, limits, or a larger top_k may help.",
}
