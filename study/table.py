"""The table of finished runs, and the settings in it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from statistics import fmean

import pandas as pd

from experiment.files import replacing
from study.grid import Run
from study.paths import RUNS
from study.store import Entry

PARAMETERS = tuple(Run.__dataclass_fields__)

LAST = 5  # epochs, over which `last_five_*` are means


@dataclass(frozen=True, order=True)
class Setting:
    """What runs have in common that differ in the seed alone; attributes as those of `Run`."""

    dataset: str
    placement: str
    dropout_rate: float
    train_samples: int
    dense_units: int

    def __str__(self) -> str:
        return (
            f"{self.dataset},{self.placement},rate={self.dropout_rate},n={self.train_samples},"
            f"units={self.dense_units}"
        )

    def without_dropout(self) -> "Setting":
        """The same network and images without Dropout."""
        return replace(self, placement="none", dropout_rate=0.0)


def setting_of(run: Run) -> Setting:
    """What a run has in common with those of other seeds."""
    return Setting(**{field.name: getattr(run, field.name) for field in fields(Setting)})


class Table:
    """Finished runs.

    Args:
        rows: one per run, with the columns `PARAMETERS` and metrics. A metric that early runs were
            not evaluated for has gaps.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows
        self.metrics = [name for name in rows.columns if name not in PARAMETERS]
        self._none = pd.DataFrame(columns=self.metrics, dtype=float)
        names = [field.name for field in fields(Setting)]
        self._by_setting = {
            Setting(*key): runs.set_index("seed").sort_index()[self.metrics]
            for key, runs in rows.groupby(names)
        }

    def settings(self) -> list[Setting]:
        """Those with two seeds or more, sorted: one run has no spread."""
        return sorted(s for s, runs in self._by_setting.items() if len(runs) > 1)

    def of(self, setting: Setting) -> pd.DataFrame:
        """Its metrics, a row per run, by seed; no row for a setting that has no runs."""
        return self._by_setting.get(setting, self._none)

    def pair(self, setting: Setting) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Runs without Dropout and with it, of the seeds that both have."""
        without, with_it = self.of(setting.without_dropout()), self.of(setting)
        seeds = without.index.intersection(with_it.index)
        return without.loc[seeds], with_it.loc[seeds]

    def all_samples(self, dataset: str) -> int:
        """The largest number of training images among the runs of a dataset; 0 without any."""
        found = self.rows.loc[self.rows["dataset"] == dataset, "train_samples"]
        return int(found.max()) if len(found) else 0


def table_of(entries: Iterable[Entry]) -> Table:
    """The runs, sorted by their parameters, with `last_five_*` beside their metrics."""
    rows = []
    for entry in sorted(entries, key=lambda entry: entry.run):
        last = entry.curve[-LAST:]
        rows.append(
            asdict(entry.run)
            | dict(sorted(entry.metrics.items()))
            | {
                "last_five_training_accuracy": fmean(row["accuracy"] for row in last),
                "last_five_validation_accuracy": fmean(row["val_accuracy"] for row in last),
            }
        )
    frame = pd.DataFrame(rows)
    return Table(frame[[*PARAMETERS, *sorted(frame.columns.difference([*PARAMETERS]))]])


def write_runs(entries: Iterable[Entry]) -> None:
    """Writes the table of runs: the order of training is not seen."""
    entries = list(entries)
    write_csv(RUNS, table_of(entries).rows if entries else pd.DataFrame())


def write_csv(path: Path, rows: pd.DataFrame) -> None:
    """Numbers in full precision, gaps empty."""
    with replacing(path) as temporary:
        rows.to_csv(temporary, index=False, lineterminator="\n")
