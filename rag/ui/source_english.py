"""The words of the drawer that shows where an answer comes from, in English."""

SOURCE_EN = {
    "source_view": "View",
    "source_view_page": "Page",
    "source_view_text": "Text",
    "source_previous": "Previous",
    "source_next": "Next",
    "source_place_of": "{place} of {count}",
    "source_quote_elsewhere": "The quoted words stand on {place}.",
    "source_quote_back": "Back to the quoted words",
    "source_page_alt": "Picture of {place} of {name}",
    "source_page_alt_marked": "Picture of {place} of {name}; the quoted words are marked",
    "source_drawing": "Drawing the page",
    "source_unplaced": "Where exactly the quoted words stand on this page could not be told, so "
    "nothing is marked. The text view shows them.",
    "source_scan": "This page is a scanned image whose text was recognized, so the quoted words "
    "cannot be marked on it. The text view shows them.",
    "page_problem_gone": "The file is no longer in its folder, so its page cannot be shown. This "
    "is the text that was indexed.",
    "page_problem_changed": "The file has changed since it was indexed, so its page is not shown. "
    "This is the text that was indexed; sync on the Documents page to bring it up to date.",
    "page_problem_encrypted": "The file now opens only with a password, so its page cannot be "
    "shown. This is the text that was indexed.",
    "page_problem_slow": "Drawing this page took too long and was stopped. This is its text.",
    "page_problem_failed": "This page could not be drawn. This is its text.",
    "page_problem_inside": "This document lies inside {container}, so its page cannot be drawn. "
    "This is its text.",
    "source_open_file": "Open file",
    "source_open_file_help": "Saves {name} through your browser, to open it in its own program.",
    "source_no_file": "The file is not in its folder any more, so it cannot be opened.",
    "source_table_alt": "The cited rows with the names of their columns",
    "source_more_rows": "and {count} more rows",
    "source_around": "The text around it",
}
