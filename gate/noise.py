"""What the study has measured: the noise over seeds, and its runs."""

from gate.comparison import Noise
from gate.reading import read_metrics, read_number
from gate.revisions import Source

STUDY = "metrics/study.json"
PREFIX = "noise."


def read_noise(base: Source, candidate: Source) -> Noise:
    """Standard deviations over seeds: the base's, else the candidate's.

    The base's come first, so that a change cannot widen its own margins.
    """
    for source in (base, candidate):
        study = read_metrics(source, STUDY)
        measured = {k: v for k, v in study.values.items() if k.startswith(PREFIX)}
        deviations: dict[str, dict[str, object]] = {}
        for name, value in measured.items():
            file, dot, key = name.removeprefix(PREFIX).rpartition(".")
            if dot:
                deviations.setdefault(file, {})[key] = value
        if deviations:
            seeds = read_number(measured.get(f"{PREFIX}seeds"))
            over = f"over {seeds:.0f} seeds" if seeds else "over seeds"
            return Noise(deviations, f"{over} ({STUDY} of {source.name})")
    return Noise()
