import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.errors import CannotCompareError
from verify.comparison import NOT_REPRODUCED, SAME_BYTES, WITHIN_NOISE, compare

PIPELINE = """\
stages:
  train:
    cmd: train
    outs: [data/images.npz, {metrics/a.environment.json: {cache: false}}]
    metrics: [{metrics/a.json: {cache: false}}]
"""


def results(
    folder: Path, *, accuracy: object = 0.9, data: str = "d", libc: str = "1", noise: object = 0.001
) -> Path:
    """A folder with the results of a training, what they hash to, and the noise over seeds."""
    (folder / "metrics").mkdir(parents=True)
    study = {"noise": {"seeds": 5, "metrics/a.json": {"accuracy": noise, "loss": 0.0}}}
    (folder / "metrics/study.json").write_text(json.dumps(study))
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
    )
    assert certificate.status == status
    assert reason in certificate.reason
    assert certificate.reason in certificate.to_text()
    assert json.loads(certificate.to_json())["status"] == status


def test_nothing_committed_is_not_a_pass(tmp_path: Path) -> None:
    for name in ("committed", "rerun"):
        results(tmp_path / name)
        (tmp_path / name / "dvc.lock").unlink()
    certificate = compare(tmp_path / "committed", tmp_path / "rerun")
    assert certificate.status == NOT_REPRODUCED


def test_output_that_is_missing_in_one_is_not_the_same(tmp_path: Path) -> None:
    results(tmp_path / "committed")
    results(tmp_path / "rerun")
    lock = tmp_path / "rerun/dvc.lock"
    lock.write_text(
        "\n".join(line for line in lock.read_text().splitlines() if "data/" not in line)
    )
    certificate = compare(tmp_path / "committed", tmp_path / "rerun")
    assert certificate.status == NOT_REPRODUCED
    assert certificate.outputs["data/images.npz"] is False


@pytest.mark.parametrize("noise", [None, "0.1", True, [], -0.001, float("nan"), float("inf")])
def test_without_noise_a_difference_is_never_within_it(noise: object, tmp_path: Path) -> None:
    committed = results(tmp_path / "committed", noise=noise)
    rerun = results(tmp_path / "rerun", accuracy=0.9000001, libc="2", noise=noise)
    certificate = compare(committed, rerun)
    assert certificate.status == NOT_REPRODUCED
    assert "accuracy: noise not known" in certificate.reason


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{}", b'{"noise": 3}', b"\xff"])
def test_without_a_study_a_difference_is_never_within_the_noise(
    content: bytes | None, tmp_path: Path
) -> None:
    committed = results(tmp_path / "committed")
    rerun = results(tmp_path / "rerun", accuracy=0.9000001, libc="2")
    for folder in (committed, rerun):
        study = folder / "metrics/study.json"
        study.unlink() if content is None else study.write_bytes(content)
    assert compare(committed, rerun).status == NOT_REPRODUCED


def test_noise_is_that_of_the_commit(tmp_path: Path) -> None:
    committed = results(tmp_path / "committed")
    rerun = results(tmp_path / "rerun", accuracy=0.91, libc="2", noise=1.0)
    assert "accuracy: 7.07" in compare(committed, rerun).reason


def test_difference_of_what_seeds_never_changed_is_infinite(tmp_path: Path) -> None:
    rerun = results(tmp_path / "rerun", accuracy=0.9000001, libc="2")
    certificate = compare(results(tmp_path / "committed", noise=0.0), rerun)
    assert certificate.status == NOT_REPRODUCED
    assert certificate.numbers[0].deviations == float("inf")


def test_one_number_that_is_far_is_enough_wherever_it_stands(tmp_path: Path) -> None:
    """The first that differs is near, the second far."""
    committed, rerun = results(tmp_path / "a"), results(tmp_path / "b", libc="2")
    (rerun / "metrics/a.json").write_text(json.dumps({"accuracy": 0.9001, "loss": 0.6}))
    certificate = compare(committed, rerun)
    assert certificate.status == NOT_REPRODUCED
    assert certificate.reason == "metrics/a.json: loss: inf, limit 3.0"


def test_every_metrics_file_is_compared(tmp_path: Path) -> None:
    committed, rerun = results(tmp_path / "a"), results(tmp_path / "b", accuracy=0.901)
    for folder, value in ((committed, 1), (rerun, 2)):
        (folder / "metrics/b.json").write_text(json.dumps({"f1": value}))
        pipeline = PIPELINE.replace("metrics: [", "metrics: [metrics/b.json, ")
        (folder / "dvc.yaml").write_text(pipeline)
    names = [number.name for number in compare(committed, rerun).numbers]
    assert names == ["metrics/a.json: accuracy", "metrics/b.json: f1"]


def test_environment_that_cannot_be_read_explains_nothing(tmp_path: Path) -> None:
    committed, rerun = results(tmp_path / "a"), results(tmp_path / "b", accuracy=0.901)
    for folder in (committed, rerun):
        (folder / "metrics/a.environment.json").write_text("{" if folder is rerun else "[")
    assert compare(committed, rerun).status == NOT_REPRODUCED


def test_certificate_has_both_sides_of_all_that_differs(tmp_path: Path) -> None:
    rerun = results(tmp_path / "rerun", accuracy=0.901, libc="2")
    certificate = compare(results(tmp_path / "committed"), rerun, "abc123")
    assert (
        certificate.to_text()
        == """\
Rerun of abc123 from nothing

  data/images.npz             same bytes
  metrics/a.environment.json  OTHER BYTES
  metrics/a.json              OTHER BYTES

Numbers that differ (committed, rerun, standard deviations apart)
  metrics/a.json: accuracy  0.9  0.901  0.71

Environment that differs (committed, this machine)
  libc  1  2

Verdict: other bytes, within the noise over seeds, in another environment (libc differ)
"""
    )
    assert json.loads(certificate.to_json()) == {
        "revision": "abc123",
        "outputs": {"data/images.npz": True, "metrics/a.environment.json": False,
                    "metrics/a.json": False},
        "numbers": [{"name": "metrics/a.json: accuracy", "committed": 0.9, "rerun": 0.901,
                     "deviations": pytest.approx(0.7071, abs=1e-4)}],
        "environment": {"libc": ["1", "2"]},
        "status": WITHIN_NOISE,
        "reason": "libc differ",
        "verdict": "other bytes, within the noise over seeds, in another environment",
    }  # fmt: skip


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=60), st.just(b'{"accuracy": [1]}'), st.just(b"[" * 100_000)))
def test_broken_metrics_are_never_a_pass(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        committed, rerun = results(Path(folder) / "a"), results(Path(folder) / "b", libc="2")
        (rerun / "metrics/a.json").write_bytes(content)
        certificate = compare(committed, rerun)
    assert certificate.status == NOT_REPRODUCED


@pytest.mark.parametrize("content", ["", "a: [", "stages: 3", "stages: {a: 3}", "\x00"])
def test_broken_lock_is_one_line(content: str, tmp_path: Path) -> None:
    committed, rerun = results(tmp_path / "a"), results(tmp_path / "b")
    (committed / "dvc.lock").write_text(content)
    with pytest.raises(CannotCompareError, match=r"^dvc\.lock of the commit.*: expected .*$"):
        compare(committed, rerun)
