"""The command that copies the index to Milvus: export."""

import argparse
from dataclasses import asdict

from rag.cli.printing import ProgressPrinter, load_engine, print_json
from rag.config import Config


def run_export(arguments: argparse.Namespace, config: Config) -> int:
    """Copy the index to Milvus, compare, and put the copy into service."""
    report = load_engine(config).export(arguments.to, ProgressPrinter(as_json=False))
    if arguments.json:
        print_json(asdict(report))
        return 0
    print(
        f"{report.passages} passages are in {report.collection} at {report.place} "
        f"({report.sent} sent now).\n"
        f"Of what this machine finds, the copy finds {report.vector_recall:.3f} by vectors and "
        f"{report.lexical_recall:.3f} by words.\n"
        "It serves now where the setting milvus_uri names this address."
    )
    if report.before:
        print(f"The index before it is kept in {report.before}.")
    return 0
