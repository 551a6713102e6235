"""Typed records of a run's and a study's JSON files: versioned, and validated when read."""

from kit.records.base import Record
from kit.records.report import (
    ColumnReport,
    Confusion,
    DataSize,
    ExpectedScore,
    Folds,
    FoldScore,
    HardRow,
    MemberReport,
    ModelReport,
    Report,
    Score,
    Seeds,
    SeedScore,
    Spread,
    Times,
    ViewsReport,
)
from kit.records.run import Curves, EnsembleRecord, History, Machine, RunRecord, Status

__all__ = [
    "ColumnReport",
    "Confusion",
    "Curves",
    "DataSize",
    "EnsembleRecord",
    "ExpectedScore",
    "FoldScore",
    "Folds",
    "HardRow",
    "History",
    "Machine",
    "MemberReport",
    "ModelReport",
    "Record",
    "Report",
    "RunRecord",
    "Score",
    "SeedScore",
    "Seeds",
    "Spread",
    "Status",
    "Times",
    "ViewsReport",
]
