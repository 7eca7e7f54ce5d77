"""Set-up with stand-ins for packages and, where it says so, for interpreters."""

import os
import re
import shlex
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

LOCK = (ROOT / "requirements.txt").read_text(encoding="utf-8")
PYTHON = getattr(sys, "_base_executable", sys.executable)
STARTS = "setup: installing the packages of requirements.txt into .venv, once; about half a minute\n"
WAITS = "setup: another set-up is at work in this folder; waiting for it\n"
NO_UV = 'echo "error: uv cannot run here" >&2; exit 2'


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
    """Start set-up, with the variables of this process but those of Python, pip, uv, proxies."""
    hidden = re.compile("(PIP|UV|PYTHON|COV|SSL_CERT|REQUESTS_CA|CURL_CA)|.*_proxy", re.IGNORECASE)
    kept = {name: value for name, value in os.environ.items() if not hidden.match(name)}
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    index = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": address}
    return subprocess.Popen(
        ["sh", "tools/setup.sh"],
        cwd=folder,
        env=kept | index | {"PYTHON": PYTHON, "HOME": str(home)} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def set_up(folder: Path, address: str = "", **variables: str) -> tuple[int, str, str]:
    """Run set-up; return its status, output and errors."""
    process = start(folder, address, **variables)
    output, errors = process.communicate(timeout=300)
    return process.returncode, output, errors


def installed(folder: Path) -> set[str]:
    """Return `name==version` of each package of an environment."""
    sites = [str(path) for path in folder.glob(".venv/lib/python*/site-packages")]
    return {f"{canonicalize_name(d.name)}=={d.version}" for d in distributions(path=sites)}


def locked(lock: str) -> set[str]:
    """Return the same of a lock, for this system."""
    pins = [Requirement(line.split(" --hash")[0]) for line in lock.splitlines()]
    return {f"{pin.name}{pin.specifier}" for pin in pins if not pin.marker or pin.marker.evaluate()}


def test_hostile_environment(index: tuple[str, str], clone: Path, tmp_path: Path) -> None:
    """The locked releases are installed by uv, whatever is set, from the index of a pip.conf."""
    constraint, poisoned = tmp_path / "constraint.txt", tmp_path / "poisoned"
    constraint.write_text("numpy==999\nattrs==999\n")
    poisoned.mkdir()
    for module in ("ensurepip", "venv", "numpy", "sitecustomize"):
        (poisoned / f"{module}.py").write_text("raise SystemExit('poisoned')\n")
    (tmp_path / "pip.conf").write_text(
        f"[global]\nindex-url = http://127.0.0.1:9\nno-binary = :all:\n"
        f"[install]\nindex-url = {index[0]}\nuser = true\ntarget = {tmp_path / 'target'}\n"
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
    """pip installs the locked releases, over HTTPS with an authority of one's own."""
    lock = make_index(tmp_path / "index", LOCK, uv=NO_UV)
    (clone / "requirements.txt").write_text(lock)
    certificate = tmp_path / "authority.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext"
    files = ["subjectAltName=IP:127.0.0.1", "-keyout", certificate, "-out", tmp_path / "public.pem"]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    with certificate.open("a") as file:
        file.write((tmp_path / "public.pem").read_text())
    with served(tmp_path / "index", certificate) as address:
        status, output, errors = set_up(clone, address)
        assert (status, output, errors.count("\n")) == (1, STARTS, 1)
        assert "an authority unknown here; name the file" in errors
        status, output, errors = set_up(clone, address, PIP_CERT=str(tmp_path / "public.pem"))
    assert (status, errors) == (0, "")
    assert output.endswith("pip installs, in minutes, since uv cannot: error: uv cannot run here\n")
    assert installed(clone) == locked(lock)


@pytest.mark.parametrize("package", ["uv", pytest.param("numpy", marks=pytest.mark.slow)])
def test_other_bytes(index: tuple[str, str], clone: Path, tmp_path: Path, package: str) -> None:
    """A wheel with other bytes than the lock's is refused: by pip, and by pip after uv refused."""
    lock = make_index(tmp_path / "index", LOCK, changed=package)
    assert lock == index[1]
    with served(tmp_path / "index") as address:
        status, output, errors = set_up(clone, address)
    assert (status, errors.count("\n")) == (1, 1)
    assert re.match(rf"setup: {package}==\S+ on the package index does not have the hash", errors)
    assert ("uv cannot: cause: Hash mismatch" in output) == (package == "numpy")


@pytest.mark.parametrize("package", ["[a-z]", pytest.param("numpy", marks=pytest.mark.slow)])
def test_missing_hash(index: tuple[str, str], clone: Path, package: str) -> None:
    """A lock without the hash of one package, or without any, is refused by uv and by pip."""
    lock = re.sub(rf"^({package}.*) --hash.*", r"\1", index[1], flags=re.MULTILINE)
    (clone / "requirements.txt").write_text(lock)
    status, _, errors = set_up(clone, index[0])
    assert (status, errors.count("\n")) == (1, 1)
    assert "hash" in errors.lower()


@pytest.mark.parametrize(
    ("variables", "cause"),
    [
        ({}, "no package index can be reached; connect, or name one"),
        ({"PIP_PROXY": "http://127.0.0.1:9"}, "the proxy cannot be used; fix or unset PIP_PROXY"),
        ({"all_proxy": "socks5://127.0.0.1:9"}, "pip cannot use a SOCKS proxy; name an HTTP proxy"),
        ({"REQUESTS_CA_BUNDLE": "/no/file"}, "an authority unknown here; name the file"),
    ],
)
def test_unreachable(clone: Path, variables: dict[str, str], cause: str) -> None:
    """One line names the cause that matters."""
    status, output, errors = set_up(clone, "https://127.0.0.1:9/simple", **variables)
    assert (status, output, errors.count("\n")) == (1, STARTS, 1)
    assert cause in errors


@pytest.mark.slow
def test_killed_twice_moved_linked(
    index: tuple[str, str], clone: Path, tmp_path: Path
) -> None:
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

    moved = tmp_path / "moved"
    clone.rename(moved)
    assert set_up(moved, address) == (0, STARTS, "")
    assert str(moved) in (moved / ".venv/bin/activate").read_text()

    other = tmp_path / "other"
    shutil.copytree(moved, other, ignore=shutil.ignore_patterns(".venv"))
    (other / ".venv").symlink_to(moved / ".venv")
    assert set_up(other, address) == (0, STARTS, "")
    assert not (other / ".venv").is_symlink()
    assert set_up(moved) == (0, "", "")
    assert installed(moved) == installed(other) == locked(lock)


def stand_in(path: Path, judged: str, body: str = "") -> None:
    """Write an interpreter: `judged` is what set-up finds about it; else it is real, or `body`."""
    real = f'exec "{PYTHON}" "$@"'
    path.write_text(
        f"""#!/bin/sh
case "$3" in
*ensurepip*) {f"echo {judged}" if judged else "exit 1"} ;;
*version_info*) echo 3.14 ;;
*) {body or real} ;;
esac
"""
    )
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("on_the_path", "variable", "expected"),
    [
        ({"python3": "boots", "python3.12": "fits", "python3.11": "fits"}, "", "python3.12"),
        ({"python3": "fits", "python3.13": "fits"}, "", "python3"),
        ({"python3": "", "python3.11": "fits"}, "", "python3.11"),
        ({"python3": "fits", "a b": "fits"}, "a b", "a b"),
        ({"python3": "fits", "mine": "boots"}, "mine", "PYTHON=mine is mine (3.14); name another"),
        ({"python3": "fits"}, "/bin/true", "PYTHON=/bin/true is"),
        ({"python3": ""}, "", "found python3 (3.14); install one (on Debian and Ubuntu: python3-v"),
        ({}, "", "expected Python 3.11, 3.12 or 3.13 with venv and ensurepip; found none"),
    ],
)
def test_python_is_found(
    clone: Path, tmp_path: Path, on_the_path: dict[str, str], variable: str, expected: str
) -> None:
    """The first Python that fits is taken, by stand-ins of which the chosen one says its name."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("sh", "dirname", "cat", "cksum", "env", "sed", "grep", "tail", "cut", "head"):
        (folder / tool).symlink_to(shutil.which(tool) or "")
    for name, judged in on_the_path.items():
        stand_in(folder / name, judged, 'echo "$0" >&2; exit 1')
    status, _, errors = set_up(clone, PATH=str(folder), PYTHON=variable)
    assert (status, errors.count("\n")) == (1, 1)
    assert expected in errors or errors == f"{folder / expected}\n"
