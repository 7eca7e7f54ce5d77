"""`python -m gate.report.page`: makes `dvc plots` draw without a network, in this clone.

DVC's own page loads its scripts from the internet. This writes a page that holds them, and names
it in `.dvc/config.local`: the scripts are large and come with a package, so Git does not have them.
Until then `.dvc/config` names a page that says what to do.
"""

import subprocess
import sys
from functools import cache
from pathlib import Path

import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from gate.git import environment_without_repository

PAGE = Path(".dvc/plots/offline.html")


def main() -> None:
    """Writes the page, then tells DVC of it."""
    if not PAGE.parent.is_dir():
        sys.exit(f"page: expected {PAGE.parent.as_posix()}; found none; run this where dvc.yaml is")
    page = environment().get_template("plots.html").render(vega=vega_script())
    PAGE.write_text(page, encoding="utf-8", newline="\n")
    name = PAGE.relative_to(".dvc").as_posix()
    subprocess.run(
        [sys.executable, "-m", "dvc", "config", "--local", "plots.html_template", name],
        env=environment_without_repository(),
        check=True,
    )


def environment() -> Environment:
    """The templates beside this file; what is put into HTML is escaped."""
    return Environment(
        loader=PackageLoader("gate.report"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@cache
def vega_script() -> str:
    """Vega, Vega-Lite and Vega-Embed, which it sets as `vegaEmbed`, for a `<script>` element."""
    # In a function the names of the bundle stay its own; DVC's page has a `var spec` beside it.
    return f"(() => {{{vl_convert.javascript_bundle('window.vegaEmbed = vegaEmbed;')}}})();"


if __name__ == "__main__":
    main()
