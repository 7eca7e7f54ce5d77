import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiment.files import write_arrays
from experiment.network.checkpoint import START, State
from experiment.npz import read_arrays
from experiment.splits import Split
from experiment.support.errors import InputError
from stages import train as stage
from tests.conftest import ROOT, set_parameters
from tests.experiment.networks import keras, parts, training

CHECKPOINT = Path(".checkpoints/dropout.npz")
CURVE = "plots/dropout.csv"
RESULTS = (
    "metrics/dropout.environment.json", "metrics/dropout.json",
    "metrics/dropout.predictions.csv", "models/dropout.keras", CURVE,
)  # fmt: skip


def results() -> dict[str, bytes]:
    """Of the current folder, by path."""
    return {name: Path(name).read_bytes() for name in RESULTS if Path(name).exists()}


def write_processed(folder: Path) -> None:
    for name, split in parts().items():
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
    set_parameters(
        folder, train__epochs=3, train__dropout_rate=0.5, model__filters=2, model__dense_units=8
    )
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


def test_resumed(
    right: dict[str, bytes], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its epochs are not trained again: a row that no training has stays as it is."""
    names = ("fingerprint", "curve", "variables", *(f"variable_{i}" for i in range(21)))
    arrays = read_arrays(CHECKPOINT, names)
    arrays["curve"][0, 1] = 0.125
    write_arrays(CHECKPOINT, arrays)
    Path(CURVE).unlink()  # as DVC does
    _, row, *others = right[CURVE].decode().splitlines()
    told = right[CURVE].decode().replace(row, ",".join(["1", "0.125", *row.split(",")[2:]]))

    def watched(*args: Any, **settings: Any) -> Iterator[State]:
        assert Path(CURVE).read_text() == told.replace(f"{others[-1]}\n", "")  # from the start
        yield from train_epochs(*args, **settings)

    train_epochs = training.train_epochs
    monkeypatch.setattr(training, "train_epochs", watched)
    stage.run("dropout")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "dropout  resumed after epoch 2"
    assert [line.split("  ")[1] for line in lines[1:]] == ["epoch 3/3"]
    assert results() == right | {CURVE: told.encode()}


def test_metrics(prepared: tuple[Path, dict[str, bytes]], tmp_path: Path) -> None:
    """They are of the network in the file, on the images that they name, and of its predictions."""
    _, right = prepared
    (tmp_path / "model.keras").write_bytes(right["models/dropout.keras"])
    evaluate = training.Evaluation(keras.saving.load_model(tmp_path / "model.keras"))
    metrics = json.loads(right["metrics/dropout.json"])
    names = {"evaluated_training": "train", "validation": "validation", "test": "test"}
    for name, part in names.items():
        found = {"accuracy": metrics[f"{name}_accuracy"], "loss": metrics[f"{name}_loss"]}
        assert found == pytest.approx(evaluate(parts()[part]), rel=1e-6)
    _, *rows = right["metrics/dropout.predictions.csv"].decode().splitlines()
    assert [int(row[0]) for row in rows] == np.asarray(parts()["test"].labels).tolist()
    hits = sum(row[0] == row[2] for row in rows)
    assert hits == round(metrics["test_accuracy"] * len(rows)) < len(rows)
    assert json.loads(right["metrics/dropout.environment.json"])["threads"] == "1"


@pytest.mark.parametrize(
    "other", ["train", "validation", "epochs", "rate", "numerics", "environment"]
)
def test_checkpoint_of_another_training(
    other: str,
    prepared: tuple[Path, dict[str, bytes]], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    shutil.copytree(prepared[0], tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    match other:
        case "train" | "validation":
            path = Path(f"data/processed/{other}.npz")
            arrays = read_arrays(path, ("images", "labels", "classes"))
            write_arrays(path, arrays | {"images": 255 - arrays["images"]})
        case "epochs":
            set_parameters(Path.cwd(), train__epochs=4)
        case "rate":
            set_parameters(Path.cwd(), train__dropout_rate=0.25)
        case "numerics":
            monkeypatch.setattr(stage, "NUMERICS", "another")
        case "environment":
            monkeypatch.setattr(stage, "describe_environment", lambda **_: {"processor": "another"})

    def train_epochs(*args: object, state: State, **settings: object) -> Iterator[State]:
        assert state is START
        raise InputError("nothing is trained here")
        yield state

    monkeypatch.setattr(training, "train_epochs", train_epochs)
    with pytest.raises(InputError, match="nothing is trained here"):
        stage.run("dropout")
    said = capsys.readouterr().err
    assert said.startswith(f"dropout  not resumed: {CHECKPOINT} is of other parameters, data or")


def test_test_loss_that_is_not_finite(
    right: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written, and the next try, which is right, does no epoch again."""
    with monkeypatch.context() as patch:
        diverging_at(3, np.inf, patch)
        with pytest.raises(
            InputError, match=r"^after the last epoch: expected a finite test_loss; found inf"
        ):
            stage.run("dropout")
    assert results() == {CURVE: right[CURVE]}
    stage.run("dropout")
    assert results() == right
    # Another training, which diverges: the results stay as they were.
    set_parameters(Path.cwd(), train__learning_rate=1e20)
    with pytest.raises(InputError, match=r"^epoch 1: .* lower train.learning_rate \(now 1e\+20\)$"):
        stage.run("dropout")
    assert results() == right
    assert list(Path("models").iterdir()) == [Path("models/dropout.keras")]


@pytest.mark.parametrize(
    ("content", "message"), [(None, "no such file"), (b"<html>", "expected a whole .npz file")]
)
def test_bad_input(
    content: bytes | None, message: str, in_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, before TensorFlow is imported."""
    if content:
        Path("data/processed").mkdir()
        Path("data/processed/train.npz").write_bytes(content)
    monkeypatch.setattr(sys, "argv", ["train", "dropout"])
    monkeypatch.delattr(stage, "starting_tensorflow")
    with pytest.raises(SystemExit, match=f"^train dropout: data/processed/train.npz: .*{message}"):
        stage.main()
