"""`python -m explore`: writes explore/index.html and explore/index.ja.html, from what Git has."""

from pathlib import Path

from experiment.common.errors import one_line_errors
from experiment.common.files import replacing
from experiment.common.parameters import load_parameters
from explore.network import NETWORK, read
from explore.page import render
from explore.runs import read_comparisons
from explore.words import LANGUAGES

FOLDER = Path("explore")


def main() -> None:
    """Writes the page in each language."""
    with one_line_errors("explore"):
        comparisons, params = read_comparisons(), load_parameters()
        stored = read(NETWORK)
        for language, name in LANGUAGES.items():
            page = render(comparisons, params, stored, language)
            with replacing(FOLDER / name) as temporary:
                temporary.write_text(page, encoding="utf-8", newline="\n")
            print(f"{(FOLDER / name).as_posix()}: open it in a browser")


if __name__ == "__main__":
    main()
