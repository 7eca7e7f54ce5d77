"""The notebook, executed in a repository of its own that has only what Git has."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from tests.conftest import ROOT
from tests.repository import git

NOTEBOOK = ROOT / "notebooks/explore.ipynb"
# Of what Git has, what the notebook and DVC need.
COPIED = ("dvc.yaml", "params.yaml", ".dvc/config", ".dvc/.gitignore", "metrics/dropout.json",
          "metrics/no_dropout.json", "plots/dropout.csv", "plots/no_dropout.csv",
          "notebooks/explore.ipynb")  # fmt: skip
LABELS = {"no_dropout": "without Dropout", "dropout": "with Dropout"}
NOT_THERE = ["plots/study_curves.csv: not in {}", "metrics/study_runs.csv: not in {}"]

Cell = nbformat.NotebookNode


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the committed results of the pipeline, without a study."""
    for variable in ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    folder = tmp_path / "clone é"
    for name in COPIED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=results")
    return folder


def read(path: Path) -> Any:
    content = path.read_text(encoding="utf-8")
    return nbformat.reads(content, as_version=4)  # type: ignore[no-untyped-call]


# After a cell that draws: by panel, by label, the heights of the lines that it has drawn.
LINES = """
import json
lines = [{line.get_label(): [float(y) for y in line.get_ydata()] for line in axes.lines}
         for axes in figure.axes]
print("drawn:", json.dumps(lines))
"""
DRAWN = ("curves", "study-bands", "compare-curves")


def execute(folder: Path, **choices: str | None) -> dict[str, Cell]:
    """Runs all cells there, with these values of `BASE` and `CANDIDATE`; by id, the cells."""
    notebook = read(folder / "notebooks/explore.ipynb")
    cells = {cell.id: cell for cell in notebook.cells}
    for name, value in choices.items():
        cells["choice"].source += f"\n{name} = {value!r}"
    for name in DRAWN:
        cells[name].source += LINES
    NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(folder / "notebooks")}}
    ).execute()
    return cells


def printed(cell: Cell, stream: str = "stdout") -> list[str]:
    texts = [output.text for output in cell.outputs if output.get("name") == stream]
    return "".join(texts).splitlines()


def drawn(cell: Cell) -> list[dict[str, list[float]]]:
    (line,) = (line for line in printed(cell) if line.startswith("drawn: "))
    content: list[dict[str, list[float]]] = json.loads(line.removeprefix("drawn: "))
    return content


def pictures(cells: dict[str, Cell]) -> list[str]:
    """The cells that drew."""
    return [
        name
        for name, cell in cells.items()
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]


def shown(cell: Cell) -> str:
    return "\n".join(output.data["text/plain"] for output in cell.outputs if "data" in output)


def write_made_up_study(folder: Path) -> None:
    """Three seeds, two rates, two sizes; what Dropout gains is its rate in percentage points."""
    rows, bands = [], []
    for rate, placement in ((0.0, "none"), (0.3, "dense"), (0.5, "dense"), (0.5, "pooling")):
        setting = {"dataset": "mnist", "placement": placement, "dropout_rate": rate}
        for samples in (100, 48_000):
            rows += [
                {**setting, "train_samples": samples, "seed": seed}
                | {"test_accuracy": 0.9 + seed / 100 + rate / 100}
                for seed in range(3)
            ]
        for epoch in (1, 2):
            values = {
                f"{name}{end}": epoch / 10 + rate + part + shift
                for name, part in (("val_accuracy", 0.01), ("val_loss", 0.02))
                for end, shift in (("", 0), ("_low", -0.003), ("_high", 0.004))
            }
            bands.append({**setting, "train_samples": 48_000, "epoch": epoch, **values})
    pd.DataFrame(rows).to_csv(folder / "metrics/study_runs.csv", index=False)
    pd.DataFrame(bands).to_csv(folder / "plots/study_curves.csv", index=False)


def test_clone_without_a_study_draws_the_rest_and_says_so(clone: Path) -> None:
    cells = execute(clone)
    assert printed(cells["study-read"]) == [line.format("this folder") for line in NOT_THERE]
    assert pictures(cells) == ["curves", "compare-curves"]
    curves = {name: pd.read_csv(clone / f"plots/{name}.csv") for name in LABELS}
    assert drawn(cells["curves"]) == [
        {f"{label}, {split}": curves[name][prefix + metric].tolist()
         for name, label in LABELS.items()
         for split, prefix in (("training", ""), ("validation", "val_"))}
        for metric in ("accuracy", "loss")
    ]  # fmt: skip
    assert drawn(cells["compare-curves"]) == [
        {f"{label}, {rev}": curves[name]["val_loss"].tolist()
         for rev in ("HEAD", "on disk")
         for name, label in LABELS.items()}
    ]  # fmt: skip
    accuracy = json.loads((clone / "metrics/dropout.json").read_text())["test_accuracy"]
    assert f"{accuracy:.6f}" in shown(cells["metrics"])
    assert "Empty DataFrame" in shown(cells["compare-params"])
    code = [cell for cell in cells.values() if cell.cell_type == "code"]
    assert not [line for cell in code for line in printed(cell, "stderr")]


def test_two_revisions_are_compared_and_the_study_is_drawn(clone: Path) -> None:
    params = (clone / "params.yaml").read_text(encoding="utf-8")
    (clone / "params.yaml").write_text(params.replace("dropout_rate: 0.5", "dropout_rate: 0.25"))
    metrics = json.loads((clone / "metrics/dropout.json").read_text())
    metrics["test_accuracy"] -= 0.0625
    (clone / "metrics/dropout.json").write_text(json.dumps(metrics))
    write_made_up_study(clone)
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "--message=another rate, and a study")

    cells = execute(clone, BASE="HEAD~1", CANDIDATE="main")
    assert printed(cells["study-read"]) == []
    assert pictures(cells) == [
        "curves", "study-bands", "study-rates", "study-sizes", "compare-curves"
    ]  # fmt: skip
    gains = re.findall(r"(\S+) +\S+ +3$", shown(cells["study-sizes"]), re.MULTILINE)
    assert [float(gain) for gain in gains] == pytest.approx([0.3, 0.3, 0.5, 0.5])
    assert "-0.0625" in shown(cells["compare-metrics"])
    assert drawn(cells["study-bands"]) == [
        {f"rate {rate:g}": pytest.approx([0.1 + rate + part, 0.2 + rate + part])
         for rate in (0.0, 0.5)}
        for part in (0.01, 0.02)
    ]  # fmt: skip
    params_line = shown(cells["compare-params"]).splitlines()[1]
    assert params_line.split() == ["train.dropout_rate", "0.5", "0.25"]


def test_notebook_is_committed_without_outputs() -> None:
    notebook = read(NOTEBOOK)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
