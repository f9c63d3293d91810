"""The public Python API: render faces, read stores, train a graphics code, and use it.

Importing this package loads nothing else. A name loads what it needs when it is first used: stores need numpy and zarr,
models the extra `dcign[render]`, runs `dcign[train]`.

=================  ==================================================================================
`open_store`       a store of batches or sweeps on disk
`open_model`       a face model, whose identities can be rendered at any pose and light
`fit`              train a DC-IGN on a store
`load_run`         a trained run: encode images, set the azimuth of a code, decode
`evaluate`         every metric of a run on held-out sweeps
`torch_dataset`    a store as a map-style torch data set
=================  ==================================================================================

Angles are in degrees, images are uint8 with a white background, and coefficients are in standard deviations.

>>> import dcign
>>> face = dcign.open_model("procedural").identity(seed=3)  # doctest: +SKIP
>>> image = face.render(azimuth=30, light=-40, size=150)  # doctest: +SKIP
"""

TYPE_CHECKING = False  # `typing` would be the one module that importing this package costs; checkers know the name
if TYPE_CHECKING:
    from dataset import Batch as Batch
    from dataset import Store as Store
    from dataset import open_store as open_store
    from dcign.codes import Code as Code
    from dcign.faces import Identity as Identity
    from dcign.faces import Model as Model
    from dcign.faces import open_model as open_model
    from dcign.runs import Evaluation as Evaluation
    from dcign.runs import Run as Run
    from dcign.runs import evaluate as evaluate
    from dcign.runs import fit as fit
    from dcign.runs import load_run as load_run
    from dcign.torch_data import TorchDataset as TorchDataset
    from dcign.torch_data import torch_dataset as torch_dataset

    __version__: str

_HOMES = {
    "Batch": "dataset",
    "Store": "dataset",
    "open_store": "dataset",
    "Identity": "dcign.faces",
    "Model": "dcign.faces",
    "open_model": "dcign.faces",
    "Code": "dcign.codes",
    "Evaluation": "dcign.runs",
    "Run": "dcign.runs",
    "evaluate": "dcign.runs",
    "fit": "dcign.runs",
    "load_run": "dcign.runs",
    "TorchDataset": "dcign.torch_data",
    "torch_dataset": "dcign.torch_data",
}
_EXTRAS = {"dcign.codes": "train", "dcign.faces": "render", "dcign.runs": "train", "dcign.torch_data": "train"}
_OURS = ("dcign", "render", "dataset", "train", "pipelines")

__all__ = [
    "Batch",
    "Code",
    "Evaluation",
    "Identity",
    "Model",
    "Run",
    "Store",
    "TorchDataset",
    "__version__",
    "evaluate",
    "fit",
    "load_run",
    "open_model",
    "open_store",
    "torch_dataset",
]

if not TYPE_CHECKING:  # a checker that saw this function would accept every name

    def __getattr__(name):
        """Import a public name when it is first used.

        Raises
        ------
        AttributeError
            There is no such name; the message lists the ones that exist.
        ModuleNotFoundError
            A library is missing; the message names the extra that installs it.
        """
        if name == "__version__":
            from importlib.metadata import version

            value = version("dcign")
        elif name in _HOMES:
            value = getattr(_load(_HOMES[name], name), name)
        else:
            near = _nearest(name)
            hint = f"; did you mean {near!r}?" if near else "."
            raise AttributeError(f"dcign has no {name!r}{hint} It has {', '.join(__all__)}.")
        globals()[name] = value
        return value

    def __dir__():
        """Public names and the module's own."""
        return sorted({*__all__, "__all__", "__doc__", "__file__", "__name__", "__path__", "__spec__"})

    def _load(module, name):
        from importlib import import_module

        try:
            return import_module(module)
        except ModuleNotFoundError as error:
            if module not in _EXTRAS or (error.name or "").split(".")[0] in _OURS:
                raise
            raise ModuleNotFoundError(
                f"dcign.{name} needs {error.name}: pip install 'dcign[{_EXTRAS[module]}]'", name=error.name
            ) from error

    def _nearest(name):
        from difflib import get_close_matches

        return next(iter(get_close_matches(name, __all__, n=1)), None)
