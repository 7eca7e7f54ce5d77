"""`bench/results.md`: what `bench/results.json` holds, as a page; some of it in other pages."""

from collections.abc import Callable
from pathlib import Path

from bench import report_pairs, report_waiting
from bench.report_pairs import Part, headline, headline_in_japanese
from bench.report_waiting import study_sentence
from experiment.presentation.markdown import fill_blocks, paragraph

NOT_MEASURED = "Not measured yet: `make bench`."
# In the marks of its blocks: <!-- speed: headline -->
PROGRAM = "speed"

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


def fill_pages(results: Part) -> None:
    """Puts the headline into both READMEs, and the runs per hour into the page of the study.

    Raises:
        InputError: a page, or the block in it, is not there.
    """
    for page, blocks in blocks_of_pages(results).items():
        fill_blocks(Path(page), PROGRAM, blocks)


def blocks_of_pages(results: Part) -> dict[str, dict[str, str]]:
    """What `python -m bench --readme` writes: by page, by block."""
    return {
        "README.md": {"headline": first_paragraph(results)},
        "README.ja.md": {
            "headline": headline_in_japanese(results["pairs"])
            if "pairs" in results
            else "未測定です: `make bench`"
        },
        "docs/results.md": {
            "study": paragraph(
                study_sentence(results["study"])
                if "study" in results
                else "Runs per hour: not measured yet (`make bench`)."
            )
        },
    }


def first_paragraph(results: Part) -> str:
    """The headline, or that there is none yet."""
    return paragraph(headline(results["pairs"]) if "pairs" in results else NOT_MEASURED)
