"""`report`: one HTML file that needs nothing else, and Markdown with pictures."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import vl_convert

from gate.check import NOT_COMPARABLE, VERDICTS, Check, check
from gate.comparison import Comparison, Verdict
from gate.errors import CannotCompareError
from gate.presentation import (
    NUMBERS,
    RUNS_COLUMNS,
    all_notes,
    as_markdown,
    changed,
    code,
    columns_of,
    drifted,
    escape,
    failure_as_markdown,
    not_gated,
    row,
    runs_row,
)
from gate.report.content import PICTURES, Content, Pair, gather
from gate.report.page import environment, vega_script
from gate.report.plots import COLOURS, Chart
from gate.repository import Repository

REPORT = Path("report")


def write_report(folder: Path, base: str | None, files_of_commits: str | None) -> tuple[int, str]:
    """Writes `report/`; a report that says why, if the two sides cannot be compared.

    Args:
        folder: in a repository of Git and DVC.
        base: a branch, tag or hash; None to choose.
        files_of_commits: address below which a server has `COMMIT/PATH` of this repository, for
            the pictures in the Markdown; None for those beside it.

    Returns:
        0, or 2 if nothing could be compared; and the verdict.

    Raises:
        CannotCompareError: the report cannot be written.
    """
    status, reason, content = 0, "", None
    try:
        content = gather(Repository(folder).folder, check(folder, base))
    except CannotCompareError as error:
        status, reason = NOT_COMPARABLE, str(error)
    files = {"index.html": as_html(content, reason).encode()}
    drawn = {chart.file: draw(chart) for chart in content.charts} if content else {}
    markdown = as_report_markdown(content, reason, list(drawn), files_of_commits)
    files |= drawn | {"report.md": markdown.encode()}
    try:
        (folder / REPORT).mkdir(exist_ok=True)
        for name, data in files.items():
            (folder / REPORT / name).write_bytes(data)
    except OSError as error:
        raise CannotCompareError(
            f"{error.filename}: expected a file that can be written; found: {error.strerror}"
        ) from None
    if content is None:
        return status, f"{VERDICTS[status]}: {reason}"
    return status, "; ".join([VERDICTS[content.check.status], *content.check.reasons])


def as_html(content: Content | None, reason: str) -> str:
    """The page.

    Args:
        content: None where nothing could be compared.
        reason: why that is.
    """
    template = environment().get_template("index.html")
    return template.render(**_names(content, reason), vega=vega_script() if content else "")


def as_report_markdown(
    content: Content | None, reason: str, drawn: list[str], files_of_commits: str | None
) -> str:
    """The same for a pull request, where neither scripts nor pictures within the text work.

    Args:
        content: None where nothing could be compared.
        reason: why that is.
        drawn: names of the pictures beside the text.
        files_of_commits: see `write_report`.
    """
    start = failure_as_markdown(reason) if content is None else as_markdown(content.check)
    template = environment().get_template("report.md")
    names = _names(content, reason) | {"escape": escape, "code": code}
    return start + template.render(**names, drawn=drawn, address=files_of_commits)


def draw(chart: Chart) -> bytes:
    """A chart as PNG, for where no script runs."""
    return vl_convert.vegalite_to_png({**untitled(chart), "title": chart.title}, scale=2)


def untitled(chart: Chart) -> dict[str, Any]:
    """Its specification without title and hints, which the text around it has."""
    return {k: v for k, v in chart.specification.items() if k != "title"}


def _names(content: Content | None, reason: str) -> dict[str, Any]:
    """What the templates use."""
    differing = content.check.differences["parameters"] if content else {}
    parameters = [Pair(name, *values) for name, values in differing.items()]
    return {
        "content": content,
        "reason": reason,
        "verdict": VERDICTS[content.check.status if content else NOT_COMPARABLE],
        "status": content.check.status if content else NOT_COMPARABLE,
        "columns": _verdict_second(columns_of(content.check)) if content else (),
        "runs_columns": RUNS_COLUMNS,
        "numbers": NUMBERS,
        "metrics": list(_metrics(content.check)) if content else [],
        "runs_rows": [runs_row(test) for test in content.check.runs] if content else [],
        "notes": [*not_gated(content.check), *all_notes(content.check)] if content else [],
        "colours": COLOURS,
        "parameters": parameters,
        "pair_rows": _pair_rows,
        "untitled": untitled,
        "data_address": _data_address,
    }


def _metrics(check: Check) -> Iterator[tuple[str, list[tuple[str, list[str]]]]]:
    """For each metrics file its rows, what changed first: how each looks, and its cells."""
    first = changed(check)
    rest = [c for c in check.comparisons if c.verdict is not Verdict.NOT_GATED and c not in first]
    ordered = sorted([*first, *rest], key=lambda c: c.file)
    for file, group in groupby(ordered, key=lambda c: c.file):
        rows = [(_look(check, c), [c.key or c.file, *row(check, c)[1:]]) for c in group]
        yield file, [(look, _verdict_second(cells)) for look, cells in rows]


def _verdict_second(cells: Sequence[str]) -> list[str]:
    """The last cell after the first, so that a phone shows it."""
    return [cells[0], cells[-1], *cells[1:-1]]


def _look(check: Check, comparison: Comparison) -> str:
    if comparison.refuses or drifted(check, comparison):
        return "refused"
    if comparison.verdict is Verdict.BETTER:
        return "better"
    return "" if comparison.blocks else "informs"


def _pair_rows(pairs: Iterable[Pair]) -> list[list[str]]:
    return [
        [
            pair.name,
            *("none" if value is None else str(value) for value in (pair.base, pair.candidate)),
        ]
        for pair in pairs
    ]


def _data_address(name: str, data: bytes) -> str:
    kind = PICTURES[f".{name.rpartition('.')[2]}".lower()]
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
