"""How the columns of a table depend on one another, and how differently those of a synthetic table do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from skgensynth.associations import association_strengths
from skgensynth.metrics._tables import encode_tables


@dataclass(frozen=True)
class AssociationResult:
    """Associations of two tables and how far they lie apart: 0 is ideal.

    Attributes
    ----------
    mean : float
        Mean absolute difference over pairs of columns; NaN for a table of one column.
    real, synthetic : DataFrame of shape (n_columns, n_columns)
        The association matrices compared.
    pairs : DataFrame of shape (n_pairs, 5)
        Each pair of columns once: ``first``, ``second``, ``real``, ``synthetic`` and ``difference`` (synthetic less
        real), the most different pair first.
    """

    mean: float
    real: pd.DataFrame
    synthetic: pd.DataFrame

    @property
    def pairs(self) -> pd.DataFrame:
        """Each pair of columns with both associations, the most different pair first."""
        first, second = np.triu_indices(len(self.real), k=1)
        labels = pd.Series(list(self.real.columns), dtype=object)
        real, synthetic = (matrix.to_numpy()[first, second] for matrix in (self.real, self.synthetic))
        pairs = pd.DataFrame(
            {
                "first": labels[first].to_numpy(),
                "second": labels[second].to_numpy(),
                "real": real,
                "synthetic": synthetic,
                "difference": synthetic - real,
            }
        )
        return pairs.sort_values("difference", key=np.abs, ascending=False, kind="stable", ignore_index=True)


def association_difference(real, synthetic):
    """How differently the columns of the synthetic table depend on one another, pair by pair.

    The mean over column pairs of the absolute difference between the entries of `association_matrix` (ours).

    Parameters
    ----------
    real : DataFrame of shape (n_real, n_columns)
        Rows that say how columns depend on one another.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows with the same columns, in any order.

    Returns
    -------
    AssociationResult
        ``mean`` in [0, 2] (a sign turned round counts twice): 0 is ideal, lower is better; both matrices; and
        ``pairs``, each pair of columns with its difference. Two samples of the same source differ by chance as well:
        compare with real rows that were held out (`with_floor`).

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgensynth.metrics import association_difference
    >>> real = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0]})
    >>> round(association_difference(real, real.assign(b=[3.0, 2.0, 1.0])).mean, 6)
    2.0
    """
    tables = encode_tables({"real": real, "synthetic": synthetic})
    matrices = [association_strengths(values, tables.is_number) for values in tables.values]
    pairs = np.triu_indices(len(tables.columns), k=1)
    differences = np.abs(matrices[0] - matrices[1])[pairs]
    frames = [pd.DataFrame(matrix, index=tables.columns, columns=tables.columns) for matrix in matrices]
    return AssociationResult(float(differences.mean()) if differences.size else float("nan"), *frames)


def association_matrix(table):
    """How strongly each pair of columns depends on each other.

    Pearson's correlation for two numbers, in [-1, 1]; Cramér's V with Bergsma's bias correction (A bias-correction for
    Cramér's V and Tschuprow's T, 2013) for two categories, missing as a category, in [0, 1]; the correlation ratio for
    a number and a category, in [0, 1]. Numbers are taken where they are present; what is undefined, as with a constant
    column, is 0.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
        Rows. Numbers that stand for categories should be of dtype category.

    Returns
    -------
    DataFrame of shape (n_columns, n_columns)
        Symmetric, with ones on the diagonal.
    """
    tables = encode_tables({"table": table})
    matrix = association_strengths(tables.values[0], tables.is_number)
    return pd.DataFrame(matrix, index=tables.columns, columns=tables.columns)
