"""`python -m tools.verify`: run the committed pipeline from nothing and compare the results.

Status 0 if every output has the committed bytes, else 1; then the gate says what is noise.
"""

import argparse
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from experiment.files import replacing
from experiment.support.errors import InputError, one_line_errors, wrong
from gate.git import git
from tools.clones import open_clone, run

Hashes = dict[str, str | None]

CERTIFICATE = Path("certificate/certificate.json")


def main() -> None:
    """Run the last commit in a temporary clone; print what differs and write a certificate."""
    argparse.ArgumentParser(prog="python -m tools.verify", description=main.__doc__).parse_args()
    with one_line_errors("verify", then="run again"), open_clone(Path.cwd()) as clone:
        certificate = rerun_and_compare(clone)
        with replacing(CERTIFICATE) as temporary:
            temporary.write_text(json.dumps(certificate, indent=2) + "\n", encoding="utf-8")
        print("Commit {commit}, run from nothing: {verdict}".format(**certificate), flush=True)
        if not certificate["differs"]:
            return
        print("  " + "\n  ".join(certificate["differs"]))
        print(git(clone, "diff", "HEAD", "--", "*.environment.json"))
        print("Is that noise? The gate:", flush=True)
        run(("-m", "gate", "check", "--base", "HEAD"), clone)
        sys.exit(1)


def rerun_and_compare(clone: Path) -> dict[str, Any]:
    """Run the pipeline of a fresh clone and return the certificate.

    Raises:
        InputError: there are no committed hashes, or the pipeline fails.
    """
    committed = read_hashes(clone)
    (clone / "dvc.lock").unlink()
    if run(("-m", "stages"), clone)[0] != 0:  # what `make repro` runs
        raise InputError("not reproduced: the pipeline failed; the reason is above")
    rerun = read_hashes(clone)
    # Git tells which files were edited after DVC had stored their hashes.
    edited = git(clone, "diff", "--name-only", "--relative", "-z", "HEAD", "--", ":!dvc.lock")
    differs = find_differences(committed, rerun) | {*filter(None, edited.split("\0"))}
    environments = sorted(clone.glob("metrics/*.environment.json"))
    return {
        "commit": git(clone, "rev-parse", "HEAD"),
        "environment": {path.name: json.loads(path.read_bytes()) for path in environments},
        "hashes": {"committed": committed, "rerun": rerun},
        "differs": sorted(differs),
        "verdict": "other bytes" if differs else f"same bytes ({len(rerun)} outputs)",
    }


def find_differences(committed: Hashes, rerun: Hashes) -> set[str]:
    """Return the outputs whose hashes differ, or are missing."""
    return {
        name
        for name in {*committed, *rerun}
        if committed.get(name) is None or committed[name] != rerun.get(name)
    }


def read_hashes(clone: Path) -> Hashes:
    """Return the hash of each output in dvc.lock, None where it has none.

    Raises:
        InputError: there is no such file, or no output in it.
    """
    hashes: Hashes = {}
    with suppress(FileNotFoundError, YAMLError, AttributeError, KeyError, TypeError):
        for stage in YAML(typ="safe").load(clone / "dvc.lock")["stages"].values():
            hashes |= {out["path"]: out.get("md5") for out in stage.get("outs", [])}
    if not hashes:
        raise wrong("dvc.lock", "hashes of outputs", "none", "run `make repro` and commit dvc.lock")
    return hashes


if __name__ == "__main__":
    main()
