"""Set-up with stand-ins for the packages and, where a test says so, for interpreters."""

import fcntl
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
from tests.repository import recipe
from tests.setup.index import UV, make_index, served

PYTHON = getattr(sys, "_base_executable", sys.executable)
STARTS = "setup: installing the locked packages into .venv, once: half a minute, 2.4 GB on disk\n"
OTHER = f" --hash=sha256:{'0' * 64}"
RECIPES = {
    "data": "dvc repro preprocess", "evaluate": "stages.evaluate models/dropout.keras",
    "evaluate MODEL=m.keras IMAGE=d.png": "stages.evaluate m.keras --image d.png",
    "explore": "explore", "explore ADDRESS=https://a.b": "explore --address https://a.b",
    "gate": "gate check", "gate BASE=v1": "gate check --base v1", "repro": "stages",
    "report": "gate report", "new NAME=a FROM=b TO=c": "tools.new a b c",
    "report BASE=v1 FILES=f": "gate report --base v1 --files-of-commits f",
    "seeds": "study --seeds 5", "seeds N=9": "study --seeds 9", "study": "study",
}  # fmt: skip


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address of the index, and the lock with the hashes of what it has."""
    folder = tmp_path_factory.mktemp("index")
    lock = make_index(folder, (ROOT / "requirements.txt").read_text(encoding="utf-8"))
    with served(folder) as address:
        yield address, lock


@pytest.fixture
def clone(tmp_path: Path, index: tuple[str, str]) -> Path:
    """A folder with what set-up needs of a clone."""
    folder = tmp_path / "a clone"
    shutil.copytree(ROOT / "tools", folder / "tools")
    (folder / "requirements.txt").write_text(index[1])
    return folder


def start(folder: Path, address: str = "", **variables: str) -> "subprocess.Popen[str]":
    """Start set-up, with the variables of this process but those of Python, pip, uv, networks."""
    hidden = re.compile("PIP|UV|PYTHON|COV|SSL_|REQUESTS_|CURL_|.*_proxy", re.IGNORECASE)
    kept = {name: value for name, value in os.environ.items() if not hidden.match(name)}
    (folder.parent / "home").mkdir(exist_ok=True)
    own = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": address, "PYTHON": PYTHON}
    own["HOME"] = str(folder.parent / "home")
    return subprocess.Popen(
        ["sh", "tools/setup.sh"], cwd=folder, env=kept | own | variables, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def set_up(folder: Path, address: str = "", **variables: str) -> tuple[int, str, str]:
    """Run set-up; return its status, output and errors."""
    process = start(folder, address, **variables)
    output, errors = process.communicate(timeout=300)
    return process.returncode, output, errors


def assert_refused(done: tuple[int, str, str], cause: str) -> None:
    """Expect a status of 1, and one line that names the cause, a pattern."""
    status, _, errors = done
    assert (status, errors.count("\n")) == (1, 1), errors
    assert re.match(f"setup: {cause}", errors), errors


def assert_locked(folder: Path) -> None:
    """Expect the releases of the lock for this system, and nothing else, in an environment."""
    lock = (folder / "requirements.txt").read_text().splitlines()
    pins = [Requirement(line.split(" --hash")[0]) for line in lock]
    sites = [str(path) for path in folder.glob(".venv/lib/python*/site-packages")]
    assert {f"{canonicalize_name(d.name)}=={d.version}" for d in distributions(path=sites)} == {
        f"{pin.name}{pin.specifier}" for pin in pins if not pin.marker or pin.marker.evaluate()
    }


def test_hostile_environment(index: tuple[str, str], clone: Path, tmp_path: Path) -> None:
    """uv installs the locked releases, whatever is set, from the second index of a pip.conf."""
    address = index[0]
    constraint, poisoned = tmp_path / "constraint.txt", tmp_path / "poisoned"
    constraint.write_text("numpy==999\nattrs==999\n")
    poisoned.mkdir()
    for module in ("ensurepip", "venv", "numpy", "sitecustomize"):
        (poisoned / f"{module}.py").write_text("raise SystemExit('poisoned')\n")
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = http://127.0.0.1:9\nno-binary = :all:\n"
        f"[install]\nindex-url = {address}/empty\nextra-index-url =\n    {address}/no\n"
        f"    {address}\nuser = true\ntarget = {tmp_path / 'target'}\n"
    )
    words = ["PYTHONSAFEPATH", "PYTHONINSPECT", "PIP_REQUIRE_VIRTUALENV", "PIP_USER", "PIP_PRE"]
    words += ["PIP_DRY_RUN", "PIP_UPGRADE", "UV_SYSTEM_PYTHON", "UV_NO_BINARY"]
    paths = ["VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "PIP_PREFIX", "PIP_TARGET"]
    paths += ["PIP_ROOT", "UV_PROJECT_ENVIRONMENT"]
    done = set_up(
        clone, PIP_CONFIG_FILE=str(tmp_path / "pip.conf"), HOME="/dev/null/nowhere",
        **dict.fromkeys(words, "1"), **dict.fromkeys(paths, str(poisoned)),
        **dict.fromkeys(["PIP_CONSTRAINT", "UV_CONSTRAINT", "UV_OVERRIDE"], str(constraint)),
        PYTHONWARNINGS="error", PIP_NO_BINARY=":all:", UV_PRERELEASE="allow", UV_PYTHON="2.7",
        UV_NO_BUILD_ISOLATION="0", UV_EXCLUDE_NEWER="2001-01-01T00:00:00Z",
    )  # fmt: skip
    assert done == (0, STARTS, "")
    assert set_up(clone) == (0, "", "")
    assert_locked(clone)
    assert [path for path in poisoned.iterdir() if path.suffix != ".py"] == []
    assert not (tmp_path / "target").exists()


@pytest.mark.slow
def test_pip_where_uv_cannot(index: tuple[str, str], clone: Path, tmp_path: Path) -> None:
    (tmp_path / "uv").write_text('echo "error: not here" >&2; exit 2')
    done = set_up(clone, index[0], STANDS_IN=str(tmp_path / "uv"))
    says = f"{STARTS}setup: pip installs, in minutes, since uv cannot: error: not here\n"
    assert done == (0, says, "")
    assert_locked(clone)


@pytest.mark.parametrize(
    ("package", "locked_hash", "cause"),
    [
        ("uv", OTHER, r"uv==\S+ on the package index does not have the hash of the lock"),
        pytest.param("numpy", "", ".*hash", marks=pytest.mark.slow),
        pytest.param("[a-z]", "", ".*hash", marks=pytest.mark.slow),
    ],
)
def test_hash(
    index: tuple[str, str], clone: Path, package: str, locked_hash: str, cause: str
) -> None:
    """Other bytes than the lock's, or a lock that lacks hashes: refused by uv, and by pip."""
    lock = re.sub(rf"^({package}.*) --hash.*", rf"\1{locked_hash}", index[1], flags=re.MULTILINE)
    (clone / "requirements.txt").write_text(lock)
    done = set_up(clone, index[0])
    assert_refused(done, cause)
    assert ("since uv cannot: " in done[1]) == (package == "numpy")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variable", "value", "cause"),
    [
        ("HOME", "/dev/null", "no package index can be reached; connect, or name one"),
        ("PIP_PROXY", "http://127.0.0.1:9", "the proxy cannot be used; .*PIP_PROXY"),
        ("all_proxy", "socks5://127.0.0.1:9", "pip cannot use a SOCKS proxy; name an HTTP"),
        ("PIP_CERT", "/no/file", ".* an authority unknown here; name its file"),
    ],
)
def test_no_index(clone: Path, variable: str, value: str, cause: str) -> None:
    """One line names the cause, not pip's last line, which is about versions."""
    assert_refused(set_up(clone, "https://127.0.0.1:9/simple", **{variable: value}), cause)


def test_colon_in_path(clone: Path) -> None:
    folder = clone.rename(clone.parent / "a:b")
    assert_refused(set_up(folder), "expected a path without a colon; found .*; move this folder")


@pytest.mark.slow
def test_killed_and_linked(index: tuple[str, str], clone: Path) -> None:
    """A killed set-up is done again; a clone with another's .venv gets its own."""
    process = start(clone, index[0])
    while not (clone / ".venv/first.txt").exists() and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    left = clone / ".venv/left"
    left.touch()
    other = clone.parent / "other"
    shutil.copytree(clone, other, ignore=shutil.ignore_patterns(".venv"))
    (other / ".venv").symlink_to(clone / ".venv")
    for folder, is_left in ((other, True), (clone, False)):
        assert set_up(folder, index[0]) == (0, STARTS, "")
        assert_locked(folder)
        assert left.exists() == is_left
    assert not (other / ".venv").is_symlink()


def write_program(path: Path, code: str) -> None:
    path.write_text(f"#!/bin/sh\n{code}\n")
    path.chmod(0o755)


# A Python without the global lock, of the version that this one has.
FREE = "import sys, sysconfig; sys.abiflags = 't'; free = {'Py_GIL_DISABLED': 1}"
FREE += "; sysconfig.get_config_var = free.get"


def write_python(path: Path, judged: str) -> None:
    """Write a stand-in that set-up takes for a 3.14 and judges so; else it says that it runs."""
    if judged == "free":
        write_program(path, f'exec "{PYTHON}" "$1" "$2" "{FREE}\n$3"')
        return
    rest = f'[ {judged or "no"} = boots ] && exec "{PYTHON}" "$@"; echo "$0 runs" >&2; exit 1'
    write_program(path, f'case "$3" in *ensurepip*) echo 3.14 {judged} ;; *) {rest} ;; esac')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder with the tools that set-up needs, and no Python."""
    (tmp_path / "bin").mkdir()
    tools = "awk cat cksum cut dirname env grep head mkdir rm sed sh sort tail tr"
    for tool in tools.split():
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or "")
    return tmp_path / "bin"


@pytest.mark.parametrize(
    ("pythons", "variable", "expected"),
    [
        ({"python3": "boots", "python3.12": "fits", "python3.11": "fits"}, "", "/python3.12 runs"),
        ({"python3": "", "python3.11": "fits"}, "", "/python3.11 runs"),
        ({"python3": "fits", "a b": "fits"}, "a b", "/a b runs"),
        ({"python3": "fits", "mine": "boots"}, "mine", "PYTHON=mine is mine (3.14); name another"),
        ({"python3": "free", "python3.12": "fits"}, "", "/python3.12 runs"),
        ({}, "", "expected Python 3.11, 3.12 or 3.13 with venv and ensurepip; found none"),
    ],
)
def test_python_is_found(
    clone: Path, path: Path, pythons: dict[str, str], variable: str, expected: str
) -> None:
    """The first Python that fits is taken, or the one that PYTHON names."""
    for name, judged in pythons.items():
        write_python(path / name, judged)
    status, _, errors = set_up(clone, PATH=str(path), PYTHON=variable)
    assert (status, errors.count("\n")) == (1, 1)
    assert expected in errors


def make_ready(clone: Path) -> None:
    """Make a .venv that set-up takes for its own."""
    (clone / ".venv/bin").mkdir(parents=True)
    (clone / ".venv/bin/python").symlink_to(PYTHON)
    write_key = 'echo "$PWD $(cksum <requirements.txt)" > .venv/ready'
    subprocess.run(["sh", "-c", write_key], cwd=clone, check=True)


def test_what_is_made_again(clone: Path, path: Path) -> None:
    """For another Python, another lock or another folder; otherwise there is nothing to do.

    Where it is made, this set-up ends: there is no Python that fits.
    """
    make_ready(clone)
    write_python(path / "python3.14", "boots")
    for python in ("", PYTHON):
        assert set_up(clone, PATH=str(path), PYTHON=python) == (0, "", "")
    refused = "expected Python 3.11, 3.12 or 3.13 with venv and ensurepip; "
    done = set_up(clone, PATH=str(path), PYTHON="python3.14")
    assert_refused(done, f"{refused}PYTHON=python3.14 is python3.14 .3.14.; name another one")
    moved = shutil.copytree(clone, clone.parent / "moved", symlinks=True)
    (clone / "requirements.txt").write_text("")
    for folder in (clone, moved):
        assert_refused(set_up(folder, PATH=str(path), PYTHON=""), f"{refused}found none")


def test_second_set_up_waits(clone: Path) -> None:
    """As `make watch` beside `make repro`; what the first has made is not made again."""
    with (clone / "requirements.txt").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = start(clone)
        assert process.stdout
        assert "another set-up is at work in this folder" in process.stdout.readline()
        time.sleep(0.5)  # in which it would go on
        make_ready(clone)
    assert (process.communicate(), process.returncode) == (("", ""), 0)


# What uv does to get an interpreter: downloads it from a mirror, if one is named, and finds it.
DOWNLOADS = f"""
case "$*" in
"python install >=3.11,<3.14")
    [ "$UV_PYTHON_INSTALL_MIRROR" = file:///mirror ] && exit; echo "error: none" >&2; exit 2 ;;
"python find --managed-python >=3.11,<3.14") echo "{PYTHON}"; exit ;;
esac
"""


@pytest.mark.slow
@pytest.mark.parametrize("judged", ["boots", ""])
def test_python_is_downloaded(
    index: tuple[str, str], clone: Path, path: Path, tmp_path: Path, judged: str
) -> None:
    """Where Python is too new, it installs uv, which gets another; without ensurepip, a user's."""
    (tmp_path / "downloads").write_text(DOWNLOADS)
    write_python(path / "python3", judged)
    if not judged:
        write_program(path / "uv", UV)
    variables = {"PATH": str(path), "PYTHON": "", "STANDS_IN": str(tmp_path / "downloads")}
    mirrors = ("file:///no", "file:///mirror")
    refused, done = (
        set_up(clone, index[0], UV_PYTHON_INSTALL_MIRROR=mirror, **variables) for mirror in mirrors
    )
    gets = "setup: expected .*; found python3 .3.14.; uv gets one\n"
    assert refused[0] == 1
    assert re.fullmatch(f"{gets}setup: uv cannot get one: error: none; .* name a .*\n", refused[2])
    assert done[:2] == (0, STARTS)
    assert re.fullmatch(gets, done[2])
    assert_locked(clone)


def test_recipes_name_the_interpreter() -> None:
    """Apple's make 3.81 does not look for a recipe's command in the PATH that is exported."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = text.replace("\\\n", "")  # a line that goes on needs a shell, as one with $$ does
    commands = set(re.findall(r"^\t@?(\S+)", text, re.MULTILINE))
    others = {name for name in commands if not name.startswith(("$(BIN)/", "$(TESTS)"))}
    assert others == {"awk", "echo", "grep", "name=$$(git", "tools/setup.sh"}
    assert "\nTESTS := $(BIN)/python " in text
    assert recipe("test-slow")[-3:-1] == ["-m", "slow"]


@pytest.mark.parametrize(("target", "command"), RECIPES.items())
def test_recipes(target: str, command: str) -> None:
    """Each variable arrives, and where there is none the default."""
    assert recipe(*target.split())[2:] == command.split()


def test_variables_of_recipes(tmp_path: Path) -> None:
    """No variable of Python's reaches a training, but those for text and output."""
    (tmp_path / "Makefile").write_text(f"include {ROOT}/Makefile\nshow:\n\t@env\n")
    hostile = dict.fromkeys(("PYTHONWARNINGS", "PYTHONINSPECT", "PYTHONHOME", "PYTHONPATH"), "1")
    command = ["make", "-f", str(tmp_path / "Makefile"), "show"]
    environment = os.environ | hostile | {"PYTHONUTF8": "1", "PYTHON": "a b"}
    output = subprocess.check_output(command, text=True, cwd=ROOT, env=environment)
    found = {line for line in output.splitlines() if line.startswith("PYTHON")}
    assert found - {"PYTHONUNBUFFERED=1"} == {"PYTHON=a b", "PYTHONNOUSERSITE=1", "PYTHONUTF8=1"}


def test_uv_run_and_sync(tmp_path: Path) -> None:
    """`uv run` takes .venv as it is and `uv sync` refuses; neither makes a lock of its own."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    uv = [str(Path(sys.executable).parent / "uv"), "--offline", "--project", str(tmp_path)]
    assert subprocess.run([*uv, "run", "true"], check=False).returncode == 0
    done = subprocess.run([*uv, "sync"], capture_output=True, text=True, check=False)
    assert (done.returncode, "marked as unmanaged" in done.stderr) == (2, True)
    assert [file.name for file in tmp_path.iterdir()] == ["pyproject.toml"]
