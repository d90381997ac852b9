"""The words of feedback and of the Teach page in English."""

TEACH_EN = {
    "page_teach": "Teach",
    "sentence_space": " ",
    # Below an answer
    "feedback_thanks": "Thank you.",
    "feedback_fault": "What was wrong?",
    "fault_wrong": "Wrong answer",
    "fault_not_in_source": "Not what the source says",
    "fault_incomplete": "Incomplete",
    "fault_not_found": "Should have said “not found”",
    "fault_language": "Wrong language",
    "fault_other": "Something else",
    "feedback_correction": "The right answer",
    "feedback_correction_placeholder": "As short as possible, in the words of the document",
    "feedback_correction_help": "It becomes an example for training after you have accepted it "
    "on the Teach page, never by itself. Leave it empty if you do not know it.",
    "feedback_passage": "The passage that holds it",
    "feedback_passage_placeholder": "I do not know, or it is not among these",
    "feedback_passage_help": "Without your choice, the passages are searched for the words of "
    "your answer.",
    "feedback_note": "Comment",
    "feedback_send": "Send",
    "feedback_later": "Not now",
    "feedback_change": "Change",
    "feedback_looking": "Looking for the cause",
    "feedback_proposed": "It waits as an example on the Teach page.",
    # What follows from a triage
    "advice_no_correction": "With the right answer, it can be told what went wrong.",
    "advice_not_indexed": "No passage of your documents says this. Add the document, or check on "
    "the Documents page that it was read; training cannot help here.",
    "advice_not_retrieved": "The passage is in your documents, but the search did not find it for "
    "this question. Other words, fewer limits or a larger top_k may; training cannot help here.",
    "advice_not_retrieved_rank": "The passage is in your documents, but stands only at place "
    "{rank} for this question. Other words, fewer limits or a larger top_k may help; training "
    "cannot.",
    "advice_not_in_prompt": "The passage was found, but the model was not shown it. A larger "
    "max_passages or evidence_sentences may help; training cannot.",
    "advice_not_in_prompt_rank": "The passage was found at place {rank}, but the model was not "
    "shown this sentence of it. A larger max_passages or evidence_sentences may help; training "
    "cannot.",
    "advice_answered_wrong": "The model was shown the right sentence and answered wrong all the "
    "same. Training can help here.",
    "advice_should_not_find": "The model answered although nothing in the documents says it. "
    "Training can help here.",
    "advice_unknown": "It is not clear which passage holds the right answer. Name it, or write "
    "the answer in the words of the document.",
    "outcome_not_indexed": "Not indexed",
    "outcome_not_retrieved": "Not found by the search",
    "outcome_not_in_prompt": "Not shown to the model",
    "outcome_answered_wrong": "Answered wrong",
    "outcome_unknown": "Cause not clear",
    "outcome_up": "Answered right",
    # Teach
    "teach_intro": "What readers said of answers, why wrong ones were wrong, and the examples "
    "that the answer model may learn from. Only what you accept is ever learned.",
    "teach_view": "View",
    "teach_inbox": "Feedback",
    "teach_pairs": "Examples",
    "teach_compare": "Compare models",
    "teach_right": "Right",
    "teach_wrong": "Wrong",
    "teach_to_review": "To review",
    "teach_accepted": "Accepted examples",
    "teach_left_out": "Left out of the accepted examples: {count}. The index no longer holds their "
    "documents or passages; they count again when it does.",
    "teach_index_unusable": "Whether the passages are still indexed cannot be told.",
    "inbox_empty": "There is no feedback yet. Press 👍 or 👎 below an answer.",
    "inbox_filter": "Cause",
    "inbox_said": "Answer",
    "inbox_corrected": "Right answer",
    "inbox_quote": "In the document",
    "inbox_propose": "Use as an example",
    "inbox_again": "Look again",
    "inbox_more": "Show {count} more",
    "inbox_delete": "Delete this feedback",
    "inbox_delete_confirm": "The feedback, with its copy of the answer, and the example made of "
    "it are removed for good.",
    "pair_proposed": "Proposed",
    "pair_accepted": "Accepted",
    "pair_rejected": "Rejected",
    "pairs_empty": "There are no examples yet. A corrected answer becomes one when the model had "
    "the right passage before it, or when you say so under Feedback.",
    "pairs_intro": "Double-click a cell to edit it. An empty answer teaches the model to say that "
    "nothing was found.",
    "pairs_filter": "State",
    "pairs_alt": "Table of the examples, for review",
    "pairs_state": "State",
    "pairs_question": "Question",
    "pairs_answer": "Right answer",
    "pairs_source": "Document",
    "pairs_quote": "Quote",
    "pairs_passage": "Passage",
    "pairs_remark": "Remark",
    "pairs_author": "by {author}",
    "pairs_not_found": "teaches “not found”",
    "pairs_one_author": "Accepted examples by {author}: {count} of {total}. Training takes at most "
    "{percent} % from one person.",
    "pairs_save": "Save changes ({count})",
    "pairs_saved_all": "No changes to save",
    "pairs_saved": "Saved: {count}",
    "pairs_discard": "Discard the changes",
    "pairs_download": "Download accepted examples ({count})",
    "missing_document": "left out: its document is no longer indexed",
    "missing_passage": "left out: its document no longer says this",
    "blind_intro": "Two models answer the same question over the same passages. You choose the "
    "better answer without knowing which model wrote it; the votes can train a model (DPO).",
    "blind_one_model": "There is only one answer model on this machine. Train another one, or "
    "put one into the models folder.",
    "blind_no_answers": "No question was answered by a model yet. Ask one first.",
    "blind_question": "Question",
    "blind_first": "One model",
    "blind_second": "The other model",
    "blind_start": "Compare",
    "blind_running": "{done} of 2 models have answered",
    "blind_prompt": "What both models were shown",
    "blind_silent": "This model wrote nothing.",
    "blind_left": "A is better",
    "blind_tie": "Equally good",
    "blind_right": "B is better",
    "blind_votes": "Votes",
    "blind_wins": "{model}: {wins} better, {losses} worse",
    "blind_ties": "equally good: {count}",
    "blind_better": "Better model",
    "blind_chosen": "Its answer",
    "blind_other": "The other answer",
}
