from pathlib import Path

import pytest

from experiment.common.parameters import load_parameters
from experiment.data.known import KNOWN_DATASETS, Source, label_of
from stages import check
from stages.download import get_dataset
from tests.conftest import set_parameters
from tests.experiment.test_sources import GOOD, assert_is_original, use


def test_new_dataset_needs_an_entry_in_the_table_and_nothing_else(
    in_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in GOOD.items():
        (in_workspace / name).write_bytes(content)
    use(monkeypatch, Source("a folder", "idx", f"{in_workspace}/"), name="bars")
    set_parameters(in_workspace, data__dataset="bars")
    check.main()
    assert check.CHECKED.exists()
    assert_is_original(get_dataset(load_parameters().data.dataset))
    assert label_of("bars") == "Bars"


def test_labels_are_for_readers() -> None:
    assert [label_of(name) for name in KNOWN_DATASETS] == ["MNIST", "Fashion-MNIST"]
    assert label_of("data/own/cats.npz") == "data/own/cats.npz"
