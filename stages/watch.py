"""`python -m stages.watch`: a page with the curves of a running `make repro`, until it ends."""

import base64
import io
import time
from contextlib import suppress
from pathlib import Path

import psutil

from experiment.files import write_text
from experiment.style import plain_style
from experiment.support.errors import InputError, one_line_errors
from experiment.variants import VARIANTS
from stages.plot import PLOTS, draw, read_curve

PAGE = Path(".checkpoints/watch.html")
SECONDS = 2
HEAD = '<!doctype html><meta charset="utf-8"><title>Dropout</title>'


def main() -> None:
    """Draw the curves into a page again and again while a run is at work."""
    with one_line_errors("watch"), plain_style(font_size=13):
        print(f"watch: open {PAGE.absolute().as_uri()}", flush=True)
        running = True
        while running:
            running = is_running()
            refresh = f'<meta http-equiv="refresh" content="{SECONDS}">' if running else ""
            write_text(PAGE, HEAD + refresh + draw_pictures())
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


def draw_pictures() -> str:
    """Draw the curves that are there; return the pictures as HTML."""
    curves, pictures = {}, ""
    for variant in VARIANTS:
        with suppress(InputError):  # not begun
            curves[variant] = read_curve(PLOTS / f"{variant}.csv")
    for metric in ("accuracy", "loss"):
        picture = io.BytesIO()
        draw(curves, metric).savefig(picture, dpi=100)
        content = base64.b64encode(picture.getvalue()).decode()
        pictures += f'<img alt="" src="data:image/png;base64,{content}">'
    return pictures


if __name__ == "__main__":
    main()
