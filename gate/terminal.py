"""What the gate found, as a table for people; in colour where that is a terminal."""

import os
from collections.abc import Iterable
from itertools import groupby

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from gate.check import NO_WORSE, REGRESSION, VERDICTS, Check
from gate.comparison import Comparison, Verdict
from gate.presentation import COLUMNS, NUMBERS, SEED_COLUMNS, all_notes, not_gated, row, seed_row

STATUS_STYLES = {NO_WORSE: "bold green", REGRESSION: "bold red"}


def show(check: Check) -> None:
    """Prints the base, the tables, the notes and, last, the verdict with its reasons."""
    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 160  # a file has no edge
    revision = check.base.revision
    console.print(
        f"Base: {escape(revision.name)} ({revision.commit[:10]}), {escape(check.base.why)}"
    )
    console.print(_metrics(check.comparisons))
    if check.seeds.tests:
        table = _table("Over several seeds", SEED_COLUMNS)
        for test in check.seeds.tests:
            table.add_row(*map(escape, seed_row(test)), style="red" if test.refuses else None)
        console.print(table)
    _list(console, (*not_gated(check), *all_notes(check)))
    style = STATUS_STYLES.get(check.status, "bold yellow")
    console.print(Text(f"Verdict: {VERDICTS[check.status]}", style=style))
    _list(console, check.reasons)


def _metrics(comparisons: tuple[Comparison, ...]) -> Table:
    table = _table(None, COLUMNS)
    gated = [c for c in comparisons if c.verdict is not Verdict.NOT_GATED]
    for file, group in groupby(gated, key=lambda c: c.file):
        table.add_row(Text(file, style="bold"))
        for c in group:
            cells = [f"  {c.key}", *row(c)[1:]]
            table.add_row(*map(escape, cells), style=_style(c))
    return table


def _style(comparison: Comparison) -> str | None:
    if comparison.refuses:
        return "red" if comparison.verdict is Verdict.WORSE else "yellow"
    if comparison.verdict is Verdict.BETTER:
        return "green"
    return None if comparison.blocks else "dim"


def _table(title: str | None, columns: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in columns:
        justify = "right" if name in NUMBERS else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=name in NUMBERS)  # type: ignore[arg-type]
    return table


def _list(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(f"- {escape(line)}")
