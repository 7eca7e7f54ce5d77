"""`python -m gate.report.page`: makes `dvc plots` draw without a network, in this clone.

DVC's own page loads its scripts from the internet. This writes a page that holds them, and names
it in `.dvc/config.local`: the scripts are large and come with a package, so Git does not have them.
"""

import html
import subprocess
import sys
from pathlib import Path
from string import Template

import vl_convert

from gate.errors import write_whole
from gate.git import environment_without_repository

PAGE = Path(".dvc/plots/offline.html")
TEMPLATES = Path(__file__).with_name("templates")


def main() -> None:
    """Write the page, then name it in DVC's configuration."""
    if not PAGE.parent.is_dir():
        sys.exit(f"page: expected {PAGE.parent.as_posix()}; found none; run this where dvc.yaml is")
    write_whole(PAGE, make_page("DVC plots"))
    setting = ["plots.html_template", PAGE.relative_to(".dvc").as_posix()]
    command = [sys.executable, "-m", "dvc", "config", "--local", *setting]
    subprocess.run(command, env=environment_without_repository(), check=True)


def make_page(title: str, verdict: str = "<h1>Curves</h1>") -> str:
    """Return a template of DVC's plots page that needs nothing else."""
    files = {path.stem: path.read_text(encoding="utf-8") for path in TEMPLATES.iterdir()}
    # In a function the names of Vega's bundle stay its own; DVC's page has a `var spec` beside it.
    vega = f"(() => {{{vl_convert.javascript_bundle('window.vegaEmbed = vegaEmbed;')}}})();"
    return Template(files.pop("page")).substitute(
        files,
        title=html.escape(title),
        vega=vega,
        verdict=verdict.replace("{", "&#123;"),  # what DVC fills in stands in braces
    )


if __name__ == "__main__":
    main()
