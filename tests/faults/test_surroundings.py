"""Clocks, locales, paths and settings of the machine that are not what one expects."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.conftest import everything
from tests.faults.processes import INJECTED, good, run
from tests.repository import git, ran

TURKISH = "tr_TR.UTF-8"


@pytest.fixture
def locale(tmp_path: Path) -> dict[str, str]:
    """Variables with which decimal commas are in force; none where there is no such locale."""
    command = ["localedef", "-i", "tr_TR", "-f", "UTF-8", str(tmp_path / TURKISH)]
    if not shutil.which("localedef") or subprocess.run(command, check=False).returncode != 0:
        return {}
    return {"LC_ALL": TURKISH, "LANG": TURKISH, "LOCPATH": str(tmp_path), "FAULT_LOCALE": "1"}


def test_locale_is_in_force_in_the_next_test(locale: dict[str, str]) -> None:
    if not locale:
        pytest.skip("no such locale here, and localedef cannot make it")
    command = [sys.executable, "-c", "import locale; print(locale.str(1.5), locale.getlocale()[0])"]
    variables = locale | {"PYTHONPATH": str(INJECTED), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    assert done.stdout == "1,5 tr_TR\n"


def test_second_clone_elsewhere_gives_the_same_bytes_by_plain_dvc(
    finished: Path, trained: dict[str, bytes], locale: dict[str, str], tmp_path: Path
) -> None:
    """One training after the other, where `finished` had them side by side; and no cache.

    With a clock that jumps by four years, no HOME, and a path with spaces and other letters.
    """
    clone = tmp_path / "a clone of Zoë's, ünï 日本"
    git(tmp_path, "clone", "--quiet", str(finished), str(clone))
    before = os.umask(0o077)
    try:
        command = ("dvc", "repro", "--force")
        done = good(run(clone, *command, **locale, FAULT_CLOCK="1", HOME="", USER="",
                        XDG_CACHE_HOME="", XDG_CONFIG_HOME="", PYTHONHASHSEED="3"))  # fmt: skip
    finally:
        os.umask(before)
    assert len(ran(done.output)) == 6
    assert everything(clone) == trained
    assert git(clone, "status", "--porcelain") == ""
    assert oct((clone / "models/dropout.keras").stat().st_mode & 0o777) == "0o600"


def test_nothing_to_do_in_a_clone_of_another_time_with_line_ends_converted(
    finished_by_stand_in: Path, right: dict[str, bytes], tmp_path: Path
) -> None:
    """And with a HOME that cannot be written."""
    clone = tmp_path / "clone"
    options = ["-c", "core.autocrlf=true"]
    git(tmp_path, "clone", "--quiet", *options, str(finished_by_stand_in), str(clone))
    shutil.copytree(finished_by_stand_in / ".dvc/cache", clone / ".dvc/cache")
    good(run(clone, "dvc", "checkout"))
    assert git(clone, "status", "--porcelain") == ""
    files = (path for path in clone.rglob("*") if ".git" not in path.parts and path.is_file())
    for number, path in enumerate(files):
        moment = time.mktime(((1970, 2100)[number % 2], 1, 2, 0, 0, 0, 0, 0, 0))
        os.utime(path, (moment, moment))
    done = good(run(clone, "dvc", "repro", HOME="/proc/none"))
    assert done.output.count("didn't change, skipping") == 6
    done = good(run(clone, "dvc", "repro", "--force", "--single-item", "preprocess"))
    assert ran(done.output) == ["preprocess"]
    assert everything(clone) == right
