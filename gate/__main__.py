"""Is the workspace worse than a base revision by more than noise?

Statuses of `check`: 0 no worse; 1 regression; 2 cannot be compared, which is never a pass.
"""

import argparse
import io
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from gate.errors import CannotCompareError, clean, one_line
from gate.git import environment_without_repository

NOT_COMPARABLE = 2


def main() -> None:
    """Run the command that is named."""
    arguments = _make_parser().parse_args()
    for name in os.environ.keys() - environment_without_repository().keys():
        del os.environ[name]  # in a hook, Git and DVC would act on the hook's repository
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # ASCII, Latin-1, cp932
    status = NOT_COMPARABLE
    try:
        status = COMMANDS[arguments.command](arguments)
    except CannotCompareError as error:
        _print_error(str(error), arguments.debug)
    except Exception as error:
        # Python's own status for a fault is 1, which would read as a regression.
        kind = type(error).__name__
        _print_error(
            f"a fault of the gate: {kind}: {one_line(error)} (see --debug)", arguments.debug
        )
    sys.exit(status)


def _print_error(text: str, debug: bool) -> None:
    print(f"gate: {clean(text)}", file=sys.stderr)
    if debug:
        traceback.print_exc()


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=None if Path(sys.argv[0]).suffix != ".py" else "python -m gate",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="print where an error comes from")
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check", help="compare the workspace's metrics with a revision")
    base = "branch, tag or commit (default: where this branch left the main branch, or, on the\n\
main branch, the last commit with other metrics)"
    checking.add_argument("--base", metavar="REVISION", help=base)
    form = checking.add_mutually_exclusive_group()
    for name in ("json", "markdown"):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name)
    checking.add_argument(
        "--github", action="store_true", help="also write annotations and the job's summary"
    )
    reporting = commands.add_parser("report", help="write the comparison, with plots, to report/")
    reporting.add_argument("--base", metavar="REVISION", help=base)
    reporting.add_argument(
        "--files-of-commits",
        metavar="URL",
        help="where a server has COMMIT/PATH of this repository, such as\n"
        "https://raw.githubusercontent.com/OWNER/NAME; for the pictures in report.md",
    )
    accepting = commands.add_parser("accept", help="move the anchor of gate.yaml to a commit")
    accepting.add_argument("revision", nargs="?", default="HEAD", help="default: HEAD")
    starting = commands.add_parser("init", help="write a first gate.yaml from the metrics")
    starting.add_argument(
        "--items", type=int, metavar="N", help="test items that the metrics are computed on"
    )
    measuring = commands.add_parser(
        "calibrate", help="run the pipeline with other seeds to measure the margins"
    )
    measuring.add_argument("--seeds", type=int, default=10, metavar="N", help="default: 10")
    measuring.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at once")
    measuring.add_argument(
        "--parameter", metavar="NAME", help="the seed's parameter (default: the one named seed)"
    )
    return parser


def _check(arguments: argparse.Namespace) -> int:
    from gate.check import check  # DVC: a second, which `--help` need not wait for
    from gate.presentation import Found, as_json, as_markdown, list_annotations, status_of

    found: Found
    try:
        found = check(Path.cwd(), arguments.base)
    except CannotCompareError as error:
        found = error
    if arguments.github:
        _print("\n".join(list_annotations(found)))
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(as_markdown(found))
    if arguments.form:
        _print({"json": as_json, "markdown": as_markdown}[arguments.form](found).rstrip("\n"))
    elif not isinstance(found, CannotCompareError):
        _print_markdown(as_markdown(found))
    if isinstance(found, CannotCompareError):
        raise found
    return status_of(found)


def _print_markdown(text: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown, TableElement
    from rich.table import Table

    class WholeNames(TableElement):
        def __rich_console__(self, *arguments: Any) -> Iterator[Any]:
            for table in super().__rich_console__(*arguments):
                if isinstance(table, Table):
                    for column in table.columns[:-1]:  # no name and no number is cut
                        cells = " ".join(map(str, (column.header, *column.cells)))
                        column.width = max(map(len, cells.split()), default=1)
                yield table

    class Answer(Markdown):
        elements: ClassVar = {**Markdown.elements, "table_open": WholeNames}

    target = io.StringIO()
    console = Console(highlight=False)
    page = Console(
        file=target,
        width=max(console.width, 80),
        force_terminal=console.is_terminal,
        legacy_windows=False,
        no_color=console.no_color,
    )
    page.print(Answer(text))
    _print("\n".join(line.rstrip() for line in target.getvalue().splitlines()))


def _print(text: str) -> None:
    """Print to a reader that may have gone, as `head` does; the status stays."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _report(arguments: argparse.Namespace) -> int:
    from gate.report.writing import write_report

    status, sentence = write_report(Path.cwd(), arguments.base, arguments.files_of_commits)
    _print(f"{clean(sentence)}\nReport: report/index.html")
    return status


def _accept(arguments: argparse.Namespace) -> int:
    from gate.accept import move_anchor

    _print_markdown(move_anchor(Path.cwd(), arguments.revision))
    return 0


def _init(arguments: argparse.Namespace) -> int:
    from gate.init import write_settings

    _print(write_settings(Path.cwd(), arguments.items))
    return 0


def _calibrate(arguments: argparse.Namespace) -> int:
    from gate.calibrate import calibrate

    calibrate(Path.cwd(), arguments.seeds, arguments.parameter, arguments.jobs)
    return 0


COMMANDS = {
    "check": _check,
    "report": _report,
    "accept": _accept,
    "init": _init,
    "calibrate": _calibrate,
}


if __name__ == "__main__":
    main()
