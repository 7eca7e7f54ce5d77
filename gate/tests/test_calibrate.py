"""`calibrate`: the pipeline over seeds, in a repository like those of other people."""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gate.calibrate import write_whole
from gate.settings import load_settings
from gate.tests.conftest import Gate, Project

ROOT = Path(__file__).parents[2]

# Below the top of the Git repository, with a file of parameters, data in DVC's cache, two metrics
# files, of which one is no more than in the cache, and a stage that may not run.
PIPELINE = """\
stages:
  train:
    cmd: sh train.sh
    deps: [train.sh, data.txt]
    params: [net, conf.yaml: [train.seed]]
    metrics: [metrics.json: {cache: false}, sub.json]
  publish:
    cmd: test "$PUBLISH"
    deps: [sub.json]
"""
TRAIN = """\
set -e
test "$(cat data.txt)" = data
seed=$(sed -n 's/ *seed: //p' conf.yaml)
echo "{\\"accuracy\\": 0.9$seed, \\"n\\": {\\"items\\": 60}}" > metrics.json
echo "{\\"loss\\": $seed.5}" > sub.json
"""
GATE = """\
# mine
metrics:
  metrics.json:
    accuracy: {better: higher, margin: {relative: 0.01}, blocks: true}  # my comment
    n.items: {at_least: 50}
  "*.json":
    loss: {better: lower, margin: {absolute: 1}}
"""
SAME = {"net.layers": "[8, 4]", "net.name": ""}


SEEDS = ("0", "1", "2", "3", "4")


def dvc(project: Project, *arguments: str) -> None:
    command = [sys.executable, "-m", "dvc", *arguments, "--quiet"]
    subprocess.run(command, cwd=project.folder, env=os.environ | {"PUBLISH": "1"}, check=True)


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Results with the seed 0, and a gate.yaml that is not committed yet."""
    top = Project(tmp_path_factory.mktemp("foreign") / "top")
    top.write("below it/params.yaml", "net: {layers: [8, 4], name: null}\n")
    top.git("init", "--quiet", "--template=", "--initial-branch=main")
    project = Project(top.folder / "below it")
    dvc(project, "init", "--subdir")
    for path, text in {
        "dvc.yaml": PIPELINE,
        "train.sh": TRAIN,
        "conf.yaml": "train:\n  seed: 0\n",
        "data.txt": "data\n",
    }.items():
        project.write(path, text)
    dvc(project, "add", "data.txt")
    dvc(project, "repro")
    # A remote whose package is not installed, and its key.
    dvc(project, "remote", "add", "--default", "far", "oss://bucket/path")
    dvc(project, "remote", "modify", "--local", "far", "oss_key_id", "secret")
    top.commit()
    project.write("gate.yaml", GATE)
    return project


@pytest.fixture
def project(foreign: Project, tmp_path: Path) -> Project:
    """A copy, to be changed."""
    shutil.copytree(foreign.folder.parent, tmp_path / "top", symlinks=True)
    return Project(tmp_path / "top" / foreign.folder.name)


@pytest.fixture(scope="module")
def calibrated(foreign: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy with five runs, made by the command."""
    top = shutil.copytree(foreign.folder.parent, tmp_path_factory.mktemp("done") / "top")
    done = calibrate(Project(top / foreign.folder.name), "--jobs", "3")
    assert done.returncode == 0, done.stderr
    assert "5 of 5 runs to do over conf.yaml: train.seed, 3 at once" in done.stdout
    assert "0.0 minutes left" in done.stdout
    return Project(top / foreign.folder.name)


def commit_code(project: Project, text: str) -> None:
    project.write("train.sh", text)
    dvc(project, "repro")
    project.git("add", "train.sh", "dvc.lock")
    project.git("commit", "--quiet", "--message=code")


def calibrate(project: Project, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "gate", "calibrate", "--seeds", "5", *more]
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=project.folder, env=variables, capture_output=True, text=True, check=False
    )


def read_rows(project: Project) -> list[dict[str, str]]:
    return list(csv.DictReader(project.read("gate.runs.csv").splitlines()))


def test_table(calibrated: Project) -> None:
    """A row per metrics file and seed, with all parameters and metrics, in the order of seeds."""
    rows = read_rows(calibrated)
    (code,) = {row.pop("code") for row in rows}
    assert len(code) == 12
    none = {"accuracy": "", "n.items": "", "loss": ""}
    assert rows == [
        {"metrics": "metrics.json", **SAME, "seed": seed, **none}
        | {"accuracy": f"0.9{seed}".rstrip("0"), "n.items": "60.0"}
        for seed in SEEDS
    ] + [
        {"metrics": "sub.json", **SAME, "seed": seed, **none} | {"loss": f"{seed}.5"}
        for seed in SEEDS
    ]


def test_settings(calibrated: Project) -> None:
    """Margins of what differs are in deviations, `runs` names all, and comments stay."""
    text = calibrated.read("gate.yaml")
    settings = load_settings(text)
    metrics, loss = settings.metrics["metrics.json"], settings.metrics["*.json"]["loss"]
    assert metrics["accuracy"].model_dump(exclude_unset=True) == {
        "better": "higher", "margin": {"deviations": 7}, "blocks": True,
    }  # fmt: skip
    assert metrics["n.items"].model_dump(exclude_unset=True) == {"at_least": 50}
    assert loss.model_dump(exclude_unset=True) == {"better": "lower", "margin": {"deviations": 7}}
    code = read_rows(calibrated)[0]["code"]
    assert settings.runs is not None
    assert settings.runs.model_dump(exclude_unset=True) == {
        "file": "gate.runs.csv",
        "seed": "seed",
        "of": {
            file: {"rows": {"metrics": file, "code": code}, "parameters": {n: n for n in SAME}}
            for file in ("metrics.json", "sub.json")
        },
    }
    assert "# mine" in text
    assert "# my comment" in text
    changed = calibrated.git("status", "--porcelain")
    assert changed == '?? "below it/gate.runs.csv"\n?? "below it/gate.yaml"'


def test_check(calibrated: Project, gate: Gate, tmp_path: Path) -> None:
    """The next change is judged by the runs: what another seed explains passes, a loss does not."""
    shutil.copytree(calibrated.folder.parent, tmp_path / "top", symlinks=True)
    project = Project(tmp_path / "top" / calibrated.folder.name)
    project.commit("gate")
    for accuracy, expected in (("0.91", 0), ("0.79", 1)):
        project.write("train.sh", TRAIN.replace("0.9$seed", accuracy))
        dvc(project, "repro")
        status, out, err = gate(project.folder, "check", "--base", "HEAD", "--markdown")
        assert status == expected, out + err
        assert "mean of 5 seeds" in out


def test_resume(calibrated: Project, tmp_path: Path) -> None:
    """What the table has is not run again; changed code runs all, the own seed last."""
    shutil.copytree(calibrated.folder.parent, tmp_path / "top", symlinks=True)
    project = Project(tmp_path / "top" / calibrated.folder.name)
    whole = project.read("gate.runs.csv")
    lines = whole.splitlines(keepends=True)
    project.write("gate.runs.csv", "".join(line for line in lines if ",3," not in line))
    done = calibrate(project)
    assert "1 of 5 runs to do" in done.stdout, done.stderr
    assert project.read("gate.runs.csv") == whole
    commit_code(project, TRAIN + 'test "$PUBLISH"\n')
    done = calibrate(project)
    assert "5 of 5 runs to do" in done.stdout
    assert done.returncode == 2
    assert "seed 1: the run failed" in done.stderr.splitlines()[-1]
    assert "failed to run: sh train.sh, exited with 1" in done.stderr
    assert project.read("gate.runs.csv") == whole


def test_stop(project: Project) -> None:
    """A stop ends the runs and removes their copies; what is finished is kept."""
    commit_code(project, TRAIN + 'test "$PUBLISH" || test $seed = 1 || sleep 600\n')
    command = [sys.executable, "-P", "-m", "gate", "calibrate", "--seeds", "5", "--jobs", "2"]
    temporary = project.folder.parents[1] / "temporary"
    temporary.mkdir()
    variables = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    with subprocess.Popen(
        command, cwd=project.folder, env=variables, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("seed 1: done"):
                process.send_signal(signal.SIGTERM)
    assert process.returncode == 128 + signal.SIGTERM
    assert {row["seed"] for row in read_rows(project)} == {"1"}
    assert list(temporary.iterdir()) == []
    assert project.read("gate.yaml") == GATE
    running = subprocess.run(["ps", "-A", "-o", "args"], capture_output=True, text=True, check=True)
    assert str(temporary) not in running.stdout


def test_constant(calibrated: Project, tmp_path: Path, gate: Gate) -> None:
    """A seed that reaches no metric is refused, and gate.yaml stays as it is."""
    shutil.copytree(calibrated.folder.parent, tmp_path / "top", symlinks=True)
    project = Project(tmp_path / "top" / calibrated.folder.name)
    table = re.sub(r"0\.9\d*", "0.9", project.read("gate.runs.csv"))
    table = re.sub(r"\d\.5$", "1.5", table, flags=re.MULTILINE)
    project.write("gate.runs.csv", table)
    before = project.read("gate.yaml")
    status, _, err = gate(project.folder, "calibrate", "--seeds", "5")
    assert (status, "all are the same with 5 seeds" in err) == (2, True), err
    assert project.read("gate.yaml") == before


def test_write_whole(tmp_path: Path) -> None:
    """A write that fails half-way keeps the old bytes; a link is followed."""
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "link", "new" * 100_000 + "\udc80")
    assert (tmp_path / "real").read_text() == "old"
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "real").read_text() == "new"
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize(
    ("path", "old", "new", "arguments", "message"),
    [
        (
            "train.sh",
            "set -e",
            "set -eu",
            (),
            "expected the results of the last commit; found changes since: M",
        ),
        ("conf.yaml", "seed: 0", "sead: 0", (), "found net.layers, net.name"),
        ("params.yaml", "name: null", "seed: 1", (), "found conf.yaml: train.seed, net.seed"),
        ("train.sh", "set -e", "set -e", ("--parameter", "x"), "found conf.yaml: train.seed"),
        ("train.sh", "set -e", "set -e", ("--seeds", "4"), "--seeds 5 or more"),
        (
            "gate.yaml",
            "# mine",
            "runs: {file: my.csv, of: {}}",
            (),
            "expected gate.runs.csv; found my",
        ),
        ("dvc.yaml", PIPELINE, "metrics: [metrics.json, sub.json]", (), "found none"),
        ("train.sh", "set -e", "set -eu", (), "since: train; dvc repro"),
    ],
)
def test_refused(
    project: Project,
    gate: Gate,
    path: str,
    old: str,
    new: str,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    """What is not ready is refused in one line before anything is run."""
    assert old in project.read(path)
    project.write(path, project.read(path).replace(old, new))
    if message != "expected the results of the last commit; found changes since: M":
        project.git("add", path)
        project.git("commit", "--quiet", "--allow-empty", "--message=change")
    status, out, err = gate(project.folder, "calibrate", *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert not (project.folder / "gate.runs.csv").exists()
