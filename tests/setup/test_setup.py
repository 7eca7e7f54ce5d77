"""Set-up with stand-ins for the packages and, where a test says so, for interpreters."""

import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from functools import partial
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT
from tests.setup.model_index import make_index, served

LOCK = (ROOT / "requirements.txt").read_text(encoding="utf-8")
PYTHON = getattr(sys, "_base_executable", sys.executable)
UV = str(Path(sys.executable).parent / "uv")
STARTS = "setup: installing the locked packages into .venv, once: half a minute, 2.4 GB on disk\n"
OTHER = f" --hash=sha256:{'0' * 64}"
WAITS = "setup: another set-up is at work in this folder; waiting for it\n"
slow = partial(pytest.param, marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address of the index, and the lock with the hashes of what it has."""
    folder = tmp_path_factory.mktemp("index")
    lock = make_index(folder, LOCK)
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
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    own = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": address, "PYTHON": PYTHON}
    return subprocess.Popen(
        ["sh", "tools/setup.sh"], cwd=folder, env=kept | own | {"HOME": str(home)} | variables,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def set_up(folder: Path, address: str = "", **variables: str) -> tuple[int, str, str]:
    """Run set-up; return its status, output and errors."""
    process = start(folder, address, **variables)
    output, errors = process.communicate(timeout=300)
    return process.returncode, output, errors


def assert_refused(done: tuple[int, str, str], cause: str) -> None:
    """Expect a status of 1, and one line that names the cause, a pattern."""
    status, _, errors = done
    assert (status, errors.count("\n")) == (1, 1)
    assert re.match(f"setup: {cause}", errors), errors


def installed(folder: Path) -> set[str]:
    """Return `name==version` of each package of an environment."""
    sites = [str(path) for path in folder.glob(".venv/lib/python*/site-packages")]
    return {f"{canonicalize_name(d.name)}=={d.version}" for d in distributions(path=sites)}


def locked(lock: str) -> set[str]:
    """Return the same of a lock, for this system."""
    pins = [Requirement(line.split(" --hash")[0]) for line in lock.splitlines()]
    return {f"{pin.name}{pin.specifier}" for pin in pins if not pin.marker or pin.marker.evaluate()}


def test_hostile_environment(index: tuple[str, str], clone: Path, tmp_path: Path) -> None:
    """uv installs the locked releases, whatever is set, from the second index of a pip.conf."""
    constraint, poisoned = tmp_path / "constraint.txt", tmp_path / "poisoned"
    constraint.write_text("numpy==999\nattrs==999\n")
    poisoned.mkdir()
    for module in ("ensurepip", "venv", "numpy", "sitecustomize"):
        (poisoned / f"{module}.py").write_text("raise SystemExit('poisoned')\n")
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = http://127.0.0.1:9\nno-binary = :all:\n"
        f"[install]\nindex-url = {index[0]}/empty\nextra-index-url =\n    {index[0]}/none\n"
        f"    {index[0]}\nuser = true\ntarget = {tmp_path / 'target'}\n"
    )
    done = set_up(
        clone, PIP_CONFIG_FILE=str(tmp_path / "pip.conf"), HOME="/dev/null/nowhere",
        VIRTUAL_ENV=str(tmp_path / "other"), CONDA_PREFIX=str(tmp_path / "conda"),
        PYTHONPATH=str(poisoned), PYTHONSAFEPATH="1", PYTHONHOME=str(poisoned),
        PYTHONWARNINGS="error", PYTHONINSPECT="1", PIP_REQUIRE_VIRTUALENV="1", PIP_USER="1",
        PIP_PREFIX=str(poisoned), PIP_TARGET=str(poisoned), PIP_CONSTRAINT=str(constraint),
        PIP_NO_BINARY=":all:", PIP_PRE="1", PIP_DRY_RUN="1", PIP_UPGRADE="1",
        PIP_ROOT=str(poisoned), UV_SYSTEM_PYTHON="1", UV_CONSTRAINT=str(constraint),
        UV_OVERRIDE=str(constraint), UV_PRERELEASE="allow", UV_PYTHON="2.7",
        UV_NO_BUILD_ISOLATION="0", UV_PROJECT_ENVIRONMENT=str(poisoned),
        UV_EXCLUDE_NEWER="2001-01-01T00:00:00Z", UV_NO_BINARY="1", UV_COMPILE_BYTECODE="1",
    )  # fmt: skip
    assert done == (0, STARTS, "")
    assert installed(clone) == locked(index[1])
    assert [path for path in poisoned.iterdir() if path.suffix != ".py"] == []
    assert not (tmp_path / "target").exists()


@pytest.mark.slow
def test_pip_where_uv_cannot(clone: Path, tmp_path: Path) -> None:
    """pip installs the locked releases, over HTTPS by an authority that PIP_CERT names."""
    lock = make_index(tmp_path / "index", LOCK, uv='echo "error: not here" >&2; exit 2')
    (clone / "requirements.txt").write_text(lock)
    key, authority = tmp_path / "key.pem", tmp_path / "authority.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext"
    files = ["subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(authority)]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    key.write_text(key.read_text() + authority.read_text())
    with served(tmp_path / "index", key) as address:
        assert_refused(set_up(clone, address), ".* an authority unknown here; name its file")
        done = set_up(clone, address, PIP_CERT=str(authority))
    says = f"{STARTS}setup: pip installs, in minutes, since uv cannot: error: not here\n"
    assert done == (0, says, "")
    assert installed(clone) == locked(lock)


@pytest.mark.parametrize(
    ("package", "locked_hash", "cause"),
    [
        ("uv", OTHER, r"uv==\S+ on the package index does not have the hash of the lock"),
        slow("numpy", OTHER, r"numpy==\S+ on the package index does not have the hash of the lock"),
        slow("[a-z]", "", ".*hash"),
    ],
)
def test_hash(
    index: tuple[str, str], clone: Path, package: str, locked_hash: str, cause: str
) -> None:
    """Other bytes than the lock's, or a lock without hashes: refused by uv, and by pip."""
    lock = re.sub(rf"^({package}.*) --hash.*", rf"\1{locked_hash}", index[1], flags=re.MULTILINE)
    (clone / "requirements.txt").write_text(lock)
    done = set_up(clone, index[0])
    assert_refused(done, cause)
    assert ("since uv cannot: " in done[1]) == (package == "numpy")


@pytest.mark.parametrize(
    ("variable", "value", "cause"),
    [
        ("HOME", "/dev/null", "no package index can be reached; connect, or name one"),
        slow("PIP_PROXY", "http://127.0.0.1:9", "the proxy cannot be used; .*PIP_PROXY"),
        slow("all_proxy", "socks5://127.0.0.1:9", "pip cannot use a SOCKS proxy; name an"),
        slow("REQUESTS_CA_BUNDLE", "/no/file", ".* an authority unknown here; name its file"),
    ],
)
def test_no_index(clone: Path, variable: str, value: str, cause: str) -> None:
    """One line names the cause, not pip's last line, which is about versions."""
    assert_refused(set_up(clone, "https://127.0.0.1:9/simple", **{variable: value}), cause)


def test_colon_in_path(clone: Path) -> None:
    folder = clone.rename(clone.parent / "a:b")
    assert_refused(set_up(folder), "expected a path without a colon; found .*; move this folder")


@pytest.mark.slow
def test_killed_twice_moved_linked(index: tuple[str, str], clone: Path, tmp_path: Path) -> None:
    """A killed set-up is done again, a second one waits, and a moved clone gets a new .venv."""
    address, lock = index
    process = start(clone, address)
    while not (clone / ".venv/first.txt").exists() and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (clone / ".venv/ready").exists()
    both = [start(clone, address) for _ in range(2)]  # as `make watch` beside `make repro`
    assert sorted(process.communicate()[0] for process in both) == [WAITS, STARTS]
    assert [process.returncode for process in both] == [0, 0]
    assert installed(clone) == locked(lock)
    assert set_up(clone) == (0, "", "")

    moved, other = tmp_path / "moved", tmp_path / "other"
    clone.rename(moved)
    assert set_up(moved, address) == (0, STARTS, "")
    assert str(moved) in (moved / ".venv/bin/activate").read_text()

    shutil.copytree(moved, other, ignore=shutil.ignore_patterns(".venv"))
    (other / ".venv").symlink_to(moved / ".venv")
    assert set_up(other, address) == (0, STARTS, "")
    assert not (other / ".venv").is_symlink()
    assert set_up(moved) == (0, "", "")
    assert installed(moved) == installed(other) == locked(lock)


def write_python(path: Path, judged: str, rest: str = f'exec "{PYTHON}" "$@"') -> None:
    """Write a stand-in that set-up takes for a 3.14, and judges so; else it does the rest."""
    answer = f"echo {judged}" if judged else "exit 1"  # as without ensurepip
    cases = f"*ensurepip*) {answer} ;; *version_info*) echo 3.14 ;; *) {rest} ;;"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\ncase "$3" in {cases} esac\n')
    path.chmod(0o755)


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
        ({"python3": "boots", "python3.12": "fits", "python3.11": "fits"}, "", "/python3.12"),
        ({"python3": "", "python3.11": "fits"}, "", "/python3.11"),
        ({"python3": "fits", "a b": "fits"}, "a b", "/a b"),
        ({"python3": "fits", "mine": "boots"}, "mine", "PYTHON=mine is mine (3.14); name another"),
        ({"python3": ""}, "", "found python3 (3.14); install one (on Debian and Ubuntu: python3-v"),
        ({}, "", "expected Python 3.11, 3.12 or 3.13 with venv and ensurepip; found none"),
    ],
)
def test_python_is_found(
    clone: Path, path: Path, pythons: dict[str, str], variable: str, expected: str
) -> None:
    """The first Python that fits is taken (it says so), or the one that PYTHON names."""
    for name, judged in pythons.items():
        write_python(path / name, judged, 'echo "$0 is taken" >&2; exit 1')
    status, _, errors = set_up(clone, PATH=str(path), PYTHON=variable)
    assert (status, errors.count("\n")) == (1, 1)
    assert (f"{expected} is taken" if expected[0] == "/" else expected) in errors


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="what uv downloads has a name for each system")
@pytest.mark.parametrize("judged", ["boots", ""])
def test_python_is_downloaded(
    index: tuple[str, str], clone: Path, path: Path, tmp_path: Path, judged: str
) -> None:
    """Where Python is too new, it installs uv, which gets another; without ensurepip, a user's uv.

    The download is a stand-in that starts this Python; its mirror is a folder.
    """
    release = "python{}.{}".format(*sys.version_info)
    write_python(tmp_path / "python/bin" / release, "fits")
    data = next(Path(sysconfig.get_path("stdlib")).glob("_sysconfigdata_*.py"))
    (tmp_path / "python/lib" / release).mkdir(parents=True)
    shutil.copy(data, tmp_path / "python/lib" / release)
    archive = shutil.make_archive(str(tmp_path / "python"), "gztar", tmp_path, "python")
    source = "https://github.com/astral-sh/python-build-standalone/releases/download"
    entry = {
        "name": "cpython", "arch": {"family": platform.machine(), "variant": None}, "os": "linux",
        "libc": "gnu", "major": 3, "minor": sys.version_info[1], "patch": sys.version_info[2],
        "prerelease": "", "variant": None, "build": "1", "url": f"{source}/python.tar.gz",
        "sha256": hashlib.sha256(Path(archive).read_bytes()).hexdigest(),
    }  # fmt: skip
    key = f"cpython-{platform.python_version()}-linux-{platform.machine()}-gnu"
    (tmp_path / "downloads.json").write_text(json.dumps({key: entry}))
    write_python(path / "python3", judged)
    if not judged:
        (path / "uv").symlink_to(UV)
    variables = {
        "PATH": str(path), "PYTHON": "", "UV_PYTHON_INSTALL_MIRROR": "file:///no/mirror",
        "UV_PYTHON_DOWNLOADS_JSON_URL": str(tmp_path / "downloads.json"),
    }  # fmt: skip
    status, _, errors = set_up(clone, index[0], **variables)
    assert (status, errors.count("\n")) == (1, 2)
    assert re.search(
        "found python3 .3.14.; uv gets one\nsetup: uv cannot get one: .* name a", errors
    )
    variables["UV_PYTHON_INSTALL_MIRROR"] = tmp_path.as_uri()
    assert set_up(clone, index[0], **variables)[:2] == (0, STARTS)
    assert installed(clone) == locked(index[1])


def test_uv_run_and_sync(tmp_path: Path) -> None:
    """`uv run` takes .venv as it is and `uv sync` refuses; neither makes a lock of its own."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    uv = [UV, "--offline", "--project", str(tmp_path)]
    assert subprocess.run([*uv, "run", "true"], check=False).returncode == 0
    done = subprocess.run([*uv, "sync"], capture_output=True, text=True, check=False)
    assert (done.returncode, "marked as unmanaged" in done.stderr) == (2, True)
    assert [file.name for file in tmp_path.iterdir()] == ["pyproject.toml"]


def test_recipes_name_the_interpreter() -> None:
    """Apple's make 3.81 does not look for a recipe's command in the PATH that is exported."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = text.replace("\\\n", "")  # a line that goes on needs a shell, as one with $$ does
    commands = set(re.findall(r"^\t@?(\S+)", text, re.MULTILINE))
    others = {name for name in commands if not name.startswith(("$(BIN)/", "$(TESTS)"))}
    assert others == {"awk", "echo", "grep", "name=$$(git", "tools/setup.sh"}
    assert "\nTESTS := $(BIN)/python " in text


def test_variables_of_recipes(tmp_path: Path) -> None:
    """No variable of Python's reaches a training, but those for text and output."""
    (tmp_path / "Makefile").write_text(f"include {ROOT}/Makefile\nshow:\n\t@env\n")
    hostile = dict.fromkeys(("PYTHONWARNINGS", "PYTHONINSPECT", "PYTHONHOME", "PYTHONPATH"), "1")
    command = ["make", "-f", str(tmp_path / "Makefile"), "show"]
    environment = os.environ | hostile | {"PYTHONUTF8": "1", "PYTHON": "a b"}
    output = subprocess.check_output(command, text=True, cwd=ROOT, env=environment)
    found = {line for line in output.splitlines() if line.startswith("PYTHON")}
    assert found - {"PYTHONUNBUFFERED=1"} == {"PYTHON=a b", "PYTHONNOUSERSITE=1", "PYTHONUTF8=1"}
