"""`calibrate`: run the pipeline with other seeds, and write how much its metrics vary."""

import csv
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from dvc.repo import Repo
from ruamel.yaml import YAML

from gate.errors import CannotCompareError, write_whole
from gate.git import environment_without_repository, git
from gate.repository import Repository
from gate.runs import LEAST_RUNS
from gate.settings import SETTINGS, Settings, load_settings, match_name
from gate.snapshot import Name, Snapshot, covers, last_part, read_number

TABLE = "gate.runs.csv"
SEEDS = {"seed", "random_seed", "random_state", "rng_seed"}
MEASURED = "# Margins in deviations are over the {count} seeds that `calibrate` ran: see `runs`.\n"
LOG = ".dvc/tmp/run.log"  # in a clone

Rows = list[dict[str, str]]
Parameters = Mapping[str, set[str]]  # by metrics file that is judged, those behind it


def calibrate(folder: Path, count: int, named: str | None, jobs: int) -> None:
    """Run the pipeline of HEAD with the seeds 0 to `count` - 1; write the table and gate.yaml."""
    if count < LEAST_RUNS or jobs < 1:
        raise CannotCompareError(
            f"expected --seeds {LEAST_RUNS} or more and --jobs 1 or more; found {count} and {jobs}"
        )
    repository = Repository(folder)
    text = repository.read_text(SETTINGS)
    settings = load_settings(text)
    if settings.runs and settings.runs.file != TABLE:
        raise CannotCompareError(
            f"{SETTINGS}: runs: expected {TABLE}; found {settings.runs.file}; remove `runs`"
        )
    before = repository.read(None, "workspace", Settings(metrics=settings.metrics))
    parameters = {
        path: {n for n in before.parameters if any(covers(s, n) for s in before.sources[path])}
        for path in dict.fromkeys(file for file, _ in settings.merge_rules(before.values.keys()))
        if path in before.sources
    }
    seed = find_seed(set().union(*parameters.values()), named)
    others = [f":(exclude){name}" for name in (SETTINGS, TABLE)]
    changed = git(repository.folder, "status", "--porcelain", "-uno", "--", ".", *others)
    if changed or before.stale:
        raise CannotCompareError(
            "expected the results of the last commit; found changes since:"
            f" {changed or ', '.join(before.stale)}; dvc repro, then commit"
        )
    rows = run_seeds(repository, parameters, seed, count, jobs)
    varied = {
        (path, key)
        for path, key in before.values
        if len({row.get(key) for row in rows if row["metrics"] == path}) > 1
    }
    if not varied:
        raise CannotCompareError(
            f"{seed}: expected it to change a metric; all are the same with {count} seeds;"
            " use it in the code, or name another parameter: --parameter NAME"
        )
    of = {
        path: {
            "rows": {"metrics": path},
            "parameters": {shorten(name): shorten(name) for name in sorted(names - {seed})},
        }
        for path, names in parameters.items()
    }
    runs = {"file": TABLE, "seed": last_part(seed), "of": of}
    text = add_runs(text or "", runs, varied, count)
    table = io.StringIO()
    columns = dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(table, [*columns], lineterminator="\n")  # what a row lacks is empty
    writer.writeheader()
    writer.writerows(rows)
    write_whole((repository.folder / TABLE).resolve(), table.getvalue())
    write_whole((repository.folder / SETTINGS).resolve(), text)
    print(f"{TABLE} and {SETTINGS}: written; read what changed (git diff), then commit both")


def find_seed(parameters: set[str], named: str | None) -> str:
    """Return the parameter that is named, or is called a seed."""
    found = [
        n for n in parameters if named in (n, shorten(n)) or (not named and last_part(n) in SEEDS)
    ]
    if len(found) != 1:
        listed = ", ".join(sorted(map(shorten, found or parameters))) or "none"
        raise CannotCompareError(
            "expected one parameter of the stages that write the metrics, which is the seed; found"
            f" {listed}; name it: --parameter NAME"
        )
    return found[0]


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started, which may write for a moment longer than it."""
    os.killpg(process.pid, signal.SIGTERM)
    process.wait()
    with suppress(ProcessLookupError):
        for _ in range(50):
            os.killpg(process.pid, 0)
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGKILL)


def run_seeds(
    repository: Repository, parameters: Parameters, seed: str, count: int, jobs: int
) -> Rows:
    """Run the pipeline with each seed in a clone of HEAD, and return a row per metrics file.

    The clones are removed and what runs in them is ended, also by a failure. What is finished is in
    DVC's cache of runs, so that the same command takes it from there.
    """
    writers = [repository.outputs[repository.find_output(path) or path] for path in parameters]
    targets = sorted({out.stage.addressing for out in writers})
    waiting, rows = [*range(count)], Rows()
    running: dict[int, tuple[Path, subprocess.Popen[bytes]]] = {}
    print(f"{count} runs over {seed}, {jobs} at once; finished ones are taken from DVC's cache")
    # Noted, not raised: halfway through a step, what it had started would go on writing.
    stopped: list[int] = []
    kinds = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.signal(kind, lambda number, _: stopped.append(number)) for kind in kinds]
    with TemporaryDirectory(prefix="gate-") as scratch:
        try:
            while waiting or running or stopped:
                while waiting and len(running) < jobs and not stopped:
                    number = waiting.pop(0)
                    setting = f"{seed.replace(': ', ':', 1)}={number}"
                    clone = Path(scratch, str(number))
                    running[number] = start_run(repository, clone, setting, targets)
                time.sleep(0.2)
                if stopped:
                    sys.exit(128 + stopped[0])
                for number, (folder, process) in list(running.items()):
                    if process.poll() is None:
                        continue
                    del running[number]
                    if process.returncode:
                        print((folder / LOG).read_text(errors="replace"), file=sys.stderr)
                        raise CannotCompareError(f"seed {number}: the run failed, see above")
                    after = Repository(folder).read()
                    rows += [make_row(path, after, parameters, seed) for path in parameters]
                    shutil.rmtree(folder)
                    left = len(waiting) + len(running)
                    print(f"seed {number}: done; {left} runs left", flush=True)
        finally:
            for _, process in running.values():
                end_group(process)
            for kind, handler in zip(kinds, handlers, strict=True):
                signal.signal(kind, handler)
    return sorted(rows, key=lambda row: (row["metrics"], int(row[last_part(seed)])))


def make_row(path: str, side: Snapshot, parameters: Parameters, seed: str) -> dict[str, str]:
    """Return a metrics file, the parameters behind all of them, and its metrics."""
    row = {"metrics": path}
    for name in sorted(set().union(*parameters.values()) - {seed}):
        value = side.parameters[name]
        row[shorten(name)] = "" if value is None else str(value)
    row[last_part(seed)] = str(side.parameters[seed])
    for (file, key), value in side.values.items():
        if file == path and (found := read_number(value)) is not None:
            row[key] = repr(found)
    return row


def start_run(
    repository: Repository, clone: Path, setting: str, targets: list[str]
) -> tuple[Path, subprocess.Popen[bytes]]:
    """Clone HEAD, with the repository's cache and without its remotes; start `dvc exp run` there.

    Return the DVC root, and the process, which has a group that can be ended.
    """
    root = repository.top
    git(root, "clone", "--quiet", "--shared", str(root), str(clone))
    folder = clone / repository.folder.relative_to(root)
    if (local := repository.folder / ".dvc/config.local").exists():
        shutil.copy(local, folder / ".dvc")
    with Repo(str(folder)) as repo:
        for level in ("local", "repo"):  # whose remotes the local ones complete
            with repo.config.edit(level) as settings:
                settings["remote"].clear()  # whose packages DVC would need
                settings["core"].pop("remote", None)
                settings["cache"]["dir"] = repository.cache
    # -P: modules of the clone are not taken for DVC's.
    command = [sys.executable, "-P", "-m", "dvc", "exp", "run", "--set-param", setting, *targets]
    variables = environment_without_repository() | {"DVC_NO_ANALYTICS": "1"}
    with (folder / LOG).open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=variables, stdin=subprocess.DEVNULL, stdout=log,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    return folder, process


def add_runs(text: str, runs: Mapping[str, object], varied: set[Name], count: int) -> str:
    """Return the text of gate.yaml with `runs`, and with margins in their standard deviations."""
    deviations = 7 if count < 8 else 6 if count < 10 else 5  # README.md has how often each is wrong
    text = re.sub(r"# The margins are ESTIMATED.*\n(#.*\n)*", MEASURED.format(count=count), text)
    text = re.sub("  # (binomial|estimated), [0-9]+ items$", "", text, flags=re.MULTILINE)
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 100
    content = yaml.load(text)
    for file, entries in content["metrics"].items():
        for key, entry in entries.items():
            if any(match_name(name, file, key) for name in varied):
                entry["margin"] = {"deviations": deviations}
    content["runs"] = runs
    stream = io.StringIO()
    yaml.dump(content, stream)
    return stream.getvalue()


def shorten(name: str) -> str:
    """Return the name of a parameter as gate.yaml has it: without params.yaml."""
    return name.removeprefix("params.yaml: ")
