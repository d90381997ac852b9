"""Check examples before any training: what a run would learn from, and what is wrong with it."""

from collections import Counter
from collections.abc import Sequence

from training.config import TrainingConfig
from training.datatypes import AnswerRow, QAExample
from training.examples.authors import is_correction
from training.examples.check_content import content_findings, near_leaks, places
from training.examples.check_report import CheckReport, FileCheck, Finding, finding
from training.examples.check_rows import Encoder, check_rows, search_recall, with_rows
from training.examples.choose import Chosen, choose_examples
from training.examples.labels import balance_findings, label_balance, labels_of
from training.examples.split import groups_of, split_groups
from training.examples.values import ReadExamples

_MANY_NOT_FOUND = 0.5


def check_examples(
    read: Sequence[ReadExamples],
    config: TrainingConfig,
    *,
    rows: Sequence[AnswerRow] = (),
    found: Sequence[AnswerRow] = (),
    encoder: Encoder | None = None,
) -> CheckReport:
    """Return what is known of the examples of all files, and what forbids to train on them.

    Args:
        read: what each file holds.
        config: of the run.
        rows: some or all rows to learn from; needs ``encoder``.
        found: rows of some examples over what the search finds for them; without any, it stays
            unknown how often that is the passage that answers.
        encoder: turns rows into tokens.
    """
    examples = [example for found in read for example in found.examples]
    chosen = choose_examples(read, config)
    labels = label_balance(labels_of(examples))
    findings = [
        *_file_findings(read),
        *_choice_findings(chosen, examples, config),
        *balance_findings(labels, config.data.balance),
        *_not_found_findings(examples, config),
        *content_findings(examples),
        *_leaks(chosen),
    ]
    if not chosen.train:
        findings.append(finding("block", "no_examples"))
    recall, about_search = search_recall(found, config.data.passages)
    findings += about_search
    report = CheckReport(
        files=tuple(_file_check(found) for found in read),
        train=len(chosen.train),
        held_out=len(chosen.held_out),
        languages=dict(Counter(example.language for example in examples).most_common()),
        not_found=sum(not example.is_answerable for example in examples),
        labels=labels,
        authors=_corrections(examples),
        recall=recall,
    ).with_findings(*findings)
    if rows and encoder is not None:
        report = with_rows(report, check_rows(rows, encoder, config))
    return report


def document_leaks(train: Sequence[QAExample], held_out: Sequence[QAExample]) -> list[QAExample]:
    """Return one held-out example of each document that is also learned from."""
    groups = groups_of([*train, *held_out])
    learned = set(groups[: len(train)])
    tested = dict(zip(reversed(groups[len(train) :]), reversed(held_out), strict=True))
    return [example for group, example in reversed(tested.items()) if group in learned]


def _file_check(read: ReadExamples) -> FileCheck:
    return FileCheck(
        name=read.name,
        layout=read.layout,
        mapping=read.mapping,
        columns=read.columns,
        kept=len(read.examples),
        rejected=read.rejected,
        unread=read.unread,
    )


def _file_findings(read: Sequence[ReadExamples]) -> list[Finding]:
    found = []
    for file in read:
        name, total = file.name, file.rows
        if file.rejected:
            count = len(file.rejected)
            found.append(finding("warn", "rejected", name=name, count=count, total=total))
        if file.unread:
            kept = total - file.unread
            found.append(finding("warn", "unread", name=name, read=kept, total=total))
        if file.unused_columns:
            columns = ", ".join(file.unused_columns)
            found.append(finding("info", "unused_columns", name=name, columns=columns))
    return found


def _choice_findings(
    chosen: Chosen, examples: Sequence[QAExample], config: TrainingConfig
) -> list[Finding]:
    data, found = config.data, []
    for author, count in Counter(e.author for e in chosen.over_limit).most_common():
        found.append(
            finding(
                "warn",
                "author_cap",
                author=author or "—",
                left_out=count,
                total=_corrections(examples)[author],
                share=data.author_share,
            )
        )
    if chosen.not_chosen:
        found.append(finding("info", "not_chosen", count=chosen.not_chosen, limit=data.max_rows))
    if chosen.set_aside:
        limit = data.max_held_out
        found.append(finding("info", "set_aside", count=chosen.set_aside, limit=limit))
    rows = len(chosen.train)
    if rows and not chosen.held_out and data.held_out_share > 0:
        found.append(finding("warn", "no_held_out", total=rows))
    per_step = config.train.batch_size * config.train.gradient_accumulation
    if 0 < rows < per_step:
        found.append(finding("warn", "less_than_a_step", rows=rows, per_step=per_step))
    return found


def _corrections(examples: Sequence[QAExample]) -> dict[str, int]:
    return dict(Counter(e.author for e in examples if is_correction(e)).most_common())


def _not_found_findings(examples: Sequence[QAExample], config: TrainingConfig) -> list[Finding]:
    if not examples:
        return []
    share = sum(not example.is_answerable for example in examples) / len(examples)
    if share > _MANY_NOT_FOUND:
        return [finding("warn", "many_not_found", share=share)]
    if share > 0:
        return []
    if config.data.not_found_share:
        return [finding("warn", "no_not_found", share=config.data.not_found_share)]
    return [finding("warn", "no_not_found_at_all")]


def _leaks(chosen: Chosen) -> list[Finding]:
    if not chosen.held_out:
        return []
    findings = near_leaks(chosen.train, chosen.held_out)
    both = [*chosen.train, *chosen.held_out]
    if len(set(groups_of(both))) == 1:
        is_by_passage = split_groups(both)[0].startswith("passage ")
        unit, unit_ja = ("passages", "文章") if is_by_passage else ("questions", "質問")
        return [*findings, finding("warn", "one_document", unit=unit, unit_ja=unit_ja)]
    if leaked := document_leaks(chosen.train, chosen.held_out):
        place = places(leaked)
        findings.append(finding("block", "document_leak", count=len(leaked), places=place))
    return findings
