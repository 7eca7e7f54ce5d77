"""`python -m explore`: writes explore/index.html and explore/index.ja.html, from what Git has."""

from pathlib import Path

from experiment.files import replacing
from experiment.parameters import load_parameters
from experiment.support.errors import one_line_errors
from explore.network import NETWORK, read
from explore.page import render
from explore.runs import compare
from explore.words import LANGUAGES
from study.paths import STORE
from study.store import read_entries


def main() -> None:
    """Writes the page in each language."""
    with one_line_errors("explore"):
        for path in build(Path("explore")):
            print(f"{path.as_posix()}: open it in a browser")


def build(folder: Path) -> list[Path]:
    """The files that it wrote."""
    comparisons = compare([entry for _, entry in read_entries(STORE)])
    params, stored = load_parameters(), read(NETWORK)
    paths = []
    for language, name in LANGUAGES.items():
        page = render(comparisons, params, stored, language)
        paths.append(folder / name)
        with replacing(paths[-1]) as temporary:
            temporary.write_text(page, encoding="utf-8", newline="\n")
    return paths


if __name__ == "__main__":
    main()
