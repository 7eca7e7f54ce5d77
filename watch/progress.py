"""How far the runs are, as their files tell it."""

import csv
import json
import time
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from experiment.common.status import FOLDER
from experiment.common.variants import VARIANTS

# A row of a curve: a metric after an epoch, by name.
Rows = list[dict[str, float]]


@dataclass(frozen=True)
class Training:
    """One training of the pipeline.

    Attributes:
        label, colour: of its variant.
        rows: of its curve.
        words: how far it is.
        earlier: whether the curve was there before the run that is followed.
    """

    label: str
    colour: str
    rows: Rows
    words: str
    earlier: bool


def trainings(since: float, epochs: int, *, running: bool) -> list[Training]:
    """How far the trainings in the current folder are.

    Args:
        since: when the run that is followed began, in seconds since 1970.
        epochs: of each.
        running: whether that run is still at work.
    """
    found = []
    for name, variant in VARIANTS.items():
        path = Path(f"plots/{name}.csv")
        rows = read_rows(path)
        earlier = bool(rows) and path.stat().st_mtime < since
        status = read_status(name, since) if running else {}
        if status:
            words = f"epoch {status['done']:.0f} of {status['total']:.0f}{_left(status)}"
        elif earlier:
            words = "the curves of an earlier run"
        elif len(rows) < epochs:
            words = f"stopped after epoch {len(rows)} of {epochs}" if rows else "not begun"
        else:
            words = f"finished: {len(rows)} epochs"
        found.append(Training(variant.label, variant.colour, rows, words, earlier))
    return found


def study(since: float) -> tuple[str, float] | None:
    """How far the study is, in words and as a share; None where none is at work."""
    status = read_status("study", since)
    if not status:
        return None
    done, failed, total = (int(status[key]) for key in ("done", "failed", "total"))
    words = f"{done} of {total} runs done, {failed} failed{_left(status)}"
    return words, (done + failed) / total


def read_rows(path: Path) -> Rows:
    """The rows of a curve, which may not be there yet."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [{key: float(row[key]) for key in row} for row in csv.DictReader(file)]
    except (OSError, TypeError, ValueError):
        return []


def read_status(name: str, since: float) -> dict[str, float]:
    """What a run told last, with the seconds left from now on; empty where none tells anything.

    A run that was killed leaves its file: one from before `since` is none of this run's.
    """
    path = FOLDER / f"{name}.json"
    try:
        told = path.stat().st_mtime
        status: dict[str, float] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    if "left" in status:
        status["left"] = max(0.0, status["left"] - (time.time() - told))
    return status if told >= since else {}


def _left(status: dict[str, float]) -> str:
    return f", {tqdm.format_interval(status['left'])} left" if "left" in status else ""
