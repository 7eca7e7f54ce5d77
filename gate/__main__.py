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


def main() -> None:
    """Run the command that is named."""
    arguments = _make_parser().parse_args()
    for name in os.environ.keys() - environment_without_repository().keys():
        del os.environ[name]  # in a hook, Git and DVC would act on the hook's repository
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # ASCII, Latin-1, cp932
    try:
        status = _run(arguments)
    except Exception as error:
        # Python's own status for a fault is 1, which would read as a regression.
        status, text = CannotCompareError.status, one_line(error)
        if not isinstance(error, CannotCompareError):
            text = f"a fault of the gate: {type(error).__name__}: {text} (see --debug)"
        print(f"gate: {clean(text)}", file=sys.stderr)
        if arguments.debug:
            traceback.print_exc()
    sys.exit(status)


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=None if Path(sys.argv[0]).suffix != ".py" else "python -m gate",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="print where an error comes from")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="compare the workspace's metrics with a revision")
    form = check.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for programs")
    form.add_argument("--markdown", action="store_true", help="for pull requests")
    check.add_argument("--github", action="store_true", help="write annotations and a summary, too")
    report = commands.add_parser("report", help="write the comparison, with plots, to report/")
    files = "address of COMMIT/PATH, such as https://raw.githubusercontent.com/OWNER/NAME"
    report.add_argument("--files-of-commits", metavar="URL", help=files)
    for command in (check, report):
        default = "where this branch left main; on main, the last other metrics or a later anchor"
        command.add_argument("--base", metavar="REVISION", help=f"default: {default}")
    accept = commands.add_parser("accept", help="move the anchor of gate.yaml to a commit")
    accept.add_argument("revision", nargs="?", default="HEAD", help="default: HEAD")
    init = commands.add_parser("init", help="write a first gate.yaml from the metrics")
    init.add_argument("--items", type=int, metavar="N", help="test items of the metrics")
    calibrate = commands.add_parser("calibrate", help="run other seeds to measure the margins")
    calibrate.add_argument("--seeds", type=int, default=10, metavar="N", help="default: 10")
    calibrate.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at once")
    calibrate.add_argument("--parameter", metavar="NAME", help="the seed's (default: named seed)")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    """Run a command; its modules take a second to import, which `--help` need not wait for."""
    folder = Path.cwd()
    match arguments.command:
        case "check":
            return _check(folder, arguments)
        case "report":
            from gate.report.writing import write_report

            status, text = write_report(folder, arguments.base, arguments.files_of_commits)
            _print(f"{clean(text)}\nReport: report/index.html")
            return status
        case "accept":
            from gate.check import move_anchor
            from gate.presentation import bullets

            title, said = move_anchor(folder, arguments.revision)
            _print_markdown("\n".join([title, "", *bullets(said)]))
        case "init":
            from gate.init import write_settings

            _print(write_settings(folder, arguments.items))
        case "calibrate":
            from gate.calibrate import calibrate

            calibrate(folder, arguments.seeds, arguments.parameter, arguments.jobs)
    return 0


def _check(folder: Path, arguments: argparse.Namespace) -> int:
    from gate.check import Check
    from gate.presentation import Found, as_json, as_markdown, list_annotations

    try:
        found: Found = Check(folder, arguments.base)
    except CannotCompareError as error:
        found = error
    if arguments.github:
        _print("\n".join(list_annotations(found)))
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(as_markdown(found))
    if arguments.json or arguments.markdown:
        _print((as_json(found) if arguments.json else as_markdown(found)).rstrip("\n"))
    elif isinstance(found, Check):
        _print_markdown(as_markdown(found))
    if isinstance(found, CannotCompareError):
        raise found
    return found.status


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

    console = Console(highlight=False, legacy_windows=False)
    console.width = max(console.width, 80)
    with console.capture() as capture:
        console.print(Answer(text))
    shown = capture.get().replace("\N{ZERO WIDTH SPACE}", "")  # names are copied from a terminal
    _print("\n".join(line.rstrip() for line in shown.splitlines()))


def _print(text: str) -> None:
    """Print to a reader that may have gone, as `head` does; the status stays."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
