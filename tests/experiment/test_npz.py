import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from experiment.common.errors import InputError
from experiment.common.npz import read_arrays


def test_content_larger_than_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, zeros=np.zeros(10**7, np.uint8))
    assert path.stat().st_size < 20_000
    with pytest.raises(InputError, match="expected at most 1 MiB of arrays, found more"):
        read_arrays(path, ("zeros",), largest=2**20)


def test_limit_is_for_all_arrays_that_are_asked_for_together(tmp_path: Path) -> None:
    path = tmp_path / "three.npz"
    zeros = np.zeros(600, np.uint8)
    np.savez(path, a=zeros, b=zeros, c=zeros)
    with pytest.raises(InputError, match="found more"):
        read_arrays(path, ("a", "c"), largest=1200)
    assert sorted(read_arrays(path, ("a", "c"), largest=2000)) == ["a", "c"]


@pytest.mark.parametrize("length", [4, 10**10, 10**15, 10**30])
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
