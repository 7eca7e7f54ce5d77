from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from stages import check, download
from stages.download import RAW
from tests.conftest import ROOT, set_parameters, synthetic_arrays, write_known


def test_own_data(in_workspace: Path) -> None:
    """The same arrays are the same bytes; a file that is wrong costs nothing of the last good."""
    download.main()
    first = RAW.read_bytes()
    np.savez_compressed("data/own/tiny.npz", **synthetic_arrays())  # type: ignore[arg-type]
    download.main()
    assert RAW.read_bytes() == first
    with np.load(RAW) as arrays:
        assert sorted(arrays) == ["x_test", "x_train", "y_test", "y_train"]
    Path("data/own/tiny.npz").write_bytes(b"<html>")
    with pytest.raises(SystemExit, match=r"^download: data/own/tiny\.npz: expected a whole"):
        download.main()
    assert RAW.read_bytes() == first
    assert [path.name for path in RAW.parent.iterdir()] == [RAW.name]


def test_known_data_set_is_one_new_file(in_workspace: Path) -> None:
    """Its names of classes reach the raw data, from which messages and `evaluate` take them."""
    original = synthetic_arrays(seed=4)
    write_known(in_workspace / "data/bars", original)
    set_parameters(in_workspace, data__dataset="bars")
    check.main()
    download.main()
    with np.load(RAW) as arrays:
        assert arrays["names"].tolist() == ["a", "b", "c"]
        np.testing.assert_array_equal(arrays["x_test"], original["x_test"])


@pytest.mark.skipif(
    not Path("/usr/share/datasets/fashion-mnist").is_dir(),
    reason="Debian's dataset-fashion-mnist is not installed",
)
def test_fashion_mnist_comes_from_debians_package(in_workspace: Path) -> None:
    known = YAML().load((ROOT / "data/fashion_mnist").read_text(encoding="utf-8"))
    known["sources"] = known["sources"][-1:]
    YAML().dump(known, in_workspace / "data/fashion_mnist")
    set_parameters(in_workspace, data__dataset="fashion_mnist")
    download.main()
    with np.load(RAW) as arrays:
        assert arrays["x_train"].shape == (60_000, 28, 28)
        assert np.bincount(arrays["y_test"]).tolist() == [1000] * 10
        assert arrays["names"][9] == "ankle boot"
