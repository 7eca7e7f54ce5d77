"""The report and the page of `dvc plots` in a browser, with the network off."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from experiment.files import write_curve
from gate.report import page as plots_page
from gate.report.writing import write_report
from gate.tests.conftest import Project
from tests.browser import find_browser, started
from tests.conftest import ROOT, Run
from tests.repository import UNCONFIGURED

Open = Callable[..., Page]

CURVES = ("plots/no_dropout.csv", "plots/dropout.csv")
# Lines of curves; those of the legend and the axes have other roles.
LINES = ".role-scope .mark-line path"

PIPELINE = """\
stages:
  train:
    cmd: cp -r source/. .
    deps: [source]
    outs: [{plots/no_dropout.csv: {cache: false}}, {plots/dropout.csv: {cache: false}}]
    metrics: [{metrics/a.json: {cache: false}}]
plots:
"""
PLOT = """\
  - {0}:
      {{template: curves, title: {0}, x: epoch, x_label: epoch, y_label: {0},
        y: {{plots/no_dropout.csv: [{0}, val_{0}], plots/dropout.csv: [{0}, val_{0}]}}}}
"""
GATE = "{better: higher, margin: {absolute: 0.01}, blocks: true}"


def write_curves(folder: Path, *, epochs: int = 5, shift: float = 0.0) -> None:
    """Write curves that differ from each other, and with `shift` from other revisions'."""
    for number, path in enumerate(CURVES):
        rows = [
            {
                "epoch": epoch,
                "accuracy": 0.99 - 0.1 / epoch - shift,
                "loss": 0.3 / epoch + shift,
                "val_accuracy": 0.95 - number / 100 - shift,
                "val_loss": 0.1 + number / 100 + shift,
            }
            for epoch in range(1, epochs + 1)
        ]
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        write_curve(folder / path, rows)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """This project's plots on `main`, and `change` with a regression and other curves."""
    made = Project(tmp_path_factory.mktemp("curves") / "clone é")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in UNCONFIGURED.items():
            patch.setenv(name, value)
        made.init()
        made.git("config", "user.name", "someone")
        made.git("config", "user.email", "someone@example.org")
        made.write("dvc.yaml", PIPELINE + PLOT.format("accuracy") + PLOT.format("loss"))
        made.write("gate.yaml", f"metrics: {{metrics/a.json: {{accuracy: {GATE}}}}}\n")
        made.write(".gitignore", "/dvc_plots/\n")
        for name in ("config", ".gitignore", "plots/page.html", "plots/curves.json"):
            made.write(f".dvc/{name}", (ROOT / ".dvc" / name).read_bytes())
        for branch, accuracy, shift in (("main", 0.9, 0.0), ("change", 0.8, 0.02)):
            write_curves(made.folder / "source", shift=shift)
            made.write("source/metrics/a.json", json.dumps({"accuracy": accuracy}))
            made.repro()
            if branch == "change":
                made.git("switch", "--quiet", "--create", branch)
            made.commit()
    return made


@pytest.fixture
def clone(repository: Project, tmp_path: Path) -> Project:
    """A copy, to be changed."""
    return repository.copy(tmp_path / "copy é")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        pytest.skip("no browser is installed: apt-get install chromium")
    with started(path) as running:
        yield running


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open a file and wait for its charts; nothing may be asked for or go wrong meanwhile."""
    wrong: list[str] = []
    contexts = []

    def refuse(route: Route) -> None:
        if route.request.url.startswith(("file://", "data:")):
            route.continue_()
        else:
            wrong.append(f"asked for {route.request.url}")
            route.abort()

    def open_it(path: Path, charts: int = 2, **options: Any) -> Page:
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        context.route("**/*", refuse)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(path.as_uri())
        expect(page.locator(".chart[data-drawn]")).to_have_count(charts)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert wrong == []


def test_report_draws_every_curve_below_the_verdict(open_page: Open, clone: Project) -> None:
    """Also on a phone, which it is never wider than; the row that refuses stands out."""
    write_report(clone.folder, "main", None)
    page = open_page(clone.folder / "report/index.html")
    expect(page.locator(".verdict p").first).to_contain_text("Worse: accuracy of metrics/a.json")
    expect(page.locator("td strong")).to_contain_text("worse by 0.1")
    expect(page.locator(LINES)).to_have_count(16)  # 2 charts, 2 networks, 2 revisions, 2 splits
    for text in ("without Dropout", "with Dropout", "training", "validation", "main", "change"):
        expect(page.locator(".chart svg").first).to_contain_text(text)
    page.locator(".chart").first.get_by_text("validation", exact=True).click()
    expect(page.locator(f'{LINES}[opacity="0.08"]')).to_have_count(4)  # training, of one chart
    colours = [
        page.locator(f"td {name}").first.evaluate("e => getComputedStyle(e).color")
        for name in ("strong", "code")
    ]
    assert colours[0] != colours[1]
    phone = open_page(clone.folder / "report/index.html", viewport={"width": 320, "height": 800})
    assert phone.evaluate("document.documentElement.scrollWidth") <= 320
    lines = phone.locator(LINES).first.bounding_box()
    assert lines
    assert lines["x"] + lines["width"] <= 320


def test_dvc_plots(
    open_page: Open, clone: Project, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says what to run before set-up; after it, what is short, missing or the same."""
    assert run(clone.folder, "dvc", "plots", "diff", "main").returncode == 0
    page = open_page(clone.folder / "dvc_plots/index.html", charts=0)
    expect(page.get_by_role("alert")).to_contain_text("Run make setup")
    clone.git("switch", "--quiet", "--create", "short", "main")
    write_curves(clone.folder, epochs=1, shift=0.01)
    clone.commit()
    clone.git("switch", "--quiet", "--create", "missing", "main")
    clone.git("rm", "--quiet", CURVES[1])
    clone.commit()
    monkeypatch.chdir(clone.folder)
    plots_page.main()
    done = run(clone.folder, "dvc", "plots", "diff", "main", "change", "short", "missing")
    assert done.returncode == 0, done.stderr
    chart = open_page(clone.folder / "dvc_plots/index.html").locator(".chart").first
    for note in (
        "short ends after epoch 1",
        "missing has the same curves as main",
        "missing has no curve of this network",
    ):
        expect(chart).to_contain_text(note)
    legend = chart.locator(".role-legend-label text").all_text_contents()
    assert legend == ["main", "change", "short", "missing", "training", "validation"]
