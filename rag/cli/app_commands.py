"""The commands around the app: doctor, serve, mcp."""

import argparse
from dataclasses import asdict

from rag.cli.printing import load_engine, print_json
from rag.config import Config


def run_doctor(arguments: argparse.Namespace, config: Config) -> int:
    """Tell what is installed and missing; the exit code is 1 when something is missing."""
    from rag.doctor import examine

    findings = examine(config, tries_start=not arguments.no_start)
    if arguments.json:
        print_json({"findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            print(f"{finding.level:8} {finding.subject}: {finding.text}")
            if finding.remedy:
                print(f"         -> {finding.remedy}")
    return 1 if any(finding.level == "missing" for finding in findings) else 0


def run_serve(arguments: argparse.Namespace, config: Config) -> int:
    """Serve the app until it is interrupted."""
    from rag.ui.server import serve

    serve(config, arguments.config, arguments.port)
    return 0


def run_mcp(arguments: argparse.Namespace, config: Config) -> int:
    """Serve the documents to an assistant until it closes standard input."""
    from rag.mcp_server import serve_stdio

    serve_stdio(load_engine(config))
    return 0
