# ruff: noqa: N818  (a name that describes the error needs no "Error" after it)
"""Exceptions of this package; their messages are one line each.

All of them are `TrainError`, which is a `ValueError`: a command catches the one class and prints it.
"""


class TrainError(ValueError):
    """The base of every refusal in this package; its message gives what was expected and what came."""


class ConfigError(TrainError):
    """A training configuration is impossible, or its JSON holds an unknown, missing or mistyped key."""


class MissingFactor(TrainError):
    """The layout names a factor that the batches do not have."""


class TooFewBatches(TrainError):
    """A factor that is to be trained on has no batches."""


class MissingArray(TrainError):
    """The batches lack an array that a model family reads."""


class WrongImages(TrainError):
    """Images of another size, channel count, type or batch size than the network was made for."""


class RunMismatch(TrainError):
    """The run directory was made with another configuration or from another store."""


class RunUnreadable(TrainError):
    """A run directory, or every checkpoint in it, cannot be read or written."""


class CheckpointUnreadable(TrainError):
    """One checkpoint is truncated, corrupt or of another format."""


class TrainingDiverged(TrainError):
    """The loss is NaN or infinite; the batch that did it lies in the run directory."""


class WrongCodes(TrainError):
    """Codes of a sweep that do not fit its angles, are not finite, or are too few to measure anything on."""


class ExportFailed(TrainError):
    """An exported graph does not compute what the network computes."""
