"""Set-up from an index that has moved on, in surroundings that are not ours."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT
from tests.setup.model_index import make_index, served
from tools import setup

LOCK = (ROOT / "requirements.txt").read_text(encoding="utf-8")
PYTHON = getattr(sys, "_base_executable", sys.executable)
ANOTHER = "setup: another one is at work in this folder; waiting for it\n"
INSTALLED_BY_PIP = "setup: pip installs, in minutes, since uv cannot"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the paths are those of POSIX")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address of the index, and the lock with the hashes of what it has."""
    folder = tmp_path_factory.mktemp("index")
    lock = make_index(folder, LOCK)
    with served(folder) as address:
        yield address, lock


@pytest.fixture
def clone(tmp_path: Path, index: tuple[str, str]) -> Path:
    """What of a clone set-up needs."""
    folder = tmp_path / "a clone"
    shutil.copytree(ROOT / "tools", folder / "tools")
    (folder / "requirements.txt").write_text(index[1])
    return folder


def environment(folder: Path, address: str) -> dict[str, str]:
    """The variables of this process; of pip's and uv's and Python's these alone."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "UV_", "PYTHON", "COV"))
    }
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    index = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": address}
    return kept | index | {"PYTHON": PYTHON, "HOME": str(home)}


def set_up(
    folder: Path, address: str, purpose: str = "run", **variables: str
) -> "subprocess.CompletedProcess[str]":
    process = setting_up(folder, address, purpose, **variables)
    output, errors = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def setting_up(
    folder: Path, address: str, purpose: str = "run", **variables: str
) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        ["sh", "tools/setup.sh", purpose], cwd=folder,
        env=environment(folder, address) | variables, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def installed(folder: Path) -> set[str]:
    """`name==version` of all that an environment holds but pip, which comes with Python."""
    sites = [str(path) for path in folder.glob(".venv/lib/python*/site-packages")]
    found = ((canonicalize_name(d.name), d.version) for d in distributions(path=sites))
    return {f"{name}=={version}" for name, version in found if name != "pip"}


def locked(lock: str, names: set[str] | None = None) -> set[str]:
    """The same as the lock has it, for this system."""
    found = set()
    for name, block in setup.read_lock(lock).items():
        pins = [Requirement(line[:-2]) for line in block.splitlines() if line[:1].isalnum()]
        for pin in pins:
            wanted = (names is None or name in names) and name != "pip"
            if wanted and (pin.marker is None or pin.marker.evaluate()):
                found.add(f"{pin.name}{pin.specifier}")
    return found


def to_run(lock: str) -> set[str]:
    """What `make repro` needs, as the lock has it."""
    return locked(lock, setup.needed_to_run(setup.read_lock(lock)) | {"uv"})


def test_locked_releases_are_installed_and_only_they(
    index: tuple[str, str], clone: Path, tmp_path: Path
) -> None:
    """Whatever is set around it; then for the tests, too, from the index that a pip.conf names."""
    address, lock = index
    constraint, configuration = tmp_path / "constraint.txt", tmp_path / "pip.conf"
    constraint.write_text("numpy==999\nattrs==999\n")
    configuration.write_text(
        f"[global]\nindex-url = {address}\n[install]\nuser = true\ntarget = {tmp_path / 'target'}\n"
    )
    poisoned = tmp_path / "poisoned"
    poisoned.mkdir()
    for module in ("ast", "venv", "numpy", "sitecustomize"):
        (poisoned / f"{module}.py").write_text("raise SystemExit('poisoned')\n")
    done = set_up(
        clone, address, HOME="/dev/null/nowhere", VIRTUAL_ENV=str(tmp_path / "other"),
        CONDA_PREFIX=str(tmp_path / "conda"), PYTHONPATH=str(poisoned), PYTHONSAFEPATH="1",
        PYTHONHOME=str(poisoned), PIP_REQUIRE_VIRTUALENV="1", PIP_USER="1",
        PIP_PREFIX=str(poisoned), PIP_TARGET=str(poisoned), PIP_CONSTRAINT=str(constraint),
        PIP_NO_BINARY=":all:", PIP_PRE="1", PIP_DRY_RUN="1", PIP_UPGRADE="1",
        PIP_ROOT=str(poisoned), UV_SYSTEM_PYTHON="1",
        UV_CONSTRAINT=str(constraint), UV_OVERRIDE=str(constraint), UV_PRERELEASE="allow",
        UV_PYTHON="2.7", UV_NO_BUILD_ISOLATION="0", UV_PROJECT_ENVIRONMENT=str(poisoned),
        UV_EXCLUDE_NEWER="2001-01-01T00:00:00Z", UV_NO_BINARY="1", UV_COMPILE_BYTECODE="1",
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert installed(clone) == to_run(lock)
    assert [path for path in poisoned.iterdir() if path.suffix != ".py"] == []

    done = set_up(clone, "", "dev", PIP_CONFIG_FILE=str(configuration))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert installed(clone) == locked(lock)
    assert not (tmp_path / "target").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pip", "uv"), [("23.2.1", True), ("23.2.1", False), ("24.3.1", False), ("newest", False)]
)
def test_every_pip_installs_the_locked_releases(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    pip: str,
    uv: bool,
) -> None:
    """uv is there once pip has installed it; where the index has no uv, pip does it all."""
    lock = make_index(tmp_path / "index", LOCK, without=() if uv else ("uv",))
    monkeypatch.setattr(setup, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(setup, "PYTHON", tmp_path / ".venv/bin/python")
    subprocess.run([PYTHON, "-m", "venv", tmp_path / ".venv"], check=True)
    wanted = "pip" if pip == "newest" else f"pip=={pip}"
    command = [setup.PYTHON, "-m", "pip", "install", "--quiet", "--upgrade", wanted]
    subprocess.run(list(map(str, command)), check=True)
    with served(tmp_path / "index") as address:
        give_only(monkeypatch, address)
        blocks = setup.read_lock(lock)
        setup.install(blocks, set(blocks) - {"pip"} if uv else set(blocks) - {"pip", "uv"})
    assert (INSTALLED_BY_PIP in capsys.readouterr().out) is not uv
    assert installed(tmp_path) == {
        name for name in locked(lock) if uv or not name.startswith("uv==")
    }


def test_no_index_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With releases that nobody has, so that pip asks for them; it finds none to install."""
    monkeypatch.setattr(setup, "VENV", tmp_path)
    monkeypatch.setattr(setup, "PYTHON", sys.executable)
    give_only(monkeypatch, "http://127.0.0.1:9/simple")
    blocks = setup.read_lock(re.sub(r"(?m)==\S+", "==998", LOCK))
    with pytest.raises(SystemExit, match=r"^setup: no package index can be reached; ") as no:
        setup.install(blocks, set(blocks))
    assert "\n" not in str(no.value)


def give_only(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Of pip's and uv's variables, those alone that name an index."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", address)


@pytest.mark.slow
def test_killed_half_way_twice_at_once_moved_and_linked(
    index: tuple[str, str], clone: Path, tmp_path: Path
) -> None:
    address, lock = index
    process = setting_up(clone, address)
    while not (clone / ".venv/first.txt").exists() and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (clone / ".venv/ready-run").exists()
    both = [setting_up(clone, address) for _ in range(2)]  # as by `make watch` beside `make repro`
    assert sorted(process.communicate()[0] for process in both) == ["", ANOTHER]
    assert [process.returncode for process in both] == [0, 0]
    assert installed(clone) == to_run(lock)

    moved = tmp_path / "moved"
    clone.rename(moved)
    assert set_up(moved, address).returncode == 0
    assert (moved / ".venv/bin/pip").read_text().splitlines()[0].find(str(moved)) > 0

    other = tmp_path / "other"
    shutil.copytree(moved, other, ignore=shutil.ignore_patterns(".venv"))
    (other / ".venv").symlink_to(moved / ".venv")
    before = sorted(path.name for path in (moved / ".venv").iterdir())
    assert set_up(other, address).returncode == 0
    assert not (other / ".venv").is_symlink()
    assert sorted(path.name for path in (moved / ".venv").iterdir()) == before
    assert installed(moved) == installed(other) == to_run(lock)


@pytest.mark.parametrize(
    ("on_the_path", "chosen"),
    [
        ({"python3": "3.14", "python3.12": "3.12", "python3.11": "3.11"}, "python3.12"),
        ({"python3": "3.11", "python3.13": "3.13"}, "python3"),
        ({"python3": "no ensurepip", "python3.11": "3.11"}, "python3.11"),
        ({"python3": "3.14", "uv": ""}, "uv's"),
        ({"python3": "3.10"}, None),
        ({}, None),
    ],
)
def test_python_is_found(
    clone: Path, tmp_path: Path, on_the_path: dict[str, str], chosen: str | None
) -> None:
    """With stand-ins for the interpreters, which print how they are started."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for tool in ("sh", "dirname", "cat", "cksum"):
        (bin_folder / tool).symlink_to(shutil.which(tool) or "")
    for name, version in on_the_path.items():
        (bin_folder / name).write_text(stand_in(name, version, bin_folder))
        (bin_folder / name).chmod(0o755)
    done = set_up(clone, "", PATH=str(bin_folder), PYTHON="")
    if chosen:
        assert done.stdout.split() == [chosen, "-I", "tools/setup.py"]
    else:
        assert done.returncode == 1
        assert done.stderr.startswith("setup: expected Python 3.11, 3.12 or 3.13")
        assert done.stderr.count("\n") == 1


def stand_in(name: str, version: str, folder: Path) -> str:
    """A script that answers as an interpreter of this version would, or as uv."""
    if name == "uv":
        managed = folder / "managed"
        managed.write_text(stand_in("uv's", "3.13", folder))
        managed.chmod(0o755)
        return f'#!/bin/sh\n[ "$1 $2" = "python find" ] && echo "{managed}"\n'
    lie = f"import sys; sys.version_info = ({version.replace('.', ', ')})"
    if version == "no ensurepip":
        lie = "raise SystemExit(1)"
    return f"""#!/bin/sh
case "$3" in
  *ensurepip*) "{sys.executable}" -I -c "{lie}; $3" ;;
  *base_executable*) echo "$0" ;;
  *version_info*) echo "{version}" ;;
  *) echo "{name} $1 $2" ;;
esac
"""


def test_python_that_is_named_must_fit(clone: Path) -> None:
    done = set_up(clone, "", PYTHON="/bin/true")
    assert done.returncode == 1
    assert "PYTHON=/bin/true is" in done.stderr
    assert done.stderr.count("\n") == 1
