import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiment.data.split import Dataset
from experiment.support.errors import InputError
from study.grid import Run
from study.store import WITHOUT_INFLUENCE, Entry, Store, digest

RUN = Run("mnist", "dense", 0.5, 48_000, 128, 20, 0)
CURVE = [
    {"epoch": n, "accuracy": 0.9 + n / 100, "loss": 0.3 / n, "val_accuracy": 0.8, "val_loss": n}
    for n in (1, 2, 3)
]
ENTRY = Entry(RUN, {"test_accuracy": 0.98}, CURVE)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(
        tmp_path, {"batch_size": 32}, {"numerics": "1", "version.numpy": "2", "python": "3"},
        {"mnist": "abc", "fashion_mnist": "def"},
    )  # fmt: skip


def test_saved_run_is_loaded(store: Store) -> None:
    assert store.load(RUN) is None
    store.save(ENTRY)
    assert store.load(RUN) == ENTRY
    before = store.path(RUN).read_bytes()
    store.save(ENTRY)
    assert store.path(RUN).read_bytes() == before
    assert [*store.folder.iterdir()] == [store.path(RUN)]
    first, *lines, last = store.path(RUN).read_text().splitlines()
    assert (first, last) == ("{", "}")
    assert [line.split('"')[1] for line in lines] == [
        "checksum", "conditions", "curve", "data", "metrics", "run", "settings", "test_errors",
    ]  # fmt: skip


def test_name_depends_on_what_changes_a_bit_of_the_result_and_on_nothing_else(
    store: Store,
) -> None:
    def with_condition(name: str, value: str) -> Store:
        return replace(store, conditions={**store.conditions, name: value})

    def with_data(name: str) -> Store:
        return replace(store, data={**store.data, name: "changed"})

    changes: list[dict[str, Any]] = [
        {"dataset": "fashion_mnist"}, {"placement": "both"}, {"dropout_rate": 0.4},
        {"train_samples": 100}, {"dense_units": 64}, {"epochs": 21}, {"seed": 1},
    ]  # fmt: skip
    assert {name for change in changes for name in change} == {*vars(RUN)}
    others = [store.path(replace(RUN, **change)) for change in changes]
    others += [
        changed.path(RUN)
        for changed in (
            replace(store, settings={"batch_size": 64}),
            with_condition("numerics", "2"),
            with_condition("version.numpy", "3"),
            with_data("mnist"),
        )
    ]
    assert len({store.path(RUN), *others}) == 1 + len(others)
    for name in WITHOUT_INFLUENCE:
        assert with_condition(name, "9").path(RUN) == store.path(RUN)
    assert with_data("fashion_mnist").path(RUN) == store.path(RUN)


DAMAGE: dict[str, Callable[[str], str]] = {
    "cut": lambda text: text[: len(text) // 2],
    "empty": lambda text: "",
    "digit": lambda text: text.replace("0.98", "0.99"),
    "list": lambda text: "[]",
    "without checksum": lambda text: json.dumps({"run": {}}),
    "nested too deep": lambda text: "[" * 100_000,
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_noticed(kind: str, store: Store) -> None:
    store.save(ENTRY)
    path = store.path(RUN)
    path.write_text(DAMAGE[kind](path.read_text()))
    with pytest.raises(InputError, match="damaged"):
        store.load(RUN)


def test_file_of_another_run_under_this_name_is_noticed(store: Store) -> None:
    other = replace(RUN, seed=1)
    store.save(replace(ENTRY, run=other))
    store.path(other).rename(store.path(RUN))
    with pytest.raises(InputError, match="it holds another run"):
        store.load(RUN)


def test_digest_is_of_content_type_and_shape() -> None:
    images, labels = np.zeros((2, 4, 4), np.uint8), np.zeros(2, np.uint8)
    base = Dataset(images, labels, images, labels)
    one_pixel = images.copy()
    one_pixel[0, 0, 0] = 1
    others = [
        replace(base, x_train=one_pixel),
        replace(base, x_test=one_pixel),
        replace(base, y_train=labels.astype(np.uint16)),
        replace(base, x_train=images.reshape(2, 2, 8)),
    ]
    assert len({digest(base), *map(digest, others)}) == 5
    assert digest(base) == digest(replace(base, x_train=images.copy()))
