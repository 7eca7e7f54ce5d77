"""`calibrate`: the pipeline over seeds, in a repository like those of other people."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from gate.settings import load_settings
from gate.tests.conftest import Gate, Project, comparison_of

ROOT = Path(__file__).parents[2]
SEEDS = ("0", "1", "2", "3", "4")
SAME = {"net.layers": "[8, 4]", "net.name": ""}
NAMES = {name: name for name in SAME}

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
FILES = {"dvc.yaml": PIPELINE, "train.sh": TRAIN, "conf.yaml": "train:\n  seed: 0\n",
         "data.txt": "data\n", "params.yaml": "net: {layers: [8, 4], name: null}\n"}  # fmt: skip


def dvc(project: Project, *arguments: str) -> None:
    command = [sys.executable, "-m", "dvc", *arguments, "--quiet"]
    subprocess.run(command, cwd=project.folder, env=os.environ | {"PUBLISH": "1"}, check=True)


def copy(project: Project, folder: Path) -> Project:
    return Project(Project(project.folder.parent).copy(folder).folder / project.folder.name)


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Results with the seed 0, and a gate.yaml that is not committed yet."""
    project = Project(tmp_path_factory.mktemp("foreign") / "top/below it")
    for path, text in FILES.items():
        project.write(path, text)
    top = Project(project.folder.parent)
    top.git("init", "--quiet", "--template=", "--initial-branch=main")
    # A remote whose package is not installed, and its key.
    for arguments in (("init", "--subdir"), ("add", "data.txt"), ("repro",),
                      ("remote", "add", "--default", "far", "oss://bucket/path"),
                      ("remote", "modify", "--local", "far", "oss_key_id", "secret")):  # fmt: skip
        dvc(project, *arguments)
    top.commit()
    project.write("gate.yaml", GATE)
    return project


def start(project: Project, *more: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "gate", "calibrate", "--seeds", "5", *more],
        cwd=project.folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def calibrated(foreign: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy with five runs, made by the command."""
    project = copy(foreign, tmp_path_factory.mktemp("done") / "top")
    process = start(project, "--jobs", "3")
    out, _ = process.communicate()
    assert process.returncode == 0, out
    assert "5 runs over conf.yaml: train.seed, 3 at once" in out
    return project


def read_rows(project: Project) -> list[dict[str, str]]:
    return list(csv.DictReader(project.read("gate.runs.csv").splitlines()))


def test_table_and_settings(calibrated: Project) -> None:
    """A row per metrics file and seed; what differs has margins in deviations; comments stay."""
    no_metrics = {"accuracy": "", "loss": "", "n.items": ""}
    values = {
        "metrics.json": {"accuracy": "0.9{}", "n.items": "60.0"},
        "sub.json": {"loss": "{}.5"},
    }
    assert read_rows(calibrated) == [
        {"metrics": file, "seed": seed, **SAME, **no_metrics}
        | {key: text.format(seed).replace("0.90", "0.9") for key, text in metrics.items()}
        for file, metrics in values.items()
        for seed in SEEDS
    ]
    rules = GATE.replace("relative: 0.01", "deviations: 7").replace("absolute: 1", "deviations: 7")
    runs = "runs:\n  file: gate.runs.csv\n  seed: seed\n  of:\n" + "".join(
        f"    {file}:\n      rows: {{metrics: {file}}}\n      parameters: {json.dumps(NAMES)}\n"
        for file in values
    )
    text = calibrated.read("gate.yaml")
    assert load_settings(text) == load_settings(rules + runs)
    assert ("# mine" in text, "# my comment" in text) == (True, True)
    changed = calibrated.git("status", "--porcelain")
    assert changed == '?? "below it/gate.runs.csv"\n?? "below it/gate.yaml"'


def test_check(calibrated: Project, tmp_path: Path) -> None:
    """The next change is judged by the runs: what another seed explains passes, a loss does not."""
    project = copy(calibrated, tmp_path / "top")
    project.commit("gate")
    for accuracy, expected in (("0.91", 0), ("0.79", 1)):
        project.write("train.sh", TRAIN.replace("0.9$seed", accuracy))
        dvc(project, "repro")
        found = project.check("HEAD")
        assert (found.status, comparison_of(found, "accuracy").base_runs) == (expected, 5)


def test_stop_and_go_on(foreign: Project, tmp_path: Path) -> None:
    """A stop ends the runs and removes their clones; what is finished is not run again.

    A run that fails ends the command with its output.
    """
    project, ran, temporary = copy(foreign, tmp_path / "top"), tmp_path / "ran", tmp_path / "clones"
    temporary.mkdir()
    wait = f'echo $seed >> {ran}\ntest "$FAST" || test $seed -lt 2 || sleep 600\n'
    project.write("train.sh", TRAIN + wait + 'test "$FAST" != no\n')
    dvc(project, "repro")
    project.git("commit", "--quiet", "--all", "--message=code")
    ran.unlink()
    with start(project, "--jobs", "2", TMPDIR=str(temporary)) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("seed 1: done"):
                process.send_signal(signal.SIGTERM)
    assert (process.returncode, list(temporary.iterdir())) == (128 + signal.SIGTERM, [])
    assert (project.read("gate.yaml"), (project.folder / "gate.runs.csv").exists()) == (GATE, False)
    running = subprocess.run(["ps", "-A", "-o", "args"], capture_output=True, text=True, check=True)
    assert str(temporary) not in running.stdout
    out, _ = start(project, FAST="no").communicate()
    assert "failed to run: sh train.sh, exited with 1" in out
    assert "seed 2: the run failed" in out
    out, _ = start(project, "--jobs", "3", FAST="1").communicate()
    assert ran.read_text().split().count("1") == 1, out
    assert [row["seed"] for row in read_rows(project)] == [*SEEDS, *SEEDS], out


def test_constant(
    foreign: Project, gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seed that reaches no metric is refused, and gate.yaml stays as it is."""
    project = copy(foreign, tmp_path / "top")
    rows = [{"metrics": "metrics.json", "seed": seed, "accuracy": "0.9"} for seed in SEEDS]
    monkeypatch.setattr("gate.calibrate.run_seeds", Mock(return_value=rows))
    status, _, err = gate(project.folder, "calibrate", "--seeds", "5")
    assert (status, "all are the same with 5 seeds" in err) == (2, True), err
    assert project.read("gate.yaml") == GATE


@pytest.mark.parametrize(
    ("path", "old", "new", "arguments", "message"),
    [
        ("train.sh", "set -e", "set -eu", "", "the last commit; found changes since: M"),
        ("train.sh", "set -e", "set -eu", "", "since: train; dvc repro"),
        ("conf.yaml", "seed: 0", "sead: 0", "", "found net.layers, net.name"),
        ("params.yaml", "name: null", "seed: 1", "", "found conf.yaml: train.seed, net.seed"),
        ("train.sh", "", "", "--parameter x", "found conf.yaml: train.seed"),
        ("train.sh", "", "", "--seeds 4", "--seeds 5 or more"),
        ("gate.yaml", "# mine", "runs: {file: my.csv, of: {}}", "", "gate.runs.csv; found my"),
        ("dvc.yaml", PIPELINE, "metrics: [metrics.json, sub.json]", "", "found none"),
    ],
)
def test_refused(
    path: str, old: str, new: str, arguments: str, message: str, foreign: Project, tmp_path: Path,
    gate: Gate,
) -> None:  # fmt: skip
    """What is not ready is refused in one line before anything is run."""
    project = copy(foreign, tmp_path / "top")
    project.change({path: (old, new)})
    if "changes since: M" not in message and path != "gate.yaml":
        project.git("commit", "--quiet", "--allow-empty", "--message=change", "--", path)
    status, out, err = gate(project.folder, "calibrate", *arguments.split())
    assert (status, out) == (2, "")
    assert message in err
    assert not (project.folder / "gate.runs.csv").exists()
