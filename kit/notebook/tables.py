"""Tables of runs as pandas DataFrames."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from kit.members import ALL_ROWS, Member
from kit.pipeline.run_list import RunSummary, summary_of
from kit.records import Report
from kit.run_folder import Run
from kit.tables import HISTORY

_COLUMNS = [
    *("name", "status", "metric", "score", "low", "high", "log_loss", "errors", "members", "seconds"),
    *("sample", "started"),
]
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")


def oof(path: Path) -> pd.DataFrame:
    """Return oof.csv: id if there are ids, label, predicted, probabilities; the index is the row."""
    return _probabilities(path, ["row", "id", "label", "predicted"]).set_index("row")


def test(path: Path) -> pd.DataFrame:
    """Return test.csv: predicted and one probability per class; the index is the id."""
    with path.open(encoding="utf-8") as file:
        ids = str(pd.read_csv(file, nrows=0).columns[0])
    return _probabilities(path, [ids, "predicted"]).set_index(ids)


def submission(path: Path) -> pd.DataFrame:
    """Return submission.csv, as it is sent."""
    return _with_integers(pd.read_csv(path, dtype=str, keep_default_na=False))


def history(path: Path) -> pd.DataFrame:
    """Return history.csv; the fold of a member that was trained on all rows is missing."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
    whole = dict.fromkeys(("seed", "epoch"), "int64")
    return table.astype({"fold": "Int64", **whole, **dict.fromkeys(HISTORY[4:], "float64")})


def members(run: Run, report: Report) -> pd.DataFrame:
    """Return one row per member.

    Columns: model, fold (missing if it was trained on all rows), seed, score (of the competition's metric),
    errors, log_loss, train_score, gap, seconds, parameters, path (of the Keras network; missing if there is
    none in the folder of the run). The index is the name of the member.
    """
    rows = []
    for one in report.members:
        path = run.network_path(Member(one.model, ALL_ROWS if one.fold is None else one.fold, one.seed))
        rows.append(
            {
                "member": one.member,
                "model": one.model,
                "fold": one.fold,
                "seed": one.seed,
                "score": one.score.value if one.score else None,
                "errors": one.score.errors if one.score else None,
                "log_loss": one.score.log_loss if one.score else None,
                "train_score": one.train_score,
                "gap": one.gap,
                "seconds": one.seconds,
                "parameters": one.parameters,
                "path": str(path) if path.is_file() else None,
            }
        )
    whole = dict.fromkeys(("fold", "errors", "parameters"), "Int64")
    numbers = dict.fromkeys(("score", "log_loss", "train_score", "gap", "seconds"), "float64")
    return pd.DataFrame(rows).astype(whole | numbers).set_index("member")


def runs(folders: Sequence[Run]) -> pd.DataFrame:
    """Return one row per run, see `kit.runs`."""
    table = pd.DataFrame([_row(summary_of(folder)) for folder in folders], columns=_COLUMNS)
    numbers = dict.fromkeys(("score", "low", "high", "log_loss", "seconds"), "float64")
    table = table.astype({**numbers, "errors": "Int64", "members": "Int64", "sample": "boolean"})
    table["started"] = pd.to_datetime(table["started"], utc=True, errors="coerce")
    return table.set_index("name")


def _row(run: RunSummary) -> dict[str, Any]:
    low, high = run.oof.interval if run.oof else (None, None)
    return {
        "name": run.name,
        "status": run.status,
        "metric": run.metric,
        "score": run.oof.value if run.oof else None,
        "low": low,
        "high": high,
        "log_loss": run.oof.log_loss if run.oof else None,
        "errors": run.oof.errors if run.oof else None,
        "members": run.members,
        "seconds": run.wall_seconds,
        "sample": run.sample,
        "started": run.started or None,
    }


def _probabilities(path: Path, others: list[str]) -> pd.DataFrame:
    """Read a table with one probability per class; the other columns are text or integers."""
    # As text first: pandas 2 reads the last digit of some numbers differently.
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    classes = [name for name in table.columns if name not in others]
    return _with_integers(table.astype(dict.fromkeys(classes, "float64")))


def _with_integers(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with columns of text that are all integers as int64: "01" stays text."""
    texts = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    whole = [name for name in texts if all(map(_INTEGER.fullmatch, table[name]))]
    return table.astype(dict.fromkeys(whole, "int64"))
