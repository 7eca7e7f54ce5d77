"""`python -m tools.verify`: run the committed pipeline from nothing and compare the results.

Status 0 if every output has the committed bytes, else 1. Whether a difference is noise is for the
gate to judge.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from resource import struct_rusage
from typing import IO, Any

import psutil
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from experiment.files import replacing
from experiment.support.errors import InputError, one_line_errors, wrong
from gate.errors import CannotCompareError
from gate.git import environment_without_repository, git

CERTIFICATE = Path("certificate/certificate.json")


def main() -> None:
    """Run the last commit in a temporary clone; print what differs and write a certificate."""
    argparse.ArgumentParser(prog="python -m tools.verify", description=main.__doc__).parse_args()
    with one_line_errors("verify", then="run again from the start"), ExitStack() as stack:
        clone = open_clone(Path.cwd(), stack)
        certificate = rerun_and_compare(clone)
        with replacing(CERTIFICATE) as temporary:
            temporary.write_text(json.dumps(certificate, indent=2) + "\n", encoding="utf-8")
        print("Commit {commit}, run from nothing: {verdict}".format(**certificate))
        if certificate["differs"]:
            stack.pop_all()  # keep the clone
            print("  " + "\n  ".join(certificate["differs"]))
            for name, (committed, here) in certificate["environment"].items():
                if committed != here:
                    print(f"  {name}: committed {committed}, here {here}")
            gate = f"cd {clone} && {sys.executable} -m gate check --base HEAD"
            sys.exit(f"verify: to ask the gate whether that is noise: {gate}")


def open_clone(repository: Path, stack: ExitStack) -> Path:
    """Clone the last commit, with an empty DVC cache of its own, until the stack is closed.

    Args:
        repository: folder of dvc.yaml, which may be below the top of the repository.
        stack: deletes the clone.

    Returns:
        The same folder of the clone.

    Raises:
        InputError: there is no pipeline or no commit.
    """
    if not (repository / "dvc.yaml").is_file():
        raise wrong("dvc.yaml", "a pipeline", "no such file", "run this in the folder that has it")
    folder = Path(tempfile.mkdtemp(prefix="clone-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    try:
        if git(repository, "status", "--porcelain"):
            print("What is not committed is left out.", file=sys.stderr)
        below = git(repository, "rev-parse", "--show-prefix")
        top = git(repository, "rev-parse", "--show-toplevel")
        git(folder, "clone", "--quiet", top, "clone")
        git(folder / "clone", "rev-parse", "--verify", "HEAD")
    except CannotCompareError as error:
        raise InputError(str(error)) from None
    clone = folder / "clone" / below
    # With a shared cache nothing would be trained.
    config = f'[cache]\n    dir = "{folder / "cache"}"\n'
    (clone / ".dvc/config.local").write_text(config, encoding="utf-8")
    return clone


def run(
    command: tuple[str, ...], folder: Path, output: IO[str] | None = None
) -> tuple[int, struct_rusage]:
    """Run this Python with arguments; what ends this process ends all that it started, too.

    Returns:
        The status, and the resources that the process and its descendants used.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = environment_without_repository() | {"PATH": path}
    signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))  # the terminal is closed
    # In a session of its own, so that Ctrl-C reaches it once, below.
    process = subprocess.Popen(
        [sys.executable, *command], cwd=folder, env=variables, stdout=output, stderr=output,
        start_new_session=True,
    )  # fmt: skip
    try:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, usage
    finally:
        if process.returncode is None:
            started = [*psutil.Process(process.pid).children(recursive=True), process]
            process.terminate()
            try:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=30)
            finally:
                for one in started:
                    with suppress(psutil.NoSuchProcess):
                        one.kill()


def rerun_and_compare(clone: Path) -> dict[str, Any]:
    """Run the pipeline of a fresh clone and return the certificate.

    Raises:
        InputError: there are no committed hashes, or the pipeline fails.
    """
    committed = read_hashes(clone), read_environment(clone)
    for path in (clone / name for name in (*committed[0], "dvc.lock")):
        if path.resolve().is_relative_to(clone.resolve()):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    if run(("-m", "stages"), clone)[0] != 0:  # what `make repro` runs
        raise InputError("not reproduced: the pipeline failed; the reason is above")
    hashes = pair(committed[0], read_hashes(clone))
    # Git tells which files were edited after DVC had stored their hashes.
    edited = git(clone, "diff", "--name-only", "--relative", "-z", "HEAD", "--", ":!dvc.lock")
    differs = {*filter(None, edited.split("\0"))}
    differs |= {name for name, (old, new) in hashes.items() if old is None or old != new}
    return {
        "commit": git(clone, "rev-parse", "HEAD"),
        "environment": pair(committed[1], read_environment(clone)),
        "hashes": hashes,
        "differs": sorted(differs),
        "verdict": "other bytes" if differs else f"same bytes ({len(hashes)} outputs)",
    }


def pair(committed: dict[str, Any], rerun: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return both values of each name, None where there is none."""
    names = sorted({*committed, *rerun})
    return {name: (committed.get(name), rerun.get(name)) for name in names}


def read_hashes(clone: Path) -> dict[str, str | None]:
    """Return the hash of each output in dvc.lock, None where it has none.

    Raises:
        InputError: there is no such file, or no output in it.
    """
    hashes: dict[str, str | None] = {}
    with suppress(FileNotFoundError, YAMLError, AttributeError, KeyError, TypeError):
        for stage in YAML(typ="safe").load(clone / "dvc.lock")["stages"].values():
            for out in stage.get("outs", []):
                hashes[out["path"]] = out.get(out.get("hash", "md5"))
    if not hashes:
        raise wrong("dvc.lock", "hashes of outputs", "none", "run `make repro` and commit dvc.lock")
    return hashes


def read_environment(clone: Path) -> dict[str, str]:
    """Return what the trainings wrote of their environment, by name."""
    environment: dict[str, str] = {}
    for path in sorted((clone / "metrics").glob("*.environment.json")):
        with suppress(ValueError):  # a broken file differs as such
            environment |= json.loads(path.read_text(encoding="utf-8"))
    return environment


if __name__ == "__main__":
    main()
