"""The error of scenes and renderers."""


class RenderError(ValueError):
    """A scene or a setting that cannot be drawn; the message is one line for a person."""
