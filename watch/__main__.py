"""`python -m watch`: a page on this machine that follows `make repro` or `make study`.

It waits until one of them runs in this folder, shows its curves while they grow, and ends with it.
It only reads files, once a second.
"""

import argparse
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
from jinja2 import Environment

from experiment.common.errors import InputError, one_line_errors
from experiment.common.parameters import load_parameters
from watch import charts
from watch.progress import study, trainings
from watch.runs import find_runs, is_at_work

TEMPLATE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    Path(__file__).with_name("page.html").read_text(encoding="utf-8")
)
# For the page to learn, in seconds, that the run has ended.
FAREWELL = 5


class Watch:
    """What is followed, and the page of it."""

    def __init__(self) -> None:
        self.told = threading.Event()
        self._processes: list[psutil.Process] = []
        self._since: float | None = None
        self._epochs = 0
        self.look()

    def look(self) -> None:
        """Renews what the page shows."""
        self._processes = [p for p in self._processes if is_at_work(p)] or find_runs(Path.cwd())
        if self._processes and self._since is None:
            self._since = min(process.create_time() for process in self._processes)
            self._epochs = load_parameters().train.epochs
        self.shown = self._content()

    def _content(self) -> dict[str, Any]:
        if self._since is None:
            headline = "Nothing runs here yet: start make repro or make study"
            return {"ended": False, "headline": headline}
        ended = not self._processes
        found = trainings(self._since, self._epochs, running=not ended)
        return {
            "charts": [charts.chart(name, found, self._epochs) for name in ("accuracy", "loss")],
            "ended": ended,
            "headline": "The run has ended" if ended else "The run is at work",
            "height": charts.HEIGHT,
            "left": charts.LEFT,
            "study": study(self._since),
            "trainings": found,
            "width": charts.WIDTH,
        }


class Handler(BaseHTTPRequestHandler):
    """`/` is the page, `/now` the part of it that changes."""

    def __init__(self, watch: Watch, *arguments: Any) -> None:
        self._watch = watch
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answers with what was seen last."""
        if self.path not in ("/", "/now"):
            self.send_error(404)
            return
        shown = self._watch.shown  # once: another thread renews it
        body = TEMPLATE.render(shown, whole=self.path == "/").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)
        if shown["ended"]:
            self._watch.told.set()

    def log_message(self, *_: Any) -> None:
        """Says nothing: each second would be a line."""


def main() -> None:
    """Serves the page until the run has ended."""
    parser = argparse.ArgumentParser(prog="python -m watch", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="of the page; any free one if not set")
    port = parser.parse_args().port
    with one_line_errors("watch"):
        load_parameters()
        watch = Watch()
        try:
            server = ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, watch))
        except (OSError, OverflowError) as error:
            raise InputError(f"--port: expected a free port; found {port} ({error})") from None
        with server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            print(f"watch: http://127.0.0.1:{server.server_port}/ (Ctrl-C ends it)", flush=True)
            while not watch.shown["ended"]:
                time.sleep(1)
                watch.look()
            watch.told.wait(FAREWELL)
            server.shutdown()
    print("watch: the run has ended")


if __name__ == "__main__":
    main()
