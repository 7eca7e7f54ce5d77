"""`accept`: move the anchor, and say what became worse since the old one."""

import re
from pathlib import Path

from gate.base import find_anchor
from gate.check import Check
from gate.comparison import Verdict
from gate.errors import CannotCompareError, write_whole
from gate.git import find_commit
from gate.presentation import bullets
from gate.repository import Repository
from gate.settings import SETTINGS, load_settings, read_own


def move_anchor(folder: Path, revision: str) -> str:
    """Write a commit as the anchor into gate.yaml, of which nothing else changes."""
    root = Repository(folder).folder
    commit = find_commit(root, revision)
    if commit is None:
        raise CannotCompareError(f"expected a branch, tag or commit; there is no {revision!r} here")
    text = read_own(root) or ""
    old = load_settings(text or None).anchor
    line = f"anchor: {commit}"
    new, count = re.subn(r"(?m)^anchor:[^\r\n#]*?(?=\s*(#|\r?$))", line, text, count=1)
    new = new if count else f"{line}\n{text}"
    if load_settings(new).anchor != commit:
        raise CannotCompareError(f"{SETTINGS}: anchor: cannot be replaced; write {commit} by hand")
    said = []
    try:
        for c in Check(root, find_anchor(root, old).commit).comparisons if old else ():
            if c.blocks and c.loss > 0:
                beyond = ", beyond its margin" if c.verdict is Verdict.WORSE else ""
                said.append(f"worse than at the old anchor: {c.name}: {c.change:+.3g}{beyond}")
        if old and not said:
            said = ["no metric that blocks is worse than at the old anchor"]
    except CannotCompareError as error:
        said = [f"cannot be compared with the old anchor: {error}"]
    write_whole(root / SETTINGS, new)
    title = f"**The anchor is now {commit[:10]}.** Commit {SETTINGS}; it judges from then on.\n"
    return "\n".join([title, *bullets(said)])
