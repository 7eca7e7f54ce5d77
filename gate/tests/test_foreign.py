"""The gate in repositories of the shapes and states that other people's have."""

import base64
import json
import os
import shutil
from pathlib import Path
from unittest.mock import Mock

import pytest
from dvc.repo import Repo

from gate import repository as gate_repository
from gate.check import Check
from gate.errors import CannotCompareError
from gate.repository import Repository
from gate.tests.conftest import GATE, Gate, Project

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
CURVE = "step,acc\n1,0.8\n2,0.9\n"

# By name: files, whose metrics are 0.9, or 0.1 where less is better; a dependency that is neither
# Python nor below data/; and the names of all that is drawn.
Shape = tuple[dict[str, str | bytes], str, list[str]]
SHAPES: dict[str, Shape] = {
    # Parameters as a section of the file; metrics in YAML and TOML.
    "sections": ({
        "dvc.yaml": """\
stages:
  train:
    cmd: cp src/a.yaml a.yaml && cp src/b.toml b.toml && cp src/curve.csv curve.csv
    deps: [src]
    params: [train]
    metrics: [{a.yaml: {cache: false}}, {b.toml: {cache: false}}]
    plots: [{curve.csv: {cache: false, x: step, y: acc}}]
plots:
  - picture.png
  - confusion.csv: {template: confusion, x: actual, y: predicted}
""",
        "params.yaml": "train: {rate: 0.5, layers: [8, 8]}\n",
        "src/a.yaml": "test:\n  accuracy: 0.9\n  loss: 0.5\n",
        "src/b.toml": "[validation]\nauc = 0.9\n",
        "src/curve.csv": CURVE,
        "picture.png": PIXEL,
        "confusion.csv": "actual,predicted\ncat,cat\ncat,dog\ndog,dog\n",
    }, "src/curve.csv", ["confusion.csv", "curve.csv", "picture.png"]),
    # Metrics and plots that only DVC's cache has.
    "cached": ({
        "dvc.yaml": """\
stages:
  train:
    cmd: cp result.json metrics.json && cp curve.csv drawn.csv
    deps: [result.json, curve.csv, notebook.ipynb]
    metrics: [metrics.json]
    plots: [{drawn.csv: {x: step, y: acc}}]
""",
        "result.json": '{"scores": {"test_acc": 0.9}}',
        "curve.csv": CURVE,
        "notebook.ipynb": "{}",
    }, "notebook.ipynb", ["drawn.csv"]),
    # `foreach`, `matrix` and `${...}`, with parameters in a file of another name.
    "templated": ({
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
        "sources/a.json": '{"f1_score": 0.9}',
        "sources/b.json": '{"f1_score": 0.9}',
        "sources/curve.json": '[{"step": 5, "acc": 0.7}, {"step": 9, "acc": 0.9}]',
    }, "sources/a.json", ["results/left.json", "results/right.json"]),
    # Two dvc.yaml, in folders, of which one reads what the other writes; what DVCLive writes.
    "subfolder": ({
        "prepare/dvc.yaml": """\
stages:
  prepare: {cmd: cp raw.txt clean.txt, deps: [raw.txt], outs: [clean.txt]}
""",
        "prepare/raw.txt": "data\n",
        "train/dvc.yaml": """\
stages:
  train:
    cmd: cp -r source/. dvclive
    deps: [source, ../prepare/clean.txt]
    outs: [{dvclive: {cache: false}}]
params: [dvclive/params.yaml]
metrics: [dvclive/metrics.json]
plots:
  - dvclive/plots/metrics: {x: step}
  - dvclive/plots/images
  - curves: {x: {rows.csv: step}, y: {rows.csv: [acc]}, title: Curves}
""",
        "train/source/params.yaml": "rate: 0.7\n",
        "train/source/metrics.json": '{"eval": {"mse": 0.1}, "step": 2}',
        "train/source/plots/metrics/eval/acc.tsv": CURVE.replace(",", "\t"),
        "train/source/plots/images/sample.png": PIXEL,
        "train/rows.csv": CURVE,
    }, "prepare/raw.txt", ["curves", "train/dvclive/plots/images/sample.png",
                           "train/dvclive/plots/metrics/eval/acc.tsv"]),
}  # fmt: skip


def run(project: Project, name: str, *, worse: bool = False) -> None:
    for path, text in SHAPES[name][0].items():
        if worse and isinstance(text, str):
            text = text.replace("0.9", "0.75").replace("0.1", "0.25")
        project.write(path, text)
    project.repro()


def make(folder: Path, name: str) -> Project:
    """With results, committed on `main`; a stage that is gone is still in dvc.lock."""
    project = Project(folder)
    project.init()
    run(project, name)
    if name == "sections":
        gone = f"  gone: {{cmd: gone, outs: [{{path: gone, md5: {'f' * 32}}}]}}\n"
        project.write("dvc.lock", project.read("dvc.lock") + gone)
    project.commit()
    return project


@pytest.mark.parametrize("name", SHAPES)
def test_init_then_0_then_2_then_1_with_every_plot(name: str, tmp_path: Path, gate: Gate) -> None:
    project, (_, source, plots) = make(tmp_path / "clone", name), SHAPES[name]
    assert gate(project.folder, "init")[0] == 0
    found = Check(project.folder, "HEAD")
    assert (found.status, dict(found.after.stale)) == (0, {})
    project.commit()
    project.git("switch", "--quiet", "--create", "change")
    project.write(source, project.read(source) + "\n")
    status, out, _ = gate(project.folder, "check", "--base", "main")
    assert (status, "dvc repro" in out) == (2, True), out
    run(project, name, worse=True)
    status, out, _ = gate(project.folder, "check", "--base", "main")
    assert (status, out.startswith("Worse: ")) == (1, True), out
    renderers, problems = Repository(project.folder).read_plots(
        project.commit_of("main"), "main", "change"
    )
    drawn = {r.name: {point["rev"] for point in r.datapoints} for r in renderers}
    assert (problems, drawn) == ([], {name: {"main", "change"} for name in plots})


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


def test_what_git_or_dvc_cannot_use(
    project: Project, tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line with the remedy: SHA-256, another owner, no entry in passwd, a closed site cache."""
    other = Project(tmp_path / "other")
    other.init()
    shutil.rmtree(other.folder / ".git")
    other.git("init", "--quiet", "--initial-branch=main", "--object-format=sha256")
    other.write("dvc.yaml", "metrics: [metrics.json]\n")
    other.write("gate.yaml", GATE)
    other.metrics()
    other.commit()
    status, _, err = gate(other.folder, "check", "--base", "main")
    assert (status, err.count("\n"), "with SHA-1 only" in err) == (2, 1, True), err
    if os.geteuid() == 0:  # root alone can chown
        for path in (other.folder, *other.folder.rglob("*")):
            os.chown(path, 12345, 12345, follow_symlinks=False)
        status, _, err = gate(other.folder, "check", "--base", "main")
        remedy = f"git config --global --add safe.directory {other.folder}"
        assert (status, err.count("\n"), remedy in err) == (2, 1, True), err
    for error in (KeyError("getpwuid(): uid not found: 7"), PermissionError(13, "no", "/x"),
                  ImportError("s3 is supported, but requires 'dvc-s3'")):  # fmt: skip
        monkeypatch.setattr(gate_repository, "_OfflineRepo", Mock(side_effect=error))
        status, _, err = gate(project.folder, "check")
        assert (status, err.count("\n"), "this folder: DVC says: " in err) == (2, 1, True), err
        assert ("DVC_SITE_CACHE_DIR" in err) == isinstance(error, PermissionError)
        assert ("install that package" in err) == isinstance(error, ImportError)


@pytest.mark.parametrize(
    ("path", "text", "error"),
    [
        ("dvc.lock", "train:\n  cmd: cp results.json metrics.json\n", "of DVC 2 or later"),
        ("old.dvc", "cmd: cp a b\nouts: [{path: b, metric: {type: json}}]\n",
         "a stage in dvc.yaml, not of DVC 0"),
    ],
)  # fmt: skip
def test_files_of_old_versions(
    path: str, text: str, error: str, project: Project, gate: Gate
) -> None:
    """On either side, by the name of the file."""
    project.write(path, text)
    for base in ("main", "HEAD"):
        status, _, err = gate(project.folder, "check", "--base", base)
        assert (status, err.count("\n")) == (2, 1)
        assert error in err, err
        assert path in err
        assert "gate.yaml" not in err
        if base == "main":
            project.commit()
            project.git("rm", "--quiet", "--cached", path)
            (project.folder / path).unlink()


def test_anchors_of_yaml_are_limited(project: Project) -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    project.replace("dvc.yaml", "metrics.json: {", "m.yaml: {")
    project.write("m.yaml", "\n".join(lines))
    problem = Repository(project.folder).read().metrics["m.yaml"]
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
