"""`python -m verify.noise`: how much the metrics differ when nothing but the seed does.

Runs the committed pipeline with other seeds and keeps every metric of every run, beside those of
the committed results, so that `python -m verify` can say whether a difference is larger than what
a seed makes.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from experiment.artifacts import replacing
from experiment.errors import InputError
from experiment.parameters import load_parameters
from verify.rerun import run_pipeline, set_seed, temporary_clone

NOISE = Path(__file__).parent / "noise.json"

# By metrics file, by seed, by key.
Runs = dict[str, dict[str, dict[str, float]]]


def main() -> None:
    """Runs the seeds that `noise.json` does not have yet; each is kept as soon as it is done."""
    parser = argparse.ArgumentParser(prog="python -m verify.noise", description=main.__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4])
    seeds = parser.parse_args().seeds
    runs: Runs = json.loads(NOISE.read_text(encoding="utf-8")) if NOISE.exists() else {}
    with temporary_clone(Path.cwd()) as clone:
        keep(runs, clone, load_parameters(clone / "params.yaml").train.seed)
        for seed in seeds:
            if all(str(seed) in by_seed for by_seed in runs.values()):
                continue
            set_seed(clone, seed)
            if not run_pipeline(clone):
                sys.exit(f"noise: the pipeline failed with seed {seed}; the reason is above")
            keep(runs, clone, seed)


def keep(runs: Runs, clone: Path, seed: int) -> None:
    """Adds the metrics of a clone, and writes all at once."""
    for file in tracked_metrics(clone):
        metrics = json.loads((clone / file).read_text(encoding="utf-8"))
        runs.setdefault(file, {})[str(seed)] = metrics
    with replacing(NOISE) as temporary:
        text = json.dumps(runs, indent=2, sort_keys=True) + "\n"
        temporary.write_text(text, encoding="utf-8", newline="\n")


def tracked_metrics(clone: Path) -> list[str]:
    """The metrics files of a clone."""
    listed = subprocess.run(
        ["git", "ls-files", "metrics"], cwd=clone, check=True, capture_output=True, text=True
    )
    return [name for name in listed.stdout.split() if not name.endswith(".environment.json")]


def read_noise() -> Mapping[str, Mapping[str, float]]:
    """The deviations of the committed `noise.json`; empty where there is none."""
    if not NOISE.exists():
        return {}
    try:
        return deviations(json.loads(NOISE.read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InputError(
            f"{NOISE.name}: expected what `python -m verify.noise` writes, found something else;"
            " restore it from Git"
        ) from None


def deviations(runs: Runs) -> Mapping[str, Mapping[str, float]]:
    """By metrics file, by key: the standard deviation over seeds (n - 1)."""
    return {
        file: {
            key: statistics.stdev(metrics[key] for metrics in by_seed.values())
            for key in next(iter(by_seed.values()))
        }
        for file, by_seed in runs.items()
        if len(by_seed) > 1
    }


if __name__ == "__main__":
    main()
