"""`metrics/study_runs.csv`: every run of the study, a row each."""

import csv
import io
from collections.abc import Mapping

from gate.errors import CannotCompareError
from gate.reading import merge_conflict, read_number
from gate.revisions import Source

RUNS = "metrics/study_runs.csv"

Rows = list[dict[str, str]]
# By seed, by metric.
Runs = dict[int, dict[str, float]]


def read_rows(source: Source) -> Rows | None:
    """All rows as text; None where there is no file.

    Raises:
        CannotCompareError: it is no such table.
    """
    content = source.read(RUNS)
    if content is None:
        return None
    if conflict := merge_conflict(content):
        raise CannotCompareError(f"{RUNS} of {source.name}: expected a CSV file; {conflict}")
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode(), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise CannotCompareError(
            f"{RUNS} of {source.name}: expected a CSV file; {error}; run the study"
        ) from None
    if not rows or "seed" not in rows[0] or any(None in {*r, *r.values()} for r in rows):
        raise CannotCompareError(
            f"{RUNS} of {source.name}: expected rows as long as their heading, with a `seed`;"
            " found others; run the study"
        )
    return rows


def runs_of(rows: Rows, wanted: Mapping[str, str | float], origin: str) -> Runs:
    """The runs of one setting.

    Args:
        rows: of the file.
        wanted: value of each column that chooses.
        origin: of the rows, for errors.

    Returns:
        By seed, every column that is a finite number.

    Raises:
        CannotCompareError: there is no such column, or a seed is there twice.
    """
    missing = sorted(wanted.keys() - rows[0].keys())
    if missing:
        raise CannotCompareError(
            f"gate.yaml: seeds.rows: expected columns of {RUNS} of {origin}; it has no"
            f" {missing[0]}; mend that"
        )
    runs: Runs = {}
    for row in rows:
        if not all(is_value(row[column], value) for column, value in wanted.items()):
            continue
        numbers = {column: _number(text) for column, text in row.items()}
        seed = numbers.pop("seed")
        if seed is None or int(seed) in runs:
            raise CannotCompareError(
                f"{RUNS} of {origin}: expected each seed once; found {row['seed']!r} again;"
                " add a column to seeds.rows of gate.yaml that tells them apart"
            )
        runs[int(seed)] = {k: v for k, v in numbers.items() if v is not None}
    return runs


def is_value(text: str, value: str | float) -> bool:
    """Whether a cell holds a value; numbers are compared as numbers."""
    return text == value if isinstance(value, str) else _number(text) == value


def _number(text: str) -> float | None:
    try:
        return read_number(float(text))
    except ValueError:
        return None
