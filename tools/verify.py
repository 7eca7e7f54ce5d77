"""`python -m tools.verify`: run the committed pipeline from nothing and compare the results.

Status 0 if every output has the committed bytes, else 1; then the gate says what is noise.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from experiment.files import replacing
from experiment.support.errors import InputError, one_line_errors, wrong
from gate.git import git
from tools.clones import open_clone, run

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
    differs = {name for name, _ in committed.items() ^ rerun.items()} | {*edited.split("\0")} - {""}
    environments = sorted(clone.glob("metrics/*.environment.json"))
    return {
        "commit": git(clone, "rev-parse", "HEAD"),
        "environment": {path.name: json.loads(path.read_bytes()) for path in environments},
        "hashes": {"committed": committed, "rerun": rerun},
        "differs": sorted(differs),
        "verdict": "other bytes" if differs else f"same bytes ({len(rerun)} outputs)",
    }


def read_hashes(clone: Path) -> dict[str, str]:
    """Return the hash of each output in dvc.lock.

    Raises:
        InputError: there is no such file, or no hash of some output.
    """
    try:
        stages = YAML(typ="safe").load(clone / "dvc.lock")["stages"].values()
        return {out["path"]: out["md5"] for stage in stages for out in stage.get("outs", [])}
    except (OSError, YAMLError, AttributeError, KeyError, TypeError):
        remedy = "run `make repro` and commit it"
        raise wrong("dvc.lock", "a hash of each output", "none", remedy) from None


if __name__ == "__main__":
    main()
