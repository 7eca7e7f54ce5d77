import json
from dataclasses import replace
from typing import Any

import pytest

from gate.snapshot import MetricsFile, Snapshot
from verify.comparison import NOT_REPRODUCED, SAME_BYTES, WITHIN_NOISE, compare

FILE, ENVIRONMENT = "metrics/a.json", "metrics/a.environment.json"
NOISE = {(FILE, "accuracy"): 0.001, (FILE, "loss"): 0.0}


def results(
    *, accuracy: object = 0.9, loss: float = 0.5, data: str = "d", libc: str = "1"
) -> Snapshot:
    outputs = {"data/images.npz": data, ENVIRONMENT: libc, FILE: f"{accuracy} {loss}"}
    return Snapshot(
        "a side",
        metrics={FILE: MetricsFile({"accuracy": accuracy, "loss": loss})},
        outputs=outputs,
        environment={f"{ENVIRONMENT}: libc": libc},
    )


@pytest.mark.parametrize(
    ("rerun", "status", "reason"),
    [
        ({}, SAME_BYTES, "3 of 3 outputs"),
        ({"accuracy": 0.901, "libc": "2"}, WITHIN_NOISE, "libc differ"),
        ({"libc": "2"}, WITHIN_NOISE, "libc differ"),
        ({"accuracy": 0.899}, NOT_REPRODUCED, "nothing in the environment does"),
        ({"accuracy": 0.905, "libc": "2"}, NOT_REPRODUCED, "metrics/a.json: accuracy: 3.54"),
        ({"accuracy": 0.895, "libc": "2"}, NOT_REPRODUCED, "metrics/a.json: accuracy: 3.54"),
        ({"accuracy": None, "libc": "2"}, NOT_REPRODUCED, "accuracy: noise not known"),
        ({"accuracy": "0.9", "libc": "2"}, NOT_REPRODUCED, "accuracy: noise not known"),
        ({"accuracy": float("nan"), "libc": "2"}, NOT_REPRODUCED, "accuracy: noise not known"),
        ({"accuracy": 0.9001, "loss": 0.6, "libc": "2"}, NOT_REPRODUCED, "loss: inf, limit 3.0"),
        ({"data": "other", "libc": "2"}, NOT_REPRODUCED, "the data differ: data/images.npz"),
    ],
)
def test_verdict(rerun: dict[str, Any], status: int, reason: str) -> None:
    certificate = compare(results(), results(**rerun), NOISE)
    assert certificate.status == status
    assert reason in certificate.reason
    assert certificate.reason in certificate.to_text()
    assert json.loads(certificate.to_json())["status"] == status


def test_what_is_missing_on_one_side_is_never_the_same() -> None:
    assert compare(Snapshot("a"), Snapshot("b"), NOISE).status == NOT_REPRODUCED
    whole = results()
    for side in (compare(Snapshot("none"), whole, NOISE), compare(whole, Snapshot("none"), NOISE)):
        assert (side.status, side.outputs["data/images.npz"]) == (NOT_REPRODUCED, False)
    assert "noise not known" in compare(whole, results(accuracy=0.9000001, libc="2"), {}).reason
    broken = replace(results(libc="2"), metrics={FILE: MetricsFile(problem="broken")})
    assert "noise not known" in compare(whole, broken, NOISE).reason


def test_environment_that_cannot_be_read_explains_nothing() -> None:
    a, b = (
        Snapshot("a", outputs={ENVIRONMENT: said}, environment={f"{ENVIRONMENT}: ": said})
        for said in ("broken", "broken otherwise")
    )
    assert compare(a, b, NOISE).status == NOT_REPRODUCED


def test_certificate_has_both_sides_of_all_that_differs() -> None:
    certificate = compare(results(), results(accuracy=0.901, libc="2"), NOISE, "abc123")
    assert (
        certificate.to_text()
        == """\
Rerun of abc123 from nothing

  data/images.npz             same bytes
  metrics/a.environment.json  OTHER BYTES
  metrics/a.json              OTHER BYTES

Numbers that differ (committed, rerun, standard deviations apart)
  metrics/a.json: accuracy  0.9  0.901  0.71

Environment that differs (committed, this machine)
  libc  1  2

Verdict: other bytes, within the noise over seeds, in another environment (libc differ)
"""
    )
    assert json.loads(certificate.to_json()) == {
        "revision": "abc123",
        "outputs": {"data/images.npz": True, "metrics/a.environment.json": False,
                    "metrics/a.json": False},
        "numbers": [{"name": "metrics/a.json: accuracy", "committed": 0.9, "rerun": 0.901,
                     "deviations": pytest.approx(0.7071, abs=1e-4)}],
        "environment": {"libc": ["1", "2"]},
        "status": WITHIN_NOISE,
        "reason": "libc differ",
        "verdict": "other bytes, within the noise over seeds, in another environment",
    }  # fmt: skip
