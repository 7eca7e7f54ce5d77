"""Where the files of the study are."""

from pathlib import Path

PARAMETERS = Path("study/params.yaml")
STORE = Path("study/runs")

RUNS = Path("metrics/study_runs.csv")
SUMMARY = Path("metrics/study.json")
CLAIMS = Path("metrics/study_claims.json")
PREDICTIONS = Path("metrics/study_inference.json")
# Times differ from run to run, so they are kept apart from what does not.
TIMES = Path("metrics/study_inference_times.csv")

PLOTS = Path("plots")
BANDS = PLOTS / "study_curves.csv"
