"""What `dvc.lock` depends on: the named data set, and nothing that a clone may lack."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Run, set_parameters, synthetic_arrays, write_known
from tests.repository import git, make_repository, ran


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """A repository whose data set is known, by one file."""
    repository = make_repository(tmp_path / "repository", stand_in=True)
    git(repository, "rm", "--quiet", "--cached", "data/own/tiny.npz")
    write_known(repository / "data/bars", synthetic_arrays(seed=5))
    set_parameters(repository, data__dataset="bars")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message=a known data set")
    return repository


def repro(folder: Path, dvc: Run) -> list[str]:
    """The stages that run; afterwards nothing is left to do."""
    done = dvc(folder, "repro", "preprocess")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(dvc(folder, "status", "--json", "preprocess").stdout) == {}
    return ran(done.stdout)


def test_try_with_own_data_leaves_other_branches_as_they_are(bars: Path, dvc: Run) -> None:
    """Committed on a branch, uncommitted, or by an experiment; and a clone has all it needs."""
    assert repro(bars, dvc) == ["check", "download", "preprocess"]
    git(bars, "add", ".")
    git(bars, "commit", "--quiet", "--message=results")
    git(bars, "switch", "--quiet", "--create", "own")
    set_parameters(bars, data__dataset="own/tiny.npz")
    repro(bars, dvc)
    git(bars, "commit", "--quiet", "--all", "--message=own data")
    git(bars, "switch", "--quiet", "main")
    repro(bars, dvc)
    assert git(bars, "status", "--porcelain") == ""

    changed = "data.dataset=own/tiny.npz"
    assert dvc(bars, "exp", "run", "preprocess", "--set-param", changed).returncode == 0
    assert git(bars, "status", "--porcelain").split() == ["M", "dvc.lock", "M", "params.yaml"]
    set_parameters(bars, data__dataset="bars")
    repro(bars, dvc)
    assert git(bars, "status", "--porcelain") == ""

    git(bars.parent, "clone", "--quiet", str(bars), "clone")
    repro(bars.parent / "clone", dvc)
    assert git(bars.parent / "clone", "status", "--porcelain") == ""


def test_experiment_in_a_folder_of_its_own(bars: Path, dvc: Run) -> None:
    """It needs `--copy-paths`, as docs/own-data.md says; the error names the file."""
    command = ("exp", "run", "--temp", "preprocess", "--set-param", "data.dataset=own/tiny.npz")
    done = dvc(bars, *command)
    assert done.returncode != 0
    assert "data/own/tiny.npz" in done.stderr
    done = dvc(bars, *command, "--copy-paths", "data/own/tiny.npz")
    assert done.returncode == 0, done.stderr


def test_own_file_or_link_that_changes_in_place_is_noticed(bars: Path, dvc: Run) -> None:
    elsewhere = bars.parent / "elsewhere.npz"
    (bars / "data/own/tiny.npz").rename(elsewhere)
    (bars / "data/own/a link é.npz").symlink_to(elsewhere)
    set_parameters(bars, data__dataset="own/a link é.npz")
    repro(bars, dvc)
    np.savez(elsewhere, **synthetic_arrays(seed=1))  # type: ignore[arg-type]
    assert repro(bars, dvc) == ["download", "preprocess"]
