"""Builds .venv from requirements.txt: the releases that are locked there, whatever the index has.

Started by `setup.sh` with the Python to build from. Nothing is resolved: uv, else pip, installs the
lock with `--no-deps`. Without it, pip before 24 takes the newest release of what another package
asks for with an extra (https://github.com/pypa/pip/issues/9644).
"""

import ast
import os
import re
import subprocess
import sys
import venv
from pathlib import Path
from typing import TextIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

VENV = Path(".venv").absolute()
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

# Where packages come from is the user's to say; which ones, and where they go, is not.
PIP_SETTINGS = (
    "index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "proxy", "cert",
    "client-cert", "keyring-provider", "timeout", "default-timeout", "retries", "cache-dir",
)  # fmt: skip
UV_SETTINGS = re.compile(
    "UV_((DEFAULT_|EXTRA_)?INDEX(_URL|_STRATEGY|_.*_(USERNAME|PASSWORD))?|FIND_LINKS|NO_INDEX"
    "|CACHE_DIR|NO_CACHE|CONCURRENT_.*|HTTP_.*|INSECURE_HOST|KEYRING_PROVIDER|LINK_MODE|NATIVE_TLS"
    "|OFFLINE|REQUEST_TIMEOUT|SYSTEM_CERTS)"
)
# What pip's settings are called where uv, and the libraries under it, look for them.
FOR_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "proxy": "ALL_PROXY",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
}

# Published as source alone. It is built with the setuptools of the lock, which comes first.
SOURCE_ONLY = "antlr4-python3-runtime"
FIRST = ("setuptools", "uv")

UNREACHABLE = re.compile(
    "NewConnection|Failed to establish|resolve|timed? ?out|ProxyError|SSLError|unreachable", re.I
)


def main(key: str, purpose: str) -> None:
    """Builds or completes .venv; `key` marks it as ready for `purpose` (`run` or `dev`)."""
    with Path("requirements.txt").open("r+", encoding="utf-8") as file:
        waited = wait_for_others(file)
        lock = read_lock(file.read())
        names = set(lock) if purpose == "dev" else needed_to_run(lock)
        ready = {name: VENV / f"ready-{name}" for name in ("run", "dev")}
        done = {n for n, path in ready.items() if path.exists() and path.read_text() == f"{key}\n"}
        if waited and purpose in done:
            return
        if "run" not in done:
            if VENV.is_symlink():  # to the environment of another clone, which is to stay as it is
                VENV.unlink()
            venv.create(VENV, clear=True, with_pip=True, symlinks=os.name != "nt")
        install(lock, names)
        for name in ("run", purpose):
            ready[name].write_text(f"{key}\n")


def wait_for_others(file: TextIO) -> bool:
    """Until no other set-up is at work in this clone, as of `make watch` beside `make repro`.

    Args:
        file: is locked until it is closed, where that can be done.

    Returns:
        Whether there was one.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("setup: another one is at work in this folder; waiting for it", flush=True)
        fcntl.flock(file, fcntl.LOCK_EX)
        return True
    except OSError:  # a file system without locks
        pass
    return False


def read_lock(text: str) -> dict[str, str]:
    """By name, the lines of each package: its pin, its hashes, and who asks for it."""
    lock: dict[str, str] = {}
    for block in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]:
        name = re.split("[=; ]", block)[0]
        lock[name] = lock.get(name, "") + block  # another release for another system, say
    return lock


def needed_to_run(lock: dict[str, str]) -> set[str]:
    """Those that the project asks for outside its group `dev`, directly or through another."""
    asked_by = {name: set(re.findall(r"# +(?:via )?(.+)", block)) for name, block in lock.items()}
    found = {n for n, by in asked_by.items() if any(who.endswith("(pyproject.toml)") for who in by)}
    while more := {name for name, by in asked_by.items() if by & found} - found:
        found |= more
    return found


def install(lock: dict[str, str], names: set[str]) -> None:
    """The packages of these names, by uv; where it cannot, by pip."""
    variables = environment(pip_settings())
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    uv = [str(PYTHON), "-m", "uv", "pip"]
    binary = ["--only-binary", ":all:", "--no-binary", SOURCE_ONLY, "--no-build-isolation"]
    first, whole = VENV / "first.txt", VENV / "lock.txt"
    first.write_text("".join(lock[name] for name in FIRST))
    whole.write_text("".join(block for name, block in lock.items() if name in names))
    problem = run([*pip, "--only-binary", ":all:", "-r", str(first)], variables)
    if problem and UNREACHABLE.search(problem):
        sys.exit(
            "setup: no package index can be reached; connect, or name one that can be"
            f" (PIP_INDEX_URL, PIP_PROXY), and run again ({summary(problem)})"
        )
    if not problem:
        into = ["--python", str(PYTHON)]
        options = ["--no-deps", "--require-hashes", *binary]
        problem = run([*uv, "install", *into, *options, "-r", str(whole)], variables)
        check = [*uv, "check", *into]
    if problem:
        print(f"setup: pip installs, in minutes, since uv cannot: {summary(problem)}", flush=True)
        first.write_text(lock["setuptools"])
        problem = run([*pip, "-r", str(first)], variables) or run(
            [*pip, *binary, "--use-pep517", "-r", str(whole)], variables
        )
        check = [str(PYTHON), "-m", "pip", "check"]
    if problem := problem or run(check, variables):
        sys.exit(f"setup: the packages cannot be installed: {summary(problem)}; run again")


def pip_settings() -> dict[str, str]:
    """Those of `PIP_SETTINGS` that pip.conf or variables hold; variables win."""
    command = [str(PYTHON), "-m", "pip", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"setup: pip's configuration cannot be read: {summary(done.stderr)}; mend it")
    found = re.findall(r"^(global|install|:env:)\.([\w-]+)=(.+)$", done.stdout, re.MULTILINE)
    found.sort(key=lambda entry: ("global", "install", ":env:").index(entry[0]))
    values = [(name, " ".join(str(ast.literal_eval(value)).split())) for _, name, value in found]
    return {name: value for name, value in values if value and name in PIP_SETTINGS}


def environment(settings: dict[str, str]) -> dict[str, str]:
    """This process's variables, less those that could change what pip and uv install, and where.

    uv is told of pip's index and of how to reach it, unless it has settings of its own.
    """
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "UV_")) or UV_SETTINGS.fullmatch(name)
    }
    for name, value in ({"retries": "1"} | settings).items():
        variables[f"PIP_{name.upper().replace('-', '_')}"] = value
        if name in FOR_UV:
            variables.setdefault(FOR_UV[name], value)
    variables |= {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if "no-index" in settings:
        variables |= {"UV_NO_INDEX": "1", "UV_FIND_LINKS": settings.get("find-links", "")}
    caches = [variables.get(name) for name in ("UV_CACHE_DIR", "XDG_CACHE_HOME", "HOME")]
    if not os.access(next(filter(None, caches), "/dev/null"), os.W_OK):
        variables["UV_NO_CACHE"] = "1"
    return variables


def run(command: list[str], environment: dict[str, str]) -> str:
    """Runs a command; returns what it printed if it failed, else nothing."""
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return ""
    return done.stdout.strip() or f"status {done.returncode}"


def summary(output: str) -> str:
    """The line that says most: the last error that is named, else the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match("error|×|[├╰]", line, re.I)]
    return (errors or lines or ["no reason given"])[-1][:300]


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit("setup: interrupted; run again")
    except OSError as error:
        sys.exit(f"setup: {error.filename or VENV}: {error.strerror}; mend that and run again")
