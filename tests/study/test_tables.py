"""The curves of the runs in the table, from a store that may hold others too."""

import re
from pathlib import Path

import pytest

from experiment.common.errors import InputError
from study.paths import RUNS, STORE
from study.store import Entry, Store
from study.table import Table, read_table
from study.tables import read_curves, write_runs
from tests.study.conftest import write_study
from tests.study.three_seeds import runs

ENTRIES = runs()


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    monkeypatch.chdir(tmp_path)
    write_study(ENTRIES)
    return read_table(RUNS)


def other(entry: Entry) -> Entry:
    """The same run as another machine or other data would give it."""
    metrics = {name: value / 2 for name, value in entry.metrics.items()}
    return Entry(entry.run, metrics, [{**row, "loss": 9.0} for row in entry.curve])


@pytest.mark.parametrize("name", ["another machine", "first machine", "m"])
def test_curve_is_of_the_run_with_the_figures_in_the_table(name: str, table: Table) -> None:
    before = read_curves(table).rows
    for entry in ENTRIES:
        Store(STORE, {}, {"machine": name}, {"mnist": "made up"}).save(other(entry))
    assert read_curves(table).rows.equals(before)
    assert len(before) == sum(len(entry.curve) for entry in ENTRIES)
    assert set(before["loss"]) == {0.1}


def test_run_that_is_not_stored_with_these_figures_is_named(table: Table) -> None:
    write_runs([*ENTRIES[:-1], other(ENTRIES[-1])])
    with pytest.raises(InputError) as caught:
        read_curves(read_table(RUNS))
    assert str(caught.value) == (
        f"{RUNS}: expected each run in {STORE} with the same figures; {ENTRIES[-1].run} is not"
        " there; run `make study`"
    )


def test_damaged_run_is_named(table: Table) -> None:
    path = sorted(STORE.iterdir())[-1]
    path.write_text(path.read_text().replace("0.1", "0.2"))
    with pytest.raises(InputError, match=rf"^{re.escape(str(path))}: damaged "):
        read_curves(table)
