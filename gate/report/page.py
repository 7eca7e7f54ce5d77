"""`python -m gate.report.page`: makes `dvc plots` draw without a network, in this clone.

DVC's own page loads its scripts from the internet. This writes a page that holds them, and names
it in `.dvc/config.local`: the scripts are large and come with a package, so Git does not have them.
Until then `.dvc/config` names a page that says what to do.
"""

import html
import subprocess
import sys
from functools import cache
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
    name = PAGE.relative_to(".dvc").as_posix()
    subprocess.run(
        [sys.executable, "-m", "dvc", "config", "--local", "plots.html_template", name],
        env=environment_without_repository(),
        check=True,
    )


def make_page(title: str, verdict: str = "<h1>Curves</h1>") -> str:
    """Return a template of DVC's plots page that needs nothing else."""
    template = Template((TEMPLATES / "page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=html.escape(title),
        style=(TEMPLATES / "page.css").read_text(encoding="utf-8"),
        vega=_bundle_vega(),
        charts=(TEMPLATES / "charts.js").read_text(encoding="utf-8"),
        verdict=verdict.replace("{", "&#123;"),  # what DVC fills in stands in braces
    )


@cache
def _bundle_vega() -> str:
    """Return Vega, Vega-Lite and Vega-Embed, which it sets as `vegaEmbed`."""
    # In a function the names of the bundle stay its own; DVC's page has a `var spec` beside it.
    return f"(() => {{{vl_convert.javascript_bundle('window.vegaEmbed = vegaEmbed;')}}})();"


if __name__ == "__main__":
    main()
