"""Is the workspace worse than a base revision by more than noise?

Statuses of `check`: 0 no worse; 1 regression; 2 cannot be compared, which is never a pass.
"""

import argparse
import os
import sys
import traceback
from pathlib import Path

from gate.errors import CannotCompareError
from gate.git import environment_without_repository

NOT_COMPARABLE = 2


def main() -> None:
    """Runs the command that is named."""
    arguments = _parser().parse_args()
    for name in os.environ.keys() - environment_without_repository().keys():
        del os.environ[name]  # in a hook, Git and DVC would act on the hook's repository
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
        prog=None if Path(sys.argv[0]).suffix != ".py" else "python -m gate",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
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
    for name in ("json", "markdown"):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name)
    reporting = commands.add_parser("report", help="write the comparison, with plots, to report/")
    reporting.add_argument("--base", metavar="REVISION", help="as for check")
    reporting.add_argument(
        "--files-of-commits",
        metavar="URL",
        help="where a server has COMMIT/PATH of this repository, such as\n"
        "https://raw.githubusercontent.com/OWNER/NAME; for pictures in a pull-request comment",
    )
    commands.add_parser("init", help="write a first gate.yaml from the metrics that there are")
    return parser


def _check(arguments: argparse.Namespace) -> int:
    from gate.check import check  # DVC: a second, which `--help` need not wait for
    from gate.presentation import as_json, as_markdown, failure_as_json, failure_as_markdown

    failure = {"json": failure_as_json, "markdown": failure_as_markdown}.get(arguments.form)
    try:
        found = check(Path.cwd(), arguments.base)
    except CannotCompareError as error:
        if failure:
            print(failure(str(error)), end="")
        raise
    if arguments.form:
        print({"json": as_json, "markdown": as_markdown}[arguments.form](found), end="")
    else:
        from rich.console import Console

        from gate.presentation import as_text

        console = Console(highlight=False, soft_wrap=True, markup=False)
        for line, style in as_text(found):
            console.print(line, style=style or None)
    return found.status


def _report(arguments: argparse.Namespace) -> int:
    from gate.report.writing import write_report

    status, verdict = write_report(Path.cwd(), arguments.base, arguments.files_of_commits)
    print(f"Verdict: {verdict}\nReport: report/index.html")
    return status


def _init(_: argparse.Namespace) -> int:
    from gate.init import write_settings

    print(write_settings(Path.cwd()))
    return 0


COMMANDS = {"check": _check, "report": _report, "init": _init}


if __name__ == "__main__":
    main()
