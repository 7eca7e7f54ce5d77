"""`python -m gate report`: one HTML file that needs nothing else, and Markdown with pictures."""

import base64
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import vl_convert

from gate.check import NOT_COMPARABLE, VERDICTS, Check, check
from gate.comparison import Comparison, Verdict
from gate.errors import CannotCompareError
from gate.presentation import (
    COLUMNS,
    NUMBERS,
    SEED_COLUMNS,
    as_markdown,
    code,
    escape,
    failure_as_markdown,
    not_gated,
    row,
    seed_row,
)
from gate.report.changes import PICTURES, Pair
from gate.report.content import Content, gather
from gate.report.curves import Chart
from gate.report.page import environment, vega_script

REPORT = Path("report")


def write_report(folder: Path, base: str | None, files_of_commits: str | None) -> int:
    """Writes `report/`; a report that says why, where the two sides cannot be compared.

    Args:
        folder: of `dvc.yaml`, in a clone.
        base: a branch, tag or hash; None to choose.
        files_of_commits: address below which a server has `COMMIT/PATH` of this repository, for
            the pictures in the Markdown; None for those beside it.

    Returns:
        0, or 2 where nothing could be compared.

    Raises:
        CannotCompareError: the report cannot be written.
    """
    status, reason, content = 0, "", None
    try:
        content = gather(folder, check(folder, base))
    except CannotCompareError as error:
        status, reason = NOT_COMPARABLE, str(error)
    files = {"index.html": as_html(content, reason).encode()}
    charts = content.charts if content else []
    drawn = {f"{chart.name}.png": draw(chart) for chart in charts if chart.specification}
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
    return status


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
    return {k: v for k, v in (chart.specification or {}).items() if k != "title"}


def _names(content: Content | None, reason: str) -> dict[str, Any]:
    """What the templates use."""
    differing = content.check.differences.parameters if content else {}
    parameters = [Pair(name, *values) for name, values in differing.items()]
    return {
        "content": content,
        "reason": reason,
        "verdict": VERDICTS[content.check.status if content else NOT_COMPARABLE],
        "status": content.check.status if content else NOT_COMPARABLE,
        "columns": COLUMNS,
        "seed_columns": SEED_COLUMNS,
        "numbers": NUMBERS,
        "metrics": list(_metrics(content.check)) if content else [],
        "seed_rows": [seed_row(test) for test in content.check.seeds.tests] if content else [],
        "notes": [*not_gated(content.check), *content.check.notes, *content.check.seeds.notes]
        if content
        else [],
        "parameters": parameters,
        "pair_rows": _pair_rows,
        "untitled": untitled,
        "data_address": _data_address,
    }


def _metrics(check: Check) -> Iterator[tuple[str, list[tuple[str, list[str]]]]]:
    """For each metrics file its rows: how each looks, and its cells."""
    gated = [c for c in check.comparisons if c.verdict is not Verdict.NOT_GATED]
    for file, group in groupby(gated, key=lambda c: c.file):
        yield file, [(_look(c), [c.key, *row(c)[1:]]) for c in group]


def _look(comparison: Comparison) -> str:
    if comparison.refuses:
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


def _data_address(picture: Pair, data: bytes) -> str:
    kind = PICTURES[Path(picture.name).suffix]
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
