"""The stage `inference`, on the network that the pipeline trained."""

import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from experiment.common.errors import InputError
from study.inference import MODEL, PASSES, TEST, read_inference
from study.paths import PREDICTIONS, TIMES
from tests.conftest import Run


def test_layer_changes_no_prediction_and_every_pass_is_timed(
    finished: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (MODEL, TEST, Path("params.yaml")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(finished / name, tmp_path / name)
    done = run(tmp_path, "study.inference")
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / PREDICTIONS).read_text())
    assert content == {"images": 30, "largest_difference": 0.0}
    times = pd.read_csv(tmp_path / TIMES)
    assert list(times) == ["pass", "with_layer", "without_layer"]
    assert times["pass"].tolist() == list(range(1, PASSES + 1))
    assert (times[["with_layer", "without_layer"]] > 0).all(axis=None)
    monkeypatch.chdir(tmp_path)
    found = read_inference()
    assert found
    assert found[0] == 0
    assert found[1].tolist() == (times["with_layer"] / times["without_layer"]).tolist()


def test_missing_network_is_one_line(finished: Path, tmp_path: Path, run: Run) -> None:
    shutil.copy(finished / "params.yaml", tmp_path)
    done = run(tmp_path, "study.inference")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"inference: {TEST.as_posix()}: no such file; check the path"
    ]
    (tmp_path / TEST).parent.mkdir(parents=True)
    os.link(finished / TEST, tmp_path / TEST)
    done = run(tmp_path, "study.inference")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"inference: {MODEL.as_posix()}: no such file; run `make repro`"
    ]


@pytest.mark.parametrize(
    ("predictions", "times"),
    [("{", "pass\n"), ("{}", "pass\n"), ('{"largest_difference": 0}', "pass\n1\n")],
)
def test_damaged_files_are_one_line(
    predictions: str, times: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_inference() is None
    PREDICTIONS.parent.mkdir()
    PREDICTIONS.write_text(predictions)
    TIMES.write_text(times)
    with pytest.raises(InputError, match="not as `inference` writes it"):
        read_inference()
