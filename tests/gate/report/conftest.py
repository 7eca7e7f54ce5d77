import json
import shutil
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from experiment.files import write_curve
from gate.report.writing import write_report
from gate.tests.conftest import Project
from tests.conftest import ROOT
from tests.repository import UNCONFIGURED

CURVES = ("plots/no_dropout.csv", "plots/dropout.csv")

PIPELINE = """\
stages:
  train:
    cmd: cp -r source/. .
    deps: [source]
    params: [train.rate]
    outs:
      - plots/no_dropout.csv: {cache: false}
      - plots/dropout.csv: {cache: false}
      - plots/loss.png: {cache: false}
      - metrics/a.environment.json: {cache: false}
    metrics: [{metrics/a.json: {cache: false}}]
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

GATE = """\
environment: ["metrics/*.environment.json"]
metrics:
  metrics/a.json:
    accuracy: {better: higher, margin: {absolute: 0.01}, blocks: true}
    loss: {better: lower, margin: {absolute: 0.1}}
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
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        write_curve(folder / path, rows)


def run_with(project: Project, *, accuracy: float, libc: str, grey: float, shift: float) -> None:
    """Runs the pipeline; it copies what is written here."""
    source = project.folder / "source"
    write_curves(source, shift=shift)
    project.write("source/metrics/a.json", json.dumps({"accuracy": accuracy, "loss": 0.5}))
    project.write("source/metrics/a.environment.json", json.dumps({"libc": libc}))
    matplotlib.image.imsave(source / "plots/loss.png", np.full((4, 4, 3), grey))
    project.repro()


@pytest.fixture(scope="session")
def curves_repository(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """`main`, and `change` with a regression, another rate and other curves. Tests copy it."""
    made = Project(tmp_path_factory.mktemp("curves") / "clone é")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in UNCONFIGURED.items():
            patch.setenv(name, value)
        made.init()
        made.git("config", "user.name", "someone")
        made.git("config", "user.email", "someone@example.org")
        made.write("dvc.yaml", PIPELINE)
        made.write("gate.yaml", GATE)
        made.write("params.yaml", "train: {rate: 0.5}\n")
        made.write(".gitignore", "/report/\n/dvc_plots/\n")
        made.write("code.txt", "1\n")
        for name in ("config", ".gitignore", "plots/page.html", "plots/curves.json"):
            made.write(f".dvc/{name}", (ROOT / ".dvc" / name).read_bytes())
        run_with(made, accuracy=0.9, libc="1", grey=0.2, shift=0)
        made.commit()
        made.git("switch", "--quiet", "--create", "change")
        made.write("params.yaml", "train: {rate: 0.2}\n")
        made.write("code.txt", "<b>2</b>\n")
        run_with(made, accuracy=0.8, libc="2", grey=0.8, shift=0.02)
        made.commit()
    return made


@pytest.fixture
def clone(curves_repository: Project, tmp_path: Path) -> Project:
    """A copy of the repository with curves, to be changed."""
    copy = Project(tmp_path / "copy é")
    shutil.copytree(curves_repository.folder, copy.folder)
    return copy


@pytest.fixture(scope="session")
def report_page(curves_repository: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of `change` against `main`."""
    folder = tmp_path_factory.mktemp("report") / "clone"
    shutil.copytree(curves_repository.folder, folder)
    status, verdict = write_report(folder, "main", None)
    assert (status, verdict.partition(";")[0]) == (0, "regression")
    return folder / "report/index.html"
