"""The errors of this package."""


class StoreError(ValueError):
    """A store, or settings of one, cannot be used as asked; the message is one line."""


class UnknownNameError(StoreError, KeyError):
    """There is no split, factor or array of this name; the message lists the names that there are."""

    __str__ = ValueError.__str__


class BatchIndexError(StoreError, IndexError):
    """A batch number is outside the batches that a store has."""
