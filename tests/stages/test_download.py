from pathlib import Path

import numpy as np
import pytest

from stages import check, download
from stages.download import RAW
from tests.conftest import set_parameters, synthetic_arrays, write_known
from tests.stages.programs import message_of


def test_own_data(in_workspace: Path) -> None:
    """The same arrays are the same bytes; a file that is wrong costs nothing of the last good."""
    download.main()
    first = RAW.read_bytes()
    np.savez_compressed("data/own/tiny.npz", **synthetic_arrays())  # type: ignore[arg-type]
    download.main()
    assert RAW.read_bytes() == first
    Path("data/own/tiny.npz").write_bytes(b"<html>")
    assert message_of(download.main).startswith("download: data/own/tiny.npz: expected a whole")
    assert {path: path.read_bytes() for path in RAW.parent.iterdir()} == {RAW: first}


def test_known_data_set_is_one_new_file(
    in_workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its names of classes reach the raw data, from which messages and `evaluate` take them.

    What is there already needs no other source.
    """
    original = synthetic_arrays(seed=4)
    write_known(in_workspace / "data/bars", original)
    set_parameters(in_workspace, data__dataset="bars")
    check.main()
    for source in ("here", "the file in place"):
        download.main()
        assert capsys.readouterr().err == f"download: bars from {source}, verified\n"
    with np.load(RAW) as arrays:
        assert arrays["names"].tolist() == ["a", "b", "c"]
        for name, array in original.items():
            np.testing.assert_array_equal(arrays[name], array)
