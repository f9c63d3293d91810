"""The errors of scenes, renderers and mesh files."""


class RenderError(ValueError):
    """A scene or a setting that cannot be rendered; the message is one line."""


class MeshError(ValueError):
    """A mesh that cannot be used; the message is one line."""
