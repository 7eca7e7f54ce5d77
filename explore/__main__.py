"""`python -m explore`: writes explore/index.html and explore/index.ja.html, from what Git has."""

import argparse
import json
from pathlib import Path
from typing import Any

from experiment.files import replacing
from experiment.support.errors import InputError, one_line_errors
from explore.networks import NETWORKS
from explore.page import render
from explore.readme import fill_readmes
from explore.runs import compare
from explore.words import LANGUAGES, load_words
from study.results import FILE
from study.runs import load_runs


def main() -> None:
    """Write the page in each language, and the results that the READMEs tell."""
    parser = argparse.ArgumentParser(prog="python -m explore", description=main.__doc__)
    text = "where the pages will be, for the picture that is shown with a link to them"
    parser.add_argument("--address", default="", help=text)
    address = parser.parse_args().address
    with one_line_errors("explore"):
        for path in build(Path("explore"), address and address.rstrip("/") + "/"):
            print(f"{path.as_posix()}: open it in a browser")
        fill_readmes(read(FILE, "run `make study`"))


def build(folder: Path, address: str = "") -> list[Path]:
    """Write the pages and return their paths."""
    networks = read(NETWORKS, "run `python -m explore.networks`")
    results = read(FILE, "run `make study`")
    comparisons = compare(load_runs(), results["gains"])
    paths = []
    for language in LANGUAGES:
        words = load_words(language)
        page = render(comparisons, results, networks, words, address)
        paths.append(folder / words["file"])
        with replacing(paths[-1]) as temporary:
            temporary.write_text(page, encoding="utf-8", newline="\n")
    return paths


def read(path: Path, remedy: str) -> dict[str, Any]:
    """Read a file of JSON.

    Raises:
        InputError: it is missing or damaged.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not JSON"
        raise InputError(f"{path}: {reason}; restore it with Git, or {remedy}") from None
    return content


if __name__ == "__main__":
    main()
