"""Own images in DVC's experiments that run in a folder of their own."""

import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import Run, set_parameters
from tests.repository import git, make_repository

IDENTITY = dict.fromkeys(
    ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"),
    "tester@example.org",
)


@pytest.mark.parametrize("name", ["data/own/tiny.npz", "elsewhere/deep/images.npz"])
def test_what_the_message_names_works(name: str, tmp_path: Path, dvc: Run) -> None:
    repository = make_repository(tmp_path / "repository")
    (repository / name).parent.mkdir(parents=True, exist_ok=True)
    git(repository, "rm", "--quiet", "--cached", "data/own/tiny.npz")
    shutil.copy(repository / "data/own/tiny.npz", tmp_path)
    (repository / "data/own/tiny.npz").unlink()
    shutil.copy(tmp_path / "tiny.npz", repository / name)
    set_parameters(repository, data__dataset=name)
    git(repository, "commit", "--quiet", "--all", "--message=images that Git does not track")

    run = ("exp", "run", "--temp", "download")
    done = dvc(repository, *run, **IDENTITY)
    message = done.stdout + done.stderr
    assert done.returncode != 0
    found = re.search(r"add `(--copy-paths) (\S+)`, or `git (add) (--force) (\S+)` first", message)
    assert found, message
    done = dvc(repository, *run, *found.groups()[:2], **IDENTITY)
    assert done.returncode == 0, done.stderr
    git(repository, *found.groups()[2:])
    done = dvc(repository, *run, "--set-param", "train.seed=1", **IDENTITY)
    assert done.returncode == 0, done.stderr
