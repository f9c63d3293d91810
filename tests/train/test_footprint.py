import subprocess
import sys

FOREIGN = {"render", "dataset", "pipelines", "zarr", "OpenGL", "pyrender", "numba", "click", "h5py"}
CODE = """
import importlib, pkgutil, sys, train
for module in pkgutil.walk_packages(train.__path__, "train."):
    if not module.name.startswith("pipelines.evaluation.figures."):
        importlib.import_module(module.name)
print("\\n".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_training_needs_neither_a_renderer_nor_a_store_nor_a_plot_library():
    found = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    loaded = set(found.stdout.split())
    assert {"torch", "train"} <= loaded
    assert loaded & (FOREIGN | {"matplotlib", "tensorboard"}) == set()
