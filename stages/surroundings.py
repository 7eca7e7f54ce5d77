"""What of the machine and of other processes reaches DVC and the stages."""

import fcntl
import os
import pwd
import sys
import time
from pathlib import Path

import psutil

# Of Python's variables these change no result and end no training. PYTHONWARNINGS=error or
# PYTHONINSPECT would end one after DVC has deleted the last results.
KEPT = ("PYTHONHASHSEED", "PYTHONNOUSERSITE", "PYTHONPATH", "PYTHONPYCACHEPREFIX")

STARTED = time.time()

OF_DVC = Path(".dvc/tmp")
SITE_CACHE = Path("/var/tmp/dvc")  # noqa: S108  # DVC's, shared by all users


def count_processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make_environment() -> dict[str, str]:
    """Return the variables for DVC and the stages: the user's, but for what would stop them."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") or name in KEPT
    }
    variables["PYTHONIOENCODING"] = "utf-8"  # of the pipes between them
    # The stages run `python`, also where this one's environment is not active.
    folders = [str(Path(sys.executable).parent), variables.get("PATH", os.defpath)]
    variables["PATH"] = os.pathsep.join(folders)
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:  # as in a container that is run by some number
        variables["USER"] = variables.get("USER") or str(os.getuid())
        variables["HOME"] = variables.get("HOME") or str(OF_DVC.absolute() / "home")
    if not is_writable(SITE_CACHE):
        variables.setdefault("DVC_SITE_CACHE_DIR", str(OF_DVC.absolute() / "site"))
    return variables


def is_writable(folder: Path) -> bool:
    """Tell whether files can be made in a folder, or the folder itself."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return os.access(there, os.W_OK | os.X_OK)


def describe_lock() -> str | None:
    """Say who holds DVC's lock of this folder; None where it is free or a child has it."""
    path = OF_DVC / "lock"
    try:
        children = {child.pid for child in psutil.Process().children(recursive=True)}
        content = path.read_text(encoding="utf-8").strip()
        if content.isdigit():  # the process that locked the file last; the file stays
            holders = {int(content)} - children if is_held(path) else set()
        else:  # with core.hardlink_lock, the file goes when the lock is released
            holders = find_processes("dvc") - children
            if not holders and path.stat().st_ctime < STARTED:
                return (
                    f"the lock {path}, though no DVC process works in this folder; if none does on"
                    f" another machine either, stop this and run `rm {path}`"
                )
        if not holders:
            return None
        holder = psutil.Process(holders.pop())
        command, user = " ".join(holder.cmdline()), holder.username()
    except (OSError, psutil.Error):  # released, or ended, meanwhile
        return None
    return f"another DVC process in this folder: {command} (PID {holder.pid}, user {user})"


def is_held(path: Path) -> bool:
    """Tell whether a process holds a lock on a file."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def find_processes(*programs: str) -> set[int]:
    """Return the processes in this folder that run one of these programs, such as `dvc`."""
    here = str(Path.cwd())
    return {
        process.pid
        for process in psutil.process_iter(["cwd", "cmdline"])
        if process.info["cwd"] == here
        and any(Path(word).name in programs for word in process.info["cmdline"] or ())
    }
