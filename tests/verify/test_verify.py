"""`python -m verify`, with a stand-in for the trainings."""

import hashlib
import json
import re
import sys
from pathlib import Path

import pytest

from gate.tests.conftest import Project
from tests.conftest import Run
from tests.repository import git
from verify.__main__ import main

PIPELINE = """\
stages:
  prepare: {cmd: cp train.py prepared, deps: [train.py], outs: [prepared]}
  train:
    cmd: python train.py
    deps: [train.py]
    outs: [data/images.npz, {metrics/a.environment.json: {cache: false}}]
    metrics: [{metrics/a.json: {cache: false}}]
"""
GATE = """\
environment: ["metrics/*.environment.json"]
metrics: {metrics/a.json: {loss: {better: lower, margin: {absolute: 1}, blocks: true}}}
"""
TRAIN = """\
import json, pathlib
for path, content in {
    "data/images.npz": "images",
    "metrics/a.environment.json": {"libc": "1"},
    "metrics/a.json": {"accuracy": 0.9, "loss": 0.5},
}.items():
    pathlib.Path(path).parent.mkdir(exist_ok=True)
    pathlib.Path(path).write_text(json.dumps(content))
"""
STAGES = "import sys; from dvc.cli import main; sys.exit(main(['repro']))"


@pytest.fixture
def pipeline(tmp_path: Path, run: Run) -> Project:
    """A pipeline that was run, with a cache that it shares; `python -m stages` runs it."""
    made = Project(tmp_path / "clone é")
    made.write("dvc.yaml", PIPELINE)
    made.write("gate.yaml", GATE)
    made.write("train.py", TRAIN)
    made.write("stages/__init__.py", "")
    made.write("stages/__main__.py", STAGES)
    made.write(".dvc/.gitignore", "/config.local\n/tmp\n/cache\n")
    made.write(".dvc/config", f"[cache]\n    dir = {tmp_path / 'shared'}\n")
    git(made.folder, "init", "--quiet", "--initial-branch=main")
    assert run(made.folder, "stages").returncode == 0
    git(made.folder, "add", ".")
    git(made.folder, "commit", "--quiet", "--message=results")
    return made


def test_committed_results_are_proved_or_not(pipeline: Project, run: Run) -> None:
    """Verified as they are, then with a metric that was changed by hand, at last a pipeline that
    fails."""
    folder = pipeline.folder
    done = run(folder, "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Running stage 'prepare'" in done.stdout  # the shared cache has what it gave before
    assert done.stdout.endswith("Verdict: same bytes (4 of 4 outputs)\n")
    assert (folder / "certificate/certificate.txt").read_text() in done.stdout

    edited = json.dumps({"accuracy": 0.9, "loss": 0.25})
    hashes = (hashlib.md5(pipeline.read("metrics/a.json").encode()).hexdigest(),
              hashlib.md5(edited.encode()).hexdigest())  # fmt: skip
    pipeline.write("metrics/a.json", edited)
    pipeline.write("dvc.lock", pipeline.read("dvc.lock").replace(*hashes))
    git(folder, "commit", "--quiet", "--all", "--message=better by hand")
    (folder / "note").touch()
    git(folder, "add", "note")
    done = run(folder, "verify")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.startswith("verify: what is not committed is not verified\n")
    assert "metrics/a.json: loss  0.25  0.5  noise not known" in done.stdout
    certificate = json.loads((folder / "certificate/certificate.json").read_text())
    assert certificate["revision"] == git(folder, "rev-parse", "--short", "HEAD")
    assert certificate["outputs"] == {
        "data/images.npz": True, "metrics/a.environment.json": True, "metrics/a.json": False,
        "prepared": True,
    }  # fmt: skip

    before = (folder / "certificate/certificate.json").read_bytes()
    pipeline.write("stages/__main__.py", "raise SystemExit('it fails')")
    git(folder, "commit", "--quiet", "--all", "--message=broken")
    done = run(folder, "verify")
    assert done.returncode == 1
    assert done.stderr.endswith(
        "verify: not reproduced: the pipeline failed; the reason is above\n"
    )
    assert (folder / "certificate/certificate.json").read_bytes() == before


def test_what_cannot_be_verified_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No pipeline, then no repository, then one without a commit."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(sys, "argv", ["verify"])
    monkeypatch.chdir(tmp_path)

    def said() -> str:
        with pytest.raises(SystemExit) as ended:  # its status is 1, as for any text
            main()
        return str(ended.value.code)

    assert (
        said() == "verify: dvc.yaml: no such file; run this in the folder that has it, in a clone"
    )
    Path("dvc.yaml").touch()
    assert re.fullmatch("verify: git describe: fatal: not a git repository .*", said())
    git(tmp_path, "init", "--quiet")
    assert said() == "verify: git describe: fatal: bad revision 'HEAD'"
