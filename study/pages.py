"""`python -m study.pages`: puts what the study found into the pages that people read."""

from pathlib import Path

from experiment.common.errors import one_line_errors
from experiment.presentation.markdown import fill_blocks
from study.answer import NOT_RUN, answer
from study.meaning import meaning_section
from study.results import Results, read_results
from study.sections import claims_section, gains_section, pictures_section, run_section

# In the marks of the blocks: <!-- study: answer -->
PROGRAM = "study"

# By page, by name of a block, what is in it.
Pages = dict[str, dict[str, str]]


def main() -> None:
    """Fills the blocks of the study in docs/results.md from metrics/."""
    with one_line_errors("pages"):
        for page, blocks in pages(read_results()).items():
            fill_blocks(Path(page), PROGRAM, blocks)
            print(f"pages: {page} is up to date")


def pages(results: Results | None) -> Pages:
    """All blocks of the study."""
    return {"docs/results.md": {"answer": answer(results), **sections(results)}}


def sections(results: Results | None) -> dict[str, str]:
    """The blocks of docs/results.md that are there alone."""
    if results is None:
        return dict.fromkeys(("run", "claims", "pictures", "gains", "meaning"), NOT_RUN)
    return {
        "run": run_section(results),
        "claims": claims_section(results.claims, results.study.statistics),
        "pictures": pictures_section(),
        "gains": gains_section(results),
        "meaning": meaning_section(results),
    }


if __name__ == "__main__":
    main()
