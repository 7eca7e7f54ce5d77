"""What `dvc.lock` depends on: the named data set, and nothing that a clone may lack."""

import os
import shutil
import sys
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
from dvc.repo import Repo

from tests.conftest import set_parameters, synthetic_arrays, write_known
from tests.repository import commit, git, make_repository


def repro(folder: Path) -> list[str]:
    """Bring the images up to date; return the stages that DVC ran."""
    with chdir(folder), Repo() as repo:
        return [stage.name for stage in repo.reproduce("preprocess")]


def test_try_with_own_data_leaves_the_branch_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file may change in place, also behind a link; a clone has all it needs."""
    folder, elsewhere = tmp_path / "repository", tmp_path / "elsewhere.npz"
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    make_repository(folder)
    git(folder, "rm", "--quiet", "--cached", "data/own/tiny.npz")
    shutil.move(folder / "data/own/tiny.npz", elsewhere)
    write_known(folder / "data/bars", synthetic_arrays(seed=5))
    set_parameters(folder, data__dataset="bars")
    assert repro(folder) == ["check", "download", "preprocess"]
    commit(folder, "results of a known data set")

    (folder / "data/own/a link é.npz").symlink_to(elsewhere)
    set_parameters(folder, data__dataset="own/a link é.npz")
    assert repro(folder) == ["check", "download", "preprocess"]
    np.savez(elsewhere, **synthetic_arrays(seed=1))  # type: ignore[arg-type]
    assert repro(folder) == ["download", "preprocess"]
    assert git(folder, "status", "--porcelain").split() == ["M", "dvc.lock", "M", "params.yaml"]
    git(folder, "checkout", "--quiet", "params.yaml")
    repro(folder)
    assert git(folder, "status", "--porcelain") == ""

    git(tmp_path, "clone", "--quiet", str(folder), "clone")
    repro(tmp_path / "clone")
    assert git(tmp_path / "clone", "status", "--porcelain") == ""
    assert repro(tmp_path / "clone") == []
