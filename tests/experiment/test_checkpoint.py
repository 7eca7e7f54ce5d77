from pathlib import Path

import numpy as np
import pytest

from experiment.network.checkpoint import State, fingerprint, load_state, save_state
from experiment.support.errors import InputError

ROW = {"epoch": 1, "accuracy": 0.1 + 0.2, "loss": 1e-17, "val_accuracy": 1.0, "val_loss": 2.5}
STATE = State([ROW, {**ROW, "epoch": 2}], [np.arange(6, dtype=np.float32), np.array(3)])


def test_state_comes_back(tmp_path: Path) -> None:
    """Bit for bit, and to the same training alone."""
    path = tmp_path / "dropout.npz"
    assert load_state(path, fingerprint="abc") is None
    save_state(path, STATE, fingerprint="abc")
    state = load_state(path, fingerprint="abc")
    assert state
    assert state.curve == STATE.curve
    assert isinstance(state.curve[0]["epoch"], int)
    found, right = ([(x.dtype, x.tolist()) for x in s.variables] for s in (state, STATE))
    assert found == right
    with pytest.raises(InputError, match="of other parameters, data or software"):
        load_state(path, fingerprint="abd")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"expected a whole \.npz file"):
        load_state(path, fingerprint="abc")


def test_fingerprint(tmp_path: Path) -> None:
    """Of parameters in any order, and of each data file."""
    x, y, parameters = tmp_path / "x", tmp_path / "y", {"a": 1, "b": 2}
    x.write_bytes(b"x")
    y.write_bytes(b"y")
    first = fingerprint(parameters=parameters, data=[x, y])
    assert fingerprint(parameters={"b": 2, "a": 1}, data=[x, y]) == first
    others = [
        fingerprint(parameters=changed, data=[x, y]) for changed in ({"a": 1}, {"a": 1, "b": 3})
    ]
    others += [fingerprint(parameters=parameters, data=data) for data in ([y, x], [x])]
    y.write_bytes(b"z")
    others.append(fingerprint(parameters=parameters, data=[x, y]))
    assert len({first, *others}) == 6
