"""`python -m gate`: is the workspace worse than a base revision by more than noise?

Statuses of `check`: 0 no worse; 1 regression; 2 cannot be compared, which is never a pass.
"""

import argparse
import sys
import traceback
from pathlib import Path

from gate.check import NOT_COMPARABLE, check
from gate.errors import CannotCompareError
from gate.presentation import as_json, as_markdown, failure_as_json, failure_as_markdown

FORMATS = {"json": (as_json, failure_as_json), "markdown": (as_markdown, failure_as_markdown)}


def main() -> None:
    """Runs the command that is named."""
    arguments = _parser().parse_args()
    try:
        status = COMMANDS[arguments.command](arguments)
    except CannotCompareError as error:
        print(f"gate: {error}", file=sys.stderr)
        status = NOT_COMPARABLE
    except Exception:  # Python's own status for a fault is 1, which would read as a regression
        traceback.print_exc()
        status = NOT_COMPARABLE
    sys.exit(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gate", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check", help="compare the workspace's metrics with a revision")
    checking.add_argument(
        "--base",
        metavar="REVISION",
        help="branch, tag or commit; else where this branch left the main branch, or, on the main\n"
        "branch, the last commit with other metrics",
    )
    form = checking.add_mutually_exclusive_group()
    for name in FORMATS:
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name)
    reporting = commands.add_parser("report", help="write the comparison, with curves, to report/")
    reporting.add_argument("--base", metavar="REVISION", help="as for check")
    reporting.add_argument(
        "--files-of-commits",
        metavar="URL",
        help="where a server has COMMIT/PATH of this repository, such as\n"
        "https://raw.githubusercontent.com/OWNER/NAME; for pictures in a pull-request comment",
    )
    commands.add_parser("calibrate", help="measure the gate's error rates on the study's runs")
    return parser


def _check(arguments: argparse.Namespace) -> int:
    form = FORMATS.get(arguments.form)
    try:
        found = check(Path.cwd(), arguments.base)
    except CannotCompareError as error:
        if form:
            print(form[1](str(error)), end="")
        raise
    if form:
        print(form[0](found), end="")
    else:
        from gate.terminal import show

        show(found)
    return found.status


def _report(arguments: argparse.Namespace) -> int:
    from gate.report.writing import REPORT, write_report  # vl-convert and DVC: a second

    status = write_report(Path.cwd(), arguments.base, arguments.files_of_commits)
    print(f"Report: {(REPORT / 'index.html').as_posix()}")
    return status


def _calibrate(_: argparse.Namespace) -> int:
    from gate.calibrate import calibrate  # SciPy and matplotlib: seconds

    calibrate(Path.cwd())
    return 0


COMMANDS = {"check": _check, "report": _report, "calibrate": _calibrate}


if __name__ == "__main__":
    main()
