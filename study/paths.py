"""Where the files of the study are."""

from pathlib import Path

PARAMETERS = Path("study/params.yaml")
STORE = Path("study/runs")
GATE = Path("gate.yaml")

RUNS = Path("metrics/study_runs.csv")
SUMMARY = Path("metrics/study.json")
CLAIMS = Path("metrics/study_claims.json")
# Measured in seven sessions, and not again: docs/results.md says how.
INFERENCE = Path("metrics/study_inference.csv")

PLOTS = Path("plots")
BANDS = PLOTS / "study_curves.csv"

RESULTS = Path("docs/results.md")
STUDY_PAGE = Path("docs/study.md")
GATE_PAGE = Path("docs/gate-calibration.md")
