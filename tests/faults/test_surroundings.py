"""Users, paths and settings of the machine that are not what one expects."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.processes import good, run
from tests.repository import everything, git, ran


def test_second_clone(finished: Path, tmp_path: Path) -> None:
    """Nothing is to be done in a clone that has the cache, and plain DVC gives the same bytes.

    Line ends were converted, and files are of 1970 and 2100. DVC runs one training after the other,
    without HOME, with umask 077, in an odd path.
    """
    clone, right = tmp_path / "a clone of Zoë's, ünï 日本", everything(finished)
    git(tmp_path, "clone", "--quiet", "-c", "core.autocrlf=true", str(finished), str(clone))
    cache = shutil.copytree(finished / ".dvc/cache", clone / ".dvc/cache")
    good(run(clone, "dvc", "checkout"))
    files = (path for path in clone.rglob("*") if ".git" not in path.parts and path.is_file())
    for number, path in enumerate(files):
        os.utime(path, ((86_400, 4_102_531_200)[number % 2],) * 2)
    done = good(run(clone, "dvc", "repro", HOME="/proc/none"))
    assert done.output.count("didn't change, skipping") == 6
    assert everything(clone) == right

    shutil.rmtree(cache)
    before = os.umask(0o077)
    try:
        unset = dict.fromkeys(("HOME", "USER", "XDG_CACHE_HOME"), "")
        done = run(clone, "dvc", "repro", "--force", **unset, PYTHONHASHSEED="3")
    finally:
        os.umask(before)
    assert len(ran(good(done).output)) == 6
    assert everything(clone) == right
    assert git(clone, "status", "--porcelain") == ""
    assert {path.stat().st_mode & 0o777 for path in clone.glob("models/*.keras")} == {0o600}


def test_container(repository: Path, tmp_path: Path) -> None:
    """`python -m stages` works for a user without a name and a HOME, where `python` is another.

    /var/tmp, where DVC keeps what it knows of files, is read-only, and Python's variables are set
    to end a training, and to an encoding that lacks letters.
    """
    (tmp_path / "python").symlink_to("/bin/false")
    hostile = {"PYTHONWARNINGS": "error", "PYTHONINSPECT": "1", "PYTHONIOENCODING": "ascii"}
    one = str(min(os.sched_getaffinity(0)))  # a processor is enough: fewer processes of DVC
    unshare = ["taskset", "-c", one, "unshare", "-Um", "--map-user=12345", "--map-group=12345"]
    unshare.append("--keep-caps")
    inner = "mount -t tmpfs -o ro none /var/tmp && "
    if subprocess.run([*unshare, "sh", "-c", f"{inner} true"], check=False).returncode != 0:
        pytest.skip("user namespaces are not allowed here")
    right = everything(repository)
    (repository / "plots/loss.png").unlink()
    done = subprocess.run(
        [*unshare, "sh", "-c", f"{inner} exec {sys.executable} -m stages"], cwd=repository,
        env={"PATH": f"{tmp_path}:{os.defpath}", **hostile}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, ran(done.stdout)) == (0, ["plot"]), done.stdout + done.stderr
    assert everything(repository) == right


def test_folder_without_git(repository: Path) -> None:
    """As of a ZIP: the remedy is named."""
    shutil.rmtree(repository / ".git")
    done = run(repository, "stages", PYTHONPATH="")
    assert done.status == 1
    assert done.output.splitlines()[-1].endswith("clone the repository, or run `git init` here")
