"""`calibrate`: the pipeline over seeds, in a repository like those of other people."""

import csv
import json
import os
import re
import signal
import subprocess
import tempfile
from contextlib import chdir
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from dvc.repo import Repo

from gate.calibrate import run_seeds
from gate.settings import load_settings
from gate.snapshot import Snapshot
from gate.tests.conftest import Gate, Project

SEEDS = ("0", "1", "2", "3", "4")

# Below the top of the Git repository, with a file of parameters, data in DVC's cache, two metrics
# files, of which one is no more than in the cache, and a stage that may run in no clone.
PIPELINE = """\
stages:
  train:
    cmd: sh train.sh
    deps: [train.sh, data.txt]
    params: [net, conf.yaml: ]
    metrics: [metrics.json: {cache: false}, sub.json]
  publish:
    cmd: test -d ../../top
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
# A remote whose package is not installed, and its key.
FILES = {".dvc/config": "[core]\nremote = far\n['remote \"far\"']\nurl = oss://bucket/path\n",
         ".dvc/config.local": "['remote \"far\"']\noss_key_id = secret\n",
         "dvc.yaml": PIPELINE, "train.sh": TRAIN, "conf.yaml": "train:\n  seed: 0\n",
         "data.txt": "data\n", "params.yaml": "net: {layers: [8, 4], name: null}\n",
         "dvc.py": "raise SystemExit('not DVC')"}  # fmt: skip

SAME = {"net.layers": "[8, 4]", "net.name": ""}
OF_FILES = {
    path: {"rows": {"metrics": path}, "parameters": {name: name for name in SAME}}
    for path in ("metrics.json", "sub.json")
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Results with the seed 0, and a gate.yaml and a table that are not committed yet."""
    project = Project(tmp_path_factory.mktemp("foreign") / "top/below it")
    project.init("..")
    project.change(FILES)
    with chdir(project.folder), Repo() as repo:
        repo.add("data.txt")
    project.repro()
    project.commit()
    project.change({"gate.yaml": GATE, "gate.runs.csv": "old"})
    project.git("add", "--all")
    return project


@pytest.fixture
def foreign(made: Project, tmp_path: Path) -> Project:
    top = Project(made.folder.parent).copy(tmp_path / "top")
    return Project(top.folder / made.folder.name)


def test_calibrate(
    foreign: Project, tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that fails ends the command with its output, and the others; their clones are removed.

    What is finished is not run again. Then there is a row per metrics file and seed, what differs
    has margins in deviations, comments stay, and the next change is judged by the runs: what
    another seed explains passes, a loss does not.
    """
    ran, temporary = tmp_path / "ran", tmp_path / "clones"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    command = ("calibrate", "--seeds", "5", "--jobs")
    fails = f"until grep -q 3 {ran}; do sleep 0.1; done; exit 1"
    wait = f'test "$FAST" || case $seed in 2) {fails};; 3) tail -f {ran};; esac\n'
    foreign.write("train.sh", f"{TRAIN}echo $seed >> {ran}\n{wait}")
    foreign.repro()
    foreign.git("commit", "--quiet", "--message=code", "dvc.lock", "train.sh")
    ran.unlink()
    err = gate(foreign.folder, *command, "2")[2]
    assert "failed to run: sh train.sh, exited with 1" in err
    assert "seed 2: the run failed" in err
    untouched = 'A  "below it/gate.runs.csv"\nA  "below it/gate.yaml"'
    assert (foreign.git("status", "--porcelain"), [*temporary.iterdir()]) == (untouched, [])
    assert str(ran) not in list_running()
    monkeypatch.setenv("FAST", "1")
    out = gate(foreign.folder, *command, "3")[1]
    assert "5 runs over conf.yaml: train.seed, 3 at once" in out
    assert re.findall(r"(?m)^seed \d: done; (\d) runs left$", out) == list("43210")
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
        foreign.repro()
        status, text = foreign.judge("HEAD")
        assert (status, "| HEAD, mean of 5 seeds | now |" in text) == (expected, True)


@pytest.mark.parametrize(
    ("path", "old", "new", "arguments", "message"),
    [
        ("train.sh", "set -e", "set -eu", "", "the last commit; found changes since: M"),
        ("train.sh", "set -e", "set -eu", "", "since: train; dvc repro"),
        ("conf.yaml", "seed: 0", "sead: 0", "", "conf.yaml: train.sead, net.layers, net.name"),
        ("params.yaml", "name: null", "seed: 1", "", "found conf.yaml: train.seed, net.seed"),
        ("train.sh", "", "", "--parameter x", "found conf.yaml: train.seed"),
        ("train.sh", "", "", "--parameter net.layers", "params.yaml: net.layers: expected it to"),
        ("train.sh", "", "", "--seeds 4", "--seeds 5 or more and --jobs 1 or more; found 4 and 1"),
        ("train.sh", "", "", "--jobs 0", "found 10 and 0"),
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
    assert (foreign.read("gate.yaml"), foreign.read("gate.runs.csv")) == (before, "old")


def list_running() -> str:
    return subprocess.check_output(["ps", "-A", "-ww", "-o", "args"], text=True)


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_order_and_stop(
    kind: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are in the order of seeds. A stop waits for the step that it falls into.

    Then it ends what the step has started, also what does not end when it is asked to.
    """
    started = []

    def start_run(_: object, folder: Path, *rest: object) -> tuple[Path, subprocess.Popen[bytes]]:
        if folder.name == "11":
            os.kill(os.getpid(), kind)
        folder.mkdir()
        started.append(folder.name)
        stays = f"(trap '' TERM; sh -c 'sleep 600; :' {tmp_path}) & wait"
        script = stays if folder.name == "11" else ":"
        return folder, subprocess.Popen(["sh", "-c", script], start_new_session=True)

    def open_clone(folder: Path) -> Any:
        metrics, parameters = {"m.json": {"a": 0.5}}, {"params.yaml: seed": int(folder.name)}
        return Mock(read=lambda: Snapshot(metrics=metrics, parameters=parameters))

    for name, fake in {"start_run": start_run, "Repository": open_clone}.items():
        monkeypatch.setattr(f"gate.calibrate.{name}", fake)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    repository, handler = Mock(outputs={"m.json": Mock()}, find_output=str), signal.getsignal(kind)
    seeds = partial(run_seeds, repository, {"m.json": set()}, "params.yaml: seed", jobs=3)
    assert seeds(11) == [{"metrics": "m.json", "seed": str(n), "a": "0.5"} for n in range(11)]
    with pytest.raises(SystemExit) as stopped:
        seeds(12)
    assert (stopped.value.code, signal.getsignal(kind)) == (128 + kind, handler)
    assert started[-1] == "11"
    assert ([*tmp_path.iterdir()], str(tmp_path) in list_running()) == ([], False)
