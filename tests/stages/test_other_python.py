"""Stages that DVC starts with another Python than this project's, as VS Code's extension does."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.repository import make_repository

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the environment is a link")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """The folder of a Python without packages."""
    venv.create(tmp_path / "other", symlinks=True)
    return tmp_path / "other/bin"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """With an environment in its usual place."""
    repository = make_repository(tmp_path / "work space é")
    (repository / ".venv").symlink_to(sys.prefix)
    return repository


def run(folder: Path, first: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    variables = {"PATH": f"{first}{os.pathsep}/usr/bin{os.pathsep}/bin", "HOME": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


def test_dvc_runs_the_stages_where_no_environment_is_active(repository: Path, other: Path) -> None:
    done = run(repository, other, sys.executable, "-m", "dvc", "repro", "preprocess")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (repository / "data/processed/train.npz").exists()


def test_copy_for_an_experiment_uses_the_environment_of_its_repository(
    repository: Path, other: Path
) -> None:
    copy = repository / ".dvc/tmp/exps/tmp1"
    shutil.copytree(repository, copy, ignore=shutil.ignore_patterns(".venv", ".dvc", ".git"))
    done = run(copy, other, "python", "-m", "stages.check")
    assert (done.returncode, done.stderr) == (0, "")
    assert (copy / "data/params.checked").exists()
    assert not (repository / "data/params.checked").exists()


@pytest.mark.parametrize("place", ["without packages", "of Windows"])
def test_without_an_environment_one_line_says_what_to_do(
    place: str, repository: Path, other: Path
) -> None:
    (repository / ".venv").unlink()
    if place == "without packages":
        (repository / ".venv").symlink_to(other.parent)
    else:
        (repository / ".venv/Scripts").mkdir(parents=True)
    done = run(repository, other, "python", "-m", "stages.check")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"stages: expected keras in the Python that runs this ({other}/python); found none; run"
        " `make setup`, then `source .venv/bin/activate`\n"
    )


def test_arguments_and_status_are_those_of_the_stage_and_no_other_program_is_replaced(
    repository: Path, other: Path
) -> None:
    done = run(repository, other, "python", "-u", "-m", "stages.train", "nothing")
    assert (done.returncode, "invalid choice: 'nothing'" in done.stderr) == (2, True)
    assert "Traceback" not in done.stderr
    done = run(repository, other, "python", "-c", "import stages; print('goes on')")
    assert (done.returncode, done.stdout) == (0, "goes on\n"), done.stderr
