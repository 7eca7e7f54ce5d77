"""`python -m explore`: writes explore/index.html and explore/index.ja.html, from what Git has.

A page is one file with all that it needs.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from experiment.files import write_text
from experiment.support.errors import one_line_errors, wrong
from experiment.support.markdown import fill_blocks
from explore.networks import pack
from explore.runs import KNOBS, Comparison, add_own_run, compare
from explore.words import (
    LANGUAGES,
    PROGRAM,
    answer_questions,
    describe_gain,
    describe_own_run,
    list_choices,
    load_figures,
    load_words,
    make_blocks,
    make_templates,
)
from study.contrasts import BASE, ON_FASHION
from study.runs import Setting, load_runs


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
    """Write the page in each language into a folder and return the paths.

    `address` is where they will be, with a slash at its end, for those who link to them.
    """
    figures, entries, paths = load_figures(), load_runs(), list[Path]()
    comparisons = compare(entries, figures["gains"])
    own = add_own_run(comparisons, entries)
    for language in LANGUAGES:
        words = load_words(language, figures)
        data = {
            "comparisons": [each | describe_gain(each, words) for each in comparisons.values()],
            "guess": find_place(comparisons, ON_FASHION),
            "knobs": [*KNOBS],
            "networks": figures["networks"],
            "say": words["script"],
            "start": find_place(comparisons, BASE),
        }
        page = (
            make_templates()
            .get_template("page.html")
            .render(
                address=address,
                answers=answer_questions(words, figures),
                data=pack(json.dumps(data, separators=(",", ":")).encode()),
                choices=list_choices(comparisons.values(), words),
                own=describe_own_run(own, words),
                t=words,
                units=len(figures["networks"]["networks"]["dropout"]["weights"][3]),
            )
        )
        paths.append(folder / words["file"])
        write_text(paths[-1], page)
    return paths


def find_place(comparisons: Mapping[Setting, Comparison], setting: Setting) -> int:
    """Return the place of a comparison that the page needs, of any epochs, or raise InputError."""
    for place, each in enumerate(comparisons):
        if replace(each, epochs=setting.epochs) == setting:
            return place
    expected = f"two seeds or more of {setting.dataset}, without Dropout and with rate"
    rate, remedy = setting.dropout_rate, "run `make study`"
    raise wrong("study/runs.jsonl", f"{expected} {rate}", "none", remedy)


if __name__ == "__main__":
    main()
