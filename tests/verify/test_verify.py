import json
import shutil
from pathlib import Path

from tests.conftest import ROOT, Run
from tests.repository import git


def test_committed_results_are_proved_or_not(finished: Path, run: Run, tmp_path: Path) -> None:
    """One repository: verified as it is, then with a metric that was changed by hand."""
    folder = tmp_path / "repository"
    shutil.copytree(finished, folder, symlinks=True)
    shutil.copytree(
        ROOT / "verify", folder / "verify", ignore=shutil.ignore_patterns("__pycache__", "*.json")
    )
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=verify")

    done = run(folder, "verify", PYTHONPATH="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("Verdict: same bytes (15 of 15 outputs)\n")
    assert (folder / "certificate/certificate.txt").read_text() in done.stdout

    path = folder / "metrics/dropout.json"
    metrics = json.loads(path.read_text())
    path.write_text(json.dumps({**metrics, "test_loss": metrics["test_loss"] / 2}))
    assert run(folder, "dvc", "commit", "--force", "train_dropout", PYTHONPATH="").returncode == 0
    git(folder, "commit", "--quiet", "--all", "--message=better by hand")
    done = run(folder, "verify", PYTHONPATH="")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "metrics/dropout.json: test_loss" in done.stdout
    assert json.loads((folder / "certificate/certificate.json").read_text())["outputs"] | {
        "metrics/dropout.json": True
    } == dict.fromkeys(
        json.loads((folder / "certificate/certificate.json").read_text())["outputs"], True
    )


def test_no_clone_is_one_line(run: Run, tmp_path: Path) -> None:
    done = run(tmp_path, "verify")
    assert done.returncode == 1
    assert done.stderr.startswith("verify: expected a clone of this repository with a commit")
    assert done.stderr.count("\n") == 1
