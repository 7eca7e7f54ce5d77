"""`report`: DVC's plots page with the verdict on top, and the same as Markdown."""

import csv
import html
import io
import json
import mimetypes
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dvc_render.exceptions import DvcRenderError
from dvc_render.html import HTML
from markdown_it import MarkdownIt

from gate.changes import group_problems
from gate.check import Check
from gate.errors import CannotCompareError, clean, one_line, write_whole
from gate.git import git, try_git
from gate.presentation import Found, as_markdown, as_sentence, bullets, code, escape, table
from gate.report.page import make_page
from gate.snapshot import Snapshot

MARK = "# Written by the metrics gate, which overwrites this folder.\n*\n"
PICTURES = {".png", ".svg", ".jpg", ".jpeg", ".gif"}


def write_report(folder: Path, base: str | None, files_of_commits: str | None) -> tuple[int, str]:
    """Write `report/`; one that says why, if the two sides cannot be compared."""
    found: Found
    plots: list[str] = []
    try:
        found = Check(folder, base)
        text, plots = _describe(found, files_of_commits)
    except CannotCompareError as error:
        found, text = error, as_markdown(error)
    sentence = as_sentence(found)
    verdict = MarkdownIt("js-default").render(text)
    top = f'<section class="verdict status-{found.status}">\n{verdict}</section>'
    page = HTML(make_page(sentence, top))
    for plot in plots:
        page.with_element(plot)
    _write(folder / "report", {"index.html": page.embed(), "report.md": text})
    return (0 if isinstance(found, Check) else found.status), sentence


def _describe(found: Check, address: str | None) -> tuple[str, list[str]]:
    """Return the answer with pictures as Markdown, and each plot as HTML."""
    folder, base = found.folder, found.base
    head = git(folder, "rev-parse", "HEAD")
    branch = try_git(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    candidate = next(n for n in (branch, head[:10], "workspace") if n and n != base.name)
    names = clean(base.name), clean(candidate)
    renderers, problems = found.repository.read_plots(base.commit, *names)
    plots = []
    for number, renderer in enumerate(renderers):
        try:
            plots.append(_draw(renderer, f"plot-{number}"))
        except DvcRenderError as error:
            problems.append(("", renderer.name, one_line(error)))
    changed = git(folder, "status", "--porcelain", "--", ".")
    state = ", with changes that are not committed" if changed else ""
    extra = [f"candidate: {candidate} ({head[:10]}){state}"]
    extra += describe_flips(found.settings.predictions, found.before, found.after)
    extra += [f"not drawn: {problem}" for problem in group_problems(problems)]
    lines = [as_markdown(found), *bullets(extra)]
    rows = []
    for path in sorted({*found.before.outputs, *found.after.outputs}):
        if address and Path(path).suffix.lower() in PICTURES:
            links = [_link(found, path, address, commit) for commit in (base.commit, head)]
            rows += [[code(path), *links]] if {*links} != {"none"} else []
    lines += table(["", *map(code, names)], rows) if rows else []
    return "\n".join(lines).rstrip() + "\n", plots


def _draw(renderer: Any, name: str) -> str:
    if renderer.TYPE != "image":
        if not renderer.datapoints:
            return ""
        specification = dict(renderer.get_filled_template())
        specification.pop("$schema", None)  # an older version of Vega-Lite would be a warning
        text = json.dumps(specification).replace("<", "\\u003c")  # no name ends the script
        return f'<div id="{name}"><script>vegaEmbed("#{name}", {text});</script></div>'
    figures = []
    for point in renderer.datapoints:
        kind = mimetypes.guess_type(point["filename"])[0] or "image/png"
        source = f"data:{kind};base64,{point['src'].partition(',')[2]}"
        caption = html.escape(f"{clean(point['filename'])}: {point['rev']}")
        image = f'<img src="{source}" alt="{caption}">'
        figures.append(f"<figure><figcaption>{caption}</figcaption>{image}</figure>")
    return f'<div class="pictures">{"".join(figures)}</div>'


def _link(found: Check, path: str, address: str, commit: str) -> str:
    """Return the link to a picture that Git has at a commit."""
    place = git(found.folder, "ls-tree", "--full-name", "--name-only", commit, "--", path)
    return f"![{escape(path)}]({address}/{commit}/{quote(place)})" if place else "none"


def _write(target: Path, files: dict[str, str]) -> None:
    mark = target / ".gitignore"
    ours = mark.is_file() and mark.read_text(encoding="utf-8") == MARK
    empty = not target.exists() or (target.is_dir() and not any(target.iterdir()))
    if target.is_symlink() or not (ours or empty):
        raise CannotCompareError(
            f"{target.name}: expected no folder, or the gate's own; found another; move it away"
        )
    target.mkdir(exist_ok=True)
    for name, text in {".gitignore": MARK, **files}.items():
        write_whole(target / name, text)


def describe_flips(files: Mapping[str, str], base: Snapshot, candidate: Snapshot) -> Iterator[str]:
    """Yield how many images only one side gets right, with McNemar's exact two-sided test."""
    for file, path in files.items():
        before, after = (_read_rows(side.files.get(path)) for side in (base, candidate))
        if not before or not after:
            side = "candidate" if before else "base"
            yield f"{file}: the {side} has no predictions with the columns label and prediction"
        elif [label for label, _ in before] != [label for label, _ in after]:
            yield f"{file}: the two sides were tested on other images"
        else:
            from scipy.stats import binomtest  # a second, and seldom needed

            pairs = zip(before, after, strict=True)
            right = Counter((a == label, b == label) for (label, a), (_, b) in pairs)
            wrong, gained = right[True, False], right[False, True]
            p = float(binomtest(gained, wrong + gained).pvalue) if wrong + gained else 1.0
            yield (
                f"{file}: {wrong} test images newly wrong, {gained} newly right"
                f" (McNemar: p = {p:.2g})"
            )


def _read_rows(text: str | None) -> list[tuple[str, str]]:
    """Return label and prediction by row; none if it is no table of them."""
    try:
        rows = csv.DictReader(io.StringIO(text or "", newline=""))
        return [(row["label"], row["prediction"]) for row in rows]
    except (csv.Error, KeyError):
        return []
