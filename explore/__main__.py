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
        for path in build(FOLDER):
            print(f"{path.as_posix()}: open it in a browser")


def build(folder: Path) -> list[Path]:
    """The files that it wrote."""
    comparisons, params, stored = read_comparisons(), load_parameters(), read(NETWORK)
    pages = {
        folder / name: render(comparisons, params, stored, language)
        for language, name in LANGUAGES.items()
    }
    for path, page in pages.items():
        with replacing(path) as temporary:
            temporary.write_text(page, encoding="utf-8", newline="\n")
    return list(pages)


if __name__ == "__main__":
    main()
