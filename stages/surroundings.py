"""What of the machine and of other processes reaches DVC and the stages."""

import fcntl
import os
import pwd
import sys
from contextlib import suppress
from pathlib import Path

import psutil

# Of Python's variables these change no result and end no training. PYTHONWARNINGS=error or
# PYTHONINSPECT would end one after DVC has deleted the last results.
KEPT = ("PYTHONHASHSEED", "PYTHONNOUSERSITE", "PYTHONPATH", "PYTHONPYCACHEPREFIX")

OF_DVC = Path(".dvc/tmp")
SITE_CACHE = Path("/var/tmp/dvc")  # noqa: S108  # DVC's, shared by all users


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
    there = SITE_CACHE if SITE_CACHE.exists() else SITE_CACHE.parent
    if not os.access(there, os.W_OK | os.X_OK):
        variables.setdefault("DVC_SITE_CACHE_DIR", str(OF_DVC.absolute() / "site"))
    return variables


def describe_lock(since: float) -> str | None:
    """Say who holds DVC's lock of this folder; None where it is free or a child has it.

    With `core.hardlink_lock` the file names nobody, and goes when the lock is released: one that is
    older than `since`, in seconds as `time.time`, is not a child's.
    """
    path = OF_DVC / "lock"
    try:
        content = path.read_text(encoding="utf-8").strip()
        if not content.isdigit():
            remedy = f"if no other DVC process works in this folder, stop this and run `rm {path}`"
            return f"the lock {path}; {remedy}" if path.stat().st_ctime < since else None
        # The process that locked the file last; the file stays.
        holder = psutil.Process(int(content))
        if holder in psutil.Process().children(recursive=True):
            return None
        with path.open("rb") as file, suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
        command, user = " ".join(holder.cmdline()), holder.username()
    except (OSError, psutil.Error):  # released, or ended, meanwhile
        return None
    return f"another DVC process in this folder: {command} (PID {holder.pid}, user {user})"
