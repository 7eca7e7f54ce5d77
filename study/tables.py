"""The finished runs as tidy tables: one row per run, and one per run and epoch."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from experiment.common.files import CURVE_COLUMNS, replacing
from study.store import Entry

RUNS = Path("metrics/study_runs.csv")
CURVES = Path("metrics/study_run_curves.csv")


def write_tables(entries: Iterable[Entry]) -> None:
    """Writes both, sorted by the parameters of the runs: their order of training is not seen."""
    entries = sorted(entries, key=lambda entry: entry.run)
    write_table(RUNS, [{**asdict(entry.run), **_sorted(entry.metrics)} for entry in entries])
    write_table(
        CURVES,
        # By name: a row that was stored has its columns in another order than a new one.
        [
            {**asdict(entry.run), **{column: row[column] for column in CURVE_COLUMNS}}
            for entry in entries
            for row in entry.curve
        ],
    )


def _sorted(metrics: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(metrics.items()))


def write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """CSV, its columns those of the first row, numbers in full precision."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
