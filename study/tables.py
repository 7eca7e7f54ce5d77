"""The finished runs as a tidy table, a row each, and their curves, which stay in the store."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from experiment.common.errors import InputError
from experiment.common.files import CURVE_COLUMNS, replacing
from study.grid import Run
from study.paths import RUNS, STORE
from study.store import Entry, read_entry
from study.table import PARAMETERS, Table


def write_runs(entries: Iterable[Entry]) -> None:
    """Writes the table, sorted by the parameters of the runs: the order of training is not seen."""
    entries = sorted(entries, key=lambda entry: entry.run)
    names = sorted({name for entry in entries for name in entry.metrics})
    rows = [
        {**asdict(entry.run), **{name: entry.metrics.get(name) for name in names}}
        for entry in entries
    ]
    write_table(RUNS, rows)


def read_curves(table: Table) -> Table:
    """The curves of the runs in the table: a row per run and epoch.

    Raises:
        InputError: a run is not in the store with these figures, or a stored run is damaged.
    """
    stored: dict[Run, list[Entry]] = defaultdict(list)
    for path in sorted(STORE.glob("*.json")):
        entry = read_entry(path)
        stored[entry.run].append(entry)
    rows = []
    for row in table.rows.to_dict("records"):
        run = Run(**{name: row[name] for name in PARAMETERS})
        figures = {name: row[name] for name in table.metrics if pd.notna(row[name])}
        # More than one: trained with other software, other settings or other data.
        found = [entry for entry in stored[run] if entry.metrics == figures]
        if not found:
            raise InputError(
                f"{RUNS}: expected each run in {STORE} with the same figures; {run} is not there;"
                " run `make study`"
            )
        rows += [
            {**asdict(run), **{column: epoch[column] for column in CURVE_COLUMNS}}
            for epoch in found[0].curve
        ]
    return Table(pd.DataFrame(rows))


def write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """CSV, its columns those of the first row, numbers in full precision."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
