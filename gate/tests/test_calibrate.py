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

CALIBRATE = ("gate", "calibrate", "--seeds", "5")
SAME = {"net.layers": "[8, 4]", "net.name": ""}
OF_FILES = {
    path: {"rows": {"metrics": path}, "parameters": {name: name for name in SAME}}
    for path in ("metrics.json", "sub.json")
}


def start(project: Project, *command: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", *command], cwd=project.folder, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def dvc(project: Project, command: str) -> None:
    process = start(project, "dvc", *command.split(), "--quiet", PUBLISH="1")
    out, _ = process.communicate()
    assert process.returncode == 0, out


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Results with the seed 0, and a gate.yaml that is not committed yet."""
    project = Project(tmp_path_factory.mktemp("foreign") / "top/below it")
    for path, text in FILES.items():
        project.write(path, text)
    top = Project(project.folder.parent)
    top.git("init", "--quiet", "--template=", "--initial-branch=main")
    # A remote whose package is not installed, and its key.
    for arguments in ("init --subdir", "add data.txt", "repro",
                      "remote add --default far oss://bucket/path",
                      "remote modify --local far oss_key_id secret"):  # fmt: skip
        dvc(project, arguments)
    top.commit()
    project.write("gate.yaml", GATE)
    return project


@pytest.fixture
def foreign(made: Project, tmp_path: Path) -> Project:
    top = Project(made.folder.parent).copy(tmp_path / "top")
    return Project(top.folder / made.folder.name)


def test_calibrate(foreign: Project, tmp_path: Path) -> None:
    """A stop ends the runs and removes their clones; what is finished is not run again.

    A run that fails ends the command with its output. Then there is a row per metrics file and
    seed, what differs has margins in deviations, comments stay, and the next change is judged by
    the runs: what another seed explains passes, a loss does not.
    """
    ran, temporary = tmp_path / "ran", tmp_path / "clones"
    temporary.mkdir()
    wait = f'echo $seed >> {ran}\ntest "$FAST" || test $seed -lt 2 || sleep 600\n'
    foreign.write("train.sh", TRAIN + wait + 'test "$FAST" != no\n')
    dvc(foreign, "repro")
    foreign.git("commit", "--quiet", "--all", "--message=code")
    ran.unlink()
    with start(foreign, *CALIBRATE, "--jobs", "2", TMPDIR=str(temporary)) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("seed 1: done"):
                process.send_signal(signal.SIGTERM)
    assert (process.returncode, list(temporary.iterdir())) == (128 + signal.SIGTERM, [])
    assert foreign.git("status", "--porcelain") == '?? "below it/gate.yaml"'
    assert foreign.read("gate.yaml") == GATE
    running = subprocess.run(["ps", "-A", "-o", "args"], capture_output=True, text=True, check=True)
    assert str(temporary) not in running.stdout
    out, _ = start(foreign, *CALIBRATE, FAST="no").communicate()
    assert "failed to run: sh train.sh, exited with 1" in out
    assert "seed 2: the run failed" in out
    out, _ = start(foreign, *CALIBRATE, "--jobs", "3", FAST="1").communicate()
    assert "5 runs over conf.yaml: train.seed, 3 at once" in out
    assert ran.read_text().split().count("1") == 1, out

    rows = list(csv.DictReader(foreign.read("gate.runs.csv").splitlines()))
    assert rows == [
        {"metrics": file, "seed": seed, **SAME, "accuracy": "", "loss": "", "n.items": ""}
        | {key: text.format(seed).replace("0.90", "0.9") for key, text in metrics.items()}
        for file, metrics in (
            ("metrics.json", {"accuracy": "0.9{}", "n.items": "60.0"}),
            ("sub.json", {"loss": "{}.5"}),
        )
        for seed in SEEDS
    ]
    rules = GATE.replace("relative: 0.01", "deviations: 7").replace("absolute: 1", "deviations: 7")
    runs = json.dumps({"file": "gate.runs.csv", "seed": "seed", "of": OF_FILES})
    text = foreign.read("gate.yaml")
    assert load_settings(text) == load_settings(f"{rules}runs: {runs}\n")
    assert ("# mine" in text, "# my comment" in text) == (True, True)
    foreign.commit("gate")
    for accuracy, expected in (("0.91", 0), ("0.79", 1)):
        foreign.write("train.sh", TRAIN.replace("0.9$seed", accuracy))
        dvc(foreign, "repro")
        found = foreign.check("HEAD")
        assert (found.status, comparison_of(found, "accuracy").base_runs) == (expected, 5)


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
        # A seed that reaches no metric.
        ("gate.yaml", "", "", "--seeds 5", "all are the same with 5 seeds"),
    ],
)
def test_refused(
    path: str, old: str, new: str, arguments: str, message: str, foreign: Project, gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """What is not ready is refused in one line, before anything is run or written."""
    rows = [{"metrics": "metrics.json", "seed": seed, "accuracy": "0.9"} for seed in SEEDS]
    monkeypatch.setattr("gate.calibrate.run_seeds", Mock(return_value=rows))
    foreign.change({path: (old, new)})
    before = foreign.read("gate.yaml")
    if "changes since: M" not in message and path != "gate.yaml":
        foreign.git("commit", "--quiet", "--allow-empty", "--message=change", "--", path)
    status, out, err = gate(foreign.folder, "calibrate", *arguments.split())
    assert (status, out, message in err) == (2, "", True), err
    assert (foreign.read("gate.yaml"), (foreign.folder / "gate.runs.csv").exists()) == (
        before,
        False,
    )
