"""Git's commands, and the environment in which they act on the repository of a given folder."""

import os
import subprocess
from pathlib import Path

from gate.errors import CannotCompareError

# Variables for identity, credentials and configuration are kept; those that point Git at another
# repository, which Git sets for hooks, `git -c` and `git rebase --exec`, are dropped.
_KEPT = (
    "GIT_ASKPASS", "GIT_AUTHOR_", "GIT_CEILING_DIRECTORIES", "GIT_COMMITTER_", "GIT_CONFIG_COUNT",
    "GIT_CONFIG_GLOBAL", "GIT_CONFIG_KEY_", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_VALUE_", "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_EXEC_PATH",
    "GIT_HTTP", "GIT_PROXY", "GIT_SSH", "GIT_SSL", "GIT_TERMINAL_PROMPT",
)  # fmt: skip


def environment_without_repository() -> dict[str, str]:
    """Return this process' variables without those that point Git at another repository."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(_KEPT)
    }


def git(folder: Path, *arguments: str, statuses: tuple[int, ...] = (0,)) -> str:
    """Return what a command of Git prints, without blanks at its end."""
    # Git itself rather than a library for it: it starts in a hundredth of a second, and shallow and
    # partial clones, worktrees and packs are read as the user's own Git reads them.
    variables = {**environment_without_repository(), "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    command = ["git", *arguments]
    try:
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, check=False)
    except FileNotFoundError:
        raise CannotCompareError("expected Git; found no command `git`; install it") from None
    if done.returncode not in statuses:
        # All in one line: the remedy is often not in the first.
        said = " ".join(done.stderr.decode(errors="replace").split())
        reason = said or f"failed with status {done.returncode}"
        raise CannotCompareError(f"git {arguments[0]}: {reason}")
    return done.stdout.decode(errors="replace").rstrip()


def try_git(folder: Path, *arguments: str) -> str | None:
    """Do the same, but return None where Git answers "no" (status 1) or prints nothing."""
    return git(folder, *arguments, statuses=(0, 1)) or None


def find_commit(folder: Path, name: str) -> str | None:
    """Return the full hash of the commit that a branch, tag or hash names, or None."""
    name = f"{name}^{{commit}}"
    return try_git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", name)


def read_committed(folder: Path, commit: str, path: str) -> str | None:
    """Return the text of a file below the folder at a commit, or None if there is none."""
    if not git(folder, "ls-tree", "--name-only", commit, "--", f":(literal){path}"):
        return None
    return git(folder, "show", f"{commit}:./{path}")


def list_changes(folder: Path, commit: str, path: str = ".") -> set[str]:
    """Return the files below the folder that differ from a commit's, new ones included."""
    options = ("--name-only", "--no-renames", "--relative", "-z")
    changed = git(folder, "diff", *options, commit, "--", f":(literal){path}")
    added = git(folder, "ls-files", "--others", "--exclude-standard", "-z", "--", path)
    return {name for name in f"{changed}\0{added}".split("\0") if name}
