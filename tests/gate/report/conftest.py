import json
import shutil
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from experiment.common.files import write_curve
from gate.report.writing import write_report
from tests.conftest import ROOT
from tests.gate.conftest import GATE, PIPELINE, Repository

CURVES = ("plots/no_dropout.csv", "plots/dropout.csv")

PLOTS = """\
plots:
  - accuracy:
      template: curves
      title: Accuracy
      x: epoch
      x_label: epoch
      y: {plots/no_dropout.csv: [accuracy, val_accuracy],
          plots/dropout.csv: [accuracy, val_accuracy]}
      y_label: accuracy
  - loss:
      template: curves
      title: Loss
      x: epoch
      x_label: epoch
      y: {plots/no_dropout.csv: [loss, val_loss], plots/dropout.csv: [loss, val_loss]}
      y_label: loss
"""


def write_curves(folder: Path, *, epochs: int = 5, shift: float = 0.0) -> None:
    """Curves that differ from each other, and with `shift` from those of other revisions."""
    for number, path in enumerate(CURVES):
        rows = [
            {
                "epoch": epoch,
                "accuracy": 0.99 - 0.1 / epoch - shift,
                "loss": 0.3 / epoch + shift,
                "val_accuracy": 0.95 - number / 100 - shift,
                "val_loss": 0.1 + number / 100 + shift,
            }
            for epoch in range(1, epochs + 1)
        ]
        write_curve(folder / path, rows)


def write_picture(path: Path, grey: float) -> None:
    path.parent.mkdir(exist_ok=True)
    matplotlib.image.imsave(path, np.full((4, 4, 3), grey))


def lock_as_dvc_does(repository: Repository) -> None:
    """A dvc.lock that DVC reads, with a picture."""
    path = repository.folder / "dvc.lock"
    stage = json.loads(path.read_text())["stages"]["train"]
    stage["outs"][1]["path"] = "plots/loss.png"
    lock = {"schema": "2.0", "stages": {"train": {"cmd": "python train.py"} | stage}}
    path.write_text(json.dumps(lock))


@pytest.fixture(scope="session")
def curves_repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """`main`, and `change` with a regression, another rate and other curves. Tests copy it."""
    made = Repository(tmp_path_factory.mktemp("curves") / "clone é")
    made.folder.mkdir()
    made.git("init", "--quiet", "--initial-branch", "main")
    made.git("config", "user.name", "someone")
    made.git("config", "user.email", "someone@example.org")
    made.write("dvc.yaml", PIPELINE.replace("models/a.keras", "plots/loss.png") + PLOTS)
    made.write("gate.yaml", GATE)
    made.write(".gitignore", "/report/\n/dvc_plots/\n")
    for name in ("config", ".gitignore", "plots/page.html", "plots/curves.json"):
        made.write(f".dvc/{name}", (ROOT / ".dvc" / name).read_bytes())
    made.results()
    lock_as_dvc_does(made)
    write_curves(made.folder)
    write_picture(made.folder / "plots/loss.png", 0.2)
    made.commit()
    made.git("switch", "--quiet", "--create", "change")
    made.results(rate=0.2, code="<b>2</b>\n", accuracy=0.8, libc="2")
    lock_as_dvc_does(made)
    write_curves(made.folder, shift=0.02)
    write_picture(made.folder / "plots/loss.png", 0.8)
    made.commit()
    return made


@pytest.fixture
def clone(curves_repository: Repository, tmp_path: Path) -> Repository:
    """A copy of the repository with curves, to be changed."""
    copy = Repository(tmp_path / "copy é")
    shutil.copytree(curves_repository.folder, copy.folder)
    return copy


@pytest.fixture(scope="session")
def report_page(curves_repository: Repository, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of `change` against `main`."""
    folder = tmp_path_factory.mktemp("report") / "clone"
    shutil.copytree(curves_repository.folder, folder)
    assert write_report(folder, "main", None) == 0
    return folder / "report/index.html"
