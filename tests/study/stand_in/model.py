"""Stands for `experiment/network/model.py`; see `training.py` beside it."""

from types import SimpleNamespace
from typing import Any


def build_model(*, dropout_rate: float, **settings: Any) -> SimpleNamespace:
    return SimpleNamespace(rate=dropout_rate)
