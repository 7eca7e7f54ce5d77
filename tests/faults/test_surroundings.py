"""Clocks, locales, paths and settings of the machine that are not what one expects."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.conftest import Row, everything
from tests.faults.processes import INJECTED, good, run
from tests.repository import git

TURKISH = "tr_TR.UTF-8"
HARMLESS = "nothing: the same bytes"
COMMANDS = [
    ("stages.check",),
    ("stages.download",),
    ("stages.preprocess",),
    ("stages.train", "dropout"),
    ("stages.plot",),
]


@pytest.fixture(scope="module")
def locale(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The locale, made from the C library's sources; skips where those are missing."""
    folder = tmp_path_factory.mktemp("locales")
    command = ["localedef", "-i", "tr_TR", "-f", "UTF-8", str(folder / TURKISH)]
    if not shutil.which("localedef") or subprocess.run(command, check=False).returncode != 0:
        pytest.skip("no such locale here, and localedef cannot make it")
    return folder


def run_all(folder: Path, **variables: str) -> None:
    """Every stage but one training, results removed before; data is written over."""
    for name in ("models/dropout.keras", "plots", "metrics/dropout.json"):
        path = folder / name
        if path.is_dir():
            for picture in path.glob("*.png"):
                picture.unlink()
        else:
            path.unlink()
    for command in COMMANDS:
        good(run(folder, *command, **variables))


def test_every_stage_elsewhere(
    finished: Path, trained: dict[str, bytes], row: Row, locale: Path, tmp_path: Path
) -> None:
    """Faults that have nothing to do with each other, all at once: a training takes seconds."""
    row(
        fault=f"Turkish locale (`{TURKISH}`) with decimal commas, a clock that jumps four years"
        " back and forth at each look, no `HOME`, `PYTHONHASHSEED=random`, umask 077, a path with"
        " spaces and other letters"
    )
    folder = tmp_path / "a clone of Zoë's, ünï 日本"
    shutil.copytree(finished, folder, symlinks=True)
    before = os.umask(0o077)
    try:
        run_all(folder, LC_ALL=TURKISH, LANG=TURKISH, LOCPATH=str(locale), FAULT_LOCALE="1",
                FAULT_CLOCK="1", HOME="", USER="", PYTHONHASHSEED="random")  # fmt: skip
    finally:
        os.umask(before)
    assert everything(folder) == trained
    assert oct((folder / "models/dropout.keras").stat().st_mode & 0o777) == "0o600"
    row(happened="every stage ran, numbers with points", lost=HARMLESS)


def test_locale_is_in_force_in_the_test_above(locale: Path) -> None:
    command = [sys.executable, "-c", "import locale; print(locale.str(1.5), locale.getlocale()[0])"]
    variables = {"LC_ALL": TURKISH, "LOCPATH": str(locale), "FAULT_LOCALE": "1"}
    variables |= {"PYTHONPATH": str(INJECTED), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    assert done.stdout == "1,5 tr_TR\n"


@pytest.mark.parametrize("year", [1970, 2100])
def test_files_from_another_time(
    year: int, repository: Path, right: dict[str, bytes], row: Row
) -> None:
    row(fault=f"all files are of {year}")
    moment = time.mktime((year, 1, 2, 0, 0, 0, 0, 0, 0))
    for path in repository.rglob("*"):
        if ".git" not in path.parts and path.is_file():
            os.utime(path, (moment, moment))
    done = good(run(repository, "dvc", "repro"))
    assert done.output.count("didn't change, skipping") == 6
    good(run(repository, "dvc", "repro", "--force", "--single-item", "preprocess"))
    assert everything(repository) == right
    row(happened="`dvc repro` finds nothing to do; a forced run works", lost=HARMLESS)


@pytest.mark.parametrize(
    ("fault", "variables"),
    [
        (
            "no `HOME`, `PYTHONHASHSEED=random`",
            {"HOME": "", "XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": "", "PYTHONHASHSEED": "random"},
        ),
        ("`HOME` that cannot be written, umask 077", {"HOME": "/proc/none", "UMASK": "077"}),
    ],
    ids=["no_home", "bad_home"],
)
def test_dvc_with(
    fault: str,
    variables: dict[str, str],
    finished_by_stand_in: Path,
    right: dict[str, bytes],
    row: Row,
    tmp_path: Path,
) -> None:
    row(fault=f"{fault}, in `dvc repro`, in a path with spaces and other letters")
    folder = tmp_path / "a clone of Zoë's, ünï 日本"
    shutil.copytree(finished_by_stand_in, folder, symlinks=True)
    before = os.umask(int(variables.get("UMASK", "022"), 8))
    try:
        command = ("dvc", "repro", "--force", "--single-item", "preprocess")
        done = good(run(folder, *command, **variables))
    finally:
        os.umask(before)
    assert done.output.count("Running stage") == 1
    assert everything(folder) == right
    row(happened="`preprocess` ran", lost=HARMLESS)


@pytest.mark.parametrize("conversion", ["true", "false"])
def test_clone_with_line_ends_converted(
    conversion: str, finished_by_stand_in: Path, right: dict[str, bytes], row: Row, tmp_path: Path
) -> None:
    row(fault=f"`git clone -c core.autocrlf={conversion} -c core.eol=crlf`")
    clone = tmp_path / "clone"
    options = ["-c", f"core.autocrlf={conversion}"]
    options += ["-c", "core.eol=crlf"] if conversion == "false" else []
    git(tmp_path, "clone", "--quiet", *options, str(finished_by_stand_in), str(clone))
    shutil.copytree(finished_by_stand_in / ".dvc/cache", clone / ".dvc/cache")
    good(run(clone, "dvc", "checkout"))
    done = good(run(clone, "dvc", "repro"))
    assert done.output.count("didn't change, skipping") == 6
    assert everything(clone) == right
    assert git(clone, "status", "--porcelain") == ""
    row(
        fault=f"`git clone {' '.join(options)}`",
        happened="all files with the same bytes: `dvc repro` finds nothing to do",
        lost="nothing",
    )
