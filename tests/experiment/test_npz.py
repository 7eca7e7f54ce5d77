import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from experiment.files import write_arrays
from experiment.npz import read_arrays
from experiment.support.errors import InputError

ARRAYS = {"a": np.arange(2001), "b": np.eye(3)}


def test_damage_anywhere_is_noticed_or_harmless(tmp_path: Path) -> None:
    """A bit of each byte of the headers is turned: the length of `a` becomes 2000."""
    path = tmp_path / "arrays.npz"
    write_arrays(path, ARRAYS)
    whole, noticed = path.read_bytes(), 0
    places = [*range(300), *range(len(whole) - 500, len(whole))]
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            found = read_arrays(path, ("a", "b"))
        except InputError:
            noticed += 1
        else:
            assert all(found[name].tobytes() == ARRAYS[name].tobytes() for name in ARRAYS)
            assert all(found[name].dtype == ARRAYS[name].dtype for name in ARRAYS)
    assert noticed > 0.6 * len(places)  # the rest are clocks and versions in the archive


@pytest.mark.parametrize("length", [4, 10**10, 10**30])
def test_header_declares_more_than_the_file_holds(length: int, tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (length,)}
    )
    with zipfile.ZipFile(tmp_path / "liar.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue() + b"123")
    with pytest.raises(InputError, match="or a damaged one; get or make it again"):
        read_arrays(tmp_path / "liar.npz", ("x",))


def test_what_is_no_npz_or_lacks_an_array(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    for content, message in (
        ({"a": np.array([print])}, "found objects in a, which could run code"),
        ({"b": np.eye(3)}, "expected the arrays a; found b; add a"),
        ({}, "expected the arrays a; found none; add a"),
    ):
        np.savez(path, **content)
        with pytest.raises(InputError, match=message):
            read_arrays(path, ("a",))
    np.save(tmp_path / "one.npy", np.eye(3))
    for name, message in (("one.npy", "another kind"), (".", "a folder"), ("no", "no such file")):
        with pytest.raises(InputError, match=f"found {message}"):
            read_arrays(tmp_path / name, ("a",))
