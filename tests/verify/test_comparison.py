import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.common.errors import InputError
from verify.comparison import NOT_REPRODUCED, SAME_BYTES, WITHIN_NOISE, compare
from verify.noise import read_noise

PIPELINE = """\
stages:
  train:
    cmd: train
    outs: [data/images.npz, {metrics/a.environment.json: {cache: false}}]
    metrics: [{metrics/a.json: {cache: false}}]
"""
NOISE = {"metrics/a.json": {"accuracy": 0.001, "loss": 0.0}}


def results(folder: Path, *, accuracy: object = 0.9, data: str = "d", libc: str = "1") -> Path:
    """A folder with the results of a training, and what they hash to."""
    (folder / "metrics").mkdir(parents=True)
    (folder / "dvc.yaml").write_text(PIPELINE)
    metrics = json.dumps({"accuracy": accuracy, "loss": 0.5})
    (folder / "metrics/a.json").write_text(metrics)
    (folder / "metrics/a.environment.json").write_text(json.dumps({"libc": libc}))
    outs = {"data/images.npz": data, "metrics/a.environment.json": libc, "metrics/a.json": metrics}
    lines = [f"    - {{path: {path}, md5: '{hash_}'}}" for path, hash_ in outs.items()]
    (folder / "dvc.lock").write_text("stages:\n  train:\n    outs:\n" + "\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize(
    ("rerun", "status", "reason"),
    [
        ({}, SAME_BYTES, "3 of 3 outputs"),
        ({"accuracy": 0.901, "libc": "2"}, WITHIN_NOISE, "libc differ"),
        ({"libc": "2"}, WITHIN_NOISE, "libc differ"),
        ({"accuracy": 0.899}, NOT_REPRODUCED, "nothing in the environment does"),
        ({"accuracy": 0.905, "libc": "2"}, NOT_REPRODUCED, "metrics/a.json: accuracy: 3.54"),
        ({"accuracy": 0.895, "libc": "2"}, NOT_REPRODUCED, "metrics/a.json: accuracy: 3.54"),
        ({"accuracy": None, "libc": "2"}, NOT_REPRODUCED, "accuracy: noise not known"),
        ({"accuracy": "0.9", "libc": "2"}, NOT_REPRODUCED, "accuracy: noise not known"),
        ({"accuracy": float("nan"), "libc": "2"}, NOT_REPRODUCED, "accuracy: "),
        ({"data": "other", "libc": "2"}, NOT_REPRODUCED, "the data differ: data/images.npz"),
    ],
)
def test_verdict(rerun: dict[str, Any], status: int, reason: str, tmp_path: Path) -> None:
    certificate = compare(
        results(tmp_path / "committed"),
        results(tmp_path / "rerun", **rerun),
        NOISE,
    )
    assert certificate.status == status
    assert reason in certificate.reason
    assert certificate.reason in certificate.to_text()
    assert json.loads(certificate.to_json())["status"] == status


def test_nothing_committed_is_not_a_pass(tmp_path: Path) -> None:
    for name in ("committed", "rerun"):
        results(tmp_path / name)
        (tmp_path / name / "dvc.lock").unlink()
    certificate = compare(tmp_path / "committed", tmp_path / "rerun", NOISE)
    assert certificate.status == NOT_REPRODUCED


def test_output_that_is_missing_in_one_is_not_the_same(tmp_path: Path) -> None:
    results(tmp_path / "committed")
    results(tmp_path / "rerun")
    lock = tmp_path / "rerun/dvc.lock"
    lock.write_text(
        "\n".join(line for line in lock.read_text().splitlines() if "data/" not in line)
    )
    certificate = compare(tmp_path / "committed", tmp_path / "rerun", NOISE)
    assert certificate.status == NOT_REPRODUCED
    assert certificate.outputs["data/images.npz"] is False


def test_without_noise_a_difference_is_never_within_it(tmp_path: Path) -> None:
    rerun = results(tmp_path / "rerun", accuracy=0.9000001, libc="2")
    certificate = compare(results(tmp_path / "committed"), rerun, {})
    assert certificate.status == NOT_REPRODUCED


def test_difference_of_what_seeds_never_changed_is_infinite(tmp_path: Path) -> None:
    rerun = results(tmp_path / "rerun", accuracy=0.9000001, libc="2")
    noise = {"metrics/a.json": {"accuracy": 0.0}}
    certificate = compare(results(tmp_path / "committed"), rerun, noise)
    assert certificate.status == NOT_REPRODUCED
    assert certificate.numbers[0].deviations == float("inf")


@given(st.one_of(st.binary(max_size=60), st.just(b'{"accuracy": [1]}'), st.just(b"[" * 100_000)))
def test_broken_metrics_are_never_a_pass(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        committed, rerun = results(Path(folder) / "a"), results(Path(folder) / "b", libc="2")
        (rerun / "metrics/a.json").write_bytes(content)
        certificate = compare(committed, rerun, NOISE)
    assert certificate.status == NOT_REPRODUCED


@pytest.mark.parametrize("content", ["", "a: [", "stages: 3", "stages: {a: 3}", "\x00"])
def test_broken_lock_is_one_line(content: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        results(tmp_path / name)
    (tmp_path / "a/dvc.lock").write_text(content)
    with pytest.raises(InputError, match=r"dvc\.lock: expected what DVC writes"):
        compare(tmp_path / "a", tmp_path / "b", NOISE)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"noise": 3}', '{"noise": {"a": 3}}', '{"noise": {"a": {"b": ""}}}'],
)
def test_broken_noise_is_one_line(content: str, tmp_path: Path) -> None:
    assert read_noise(tmp_path) == {}
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/study.json").write_text(content)
    with pytest.raises(InputError, match=r"study\.json: expected what"):
        read_noise(tmp_path)


def test_noise_is_that_of_the_study(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    noise = {"seeds": 5, "metrics/a.json": {"accuracy": 0.01}}
    (tmp_path / "metrics/study.json").write_text(json.dumps({"noise": noise, "settings": {}}))
    assert read_noise(tmp_path) == {"metrics/a.json": {"accuracy": 0.01}}
