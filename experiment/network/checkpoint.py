"""Where a training stands after an epoch, so that one that was killed goes on from there."""

import hashlib
import json
from collections.abc import Iterable, Mapping
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
        fingerprint: of all that this training depends on, as `fingerprint` makes it; a state that
            was saved under another is of another training.
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
        names = tuple(f"variable_{i}" for i in range(int(found["variables"])))
        rows = [dict(zip(CURVE_COLUMNS, row, strict=True)) for row in found["curve"].tolist()]
        curve = [row | {"epoch": int(row["epoch"])} for row in rows]
        return State(curve, [*read_arrays(self.path, names).values()])


def fingerprint(*, parameters: Mapping[str, object], data: Iterable[Path] = ()) -> str:
    """SHA-256 of all that a result depends on, in 64 hexadecimal digits.

    Args:
        parameters: names and values that JSON can hold, in any order; the environment's and the
            version of the numerics too.
        data: files whose bytes count.
    """
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    for path in data:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
