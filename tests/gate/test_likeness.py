"""What differs beside the metrics, on repositories of Git."""

import json

import pytest

from gate.check import NO_WORSE, NOT_COMPARABLE, REGRESSION
from gate.errors import CannotCompareError
from tests.gate.conftest import GATE, Repository, md5


def test_same_inputs_and_bytes_need_no_note(repository: Repository) -> None:
    repository.results()
    assert repository.check().notes == ()


@pytest.mark.parametrize(
    ("change", "kind", "names"),
    [
        ({"rate": 0.2}, "parameters", {"train.rate": (0.5, 0.2)}),
        ({"data": "e"}, "data", {"data/raw/images.npz": (md5("d"), md5("e"))}),
        ({"code": "2"}, "code", {"train.py": (md5("1"), md5("2"))}),
        ({"libc": "2"}, "environment", {"metrics/a.environment.json: libc": ("1", "2")}),
    ],
)
def test_what_is_not_alike_is_named(
    change: dict[str, str], kind: str, names: object, repository: Repository
) -> None:
    repository.results(**change, model="another")  # type: ignore[arg-type]
    found = repository.check()
    assert getattr(found.differences, kind) == names
    assert found.notes == (f"not like with like: {kind} differ",)
    assert found.status == NO_WORSE


@pytest.mark.parametrize("change", [{"model": "another"}, {"accuracy": 0.95}])
def test_same_inputs_with_other_bytes_are_not_reproduced(
    change: dict[str, str], repository: Repository
) -> None:
    repository.results(**change)  # type: ignore[arg-type]
    found = repository.check()
    (note,) = found.notes
    assert note.startswith("not reproduced: nothing differs but the bytes of m")
    assert found.status == NO_WORSE


def test_metrics_changed_by_hand_are_said(repository: Repository) -> None:
    repository.metrics(accuracy=0.99)
    found = repository.check()
    assert found.differences.edited == ("metrics/a.json",)
    assert "not what dvc.lock has: metrics/a.json; changed by hand?" in found.notes


def test_every_file_that_differs_is_named(repository: Repository) -> None:
    """Two files of each kind, of which the second differs."""
    folder = repository.folder
    stage = json.loads((folder / "dvc.lock").read_text())["stages"]["train"]
    for path, text in {
        "metrics/b.json": "{}",
        "metrics/b.environment.json": '{"cpu": "x"}',
    }.items():
        repository.write(path, text)
        stage["outs"].append({"path": path, "md5": md5(text)})
    repository.write("other.py", "1")
    stage["deps"].append({"path": "other.py", "md5": md5("1")})
    repository.write("dvc.lock", json.dumps({"stages": {"train": stage}}))
    base = repository.commit()
    repository.write("train.py", "2")
    repository.write("other.py", "2")
    for path in ("metrics/a.json", "metrics/b.json"):
        repository.write(path, '{"accuracy": 1, "loss": 0}')
    repository.write("metrics/b.environment.json", '{"cpu": "y"}')
    found = repository.check(base)
    assert found.differences.edited == ("metrics/a.json", "metrics/b.json")
    assert found.differences.environment == {"metrics/b.environment.json: cpu": ("x", "y")}
    assert "found other other.py, train.py; run `dvc repro`" in found.reasons[-1]


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [("params.yaml", "train: {rate: 0.2}", "train.rate"), ("train.py", "2", "train.py")],
)
def test_results_of_other_parameters_or_code_are_refused_where_the_gate_says_so(
    path: str, text: str, name: str, repository: Repository
) -> None:
    repository.write(path, text)
    found = repository.check()
    assert found.status == NOT_COMPARABLE
    assert f"found other {name}; run `dvc repro`" in found.reasons[0]
    repository.write("gate.yaml", GATE.replace("stale_results: refuse", "stale_results: inform"))
    found = repository.check()
    assert found.status == NO_WORSE
    assert f"results of other parameters or code than those here: {name}" in found.notes


def test_regression_in_stale_results_is_a_regression(repository: Repository) -> None:
    repository.write("params.yaml", "train: {rate: 0.2}")
    repository.metrics(accuracy=0.1)
    assert repository.check().status == REGRESSION


def test_gate_that_was_loosened_is_said(repository: Repository) -> None:
    repository.write("gate.yaml", GATE.replace("absolute: 0.01", "absolute: 1"))
    found = repository.check()
    assert found.differences.gate == {"metrics.metrics/a.json.accuracy.margin.absolute": (0.01, 1)}
    assert "the gate itself is another: gate.yaml differs from the base's" in found.notes


@pytest.mark.parametrize("path", ["params.yaml", "dvc.lock"])
def test_missing_file_is_not_taken_for_alike(path: str, repository: Repository) -> None:
    repository.write("gate.yaml", GATE.replace("stale_results: refuse", "stale_results: inform"))
    (repository.folder / path).unlink()
    found = repository.check()
    assert not found.differences.like_with_like
    assert f"{path}: workspace has none" in found.notes


@pytest.mark.parametrize("path", ["params.yaml", "dvc.lock", "dvc.yaml"])
@pytest.mark.parametrize("text", ["", "- 1", "a: {", "a: 1\na: 2", "stages: [1]", b"\xff"])
def test_broken_file_cannot_be_compared(
    path: str, text: str | bytes, repository: Repository
) -> None:
    if (path, text) == ("params.yaml", "stages: [1]"):
        text = "\t"  # as it is, it would be a mapping
    repository.write(path, text)
    with pytest.raises(CannotCompareError, match=f"{path} of workspace.*: expected "):
        repository.check()
