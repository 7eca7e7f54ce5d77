from pathlib import Path

import numpy as np
import pytest

from experiment.network.checkpoint import State, fingerprint, load_state, save_state
from experiment.support.errors import InputError

ROW = {"epoch": 1, "accuracy": 0.1 + 0.2, "loss": 1e-17, "val_accuracy": 1.0, "val_loss": 2.5}
STATE = State([ROW, {**ROW, "epoch": 2}], [np.arange(6, dtype=np.float32), np.array(3)])


def test_state_comes_back_bit_for_bit_to_the_same_training_alone(tmp_path: Path) -> None:
    path = tmp_path / "dropout.npz"
    assert load_state(path, fingerprint="abc") is None
    save_state(path, STATE, fingerprint="abc")
    with pytest.raises(InputError, match="of other parameters, data or software"):
        load_state(path, fingerprint="abd")
    loaded = load_state(path, fingerprint="abc")
    assert loaded
    assert loaded.curve == STATE.curve
    assert isinstance(loaded.curve[0]["epoch"], int)
    for actual, expected in zip(loaded.variables, STATE.variables, strict=True):
        np.testing.assert_array_equal(actual, expected)
        assert actual.dtype == expected.dtype


def test_damage_anywhere_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    save_state(path, STATE, fingerprint="abc")
    whole = path.read_bytes()
    noticed = 0
    for position in range(0, len(whole), 23):
        damaged = bytearray(whole)
        damaged[position] ^= 4
        path.write_bytes(damaged)
        try:
            state = load_state(path, fingerprint="abc")
        except InputError:
            noticed += 1
        else:  # a bit that holds no content, such as a file's time
            assert state
            assert state.curve == STATE.curve
            assert all(map(np.array_equal, state.variables, STATE.variables))
    assert noticed > 15
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError):
            load_state(path, fingerprint="abc")


def test_fingerprint_is_of_parameters_in_any_order_and_of_each_data_file(tmp_path: Path) -> None:
    def of(parameters: dict[str, object], *contents: bytes) -> str:
        paths = [tmp_path / str(number) for number in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        return fingerprint(parameters=parameters, data=paths)

    first = of({"a": 1, "b": 2}, b"x", b"y")
    assert of({"b": 2, "a": 1}, b"x", b"y") == first
    others = [
        of({"a": 1}, b"x", b"y"),
        of({"a": 1, "b": 3}, b"x", b"y"),
        of({"a": 1, "b": 2}, b"z", b"y"),
        of({"a": 1, "b": 2}, b"x", b"z"),
        of({"a": 1, "b": 2}, b"y", b"x"),
        of({"a": 1, "b": 2}, b"x"),
    ]
    assert len({first, *others}) == 7
