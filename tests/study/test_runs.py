"""The store: a line per run, appended, never lost; and which runs belong together."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from experiment.parameters import load_parameters
from experiment.support.errors import InputError
from experiment.variants import VARIANTS, Variant
from study.runs import (
    WITHOUT_INFLUENCE,
    Entry,
    Setting,
    Store,
    find_difference,
    hash_content,
    load_runs,
    parse_line,
    select,
    setting_of,
)
from tests.conftest import ROOT
from tests.study.made_up import make_entry, make_setting, write_lines

FIRST, SECOND, THIRD = (make_entry(make_setting(0.5), seed) for seed in range(3))


def with_condition(entry: Entry, name: str, value: str) -> Entry:
    return replace(entry, conditions={**entry.conditions, name: value})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two runs, each appended and synced."""
    store = Store(tmp_path / "runs.jsonl")
    with pytest.raises(InputError, match=r"runs.jsonl: expected finished runs; found none; run"):
        load_runs(store.path)
    store.add(FIRST)
    synced: list[str] = []
    with mock.patch("os.fsync", side_effect=lambda _: synced.append(store.path.read_text())):
        store.add(SECOND)
    assert synced == [write_lines([FIRST, SECOND])]
    assert load_runs(store.path) == [FIRST, SECOND]
    return store


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n", ""),
        ('"test_loss": 0.', '"test_loss": 1.'),
        ("checksum", "sum"),
        ("mnist", "mni\udcff"),  # no UTF-8
        (SECOND.to_line(), FIRST.to_line()),
        (SECOND.to_line(), "[" * 100_000 + "\n"),
    ],
    ids=range(6),
)
def test_damage(old: str, new: str, store: Store) -> None:
    """The line is named and dropped; the others stay, and the next run makes the file whole."""
    damaged = SECOND.to_line().replace(old, new)
    after = [THIRD] if damaged.endswith("\n") else []
    text = FIRST.to_line() + damaged + write_lines(after)
    store.path.write_bytes(text.encode(errors="surrogateescape"))
    found = Store(store.path)
    rest = {entry.key: entry for entry in (FIRST, *after)}
    assert found.entries == rest
    [problem] = found.problems
    assert problem.startswith(f"{store.path}, line 2: dropped, ")
    found.add(SECOND)
    assert Store(store.path).entries == rest | {SECOND.key: SECOND}
    assert Store(store.path).problems == []


@pytest.mark.parametrize("change", [{"settings": {}}, {"new": 1}, {"data": "other"}])
def test_runs_of_other_code_are_not_dropped(change: dict[str, Any], store: Store) -> None:
    """As after a parameter was added, or from a branch that has another."""
    content = json.loads(SECOND.to_line()) | change
    del content["checksum"]
    whole = json.dumps(content | {"checksum": hash_content(content)})
    store.path.write_text(f"{FIRST.to_line()}{whole}\n")
    with pytest.raises(InputError, match="expected those of this code's parameters; found "):
        Store(store.path)


def test_run_replaces_its_line(store: Store) -> None:
    """The file is replaced as a whole; what shares its bytes by a link is not written through."""
    other, link = replace(FIRST, metrics={"test_accuracy": 0.5}), store.path.with_name("link")
    before = store.path.read_bytes()
    link.hardlink_to(store.path)
    with pytest.raises(ValueError, match="JSON"):
        Store(store.path).add(replace(FIRST, metrics={"test_accuracy": float("nan")}))
    assert store.path.read_bytes() == before
    store.add(other)
    assert store.path.read_text() == write_lines([other, SECOND])
    assert link.read_bytes() == before
    assert sorted(path.name for path in store.path.parent.iterdir()) == ["link", "runs.jsonl"]


def test_key() -> None:
    """It depends on what changes a bit of the result and on nothing else."""
    changes: dict[str, Any] = {
        "dataset": "fashion_mnist", "placement": "both", "dropout_rate": 0.4, "train_samples": 100,
        "dense_units": 64, "epochs": 21, "filters": 16, "batch_size": 64, "learning_rate": 0.1,
        "validation_from": "shuffled", "validation_split": 0.1, "further": '{"l2": 0.1}',
    }  # fmt: skip
    by_condition = {"threads", "instructions", "numerics"}
    assert changes.keys() == {field.name for field in fields(Setting)} - by_condition
    settings = [replace(FIRST.setting, **{name: value}) for name, value in changes.items()]
    others = [replace(FIRST, setting=setting) for setting in settings]
    others += [SECOND, replace(FIRST, data="other"), with_condition(FIRST, "numerics", "2"),
               with_condition(FIRST, "version.numpy", "3")]  # fmt: skip
    assert len({FIRST.key, *(other.key for other in others)}) == 1 + len(others)
    same = [with_condition(FIRST, name, "9") for name in WITHOUT_INFLUENCE]
    same.append(replace(FIRST, metrics={}, curve={}, test_errors=None))
    assert {entry.key for entry in same} == {FIRST.key}


def test_setting_of_a_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting of params.yaml but for its network; a stored run has all of it."""
    network = {"dropout_rate": 0.0, "dropout_placement": "dense", "l2": 0.1}
    monkeypatch.setitem(VARIANTS, "third", Variant("", "", lambda params: network))
    setting = setting_of(load_parameters(ROOT / "params.yaml"), "third", 48_000)
    assert setting == make_setting(0.0, further='{"l2": 0.1}')
    setting = replace(setting, threads=2, instructions="native", numerics="2")
    conditions = {"threads": "2", "numerics": "2", "variable.ONEDNN_MAX_CPU_ISA": "DEFAULT"}
    entry = replace(FIRST, setting=setting, conditions=conditions)
    assert parse_line(entry.to_line()) == entry


def test_runs_that_may_be_compared(tmp_path: Path) -> None:
    """Machines are not mixed: of a setting with and without Dropout, the most common is kept.

    Of own images the latest count, also where more runs are of the older ones.
    """
    path = tmp_path / "runs.jsonl"
    here = [FIRST, SECOND, *(make_entry(make_setting(0.0), seed) for seed in range(2))]
    # The most with Dropout, but not in all.
    elsewhere = [with_condition(entry, "libc", "another") for entry in (FIRST, SECOND, THIRD)]
    alone = with_condition(make_entry(make_setting(0.5, 100)), "libc", "another")
    old = [make_entry(replace(FIRST.setting, dataset="own/a.npz"), seed) for seed in range(3)]
    new = [replace(entry, data="new") for entry in old[:2]]
    other_data = replace(THIRD, data="other")
    path.write_text(write_lines([*elsewhere, *old, *here, alone, *new, other_data]))
    assert load_runs(path) == [*here, alone, *new]
    assert select(load_runs(path), FIRST.setting) == {0: FIRST, 1: SECOND}


def test_difference() -> None:
    """A figure that one of an older format lacks is none."""
    old = replace(FIRST, metrics={"test_loss": 0.5}, calibration={"count": [1]})
    changes: list[tuple[dict[str, Any], str | None]] = [
        ({"calibration": None, "format": 9}, None),
        ({"calibration": {"count": [2]}}, "calibration"),
        ({"metrics": {"test_loss": 0.5, "new": 1.0}}, None),
        ({"metrics": {"test_loss": 0.25}}, "test_loss: 0.5 stored, 0.25 now"),
        ({"curve": {}}, "curve"),
        ({"test_errors": [1]}, "test_errors"),
    ]
    for change, expected in changes:
        assert find_difference(old, replace(old, **change)) == expected
