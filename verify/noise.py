"""How much the metrics differ when nothing but the seed does, as the study has measured it."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from experiment.common.errors import InputError

STUDY = Path("metrics/study.json")


def read_noise(folder: Path) -> Mapping[str, Mapping[str, float]]:
    """Standard deviations over seeds, by metrics file, by key; empty where there is no study.

    Raises:
        InputError: the file is not what the study writes.
    """
    path = folder / STUDY
    if not path.exists():
        return {}
    try:
        noise = json.loads(path.read_text(encoding="utf-8"))["noise"]
        deviations = {file: dict(by_key) for file, by_key in noise.items() if file != "seeds"}
        if not all(math.isfinite(x) for by_key in deviations.values() for x in by_key.values()):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InputError(
            f"{STUDY}: expected what `make study` writes, found something else; restore it from Git"
        ) from None
    return deviations
