"""`python -m verify`: are the committed results those of the committed code?

Statuses: 0 same bytes; 3 other bytes, but within the noise over seeds and in another environment,
which is named; 1 not reproduced.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from experiment.common.errors import InputError, one_line_errors
from experiment.common.files import replacing
from verify.comparison import Certificate, compare
from verify.noise import read_noise
from verify.rerun import run_pipeline, temporary_clone

CERTIFICATE = Path("certificate/certificate")


def main() -> None:
    """Reruns what is committed from nothing; writes `certificate/` and prints it."""
    argparse.ArgumentParser(prog="python -m verify", description=main.__doc__).parse_args()
    with one_line_errors("verify"):
        certificate = verify(Path.cwd())
        for name, text in (("json", certificate.to_json()), ("txt", certificate.to_text())):
            with replacing(CERTIFICATE.with_suffix(f".{name}")) as temporary:
                temporary.write_text(text, encoding="utf-8")
    print(certificate.to_text(), end="")
    sys.exit(certificate.status)


def verify(repository: Path) -> Certificate:
    """Reruns the last commit of a repository.

    Raises:
        InputError: there is nothing to verify, or the pipeline fails.
    """
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    if described.returncode != 0 or not (repository / "dvc.yaml").is_file():
        raise InputError("expected a clone of this repository with a commit; found none here")
    revision = described.stdout.strip()
    if revision.endswith("-dirty"):
        print("verify: what is not committed is not verified", file=sys.stderr)
    with temporary_clone(repository) as rerun, temporary_clone(repository) as committed:
        if not run_pipeline(rerun):
            raise InputError("not reproduced: the pipeline failed; the reason is above")
        return compare(committed, rerun, read_noise(committed), revision.removesuffix("-dirty"))


if __name__ == "__main__":
    main()
