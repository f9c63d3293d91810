"""The one error of this package."""


class StoreError(ValueError):
    """A store, or settings of one, that cannot be used as asked; the message is one line for a person."""
