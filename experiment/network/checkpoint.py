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
            Adam's moments and step, and where each Dropout layer's random stream stands.
    """

    curve: list[Row]
    variables: list[np.ndarray]


@dataclass(frozen=True)
class Checkpoint:
    """A file that holds the last finished epoch of one training.

    Attributes:
        path: the file, an `.npz`.
        fingerprint: of the parameters, data and code of this training; a state that was saved
            under another is of another training.
    """

    path: Path
    fingerprint: str

    def save(self, state: State) -> None:
        """Replaces the file, as a whole."""
        curve = np.array([[row[column] for column in CURVE_COLUMNS] for row in state.curve])
        arrays = {f"variable_{i}": value for i, value in enumerate(state.variables)}
        arrays |= {"curve": curve, "fingerprint": np.array(self.fingerprint)}
        write_arrays(self.path, arrays)

    def load(self, variables: int) -> State | None:
        """The state to go on from, or None where no file is there.

        Args:
            variables: how many there must be.

        Raises:
            InputError: the file is damaged or of another training; it is not to be used.
        """
        if not self.path.exists():
            return None
        names = [f"variable_{i}" for i in range(variables)]
        # Every member's CRC-32 is checked on the way.
        arrays = read_arrays(self.path, ("fingerprint",))
        if str(arrays["fingerprint"]) != self.fingerprint:
            raise InputError(f"{self.path} is of other parameters, data, code or software")
        arrays = read_arrays(self.path, (*names, "curve"))
        return State(_rows(arrays["curve"]), [arrays[name] for name in names])

    def remove(self) -> None:
        """The training is done and its results are written."""
        self.path.unlink(missing_ok=True)


def _rows(curve: np.ndarray) -> list[Row]:
    rows: Sequence[Sequence[float]] = curve.tolist()
    return [
        {**dict(zip(CURVE_COLUMNS, row, strict=True)), "epoch": int(row[0])}  # epochs are counted
        for row in rows
    ]
