"""A worker trains nothing where it differs from those that trained the other runs."""

import pytest

from experiment.support.errors import InputError
from study.grid import Run
from study.training import worker

EXPECTED = {"instruction_sets": "A B", "numerics": "1"}
RUN = Run("mnist", "dense", 0.5, 48_000, 128, 20, 0)


@pytest.mark.parametrize(
    ("found", "difference"),
    [
        (EXPECTED | {"numerics": "2"}, "numerics: expected 1, found 2"),
        (EXPECTED | {"threads": "2"}, "threads: expected None, found 2"),
        ({"numerics": "1"}, "instruction_sets: expected A B, found None"),
        (EXPECTED, None),
    ],
)
def test_other_software_or_hardware_is_refused(
    found: dict[str, str], difference: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "conditions", lambda threads, device: found)
    if difference is None:  # then it looks for its images, but there is no worker here
        with pytest.raises(ValueError, match="No worker"):
            worker.train(RUN, settings={}, threads=1, device="cpu", expected=EXPECTED)
        return
    with pytest.raises(InputError) as caught:
        worker.train(RUN, settings={}, threads=1, device="cpu", expected=EXPECTED)
    assert str(caught.value) == (
        f"a worker differs in {difference}; make all workers alike, or results would mix"
    )
