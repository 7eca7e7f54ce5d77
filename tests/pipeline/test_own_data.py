"""Own images in DVC's experiments that run in a folder of their own."""

import re
import shutil
from pathlib import Path

import pytest

from experiment.support.errors import InputError
from stages.download import get_dataset
from tests.conftest import Run, set_parameters
from tests.repository import git, make_repository

MESSAGE = r"add `(--copy-paths) (\S+)`, or `git (add) (--force) (\S+)` first"


@pytest.mark.parametrize("name", ["data/own/tiny.npz", "elsewhere/deep/images.npz"])
def test_what_the_message_names_works(
    name: str, tmp_path: Path, dvc: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = make_repository(tmp_path / "repository")
    git(repository, "rm", "--quiet", "--cached", "data/own/tiny.npz")
    own = (repository / "data/own/tiny.npz").rename(tmp_path / "tiny.npz")
    monkeypatch.chdir(repository)  # as the copy is in which DVC runs: with what Git tracks alone
    with pytest.raises(InputError, match=MESSAGE) as error:
        get_dataset(name)
    found = re.search(MESSAGE, str(error.value))
    assert found

    (repository / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(own, repository / name)
    set_parameters(repository, data__dataset=name)
    git(repository, "commit", "--quiet", "--all", "--message=images that Git does not track")
    commands = [found.groups()[:2]]
    if name == "data/own/tiny.npz":
        commands.append(("--set-param", "train.seed=1"))
    for options in commands:
        if options[0] != "--copy-paths":
            git(repository, *found.groups()[2:])
        done = dvc(repository, "exp", "run", "--temp", "download", *options)
        assert done.returncode == 0, done.stderr
