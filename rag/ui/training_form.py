"""The form of the Train page: examples, recipe, name and the few settings that matter."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from rag.errors import RagError
from rag.training_settings import UPLOADS, Recipe, read_recipes, save_upload, value_at
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import note_html
from rag.ui.services import Services
from rag.ui.strings import Words
from rag.ui.training_draft import OWN, Draft, read_draft, save_draft

UPLOAD_TYPES = ("json", "jsonl", "csv", "tsv", "xlsx", "gz")
MAX_UPLOAD_MB = 50  # larger files are named by their path, and need no way through the browser
MAPPED_FIELDS = ("question", "answer", "passage", "source", "label")
BALANCES = ("none", "sample", "weights")
# What the training side does when a recipe says nothing (tested against it).
DEFAULTS: dict[str, Any] = {
    "train.epochs": 1.0,
    "train.rank": 16,
    "train.learning_rate": 1e-3,
    "train.max_steps": 0,
    "data.balance": "none",
}


def draw_form(
    services: Services, words: Words, checked: Sequence[Mapping[str, Any]]
) -> tuple[Draft, Recipe | None]:
    """Draw the form and return what it says now, which is kept.

    Args:
        services: of this server.
        words: in the language of the reader.
        checked: the files of the last check, with the columns that it found.
    """
    recipes = {recipe.name: recipe for recipe in read_recipes()}
    before = read_draft(services.store)
    st.subheader(words("train_examples"))
    draft = _draw_examples(services, words, before)
    draft = _draw_columns(words, draft, checked)
    st.subheader(words("train_settings"))
    draft = _draw_recipe(words, draft, recipes)
    recipe = recipes.get(draft.recipe)
    draft = _draw_settings(words, draft, recipe)
    if draft != before:
        save_draft(services.store, draft)
    return draft, recipe


def _draw_examples(services: Services, words: Words, draft: Draft) -> Draft:
    st.html(note_html(words("train_examples_help")))
    _take_uploads(services, words, draft)
    draft = _draw_path(words, draft)
    for number, file in enumerate(draft.files):
        with st.container(horizontal=True, vertical_alignment="center", key=f"folder-row-{number}"):
            path = Path(file)
            is_upload = path.is_relative_to(services.config.state_dir.absolute() / UPLOADS)
            place = words("train_uploaded") if is_upload else str(path.parent)
            st.html(
                f'<div class="fk-folder">{html.escape(path.name)}'
                f'<div class="fk-note">{html.escape(place)}</div></div>'
            )
            if st.button(
                words("train_remove_file"),
                key=f"remove-file-{number}",
                type="tertiary",
                icon=":material/close:",
            ):
                kept = tuple(name for name in draft.files if name != file)
                save_draft(services.store, replace(draft, files=kept))
                st.rerun()
    accepted = len(services.store.feedback.accepted())
    has_feedback = st.toggle(
        words("train_corrections", count=accepted),
        value=draft.has_feedback,
        key="train-feedback",
        help=words("train_corrections_help"),
    )
    return replace(draft, has_feedback=has_feedback)


def _take_uploads(services: Services, words: Words, draft: Draft) -> None:
    """Keep what was just uploaded, and draw the page anew with it in the list."""
    version = st.session_state.setdefault("upload_version", 0)  # a new key empties the field
    uploads = st.file_uploader(
        words("train_upload", size=MAX_UPLOAD_MB),
        type=UPLOAD_TYPES,
        accept_multiple_files=True,
        max_upload_size=MAX_UPLOAD_MB,
        key=f"train-upload-{version}",
    )
    if not uploads:
        return
    state_dir = services.config.state_dir.absolute()
    try:
        kept = [str(save_upload(file.name, file.getvalue(), state_dir)) for file in uploads]
    except RagError as error:
        st.error(reason_words(words, str(error)), icon=":material/error:")
        return
    new = [file for file in dict.fromkeys(kept) if file not in draft.files]
    save_draft(services.store, replace(draft, files=(*draft.files, *new)))
    st.session_state["upload_version"] = version + 1
    st.rerun()


def _draw_path(words: Words, draft: Draft) -> Draft:
    with st.form("train-path", border=False, clear_on_submit=True):
        columns = st.columns([3, 1], vertical_alignment="bottom")
        typed = columns[0].text_input(
            words("train_path"), placeholder="/home/me/questions.csv", help=words("train_path_help")
        )
        is_added = columns[1].form_submit_button(words("train_add"), width="stretch")
    if not is_added or not typed.strip():
        return draft
    path = Path(typed.strip()).expanduser()
    if not path.exists():
        st.warning(words("train_no_path", path=str(path)), icon=":material/info:")
        return draft
    return replace(draft, files=tuple(dict.fromkeys((*draft.files, str(path.absolute())))))


def _draw_columns(words: Words, draft: Draft, checked: Sequence[Mapping[str, Any]]) -> Draft:
    """Draw which column each field is read from; what a person says outweighs what is detected."""
    known = list(dict.fromkeys(column for file in checked for column in file["columns"]))
    chosen = dict(draft.columns)
    with st.expander(words("train_columns")):
        st.html(note_html(words("train_columns_help")))
        for file in checked:
            pairs = words("comma").join(
                f"{words(f'train_field_{field}')} ← {column}"
                for field, column in file["mapping"].items()
                if field in MAPPED_FIELDS
            )
            st.html(note_html(f"{Path(file['name']).name} ({file['layout']}): {pairs}"))
        for field in MAPPED_FIELDS:
            own = chosen.get(field, "")
            options = list(dict.fromkeys(["", *known, own]))
            column = st.selectbox(
                words(f"train_field_{field}"),
                options,
                index=options.index(own),
                format_func=lambda name: name or words("train_column_detected"),
                accept_new_options=True,
                key=f"train-column-{field}",
            )
            chosen.pop(field, None)
            if column:
                chosen[field] = column
    return replace(draft, columns=chosen)


def _draw_recipe(words: Words, draft: Draft, recipes: Mapping[str, Recipe]) -> Draft:
    options = [OWN, *recipes]
    chosen = st.selectbox(
        words("train_recipe"),
        options,
        index=options.index(draft.recipe) if draft.recipe in options else 0,
        format_func=lambda name: name or words("train_recipe_own"),
        key="train-recipe",
        help=words("train_recipe_help"),
    )
    recipe = recipes.get(chosen)
    described = recipe.description if recipe else words("train_recipe_own_help")
    st.html(note_html(words.known(f"recipe_{chosen}", described)))
    if recipe and recipe.task == "pretrain":
        st.html(note_html(words("train_pretrain_help")))
    # Settings that were changed for one recipe mean nothing in another.
    return draft if chosen == draft.recipe else replace(draft, recipe=chosen, name="", changes={})


def _draw_settings(words: Words, draft: Draft, recipe: Recipe | None) -> Draft:
    table = recipe.table if recipe else {}
    # A key for each recipe: its fields begin with its own values.
    key = f"train-{draft.recipe}-"
    columns = st.columns(2, vertical_alignment="bottom")
    name = (
        columns[0]
        .text_input(
            words("train_name"),
            draft.shown_name(recipe),
            max_chars=60,
            key=f"{key}name",
            help=words("train_name_help"),
        )
        .strip()
    )
    before = {place: value_at(table, place, value) for place, value in DEFAULTS.items()}
    start = {**before, **draft.changes}
    values: dict[str, Any] = {
        "train.epochs": columns[1].number_input(
            words("train_epochs"),
            0.1,
            100.0,
            float(start["train.epochs"]),
            0.5,
            key=f"{key}epochs",
            help=words("train_epochs_help"),
        )
    }
    with st.expander(words("train_advanced")):
        values |= _draw_advanced(words, start, key)
    changes = {
        place: value
        for place, value in values.items()
        if value is not None and value != before[place]
    }
    is_default = name == replace(draft, name="").shown_name(recipe)
    return replace(draft, name="" if is_default else name, changes=changes)


def _draw_advanced(words: Words, start: Mapping[str, Any], key: str) -> dict[str, Any]:
    left, right = st.columns(2, vertical_alignment="bottom")
    return {
        "train.learning_rate": left.number_input(
            words("train_learning_rate"),
            1e-7,
            1.0,
            float(start["train.learning_rate"]),
            1e-4,
            format="%.6f",
            key=f"{key}rate",
            help=words("train_learning_rate_help"),
        ),
        "train.rank": right.number_input(
            words("train_rank"),
            1,
            1024,
            int(start["train.rank"]),
            key=f"{key}rank",
            help=words("train_rank_help"),
        ),
        "train.max_steps": left.number_input(
            words("train_max_steps"),
            0,
            10_000_000,
            int(start["train.max_steps"]),
            key=f"{key}steps",
            help=words("train_max_steps_help"),
        ),
        "data.balance": right.selectbox(
            words("train_balance"),
            BALANCES,
            index=BALANCES.index(start["data.balance"]),
            format_func=lambda option: words(f"train_balance_{option}"),
            key=f"{key}balance",
            help=words("train_balance_help"),
        ),
    }
