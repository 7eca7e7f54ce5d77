"""`study.inference`, on the network that the pipeline trained."""

import hashlib
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from experiment.common.errors import InputError
from study.inference import CURVE, MODEL, PASSES, TEST, is_up_to_date, read_inference
from study.paths import PREDICTIONS, TIMES
from tests.conftest import Run


def test_layer_changes_no_prediction_and_every_pass_is_timed(
    finished: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (CURVE, MODEL, TEST, Path("params.yaml")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(finished / name, tmp_path / name)
    done = run(tmp_path, "study.inference")
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / PREDICTIONS).read_text())
    digest = hashlib.sha256((tmp_path / CURVE).read_bytes()).hexdigest()
    assert content == {"curve_sha256": digest, "images": 30, "largest_difference": 0.0}
    times = pd.read_csv(tmp_path / TIMES)
    assert list(times) == ["pass", "with_layer", "without_layer"]
    assert times["pass"].tolist() == list(range(1, PASSES + 1))
    assert (times[["with_layer", "without_layer"]] > 0).all(axis=None)
    monkeypatch.chdir(tmp_path)
    found = read_inference()
    assert found
    assert found[0] == 0
    assert found[1].tolist() == (times["with_layer"] / times["without_layer"]).tolist()

    written = (tmp_path / TIMES).read_bytes()
    MODEL.unlink()  # it is not needed again for a network that was measured
    done = run(tmp_path, "study.inference")
    assert done.stderr == "inference: measured already for this network\n"
    assert (tmp_path / TIMES).read_bytes() == written
    CURVE.write_text(CURVE.read_text().replace("1", "2"))
    done = run(tmp_path, "study.inference")
    assert done.stderr == f"inference: {MODEL.as_posix()}: no such file; run `make repro`\n"


@pytest.mark.parametrize("missing", [CURVE, MODEL, TEST], ids=str)
def test_missing_file_is_one_line(
    missing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (CURVE, MODEL, TEST):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert not is_up_to_date()
    missing.unlink()
    with pytest.raises(InputError, match=f"^{missing}: no such file; run `make repro`$"):
        is_up_to_date()


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
    with pytest.raises(InputError, match=r"not as `study\.inference` writes it"):
        read_inference()
