import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from experiment.npz import read_arrays
from experiment.support.errors import InputError


def test_content_larger_than_the_limit_is_not_read(tmp_path: Path) -> None:
    """The limit is for all arrays together that are asked for."""
    path = tmp_path / "bomb.npz"
    zeros = np.zeros(6 * 10**5, np.uint8)
    np.savez_compressed(path, a=zeros, b=zeros, c=zeros)
    assert path.stat().st_size < 10_000
    with pytest.raises(InputError, match="expected at most 1 MiB of arrays, found more"):
        read_arrays(path, ("a", "c"), largest=2**20)
    assert sorted(read_arrays(path, ("a", "c"), largest=2**21)) == ["a", "c"]


@pytest.mark.parametrize("length", [4, 10**10, 10**30])
def test_header_that_declares_more_than_the_file_holds_is_refused(
    length: int, tmp_path: Path
) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (length,)}
    )
    path = tmp_path / "liar.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", header.getvalue() + b"123")
    with pytest.raises(InputError, match=r"not a whole \.npz file"):
        read_arrays(path, ("x",))
