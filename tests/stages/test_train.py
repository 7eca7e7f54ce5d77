import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from experiment.common.errors import InputError
from experiment.common.files import write_arrays
from experiment.common.npz import read_arrays
from experiment.common.splits import Split
from experiment.network.checkpoint import START, State
from experiment.network.progress import TrainingProgress
from stages import train as stage
from tests.conftest import ROOT, Run, set_parameters
from tests.experiment.networks import parts, training

CHECKPOINT = Path(".checkpoints/dropout.npz")
CURVE = "plots/dropout.csv"
RESULTS = (
    "metrics/dropout.environment.json", "metrics/dropout.json",
    "metrics/dropout.predictions.csv", "models/dropout.keras", CURVE,
)  # fmt: skip


def results() -> dict[str, bytes]:
    """Of the current folder, by path."""
    return {name: Path(name).read_bytes() for name in RESULTS if Path(name).exists()}


def write_processed(folder: Path, **changed: int) -> None:
    for name, split in parts(**changed).items():
        arrays = {key: np.asarray(value) for key, value in asdict(split).items()}
        write_arrays(folder / f"data/processed/{name}.npz", arrays)


def diverging_at(evaluation: int, value: float, patch: pytest.MonkeyPatch) -> None:
    """Makes the loss of one evaluation, from 1, another: of validation, or, after it, of test."""
    evaluate, done = training.Evaluation.__call__, []

    def diverging(self: training.Evaluation, split: Split) -> dict[str, float]:
        done.append(split)
        found: dict[str, float] = evaluate(self, split)
        return found | ({"loss": value} if len(done) == evaluation else {})

    patch.setattr(training.Evaluation, "__call__", diverging)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A folder with a training that stopped after two of three epochs; results of a whole one."""
    folder = tmp_path_factory.mktemp("train")
    shutil.copy(ROOT / "params.yaml", folder)
    set_parameters(folder, train__epochs=3, model__filters=2, model__dense_units=8)
    write_processed(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        stage.run("dropout")
        right = results()
        for name in right:
            Path(name).unlink()
        diverging_at(3, np.nan, patch)
        with pytest.raises(InputError, match=r"^epoch 3: expected a finite val_loss; found nan"):
            stage.run("dropout")
        # The epochs that it did, for who looks at what went wrong.
        assert results() == {CURVE: b"".join(right[CURVE].splitlines(keepends=True)[:3])}
    return folder, right


@pytest.fixture
def right(
    prepared: tuple[Path, dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, bytes]]:
    """The results of a whole training; the current folder is one where a training stopped."""
    folder, right = prepared
    shutil.copytree(folder, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    yield right
    assert not CHECKPOINT.exists()


def test_training_goes_on_from_its_checkpoint(
    right: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    stage.run("dropout")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "dropout  resumed after epoch 2"
    assert [line.split("  ")[1] for line in lines[1:]] == ["epoch 3/3"]
    assert results() == right


def test_predictions_are_those_that_the_metrics_count(
    prepared: tuple[Path, dict[str, bytes]],
) -> None:
    _, right = prepared
    _, *rows = right["metrics/dropout.predictions.csv"].decode().splitlines()
    labels = [int(row.split(",")[0]) for row in rows]
    assert labels == np.asarray(parts()["test"].labels).tolist()
    hits = sum(row.split(",")[0] == row.split(",")[1] for row in rows)
    accuracy = json.loads(right["metrics/dropout.json"])["test_accuracy"]
    assert hits == round(accuracy * len(rows)) < len(rows)


@pytest.mark.parametrize("asked", [True, False])
def test_after_each_epoch_curve_status_and_signal_tell_of_it(
    asked: bool, right: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC asks for the signal in `dvc exp run`; what it watches is the repository, not the copy."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.delenv("DVC_EXP_BASELINE_REV", raising=False)
    if asked:
        monkeypatch.setenv("DVC_EXP_BASELINE_REV", "main")
    step, status = (
        tmp_path / ".dvc/tmp/exps/run/DVCLIVE_STEP_COMPLETED",
        CHECKPOINT.with_suffix(".json"),
    )
    CHECKPOINT.unlink()
    lines = right[CURVE].splitlines(keepends=True)
    seen: list[int] = []

    def look(progress: TrainingProgress, row: Mapping[str, float]) -> None:
        show(progress, row)
        epoch = int(row["epoch"])
        assert Path(CURVE).read_bytes() == b"".join(lines[: epoch + 1])
        assert len(read_arrays(CHECKPOINT, ("curve",))["curve"]) == epoch
        told = json.loads(status.read_text())
        assert told["left"] >= 0
        assert told | {"left": 0} == {"done": epoch, "failed": 0, "left": 0, "total": 3}
        assert step.exists() == asked
        if asked:
            assert json.loads(step.read_text()) == {"pid": os.getpid(), "step": epoch}
        seen.append(epoch)

    show = TrainingProgress.epoch
    monkeypatch.setattr(TrainingProgress, "epoch", look)
    stage.run("dropout")
    assert seen == [1, 2, 3]
    assert not step.exists()
    assert not status.exists()
    assert results() == right


def test_curve_is_there_from_the_start_of_a_resumed_training(
    right: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(CURVE).unlink()  # as DVC does

    with monkeypatch.context() as patch:
        patch.setattr(training, "train_epochs", diverging_at_once)
        with pytest.raises(InputError, match="on purpose"):
            stage.run("dropout")
    assert Path(CURVE).read_bytes() == b"".join(right[CURVE].splitlines(keepends=True)[:3])
    stage.run("dropout")
    assert results() == right


def diverging_at_once(*_: object, **__: object) -> Iterator[State]:
    raise InputError("on purpose")
    yield START


def test_epochs_that_the_checkpoint_has_are_not_trained_again(right: dict[str, bytes]) -> None:
    """Told by a row that no training has."""
    names = ("fingerprint", "curve", "variables", *(f"variable_{i}" for i in range(21)))
    arrays = read_arrays(CHECKPOINT, names)
    arrays["curve"][0, 1] = 0.125
    write_arrays(CHECKPOINT, arrays)
    stage.run("dropout")
    rows, expected = (
        content["plots/dropout.csv"].decode().splitlines() for content in (results(), right)
    )
    assert rows[1].startswith("1,0.125,")
    assert [row for row in rows if row not in expected] == [rows[1]]


@pytest.mark.parametrize(
    "other", ["data", "validation", "epochs", "rate", "numerics", "environment"]
)
def test_checkpoint_of_another_training_is_refused(
    other: str,
    right: dict[str, bytes],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    match other:
        case "data":
            write_processed(Path.cwd(), train=124)
        case "validation":
            path = Path("data/processed/validation.npz")
            arrays = read_arrays(path, ("images", "labels", "classes"))
            write_arrays(path, arrays | {"images": 255 - arrays["images"]})
        case "epochs":
            set_parameters(Path.cwd(), train__epochs=4)
        case "rate":
            set_parameters(Path.cwd(), train__dropout_rate=0.25)
        case "numerics":
            monkeypatch.setattr(stage, "NUMERICS", "another")
        case "environment":
            monkeypatch.setattr(stage, "ENVIRONMENT", {"TF_ENABLE_ONEDNN_OPTS": "0"})
    stage.run("dropout")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == (
        f"dropout  not resumed: {CHECKPOINT} is of other parameters, data or software; training"
        " from the first epoch"
    )
    assert lines[1].startswith("dropout  epoch 1/")
    same = results()["plots/dropout.csv"] == right["plots/dropout.csv"]
    assert same is (other in ("numerics", "environment"))


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_loss_of_the_test_images_alone_is_not_finite(
    value: float, right: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written, and the next try, which is right, does no epoch again."""
    with monkeypatch.context() as patch:
        diverging_at(2, value, patch)
        with pytest.raises(
            InputError, match=f"^after the last epoch: expected a finite test_loss; found {value}"
        ):
            stage.run("dropout")
    assert results() == {CURVE: right[CURVE]}
    stage.run("dropout")
    assert results() == right


def test_training_that_diverges_says_so_and_leaves_the_results_as_they_were(
    right: dict[str, bytes],
) -> None:
    """Time and again, and in no endless loop; with another rate it goes well."""
    stage.run("dropout")
    set_parameters(Path.cwd(), train__learning_rate=1e20)
    message = (
        r"^epoch 1: expected a finite \w+; found \S+: .* lower train.learning_rate \(now 1e\+20\)$"
    )
    for _ in range(2):
        with pytest.raises(InputError, match=message):
            stage.run("dropout")
        assert results() == right
        assert list(Path("models").iterdir()) == [Path("models/dropout.keras")]


def test_unknown_variant_is_refused(run: Run, workspace: Path) -> None:
    done = run(workspace, "stages.train", "half_dropout")
    assert done.returncode == 2
    assert "invalid choice: 'half_dropout' (choose from" in done.stderr


def test_missing_images_are_one_line_before_tensorflow_is_imported(
    run: Run, workspace: Path
) -> None:
    done = run(workspace, "stages.train", "dropout", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1]
    assert line == "train dropout: data/processed/train.npz: no such file; check the path"
    assert "tensorflow" not in done.stderr


@pytest.mark.parametrize("content", [b"", b"<html>"])
def test_damaged_images_are_one_line(content: bytes, run: Run, workspace: Path) -> None:
    (workspace / "data/processed").mkdir()
    (workspace / "data/processed/train.npz").write_bytes(content)
    done = run(workspace, "stages.train", "dropout")
    assert done.returncode == 1
    assert done.stderr.startswith("train dropout: data/processed/train.npz: not a whole .npz file")
    assert done.stderr.count("\n") == 1
