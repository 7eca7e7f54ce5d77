"""`accept`: move the anchor, and say what became worse since the old one."""

import re
from pathlib import Path

from gate.base import find_anchor
from gate.check import check
from gate.comparison import Verdict
from gate.errors import CannotCompareError, write_whole
from gate.git import find_commit
from gate.presentation import escape
from gate.repository import Repository
from gate.settings import SETTINGS, load_settings


def move_anchor(folder: Path, revision: str) -> str:
    """Write a commit as the anchor into gate.yaml, of which nothing else changes."""
    root = Repository(folder).folder
    commit = find_commit(root, revision)
    if commit is None:
        raise CannotCompareError(f"expected a branch, tag or commit; there is no {revision!r} here")
    path = root / SETTINGS
    text = path.read_bytes().decode() if path.exists() else None
    old = load_settings(text).anchor
    assert text is not None  # noqa: S101  (load_settings has refused it)
    line = f"anchor: {commit}"
    new, count = re.subn(r"(?m)^anchor:[^\r\n#]*?(?=\s*(#|\r?$))", line, text, count=1)
    new = new if count else f"{line}\n{text}"
    if load_settings(new).anchor != commit:
        raise CannotCompareError(f"{SETTINGS}: anchor: cannot be replaced; write {commit} by hand")
    lines = [f"**The anchor is now {commit[:10]}.** Commit {SETTINGS}; it judges from then on.\n"]
    if old is not None:
        lines += _list_worse(root, old)
    write_whole(path, new)
    return "\n".join(lines) + "\n"


def _list_worse(root: Path, old: str) -> list[str]:
    try:
        found = check(root, find_anchor(root, old).commit).comparisons
    except CannotCompareError as error:
        return [f"- cannot be compared with the old anchor: {escape(str(error))}"]
    lines = []
    for c in found:
        if c.blocks and c.change and (c.change > 0) == (c.better == "lower"):
            beyond = ", beyond its margin" if c.verdict is Verdict.WORSE else ""
            lines.append(
                f"- worse than at the old anchor: {escape(c.name)}: {c.change:+.3g}{beyond}"
            )
    return lines or ["- no metric that blocks is worse than at the old anchor"]
