"""`make new NAME="batch normalisation" FROM=plain TO=batch_norm`: a repository for that question.

docs/template.md says what stays. All is one commit, which `git revert` undoes.
"""

import argparse
import keyword
import re
import shutil
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

from experiment.support.errors import InputError, one_line_errors, wrong
from gate.errors import CannotCompareError
from gate.git import git

# Files that are written, and changes.yaml, which says what else happens.
TEMPLATE = Path("tools/template")
NEXT = """\
Next:
1. say at NEW in experiment/network/model.py and experiment/variants.py what {} is
2. make repro, make gate, and commit the results
3. README.md and gate.yaml: what you ask, and how much worse is too much"""


def main() -> None:
    """Make a repository for another question of this one, and commit it."""
    parser = argparse.ArgumentParser(prog="python -m tools.new", description=main.__doc__)
    parser.add_argument("name", help="of what is asked about, such as 'batch normalisation'")
    parser.add_argument("first", help="name of the variant without it, such as plain")
    parser.add_argument("second", help="name of the variant with it, such as batch_norm")
    given = parser.parse_args()
    with one_line_errors("new", then="`git reset --hard` brings all back"):
        try:
            make_new(Path.cwd(), check_words(**vars(given)))
        except CannotCompareError as error:  # of Git
            raise InputError(str(error)) from None
    print(NEXT.format(given.name))


def check_words(name: str, first: str, second: str) -> dict[str, str]:
    """Return what FROM, TO and NAME stand for in the template.

    Raises:
        InputError: one of them cannot be that.
    """
    for key, text in (("FROM", first), ("TO", second)):
        if not re.fullmatch("[a-z][a-z0-9_]*", text) or keyword.iskeyword(text) or first == second:
            raise wrong(key, "a name such as batch_norm", repr(text), "change it")
    if not re.fullmatch(r"\w[\w -]{0,29}", name):
        raise wrong("NAME", "1 to 30 letters or blanks", repr(name), "change it")
    return {"FROM": first, "TO": second, "NAME": name}


def make_new(folder: Path, words: dict[str, str]) -> None:
    """Turn the repository into one for another question, and commit it.

    Raises:
        InputError: there are changes, or a file has no longer what is to be replaced.
    """
    if git(folder, "status", "--porcelain"):
        raise InputError("expected no changes; found some; commit them, so that nothing is lost")
    sources = [path for path in (folder / TEMPLATE).rglob("*") if path.is_file()]
    files = {path.relative_to(folder / TEMPLATE): path.read_text("utf-8") for path in sources}
    changes = YAML(typ="safe").load(files.pop(Path("changes.yaml")))
    for path in map(folder.joinpath, changes["remove"]):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    tracked = git(folder, "ls-files", "-z", ":!gate", ":!*.png").split("\0")
    for path in filter(Path.is_file, map(folder.joinpath, tracked)):
        replace(path, changes["rename"], words)
    for name, edits in changes["edit"].items():
        if missing := replace(folder / name, edits, words):
            raise wrong(name, repr(missing[0]), "none", f"correct {TEMPLATE}")
    for name, text in files.items():
        (folder / name).write_text(fill(text, words), encoding="utf-8")
    # Unused imports go.
    for command in ("check --quiet --fix --select=F401,I001 .", "format --quiet ."):
        subprocess.run([sys.executable, "-m", "ruff", *command.split()], cwd=folder, check=True)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", f"--message=New question: {words['NAME']}")


def fill(text: str, words: dict[str, str]) -> str:
    """Put words in the places of FROM, TO and NAME."""
    return re.sub("FROM|TO|NAME", lambda found: words[found[0]], text)


def replace(path: Path, edits: dict[str, str], words: dict[str, str]) -> list[str]:
    """Replace patterns in a file; return those that it does not have."""
    text, missing = path.read_text(encoding="utf-8"), []
    for pattern, replacement in edits.items():
        filled = fill(pattern, words)
        text, count = re.subn(filled, fill(replacement, words), text, flags=re.S | re.M)
        if not count:
            missing.append(filled)
    path.write_text(text, encoding="utf-8")
    return missing


if __name__ == "__main__":
    main()
