"""`bench/results.md`: what `bench/results.json` holds, as a page; its first lines for README.md."""

from collections.abc import Callable
from pathlib import Path

from bench import report_pairs, report_waiting
from bench.markdown import paragraph
from bench.report_pairs import Part, headline
from experiment.artifacts import replacing
from experiment.errors import InputError

NOT_MEASURED = "Not measured yet: `make bench`."
MARK = "<!-- speed: written by `python -m bench --readme` -->\n"

# By part of the results, in the order of the page.
SECTIONS: dict[str, list[Callable[[Part], str]]] = {
    "pairs": [
        report_pairs.pairs_section,
        report_pairs.curves_section,
        report_pairs.floor_section,
    ],
    "idle": [report_waiting.idle_section],
    "rate": [report_waiting.rate_section],
    "stages": [report_waiting.stages_section],
    "study": [report_waiting.study_section],
    "tests": [report_waiting.tests_section],
}


def page(results: Part) -> str:
    """All of `bench/results.md`; parts that were not measured are left out."""
    texts = ["# Speed", first_paragraph(results)]
    for name, writers in SECTIONS.items():
        if name in results:
            texts += [writer(results[name]) for writer in writers]
    return "\n\n".join(texts) + "\n"


def put_into_readme(path: Path, results: Part) -> None:
    """Replaces the paragraph behind `MARK`.

    Raises:
        InputError: the mark is not there.
    """
    text = path.read_text(encoding="utf-8")
    before, mark, after = text.partition(MARK)
    if not mark:
        raise InputError(f"{path}: expected the line {MARK.strip()}; found none; put it back")
    rest = after.partition("\n\n")[2]
    with replacing(path) as temporary:
        content = f"{before}{mark}{first_paragraph(results)}\n\n{rest}"
        temporary.write_text(content, encoding="utf-8", newline="\n")


def first_paragraph(results: Part) -> str:
    """The headline, or that there is none yet."""
    return paragraph(headline(results["pairs"]) if "pairs" in results else NOT_MEASURED)
