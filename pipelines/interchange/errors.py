"""The one error of this package."""


class SourceError(ValueError):
    """A file or folder that cannot be imported, or a place that cannot be exported to; one line for a person."""
