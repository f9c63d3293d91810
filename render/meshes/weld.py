"""Grouping of equal rows of a table, by one sort of integers for each column."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def distinct(*columns: NDArray[np.generic]) -> tuple[Ints, Ints]:
    """Number the distinct rows of a table, compared by exact equality.

    Parameters
    ----------
    *columns : (n,) each
        Columns of any type that has an order; NaN equals NaN.

    Returns
    -------
    first : (m,) int64
        The first row of each kind, ascending: kinds are numbered in the order in which they appear.
    kind : (n,) int64
        The number of each row's kind.
    """
    key = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        values, place = np.unique(column, return_inverse=True)
        # Both factors are at most n, so that the product does not overflow.
        _, key = np.unique(key * len(values) + place.reshape(-1), return_inverse=True)
        key = key.reshape(-1)
    _, first, kind = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    return first[order], number[kind.reshape(-1)]
