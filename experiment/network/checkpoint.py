"""Where a training stands after an epoch, so that one that was killed goes on from there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiment.common.errors import InputError
from experiment.common.files import CURVE_COLUMNS, write_arrays
from experiment.common.npz import read_arrays

Row = dict[str, float]


@dataclass(frozen=True)
class State:
    """Everything that the next epoch depends on.

    Attributes:
        curve: one row per finished epoch.
        variables: values of all variables of the model and its optimizer, in Keras' order: weights,
            where each Dropout layer's random stream stands, Adam's step and moments.
    """

    curve: list[Row]
    variables: list[np.ndarray]


# Before the first epoch; the variables are as they were made.
START = State([], [])


@dataclass(frozen=True)
class Checkpoint:
    """A file that holds the last finished epoch of one training.

    Attributes:
        path: the file, an `.npz`.
        fingerprint: of all that this training depends on; a state that was saved under another
            is of another training.
    """

    path: Path
    fingerprint: str

    def save(self, state: State) -> None:
        """Replaces the file, as a whole."""
        arrays = {
            "fingerprint": np.array(self.fingerprint),
            "curve": np.array([[row[column] for column in CURVE_COLUMNS] for row in state.curve]),
            "variables": np.array(len(state.variables)),
        }
        arrays |= {f"variable_{i}": value for i, value in enumerate(state.variables)}
        write_arrays(self.path, arrays)

    def load(self) -> State | None:
        """The state to go on from, or None where no file is there.

        Raises:
            InputError: the file is damaged or of another training; it is not to be used.
        """
        if not self.path.exists():
            return None
        # Every member's CRC-32 is checked on the way.
        found = read_arrays(self.path, ("fingerprint",))
        if str(found["fingerprint"]) != self.fingerprint:
            raise InputError(f"{self.path} is of other parameters, data or software")
        found = read_arrays(self.path, ("curve", "variables"))
        names = [f"variable_{i}" for i in range(int(found["variables"]))]
        variables = read_arrays(self.path, tuple(names))
        return State(_rows(found["curve"]), [variables[name] for name in names])

    def remove(self) -> None:
        """The training is done and its results are written."""
        self.path.unlink(missing_ok=True)


def _rows(curve: np.ndarray) -> list[Row]:
    rows: Sequence[Sequence[float]] = curve.tolist()
    return [
        {**dict(zip(CURVE_COLUMNS, row, strict=True)), "epoch": int(row[0])}  # epochs are counted
        for row in rows
    ]
