"""Git's commands, and the environment in which they act on the repository of a given folder."""

import os
import subprocess
from pathlib import Path

from gate.errors import CannotCompareError

# Who someone is, and where Git's programs, settings and servers are. All other GIT_* variables say
# on which repository or how Git acts: Git sets them for hooks, `git -c` and `git rebase --exec`.
_KEPT = (
    "GIT_ASKPASS", "GIT_AUTHOR_", "GIT_CEILING_DIRECTORIES", "GIT_COMMITTER_", "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM", "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_EXEC_PATH",
    "GIT_HTTP", "GIT_PROXY", "GIT_SSH", "GIT_SSL", "GIT_TERMINAL_PROMPT",
)  # fmt: skip


def environment_without_repository() -> dict[str, str]:
    """The variables of this process, without those that point Git to another repository.

    Whatever starts Git or DVC passes them on: in a hook, Git would else act on the repository that
    the hook belongs to, whichever folder it is started in.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(_KEPT)
    }


def git(folder: Path, *arguments: str) -> str:
    """What a command of Git prints, without blanks around it.

    Raises:
        CannotCompareError: Git is not installed or the command fails; what Git says is passed on.
    """
    return _output(folder, arguments, (0,))


def try_git(folder: Path, *arguments: str) -> str | None:
    """As `git`, but None where it answers "no" (status 1) or prints nothing."""
    return _output(folder, arguments, (0, 1)) or None


def _output(folder: Path, arguments: tuple[str, ...], statuses: tuple[int, ...]) -> str:
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
    return done.stdout.decode(errors="replace").strip()
