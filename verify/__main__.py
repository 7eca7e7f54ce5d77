"""`python -m verify`: are the committed results those of the committed code?

Statuses: 0 same bytes; 3 other bytes, but within the noise over seeds and in another environment,
which is named; 1 not reproduced.
"""

import argparse
import sys
from pathlib import Path

from experiment.files import replacing
from experiment.support.errors import InputError, one_line_errors
from gate.errors import CannotCompareError
from gate.git import git
from verify.comparison import Certificate, read_and_compare
from verify.rerun import run_pipeline, temporary_clone

CERTIFICATE = Path("certificate/certificate")


def main() -> None:
    """Reruns what is committed from nothing; writes `certificate/` and prints it."""
    argparse.ArgumentParser(prog="python -m verify", description=main.__doc__).parse_args()
    with one_line_errors("verify"):
        try:
            certificate = verify(Path.cwd())
        except CannotCompareError as error:
            raise InputError(str(error)) from None
        for name, text in (("json", certificate.to_json()), ("txt", certificate.to_text())):
            with replacing(CERTIFICATE.with_suffix(f".{name}")) as temporary:
                temporary.write_text(text, encoding="utf-8")
    print(certificate.to_text(), end="")
    sys.exit(certificate.status)


def verify(repository: Path) -> Certificate:
    """Reruns the last commit of a repository.

    Raises:
        InputError: there is nothing to verify, or the pipeline fails.
        CannotCompareError: Git finds no commit here, or `dvc.lock` is broken.
    """
    if not (repository / "dvc.yaml").is_file():
        raise InputError("dvc.yaml: no such file; run this in the folder that has it, in a clone")
    revision = git(repository, "describe", "--always", "--dirty")
    if revision.endswith("-dirty"):
        print("verify: what is not committed is not verified", file=sys.stderr)
    with temporary_clone(repository) as rerun, temporary_clone(repository) as committed:
        if not run_pipeline(rerun):
            raise InputError("not reproduced: the pipeline failed; the reason is above")
        return read_and_compare(committed, rerun, revision.removesuffix("-dirty"))


if __name__ == "__main__":
    main()
