"""`python -m explore`: writes explore/index.html and explore/index.ja.html, from what Git has."""

import argparse
from pathlib import Path

from experiment.files import replacing
from experiment.support.errors import one_line_errors
from experiment.support.markdown import fill_blocks
from explore.page import render
from explore.runs import add_own_run, compare
from explore.words import LANGUAGES, PROGRAM, load_figures, load_words, make_blocks
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
        figures = load_figures()
        for language in LANGUAGES:
            words = load_words(language, figures)
            fill_blocks(Path(words["readme"]["file"]), PROGRAM, make_blocks(words, figures))


def build(folder: Path, address: str = "") -> list[Path]:
    """Write the pages and return their paths."""
    figures, entries, paths = load_figures(), load_runs(), []
    comparisons = compare(entries, figures["gains"])
    own = add_own_run(comparisons, entries)
    for language in LANGUAGES:
        words = load_words(language, figures)
        paths.append(folder / words["file"])
        with replacing(paths[-1]) as temporary:
            page = render(comparisons, own, figures, words, address)
            temporary.write_text(page, encoding="utf-8", newline="\n")
    return paths


if __name__ == "__main__":
    main()
