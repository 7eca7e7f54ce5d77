"""Checkpoints: the state of a training after an epoch, from which one that was killed goes on."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiment.files import CURVE_COLUMNS, write_arrays
from experiment.npz import read_arrays
from experiment.support.errors import InputError

Row = dict[str, float]

# Not a DVC output: DVC deletes outputs before a stage starts.
CHECKPOINTS = Path(".checkpoints")


@dataclass(frozen=True)
class State:
    """Everything that the next epoch depends on.

    The curve has a row per finished epoch. The variables are all of the model and its optimizer, in
    Keras' order: weights, where each Dropout layer's random stream stands, Adam's step and moments.
    """

    curve: list[Row]
    variables: list[np.ndarray]


# Before the first epoch; the variables are as they were made.
START = State([], [])


def save_state(path: Path, state: State, *, fingerprint: str) -> None:
    """Replace the file, as a whole, by a state of the training with this fingerprint."""
    arrays = {
        "fingerprint": np.array(fingerprint),
        "curve": np.array([[row[column] for column in CURVE_COLUMNS] for row in state.curve]),
        "variables": np.array(len(state.variables)),
    }
    arrays |= {f"variable_{i}": value for i, value in enumerate(state.variables)}
    write_arrays(path, arrays)


def load_state(path: Path, *, fingerprint: str) -> State | None:
    """Return the state to go on from, or None where no file is there.

    InputError: the file is damaged, or of a training with another fingerprint.
    """
    if not path.exists():
        return None
    if str(read_arrays(path, ("fingerprint",))["fingerprint"]) != fingerprint:
        raise InputError(f"{path} is of other parameters, data or software")
    found = read_arrays(path, ("curve", "variables"))
    names = tuple(f"variable_{i}" for i in range(int(found["variables"])))
    rows = [dict(zip(CURVE_COLUMNS, row, strict=True)) for row in found["curve"].tolist()]
    curve = [row | {"epoch": int(row["epoch"])} for row in rows]
    return State(curve, [*read_arrays(path, names).values()])


def fingerprint(*, parameters: Mapping[str, object], data: Iterable[Path] = ()) -> str:
    """Return the SHA-256 of all that a result depends on: values for JSON, and bytes of files."""
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    for path in data:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
