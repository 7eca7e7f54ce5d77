"""A repository with this project's plots, and curves that differ between its revisions."""

import json
import shutil
from pathlib import Path

import pytest

from experiment.files import write_curve
from gate.tests.conftest import Project
from tests.conftest import ROOT
from tests.repository import UNCONFIGURED

CURVES = ("plots/no_dropout.csv", "plots/dropout.csv")

PIPELINE = """\
stages:
  train:
    cmd: cp -r source/. .
    deps: [source]
    outs: [{plots/no_dropout.csv: {cache: false}}, {plots/dropout.csv: {cache: false}}]
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
metrics:
  metrics/a.json:
    accuracy: {better: higher, margin: {absolute: 0.01}, blocks: true}
"""


def write_curves(folder: Path, *, epochs: int = 5, shift: float = 0.0) -> None:
    """Write curves that differ from each other, and with `shift` from other revisions'."""
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


@pytest.fixture(scope="session")
def curves_repository(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """`main`, and `change` with a regression and other curves. Tests copy it."""
    made = Project(tmp_path_factory.mktemp("curves") / "clone é")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in UNCONFIGURED.items():
            patch.setenv(name, value)
        made.init()
        made.git("config", "user.name", "someone")
        made.git("config", "user.email", "someone@example.org")
        made.write("dvc.yaml", PIPELINE)
        made.write("gate.yaml", GATE)
        made.write(".gitignore", "/dvc_plots/\n")
        for name in ("config", ".gitignore", "plots/page.html", "plots/curves.json"):
            made.write(f".dvc/{name}", (ROOT / ".dvc" / name).read_bytes())
        for branch, accuracy, shift in (("main", 0.9, 0.0), ("change", 0.8, 0.02)):
            write_curves(made.folder / "source", shift=shift)
            made.write("source/metrics/a.json", json.dumps({"accuracy": accuracy}))
            made.repro()
            if branch == "change":
                made.git("switch", "--quiet", "--create", branch)
            made.commit()
    return made


@pytest.fixture
def clone(curves_repository: Project, tmp_path: Path) -> Project:
    """A copy of the repository with curves, to be changed."""
    return Project(shutil.copytree(curves_repository.folder, tmp_path / "copy é"))
