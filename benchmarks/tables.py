"""The public tables of the benchmarks and how each is split."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupShuffleSplit, train_test_split

MAX_ROWS = 2_000
TEST_SHARE = 0.3
_REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Table:
    """One public table: where it is, what is predicted, and what is left out."""

    file: str
    target: str
    task: str = "classification"
    identifier: str | None = None
    subject: str | None = (
        None  # regular expression that finds the subject in the identifier: no subject is on both sides
    )


TABLES = {
    "heart": Table("heart_failure_clinical_records.csv", "DEATH_EVENT"),
    "cirrhosis": Table("cirrhosis.csv", "Status", identifier="ID"),
    "pima": Table("pima_indians_diabetes.csv", "Outcome"),
    "stroke": Table("stroke.csv", "stroke", identifier="id"),
    "diabetes": Table("diabetes_prediction.csv.gz", "diabetes"),
    "adult": Table("adult.csv.gz", "income"),
    "magic": Table("magic_gamma_telescope.csv.gz", "class"),
    "insurance": Table("insurance.csv", "charges", task="regression"),
    "parkinsons": Table("parkinsons.csv", "status", identifier="name", subject=r"_(S\d+)_"),
}


def data_folder() -> Path:
    return Path(os.environ.get("SKGENSYNTH_DATA", _REPOSITORY.parent / "shared" / "data"))


def load(name: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training and test rows of one table, without identifiers, the target last.

    70 / 30, stratified by class, at most 2,000 rows each; where rows belong to subjects, whole subjects are drawn until
    all classes are on both sides.
    """
    table = TABLES[name]
    frame = pd.read_csv(data_folder() / table.file)
    target = frame.pop(table.target)
    frame[table.target] = target
    subjects = frame[table.identifier].str.extract(table.subject, expand=False) if table.subject else None
    if table.identifier:
        frame = frame.drop(columns=table.identifier)
    train, test = _split(frame, target, subjects, table.task, seed)
    return train.reset_index(drop=True), test.reset_index(drop=True)


def _split(frame, target, subjects, task, seed):
    if subjects is None:
        return train_test_split(
            frame,
            train_size=min(MAX_ROWS, int(len(frame) * (1 - TEST_SHARE))),
            test_size=min(MAX_ROWS, int(len(frame) * TEST_SHARE)),
            stratify=target if task == "classification" else None,
            random_state=seed,
        )
    # Each seed looks through its own splits, so that seeds do not meet in the same one.
    for train, test in GroupShuffleSplit(n_splits=100, test_size=TEST_SHARE, random_state=seed).split(
        frame, groups=subjects
    ):
        if target.iloc[train].nunique() == target.iloc[test].nunique() == target.nunique():
            return frame.iloc[train], frame.iloc[test]
    raise ValueError("No split by subject has all classes on both sides.")


def discrete_columns(train: pd.DataFrame) -> list[str]:
    """Columns that peers, who must be told, are told to take as categories: text, and at most 10 whole numbers."""
    return [
        column
        for column in train
        if not pd.api.types.is_numeric_dtype(train[column])
        or (train[column].nunique() <= 10 and np.all(train[column].dropna() % 1 == 0))
    ]
