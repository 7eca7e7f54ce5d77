"""`python -m verify`: are the committed results those of the committed code?

Statuses: 0 same bytes; 3 other bytes, but within the noise over seeds and in another environment,
which is named; 1 not reproduced.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from verify.comparison import NOT_REPRODUCED, compare
from verify.noise import NOISE, deviations
from verify.rerun import run_pipeline, temporary_clone

CERTIFICATE = Path("certificate")


def main() -> None:
    """Reruns what is committed from nothing; writes `certificate/` and prints it."""
    argparse.ArgumentParser(prog="python -m verify", description=main.__doc__).parse_args()
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    if described.returncode != 0 or not Path("dvc.yaml").is_file():
        sys.exit("verify: expected a clone of this repository with a commit; found none here")
    revision = described.stdout.strip()
    if revision.endswith("-dirty"):
        print("verify: what is not committed is not verified", file=sys.stderr)
    noise = deviations(json.loads(NOISE.read_text(encoding="utf-8"))) if NOISE.exists() else {}
    with temporary_clone(Path.cwd()) as clone, temporary_clone(Path.cwd()) as committed:
        if not run_pipeline(clone):
            print("verify: the pipeline failed; the reason is above", file=sys.stderr)
            sys.exit(NOT_REPRODUCED)
        certificate = compare(committed, clone, noise, revision.removesuffix("-dirty"))
    CERTIFICATE.mkdir(exist_ok=True)
    (CERTIFICATE / "certificate.json").write_text(certificate.to_json(), encoding="utf-8")
    (CERTIFICATE / "certificate.txt").write_text(certificate.to_text(), encoding="utf-8")
    print(certificate.to_text(), end="")
    sys.exit(certificate.status)


if __name__ == "__main__":
    main()
