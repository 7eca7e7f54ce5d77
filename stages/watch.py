"""`python -m stages.watch`: a page with the curves of a running `make repro`, until it ends."""

import base64
import io
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
from matplotlib.figure import Figure

from experiment.files import write_text
from experiment.parameters import Parameters, load_parameters
from experiment.style import plain_style
from experiment.support.errors import InputError, one_line_errors
from experiment.variants import VARIANTS
from stages.plot import PLOTS, draw, read_curve
from stages.summary import find_settings, load_entries
from study.runs import Entry, select

PAGE = Path(".checkpoints/watch.html")
SECONDS = 2
HEAD = '<!doctype html><meta charset="utf-8"><title>Curves</title>'
BANDS = "Bands: validation images, lowest to highest of the stored runs that repeat these settings."


def main() -> None:
    """Draw the curves into a page again and again while a run is at work."""
    with one_line_errors("watch"), plain_style(font_size=13):
        params, entries = load_parameters(), load_entries()
        print(f"watch: open {PAGE.absolute().as_uri()}", flush=True)
        running = True
        while running:
            running = is_running()
            page = HEAD + (f'<meta http-equiv="refresh" content="{SECONDS}">' if running else "")
            for figure in draw_figures(params, entries):
                picture = io.BytesIO()
                figure.savefig(picture, dpi=100)
                content = base64.b64encode(picture.getvalue()).decode()
                page += f'<img alt="" src="data:image/png;base64,{content}">'
            write_text(PAGE, f"{page}<p>{BANDS}</p>")
            time.sleep(SECONDS if running else 0)
        print("watch: no run is at work any more; the page shows its last curves")


def is_running() -> bool:
    """Tell whether DVC or `python -m stages` is at work in this folder.

    Further words do not count, such as a folder's name: `python -m pytest tests/stages`.
    """
    here = str(Path.cwd())
    return any(
        process.info["cwd"] == here
        and {"dvc", "stages"} & {Path(word).name for word in (process.info["cmdline"] or ())[:3]}
        for process in psutil.process_iter(["cwd", "cmdline"])
    )


def draw_figures(params: Parameters, entries: Sequence[Entry]) -> list[Figure]:
    """Draw the curves that are there, over the bands of the seeds that repeat their settings."""
    curves, settings = {}, {}
    for variant in VARIANTS:
        with suppress(InputError):  # not begun
            curves[variant] = read_curve(PLOTS / f"{variant}.csv")
    with suppress(InputError):  # no images yet
        settings = find_settings(params)
    figures = []
    for metric in ("accuracy", "loss"):
        figure = draw(curves, metric)
        for variant, setting in settings.items():
            runs = select(entries, setting).values()
            values = np.array([entry.curve[f"val_{metric}"] for entry in runs])
            if len(values) > 1:
                epochs = np.arange(1, values.shape[1] + 1)
                low, high, colour = values.min(axis=0), values.max(axis=0), VARIANTS[variant].colour
                figure.axes[0].fill_between(epochs, low, high, color=colour, alpha=0.2, lw=0)
        figures.append(figure)
    return figures


if __name__ == "__main__":
    main()
