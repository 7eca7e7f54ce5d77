"""The gate in repositories of the shapes and states that other people's have."""

import base64
import os
import shutil
from pathlib import Path
from unittest.mock import Mock

import pytest

from gate.repository import Repository
from gate.tests.conftest import GATE, Files, Gate, Project

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
CURVE = "step,acc\n1,0.8\n2,0.9\n"

# Metrics in four formats, which are 0.9, or 0.1 where less is better.
FILES: Files = {
    # `foreach` and `${...}`; parameters as a section of a file of another name; what only
    # DVC's cache has, also as a folder.
    "dvc.yaml": """\
vars: [config.yaml]
stages:
  train:
    foreach: [a.yaml, b.toml]
    do:
      cmd: cp ${folders.sources}/${item} ${folders.results}/${item}
      deps: ["${folders.sources}/${item}"]
      params: [config.yaml: [model]]
      metrics: [{"${folders.results}/${item}": {cache: false}}]
  score:
    cmd: >-
      mkdir eval pictures && cp sources/scores.json config.yaml eval &&
      for n in $(seq 10 23); do cp picture.png pictures/$n.png; done
    deps: [sources/scores.json, config.yaml, picture.png, notebook.ipynb]
    outs: [eval, pictures]
metrics: [eval/scores.json]
params: [eval/config.yaml]
plots:
  - pictures
""",
    "config.yaml": "folders: {sources: sources, results: results}\nmodel: {rate: 1, layers: [8]}\n",
    "notebook.ipynb": "{}",
    "picture.png": PIXEL,
    "results/.gitkeep": "",
    "sources/a.yaml": "test:\n  accuracy: 0.9\n  loss: 0.5\n",
    "sources/b.toml": "[validation]\nauc = 0.9\n",
    "sources/scores.json": '{"scores": {"test_acc": 0.9}}',
    # Two more dvc.yaml, in folders, of which one reads what the other writes; what DVCLive writes.
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
}
METRICS = ["results/a.yaml", "results/b.toml", "eval/scores.json", "train/dvclive/metrics.json"]
PLOTS = [
    *(f"pictures/{n}.png" for n in range(10, 24)), "curves",
    "train/dvclive/plots/images/sample.png", "train/dvclive/plots/metrics/eval/acc.tsv",
]  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """With results, committed on `main`; a stage that is gone is still in dvc.lock."""
    project = Project(tmp_path_factory.mktemp("foreign") / "clone")
    project.init()
    project.change(FILES)
    project.repro()
    gone = f"  gone: {{cmd: gone, outs: [{{path: gone, md5: {'f' * 32}}}]}}\n"
    project.write("dvc.lock", project.read("dvc.lock") + gone)
    project.commit()
    return project


@pytest.fixture
def foreign(made: Project, tmp_path: Path, gate: Gate) -> Project:
    project = made.copy(tmp_path / "foreign")
    assert gate(project.folder, "init")[0] == 0
    return project


def test_0_then_2_then_1_with_every_plot(foreign: Project) -> None:
    assert foreign.judge("HEAD")[0] == 0
    foreign.commit()
    foreign.git("switch", "--quiet", "--create", "change")
    for source, stage in {
        "sources/a.yaml": "train@a.yaml: sources/a.yaml", "notebook.ipynb": "score: notebook.ipynb",
        "prepare/raw.txt": "prepare:prepare: prepare/raw.txt",
        "train/source/new": "train:train: train/source",
    }.items():  # fmt: skip
        before = FILES.get(source)
        foreign.write(source, f"{before}\n")
        foreign.expect(2, f"beside them: {stage} modified; run `dvc repro`")
        foreign.change({source: before})
    for path, text in FILES.items():
        if isinstance(text, str):
            foreign.write(path, text.replace("0.9", "0.75").replace("0.1", "0.25"))
    foreign.repro()
    foreign.expect(1, " ... ".join(f"{path}: " for path in METRICS))
    assert foreign.judge()[1].count("| **worse by ") == len(METRICS)
    renderers, problems = Repository(foreign.folder).read_plots(
        foreign.commit_of("main"), "main", "change"
    )
    sides = ["main", "change"]  # in this order, in which DVC's templates list and colour them
    drawn = {r.name: list(dict.fromkeys(p["rev"] for p in r.datapoints)) for r in renderers}
    assert (problems, drawn) == ([], dict.fromkeys(PLOTS, sides))
    assert all(r.properties["revs_with_datapoints"] == sides for r in renderers)


def test_remotes_are_never_asked(foreign: Project, tmp_path: Path, gate: Gate) -> None:
    """Without their plug-ins, credentials or a network: what is not here is not pulled."""
    copy = Project(tmp_path / "copy")
    foreign.git("clone", "--quiet", str(foreign.folder), str(copy.folder))

    def missing(path: str, hint: str = "") -> tuple[int, str, str]:
        return 2, "", f"gate: {path}: the file was not pulled; {hint}run `dvc pull {path}`\n"

    copy.write("gate.yaml", foreign.read("gate.yaml"))
    no_remote = missing("eval/config.yaml", "there is no remote: `dvc remote add` one, ")
    assert gate(copy.folder, "check", "--base", "main") == no_remote
    for url in ("ssh://nowhere.invalid/x", "gs://x/y", "s3://nowhere/x"):
        copy.write(".dvc/config", f"['remote \"r\"']\nurl = {url}\n[core]\nremote = r\n")
        assert gate(copy.folder, "check", "--base", "main") == missing("eval/config.yaml")
    copy.change({"gate.yaml": None})
    for path in ("config.yaml", "scores.json"):
        assert gate(copy.folder, "init") == missing(f"eval/{path}")
        copy.write(f"eval/{path}", FILES.get(path) or FILES[f"sources/{path}"])
    copy.write("gate.yaml", foreign.read("gate.yaml"))
    copy.commit()
    shutil.copytree(foreign.folder / ".dvc/cache", copy.folder / ".dvc/cache")
    for file in (copy.folder / ".dvc/cache").rglob("*"):
        if file.is_file() and file.read_bytes() == PIXEL:
            file.unlink()
    assert gate(copy.folder, "check", "--base", "main")[0] == 0
    status, out, err = gate(copy.folder, "report", "--base", "main")
    assert (status, err, out[:40]) == (0, "", "No worse. How small a loss would have be")
    names = ", ".join(PLOTS[:12]) + " and 2 more"
    assert copy.read("report/report.md").splitlines()[-2:] == [
        f"- not drawn: {side}: {names}: the file was not {how}"
        for side, how in (
            (copy.commit_of("HEAD")[:10], "pulled; run \\`dvc pull PATH\\`"),
            ("main", "fetched; run \\`dvc fetch --all-commits PATH\\`"),
        )
    ]


def test_what_git_or_dvc_cannot_use(
    project: Project, tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line with the remedy: no Git, no DVC, SHA-256, another owner, no entry in passwd, ..."""
    refused = [(gate(tmp_path, "check"), "not a git repository")]
    Project(tmp_path).git("init", "--quiet")
    refused.append((gate(tmp_path, "check"), "you are not inside of a DVC repository"))
    other = Project(tmp_path / "other")
    other.init()
    shutil.rmtree(other.folder / ".git")
    other.git("init", "--quiet", "--initial-branch=main", "--object-format=sha256")
    other.change({"dvc.yaml": "metrics: [metrics.json]\n", "gate.yaml": GATE, "metrics.json": "{}"})
    other.commit()
    refused.append((gate(other.folder, "check", "--base", "main"), "with SHA-1 only"))
    if os.geteuid() == 0:  # root alone can chown
        for path in (other.folder, *other.folder.rglob("*")):
            os.chown(path, 12345, 12345, follow_symlinks=False)
        remedy = f"git config --global --add safe.directory {other.folder}"
        refused.append((gate(other.folder, "check", "--base", "main"), remedy))
    for error, remedy in (
        (KeyError("getpwuid(): uid not found: 7"), "this folder: DVC says: "),
        (PermissionError(13, "no", "/x"), "set DVC_SITE_CACHE_DIR to a folder"),
        (ImportError("s3 is supported, but requires 'dvc-s3'"), "install that package"),
        (ModuleNotFoundError("No module named 'dvc_s3'"), "install that package"),
    ):
        monkeypatch.setattr("gate.repository._OfflineRepo", Mock(side_effect=error))
        refused.append((gate(project.folder, "check"), remedy))
    for (status, _, err), remedy in refused:
        assert (status, err.count("\n"), remedy in err) == (2, 1, True), err
