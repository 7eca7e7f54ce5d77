"""A worker trains nothing where it differs from those that trained the other runs."""

import pytest

from experiment.common.errors import InputError
from study import worker
from study.grid import Run

EXPECTED = {"instruction_sets": "A B", "numerics": "1", "python": "3.11.7", "version.keras": "3"}
RUN = Run("mnist", "dense", 0.5, 48_000, 128, 20, 0)


def train(monkeypatch: pytest.MonkeyPatch, found: dict[str, str]) -> None:
    monkeypatch.setattr(worker, "conditions", lambda threads, device: found)
    worker.train(RUN, settings={}, threads=1, device="cpu", expected=EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_other_software_or_hardware_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError) as caught:
        train(monkeypatch, EXPECTED | {name: "other"})
    assert str(caught.value) == (
        f"a worker differs in {name}: expected {EXPECTED[name]}, found other; make all workers"
        " alike, or results would mix"
    )


def test_what_is_there_on_one_side_alone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="differs in threads: expected None, found 2"):
        train(monkeypatch, EXPECTED | {"threads": "2"})
    with pytest.raises(InputError, match=r"differs in version\.keras: expected 3, found None"):
        train(monkeypatch, {k: v for k, v in EXPECTED.items() if k != "version.keras"})


def test_the_same_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="No worker"):  # there is none here, to train
        train(monkeypatch, dict(EXPECTED))
