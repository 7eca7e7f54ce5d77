"""The gate in repositories of the shapes and states that other people's have."""

import base64
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from dvc.repo import Repo

from gate import repository as gate_repository
from gate.check import check
from gate.errors import CannotCompareError
from gate.repository import Repository
from gate.tests.conftest import GATE, Gate, Project

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

GONE = f"  gone: {{cmd: gone, outs: [{{path: gone, md5: {'f' * 32}}}]}}\n"

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
    """A kind of repository."""

    files: Callable[[float], Files]  # its content, for an accuracy
    source: str  # a dependency that is neither Python nor below data/
    plots: tuple[str, ...]  # names of all that is drawn


SHAPES = {
    "sections": Shape(sections, "src/curve.csv", ("curve.csv",)),
    "cached": Shape(cached, "notebook.ipynb", ("drawn.csv",)),
    "templated": Shape(templated, "sources/a.json", ("results/left.json", "results/right.json")),
    "subfolder": Shape(subfolder, "prepare/raw.txt", ("curves",)),
    "formats": Shape(formats, "b.toml", ("confusion.csv", "picture.png")),
    "dvclive": Shape(
        dvclive,
        "source/params.yaml",
        ("dvclive/plots/images/sample.png", "dvclive/plots/metrics/eval/acc.tsv"),
    ),
}


def run(project: Project, name: str, accuracy: float) -> None:
    for path, text in SHAPES[name].files(accuracy).items():
        project.write(path, text)
    project.repro()


def make(folder: Path, name: str) -> Project:
    """With results of accuracy 0.9, committed on `main`."""
    project = Project(folder)
    project.init()
    run(project, name, 0.9)
    if name == "sections":  # DVC keeps the entries of stages that are gone
        project.write("dvc.lock", project.read("dvc.lock") + GONE)
    project.commit()
    return project


@pytest.mark.parametrize("name", SHAPES)
def test_init_then_0_then_2_then_1_with_every_plot(name: str, tmp_path: Path, gate: Gate) -> None:
    project, shape = make(tmp_path / "clone", name), SHAPES[name]
    assert gate(project.folder, "init")[0] == 0
    found = check(project.folder, "HEAD")
    assert (found.status, dict(found.after.stale)) == (0, {})
    project.commit()
    project.git("switch", "--quiet", "--create", "change")
    project.write(shape.source, project.read(shape.source) + "\n")
    status, out, _ = gate(project.folder, "check", "--base", "main")
    assert (status, "dvc repro" in out) == (2, True), out
    run(project, name, 0.8)
    status, out, _ = gate(project.folder, "check", "--base", "main")
    assert (status, out.startswith("Worse: ")) == (1, True), out
    commit = project.git("rev-parse", "main")
    renderers, problems = Repository(project.folder).read_plots(commit, "main", "change")
    drawn = {r.name: {point["rev"] for point in r.datapoints} for r in renderers}
    assert (problems, drawn) == ([], {name: {"main", "change"} for name in shape.plots})


@pytest.fixture
def copy(tmp_path: Path, gate: Gate) -> Project:
    """A clone whose metrics, a picture and a model are in the cache of another one only."""
    project = make(tmp_path / "origin", "cached")
    project.replace("dvc.yaml", "curve.csv drawn.csv", "curve.csv drawn.csv && cp p.png q.png")
    project.replace("dvc.yaml", "plots: [", "plots: [q.png, ")
    project.write("p.png", PIXEL)
    project.repro()
    assert gate(project.folder, "init")[0] == 0
    project.commit()
    copied = Project(tmp_path / "copy")
    project.git("clone", "--quiet", str(project.folder), str(copied.folder))
    return copied


@pytest.mark.parametrize("url", ["s3://nowhere/x", "ssh://nowhere.invalid/x", "gs://x/y", None])
def test_remotes_are_never_asked(url: str | None, copy: Project, gate: Gate) -> None:
    """Without their plug-ins, credentials or a network: what is not here is not pulled."""
    if url:
        copy.write(".dvc/config", f"[core]\n    remote = r\n['remote \"r\"']\n    url = {url}\n")
    status, _, err = gate(copy.folder, "check", "--base", "main")
    assert (status, err) == (
        2, "gate: metrics.json: the file was not pulled; run `dvc pull metrics.json`\n"
    )  # fmt: skip
    shutil.copytree(copy.folder.with_name("origin") / ".dvc/cache", copy.folder / ".dvc/cache")
    copy.write("metrics.json", json.dumps({"scores": {"test_acc": 0.9}}))
    for path in (copy.folder / ".dvc/cache").rglob("*"):
        if path.is_file() and path.read_bytes() == PIXEL:
            path.unlink()
    assert gate(copy.folder, "check", "--base", "main")[0] == 0
    status, out, err = gate(copy.folder, "report", "--base", "main")
    assert (status, err, out.startswith("No worse")) == (0, "", True)
    assert "q.png: the file was not pulled; run \\`dvc pull q.png\\`" in copy.read(
        "report/report.md"
    )


def test_dependency_at_an_address_is_compared_by_the_lock(project: Project) -> None:
    project.replace("dvc.yaml", "deps: [", "deps: ['http://nowhere.invalid/data', ")
    project.replace("dvc.lock", "  train:\n    cmd: cp results.json metrics.json\n    deps:\n",
                    "  train:\n    cmd: cp results.json metrics.json\n    deps:\n"
                    "    - {path: 'http://nowhere.invalid/data', checksum: abc-1}\n")  # fmt: skip
    project.commit_main()
    found = project.check()
    assert (found.status, found.after.stale) == (0, {})
    project.replace("dvc.lock", "abc-1", "abc-2")
    assert list(project.check().differences["inputs"]) == ["http://nowhere.invalid/data"]


def test_folder_with_outputs_of_other_stages(project: Project) -> None:
    """Which were written after the stage ran, and are not pulled in a clone."""
    late = "late: {cmd: cp params.yaml code/late, deps: [params.yaml], outs: [code/late]}"
    project.replace("dvc.yaml", "stages:", f"stages:\n  {late}")
    project.repro()
    project.commit_main()
    for _ in range(2):
        found = project.check()
        assert (found.status, found.after.stale) == (0, {})
        (project.folder / "code/late").unlink(missing_ok=True)
    project.write("code/model.R", "2")
    found = project.check()
    assert (found.status, found.after.stale) == (2, {"train": "code modified (code/model.R)"})


def test_uncached_output_that_git_ignores(project: Project) -> None:
    """A model that a clone does not have: dvc.lock has the hashes of both sides."""
    project.write("dvc.yaml", """\
stages:
  fit: {cmd: cp results.json model, deps: [results.json], outs: [{model: {cache: false}}]}
  train: {cmd: cp model metrics.json, deps: [model], metrics: [{metrics.json: {cache: false}}]}
""")  # fmt: skip
    project.write(".gitignore", "/model\n")
    project.repro()
    project.commit_main()
    (project.folder / "model").unlink()
    found = project.check()
    assert (found.status, found.after.stale) == (0, {})
    project.git("add", "--force", "dvc.lock")
    project.write(".gitignore", "")
    project.write("model", project.read("results.json"))
    project.commit_main()
    (project.folder / "model").unlink()
    assert project.check().after.stale == {"train": "model deleted"}


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can chown")
def test_clone_of_another_owner(project: Project, gate: Gate) -> None:
    for path in (project.folder, *project.folder.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)
    status, _, err = gate(project.folder, "check", "--base", "main")
    remedy = f"git config --global --add safe.directory '{project.folder}'"
    assert (status, err.count("\n"), remedy in err) == (2, 1, True), err


def test_format_of_git_that_dvc_cannot_read(tmp_path: Path, gate: Gate) -> None:
    project = Project(tmp_path / "clone")
    project.init()
    shutil.rmtree(project.folder / ".git")
    project.git("init", "--quiet", "--initial-branch=main", "--object-format=sha256")
    project.write("dvc.yaml", "metrics: [metrics.json]\n")
    project.metrics()
    project.write("gate.yaml", GATE)
    project.commit()
    status, _, err = gate(project.folder, "check", "--base", "main")
    assert (status, err.count("\n"), "with SHA-1 only" in err) == (2, 1, True), err


@pytest.mark.parametrize(
    "error", [KeyError("getpwuid(): uid not found: 7"), PermissionError(13, "no", "/x")]
)
def test_machine_that_dvc_cannot_use(
    error: Exception, project: Project, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user without an entry in passwd; an unreadable site cache folder."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(gate_repository, "_OfflineRepo", fail)
    status, _, err = gate(project.folder, "check")
    assert (status, err.count("\n"), "this folder: DVC says: " in err) == (2, 1, True)
    assert ("DVC_SITE_CACHE_DIR" in err) == isinstance(error, PermissionError)


@pytest.mark.parametrize(
    ("path", "text", "error"),
    [
        ("dvc.lock", "train:\n  cmd: cp results.json metrics.json\n",
         "./dvc.lock: expected a lock file of DVC 2 or later; found one of DVC 1"),
        ("old.dvc", "cmd: cp a b\nouts: [{path: b, metric: {type: json}}]\n",
         "old.dvc: expected a stage in dvc.yaml; found a stage file of DVC 0"),
    ],
)  # fmt: skip
def test_files_of_old_versions(
    path: str, text: str, error: str, project: Project, gate: Gate
) -> None:
    project.write(path, text)
    status, _, err = gate(project.folder, "check", "--base", "main")
    assert (status, err.count("\n"), error in err, "gate.yaml" in err) == (2, 1, True, False), err
    project.commit()
    project.write(path, "") if path == "dvc.lock" else (project.folder / path).unlink()
    err = gate(project.folder, "check", "--base", "HEAD")[2]
    assert error.removeprefix("./") in err


def test_anchors_of_yaml_are_limited(project: Project) -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    project.replace("dvc.yaml", "metrics.json: {", "m.yaml: {")
    project.write("m.yaml", "\n".join(lines))
    problem = Repository(project.folder).read().metrics["m.yaml"].problem
    assert problem == "the file is broken: expected at most 20000 values; found more"
    project.git("checkout", "--quiet", "--", ".")
    project.write("gate.yaml", "\n".join([*lines, GATE]))
    assert "expected at most 20000 values" in project.check().reasons[0]
    project.write("params.yaml", "\n".join([*lines, "rate: 0.5\n"]))
    with pytest.raises(CannotCompareError, match="expected at most 20000 values"):
        project.check()


def test_imports_are_not_asked(project: Project, tmp_path: Path) -> None:
    """An imported file that was not pulled is no reason to read its source."""
    source = tmp_path / "source.txt"
    source.write_text("data")
    os.chdir(project.folder)
    with Repo() as repo:
        repo.imp_url(str(source), out="imported.txt")
    project.replace("dvc.yaml", "deps: [", "deps: [imported.txt, ")
    project.repro()
    project.commit_main()
    source.unlink()
    (project.folder / "imported.txt").unlink()
    assert project.check().status == 0
