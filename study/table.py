"""The table of finished runs, and the settings in it."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pandas as pd

from experiment.common.errors import InputError
from study.grid import Run

PARAMETERS = tuple(Run.__dataclass_fields__)

# Metrics that runs with seeds below 10 do not have.
SINCE_SEED_10 = ("best_epoch_test_accuracy", "best_epoch_test_loss")


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


class Table:
    """Finished runs.

    Args:
        rows: one per run (or per run and epoch), with the columns `PARAMETERS` and metrics.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows
        self.metrics = [name for name in rows.columns if name not in PARAMETERS]

    def settings(self) -> list[Setting]:
        """Those with two seeds or more, sorted: one run has no spread."""
        names = [field.name for field in fields(Setting)]
        seeds = self.rows.groupby(names)["seed"].nunique()
        return sorted(Setting(*key) for key, count in seeds.items() if count > 1)

    def of(self, setting: Setting) -> pd.DataFrame:
        """Its metrics, a row per run, by seed."""
        chosen = self.rows
        for name, value in vars(setting).items():
            chosen = chosen[chosen[name] == value]
        return chosen.set_index("seed").sort_index()[self.metrics]

    def all_samples(self, dataset: str) -> int:
        """The largest number of training images among the runs of a dataset; 0 without any."""
        found = self.rows.loc[self.rows["dataset"] == dataset, "train_samples"]
        return int(found.max()) if len(found) else 0


def read_table(path: Path, needed: Iterable[str] = ()) -> Table:
    """Reads what `study.replicate` wrote.

    Raises:
        InputError: the file is missing, or is not such a table.
    """
    return Table(read_rows(path, (*PARAMETERS, *needed)))


def read_rows(path: Path, needed: Iterable[str]) -> pd.DataFrame:
    """Reads a CSV file with these columns, and no gaps.

    Raises:
        InputError: the file is missing, or has other content.
    """
    try:
        rows = pd.read_csv(path, float_precision="round_trip")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run `make study`") from None
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a CSV file ({reason}); run `make study`") from None
    missing = [name for name in needed if name not in rows]
    gaps = rows.drop(columns=list(SINCE_SEED_10), errors="ignore").isna().any(axis=None)
    if missing or rows.empty or gaps:
        found = f"no column {missing[0]}" if missing else "no rows, or gaps"
        raise InputError(f"{path}: expected the study's table; found {found}; run `make study`")
    return rows
