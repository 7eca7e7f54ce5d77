"""The gate in repositories of the shapes that other people's have."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from gate.check import check
from gate.init import entries
from gate.report.plots import read_plots
from gate.repository import Repository
from gate.snapshot import MetricsFile
from gate.tests.conftest import Gate, Project

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

GONE = f"""\
  gone:
    cmd: gone
    outs:
    - path: gone
      md5: {"f" * 32}
"""

Files = Mapping[str, str | bytes]


def curve(accuracy: float, separator: str = ",") -> str:
    rows = [["step", "acc"], ["1", str(accuracy - 0.1)], ["2", str(accuracy)]]
    return "\n".join(separator.join(row) for row in rows) + "\n"


def sections(accuracy: float) -> Files:
    """Parameters as a section of the file; a stage that only the lock still has."""
    return {
        "dvc.yaml": """\
stages:
  train:
    cmd: cp src/result.json metrics.json && cp src/curve.csv curve.csv
    deps: [src]
    params: [train]
    metrics: [{metrics.json: {cache: false}}]
    plots: [{curve.csv: {cache: false, x: step, y: acc}}]
""",
        "params.yaml": "train: {rate: 0.5, layers: [8, 8]}\n",
        "src/result.json": json.dumps({"accuracy": accuracy, "loss": 1 - accuracy}),
        "src/curve.csv": curve(accuracy),
    }


def cached(accuracy: float) -> Files:
    """Metrics and plots that only DVC's cache has."""
    return {
        "dvc.yaml": """\
stages:
  train:
    cmd: cp result.json metrics.json && cp curve.csv drawn.csv
    deps: [result.json, curve.csv, notebook.ipynb]
    metrics: [metrics.json]
    plots: [{drawn.csv: {x: step, y: acc}}]
""",
        "result.json": json.dumps({"scores": {"test_acc": accuracy}}),
        "curve.csv": curve(accuracy),
        "notebook.ipynb": "{}",
    }


def templated(accuracy: float) -> Files:
    """`foreach`, `matrix` and `${...}`, with parameters in a file of another name."""
    return {
        "dvc.yaml": """\
vars: [config.yaml]
stages:
  train:
    foreach: [a, b]
    do:
      cmd: cp ${folders.sources}/${item}.json ${folders.results}/${item}.json
      deps: ["${folders.sources}/${item}.json"]
      params: [config.yaml: [model.rate]]
      metrics: [{"${folders.results}/${item}.json": {cache: false}}]
  copy:
    matrix: {side: [left, right]}
    cmd: cp sources/curve.json results/${item.side}.json
    deps: [sources/curve.json]
    plots: [{"results/${item.side}.json": {cache: false, x: step, y: acc}}]
""",
        "config.yaml": "folders: {sources: sources, results: results}\nmodel: {rate: 1}\n",
        "results/.gitkeep": "",
        "sources/a.json": json.dumps({"f1_score": accuracy}),
        "sources/b.json": json.dumps({"f1_score": accuracy + 0.01}),
        "sources/curve.json": json.dumps([{"step": n, "acc": accuracy - 1 / n} for n in (5, 9)]),
    }


def subfolder(accuracy: float) -> Files:
    """Two dvc.yaml, in folders, of which one reads what the other writes."""
    return {
        "prepare/dvc.yaml": """\
stages:
  prepare: {cmd: cp raw.txt clean.txt, deps: [raw.txt], outs: [clean.txt]}
""",
        "prepare/raw.txt": "data\n",
        "train/dvc.yaml": """\
stages:
  train:
    cmd: cp source.json out/metrics.json
    deps: [source.json, ../prepare/clean.txt]
    outs: [{out/metrics.json: {cache: false}}]
metrics: [out/metrics.json]
plots:
  - curves: {x: {rows.csv: step}, y: {rows.csv: [acc]}, title: Curves}
""",
        "train/source.json": json.dumps({"mse": 1 - accuracy}),
        "train/out/.gitkeep": "",
        "train/rows.csv": curve(accuracy),
    }


def formats(accuracy: float) -> Files:
    """Metrics in YAML and TOML."""
    return {
        "dvc.yaml": """\
stages:
  train:
    cmd: cp a.yaml metrics.yaml && cp b.toml metrics.toml
    deps: [a.yaml, b.toml]
    metrics: [{metrics.yaml: {cache: false}}, {metrics.toml: {cache: false}}]
plots:
  - picture.png
  - confusion.csv: {template: confusion, x: actual, y: predicted}
""",
        "a.yaml": f"test:\n  accuracy: {accuracy}\n  loss: 0.5\n",
        "b.toml": f"[validation]\nauc = {accuracy}\n",
        "picture.png": PIXEL,
        "confusion.csv": "actual,predicted\ncat,cat\ncat,dog\ndog,dog\n",
    }


def dvclive(accuracy: float) -> Files:
    """What DVCLive writes beside a script."""
    return {
        "dvc.yaml": """\
stages:
  train: {cmd: cp -r source/. dvclive, deps: [source], outs: [{dvclive: {cache: false}}]}
params: [dvclive/params.yaml]
metrics: [dvclive/metrics.json]
plots:
  - dvclive/plots/metrics: {x: step}
  - dvclive/plots/images
""",
        "source/params.yaml": "rate: 0.1\n",
        "source/metrics.json": json.dumps({"eval": {"accuracy": accuracy}, "step": 2}),
        "source/plots/metrics/eval/acc.tsv": curve(accuracy, "\t"),
        "source/plots/images/sample.png": PIXEL,
    }


@dataclass(frozen=True)
class Shape:
    """A kind of repository.

    Attributes:
        files: its content, for an accuracy.
        source: a dependency that is neither Python nor below data/.
        plots: names of all plots with data.
        images: paths of all plots that are pictures.
    """

    files: Callable[[float], Files]
    source: str
    plots: tuple[str, ...]
    images: tuple[str, ...] = ()


SHAPES = {
    "sections": Shape(sections, "src/curve.csv", ("curve.csv",)),
    "cached": Shape(cached, "notebook.ipynb", ("drawn.csv",)),
    "templated": Shape(templated, "sources/a.json", ("results/left.json", "results/right.json")),
    "subfolder": Shape(subfolder, "prepare/raw.txt", ("curves",)),
    "formats": Shape(formats, "b.toml", ("confusion.csv",), ("picture.png",)),
    "dvclive": Shape(
        dvclive,
        "source/params.yaml",
        ("dvclive/plots/metrics/eval/acc.tsv",),
        ("dvclive/plots/images/sample.png",),
    ),
}


def run(project: Project, shape: Shape, accuracy: float) -> None:
    for path, text in shape.files(accuracy).items():
        project.write(path, text)
    project.repro()


def made(folder: Path, name: str) -> Project:
    """With results of accuracy 0.9, committed on `main`."""
    project = Project(folder)
    project.init()
    run(project, SHAPES[name], 0.9)
    if name == "sections":  # DVC keeps the entries of stages that are gone
        project.write("dvc.lock", project.read("dvc.lock") + GONE)
    project.commit()
    return project


@pytest.mark.parametrize("name", SHAPES)
def test_init_then_0_then_2_then_1_with_every_plot(name: str, tmp_path: Path, gate: Gate) -> None:
    project, shape = made(tmp_path / "clone", name), SHAPES[name]
    status, out, err = gate(project.folder, "init")
    assert (status, err, out.startswith("gate.yaml: written")) == (0, "", True)
    found = check(project.folder, "HEAD")
    assert project.read("gate.yaml").count("blocks: true") == len(found.after.metrics)
    assert (found.status, dict(found.after.stale)) == (0, {})
    project.commit()
    project.git("switch", "--quiet", "--create", "change")

    # A dependency that changed without a run is never a pass.
    project.write(shape.source, project.read(shape.source) + "\n")
    status, out, _ = gate(project.folder, "check", "--base", "main")
    assert (status, "dvc repro" in out) == (2, True), out

    run(project, shape, 0.8)
    status, out, _ = gate(project.folder, "check", "--base", "main")
    assert (status, "Verdict: regression" in out) == (1, True), out
    commit = project.git("rev-parse", "main")
    plots = read_plots(Repository(project.folder), commit, "main", "change")
    assert plots.problems == []
    assert sorted(chart.name for chart in plots.charts) == sorted(shape.plots)
    assert {path: {*sides} for path, sides in plots.images.items()} == {
        path: {"main", "change"} for path in shape.images
    }
    for chart in plots.charts:
        text = json.dumps(chart.specification)
        assert "DVC_METRIC" not in text
        assert '"main"' in text
        assert '"change"' in text


def test_headline_is_the_best_known_metric_of_held_out_data() -> None:
    values = {"step": 3, "a*": 1, "train.acc": 1, "test_loss": 1, "val.f1": 1, "name": "x"}
    assert list(entries({"m.json": MetricsFile(values), "n.json": MetricsFile({"k": 1})})) == [
        '  "m.json":',
        '    # "step": {better: }  # higher or lower?',
        '    # "a[*]": {better: }  # higher or lower?',
        '    "train.acc": {better: higher}',
        '    "test_loss": {better: lower}',
        '    "val.f1": {better: higher, blocks: true}',
        '  # "n.json":',
        '    # "k": {better: }  # higher or lower?',
    ]


def test_what_was_not_pulled_is_told_with_the_remedy(tmp_path: Path, gate: Gate) -> None:
    project = made(tmp_path / "origin", "cached")
    project.write(
        ".dvc/config", "[core]\n    remote = store\n['remote \"store\"']\n    url = ../../store\n"
    )
    assert gate(project.folder, "init")[0] == 0
    status, _, err = gate(project.folder, "init")
    assert (status, "expected none; found one" in err) == (2, True)
    project.commit()
    copy = Project(tmp_path / "copy")
    project.git("clone", "--quiet", str(project.folder), str(copy.folder))
    status, _, err = gate(copy.folder, "check", "--base", "main")
    assert (status, "was not pulled; run `dvc pull metrics.json`" in err) == (2, True), err
    with Repository(project.folder)._repo as repo:
        repo.push()
    with Repository(copy.folder)._repo as repo:
        repo.pull()
    assert gate(copy.folder, "check", "--base", "main")[0] == 0
