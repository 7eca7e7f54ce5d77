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
            for name, array in ARRAYS.items():
                assert (found[name].dtype, found[name].tobytes()) == (array.dtype, array.tobytes())
    assert noticed > 0.6 * len(places)  # the rest are clocks and versions in the archive


def test_what_cannot_be_read(tmp_path: Path) -> None:
    """Also a header that declares more than there is."""
    np.save(tmp_path / "one.npy", np.eye(3))
    np.savez(tmp_path / "objects.npz", a=np.array([print]))
    np.savez(tmp_path / "b.npz", b=np.eye(3))
    for length in (4, 10**10, 10**30):
        header = io.BytesIO()
        fields = {"descr": "|u1", "fortran_order": False, "shape": (length,)}
        np.lib.format.write_array_header_1_0(header, fields)
        with zipfile.ZipFile(tmp_path / f"{length}.npz", "w") as archive:
            archive.writestr("a.npy", header.getvalue() + b"123")
    for name, message in {
        "one.npy": "another kind of file, or a damaged one",
        **{f"{length}.npz": "another kind of file" for length in (4, 10**10, 10**30)},
        "objects.npz": "objects in a, which could run code",
        "b.npz": "b; add a",
        ".": "a folder",
        "no": "no such file",
    }.items():
        with pytest.raises(InputError, match=f"found {message}"):
            read_arrays(tmp_path / name, ("a",))
    with pytest.raises(OSError, match="too long"):  # which says nothing of the file's content
        read_arrays(tmp_path / ("x" * 300), ("a",))
