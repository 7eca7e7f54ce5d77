import json
import shutil
from dataclasses import asdict
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest

from experiment.files import write_arrays
from experiment.network.checkpoint import State
from experiment.npz import read_arrays
from experiment.parameters import load_parameters
from experiment.splits import Split
from experiment.support.errors import InputError
from stages import train as stage
from tests.conftest import ROOT, message_of, set_parameters
from tests.experiment.networks import keras, parts, training
from tests.repository import contents

CHECKPOINT = ".checkpoints/dropout.npz"
CURVE, MODEL = "plots/dropout.csv", "models/dropout.keras"
RESULTS = [CURVE, MODEL, "metrics/dropout.json"]
RESULTS += ["metrics/dropout.environment.json", "metrics/dropout.predictions.csv"]

Results = dict[str, bytes]


def results() -> Results:
    """Of the current folder, by path."""
    return contents(Path(), RESULTS)


def make_diverge(evaluation: int, value: float, patch: pytest.MonkeyPatch) -> None:
    """Make the loss of one evaluation, from 1, another: of validation, or, after it, of test."""
    evaluate, done = training.Evaluation.__call__, []

    def diverging(self: training.Evaluation, split: Split) -> dict[str, float]:
        done.append(split)
        found: dict[str, float] = evaluate(self, split)
        return found | ({"loss": value} if len(done) == evaluation else {})

    patch.setattr(training.Evaluation, "__call__", diverging)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Results]:
    """A folder with a training that stopped after two of three epochs; results of a whole one."""
    folder = tmp_path_factory.mktemp("train")
    shutil.copy(ROOT / "params.yaml", folder)
    set_parameters(folder, model__filters=2, model__dense_units=8, train__epochs=3)
    for name, split in parts().items():
        arrays = {key: np.asarray(value) for key, value in asdict(split).items()}
        write_arrays(folder / f"data/processed/{name}.npz", arrays)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        stage.run("dropout")
        right = results()
        assert not Path(CHECKPOINT).exists()
        for name in right:
            Path(name).unlink()
        make_diverge(3, np.nan, patch)
        with pytest.raises(InputError, match=r"^epoch 3: expected a finite val_loss; found nan"):
            stage.run("dropout")
        # The epochs that it did, for who looks at what went wrong.
        assert results() == {CURVE: b"".join(right[CURVE].splitlines(keepends=True)[:3])}
    return folder, right


@pytest.fixture
def right(
    prepared: tuple[Path, Results], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Results:
    """The results of a whole training; the current folder is one where a training stopped."""
    monkeypatch.chdir(shutil.copytree(prepared[0], tmp_path / "copy"))
    return prepared[1]


def test_metrics(right: Results) -> None:
    """They are of the network in the file, on the images that they name, and of its predictions."""
    Path("model.keras").write_bytes(right[MODEL])
    evaluate = training.Evaluation(keras.saving.load_model("model.keras"))
    metrics = json.loads(right["metrics/dropout.json"])
    names = {"evaluated_training": "train", "validation": "validation", "test": "test"}
    for name, part in names.items():
        found = {"accuracy": metrics[f"{name}_accuracy"], "loss": metrics[f"{name}_loss"]}
        assert found == pytest.approx(evaluate(parts()[part]), rel=1e-6)
    _, *rows = right["metrics/dropout.predictions.csv"].decode().splitlines()
    assert [int(row[0]) for row in rows] == np.asarray(parts()["test"].labels).tolist()
    hits = sum(row[0] == row[2] for row in rows)
    assert hits == round(metrics["test_accuracy"] * len(rows)) < len(rows)
    environment = json.loads(right["metrics/dropout.environment.json"])
    expected = training.build_information() | {"threads": "1"}
    assert expected.items() <= environment.items()


CHANGED = {"epochs": 4, "dropout_rate": 0.25, "threads": 2, "instructions": "native"}


@pytest.mark.parametrize(
    "other", ["train", "validation", "NUMERICS", "describe_environment", *CHANGED]
)
def test_checkpoint_of_another_training(
    other: str, right: Results, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has other images, parameters, numerics, or software: it starts from the first epoch.

    TensorFlow has the instructions and threads that are asked for.
    """
    starting, configure = MagicMock(), MagicMock()

    def train_epochs(*args: object, state: State, **settings: object) -> None:
        raise InputError(f"{len(state.curve)} epochs are done")

    monkeypatch.setattr(training, "train_epochs", train_epochs)
    monkeypatch.setattr(training, "configure", configure)
    monkeypatch.setattr(stage, "starting_tensorflow", starting)
    if other in ("train", "validation"):
        path = Path(f"data/processed/{other}.npz")
        arrays = read_arrays(path, ("images", "labels", "classes"))
        write_arrays(path, arrays | {"images": 255 - arrays["images"]})
    elif other in CHANGED:
        set_parameters(Path.cwd(), **{f"train__{other}": CHANGED[other]})
    else:
        changed = {"NUMERICS": "another", "describe_environment": lambda **_: {"a": 1}}
        monkeypatch.setattr(stage, other, changed[other])
    with pytest.raises(InputError, match="0 epochs are done"):
        stage.run("dropout")
    said = capsys.readouterr().err
    assert said.startswith(f"dropout  not resumed: {CHECKPOINT} is of other parameters, data or")
    settings = load_parameters().train
    starting.assert_called_once_with(settings.instructions)
    configure.assert_called_once_with(settings.threads)


def test_loss_that_is_not_finite(right: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written, and the next try, which is right, does no epoch again."""
    with monkeypatch.context() as patch:
        make_diverge(3, np.inf, patch)
        with pytest.raises(InputError, match=r"^after the last epoch: expected a finite test_loss"):
            stage.run("dropout")
    assert results() == {CURVE: right[CURVE]}
    stage.run("dropout")
    assert results() == right
    # Another training, which diverges: the results stay as they were.
    set_parameters(Path.cwd(), train__learning_rate=1e20)
    with pytest.raises(InputError, match=r"^epoch 1: .* lower train.learning_rate \(now 1e\+20\)$"):
        stage.run("dropout")
    assert results() == right
    assert list(Path("models").iterdir()) == [Path(MODEL)]


def test_bad_input(in_workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, before TensorFlow is imported."""
    monkeypatch.delattr(stage, "starting_tensorflow")
    assert message_of(stage.main, "dropout").startswith(
        "train dropout: data/processed/train.npz: expected an .npz file; found no such file"
    )
