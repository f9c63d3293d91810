"""A selection of a store -> one `.npz`, one `.h5`, or a folder of pictures with a table.

Images pass one batch at a time; what they show is held whole. Everything is written under a temporary name, which
becomes the right one when all is there.
"""

import csv
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.interchange.errors import SourceError
from pipelines.interchange.selection import Selection, named_columns

OnImages = Callable[[int], object]
"""Called with a number of images as they are written."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of a member of an archive: the same, so that the same images give the same file."""


@dataclass(frozen=True)
class Form:
    """One way of writing images and labels."""

    endings: tuple[str, ...]
    """Of the file; none for a folder."""
    write: Callable[[Selection, Path, OnImages], None]


def export(selection: Selection, out: Path, form: Form, on_images: OnImages) -> None:
    """Write a selection.

    Raises
    ------
    SourceError
        When something is in the way, or the name has another ending than the form's.
    """
    if out.exists() or out.is_symlink():
        raise SourceError(f"{out} exists; nothing is overwritten: remove it, or choose another --out")
    if form.endings and out.suffix.lower() not in form.endings:
        raise SourceError(f"{out} should end in {' or '.join(form.endings)}")
    out.parent.mkdir(parents=True, exist_ok=True)
    with _partial(out) as partial:
        form.write(selection, partial, on_images)
        if out.exists():
            raise SourceError(f"{out} was made by somebody else meanwhile; it is left as it is")
        partial.rename(out)


@contextmanager
def _partial(out: Path) -> Iterator[Path]:
    """A temporary name beside the right one; whatever is there, also from a run that was killed, is removed."""
    partial = out.with_name(f".{out.name}.partial")
    _remove(partial)
    try:
        yield partial
    finally:
        _remove(partial)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_npz(selection: Selection, out: Path, on_images: OnImages) -> None:
    """The arrays of dSprites; `numpy.load` reads them without pickles."""
    table = selection.table()
    names, values = named_columns(selection, table)
    ranked = [np.unique(column, return_inverse=True) for column in values.T]
    classes = np.stack([inverse for _, inverse in ranked], axis=1) if ranked else np.zeros(values.shape, np.int64)
    arrays: dict[str, NDArray[Any]] = {
        "latents_values": values,
        "latents_classes": classes.astype(np.int64),
        "latents_names": np.array(names, dtype="U64"),
        "latents_sizes": np.array([len(found) for found, _ in ranked], np.int64),
        "active": table.active,
        "batch": table.batch,
        "split": table.split,
        "metadata": np.array(selection.metadata()),
    }
    with zipfile.ZipFile(out, "w") as archive:
        for name, array in arrays.items():
            with _member(archive, name) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
        with _member(archive, "imgs") as member:
            shape = (selection.count, *selection.store.spec.frame_shape)
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(member, header)
            for images in selection.images():
                member.write(images.tobytes())
                on_images(len(images))


@contextmanager
def _member(archive: zipfile.ZipFile, name: str) -> Iterator[Any]:
    entry = zipfile.ZipInfo(f"{name}.npy", EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    # Its size is not known before it is written; without this, 4 GB would be the end.
    with archive.open(entry, "w", force_zip64=True) as member:
        yield member


def write_h5(selection: Selection, out: Path, on_images: OnImages) -> None:
    """The datasets of 3dshapes: `images` (N, H, W, C) and `labels` (N, F)."""
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise SourceError(f"an .h5 file needs {error.name}: pip install 'dcign[render]'") from error
    table = selection.table()
    names, values = named_columns(selection, table)
    frame = selection.store.spec.frame_shape
    pixels = (*frame[:2], frame[2] if len(frame) == 3 else 1)
    with h5py.File(out, "w") as file:
        images = file.create_dataset(
            "images", (selection.count, *pixels), "u1", chunks=(1, *pixels), compression="gzip", compression_opts=4
        )
        labels = file.create_dataset("labels", data=values)
        labels.attrs["factor_names"] = names
        for name in ("active", "batch", "split"):
            file.create_dataset(name, data=getattr(table, name))
        file.create_dataset("metadata", data=selection.metadata(), dtype=h5py.string_dtype())
        start = 0
        for batch in selection.images():
            images[start : start + len(batch)] = batch.reshape(-1, *pixels)
            start += len(batch)
            on_images(len(batch))


def write_pictures(selection: Selection, out: Path, on_images: OnImages) -> None:
    """A PNG for each image, `factors.csv` with a row for each, and `metadata.json`; `import-batches` reads it."""
    spec, table = selection.store.spec, selection.table()
    factors = [factor.name for factor in spec.factors] if table.factors is not None else []
    people = (spec.source or {}).get("names", [])
    out.mkdir()
    (out / "metadata.json").write_text(selection.metadata() + "\n", encoding="utf-8")
    with (out / "factors.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["file", "batch", "active", *factors, *(["identity"] * (table.identity is not None)), "split"])
        row = 0
        for (split, group, index), images in zip(selection.batches(), selection.images(), strict=True):
            folder = Path("images", split, group, f"{index:06d}")
            (out / folder).mkdir(parents=True)
            for view, image in enumerate(images):
                name = folder / f"{view:04d}.png"
                Image.fromarray(image).save(out / name)
                # str of a float32 is the shortest text that gives the same float32 again
                shown = [] if table.factors is None else [str(value) for value in table.factors[row]]
                if table.identity is not None:
                    number = int(table.identity[row])
                    shown.append(str(people[number]) if 0 <= number < len(people) else str(number))
                rows.writerow([name.as_posix(), index, group, *shown, split])
                row += 1
            on_images(len(images))


FORMS = {
    "dsprites": Form((".npz",), write_npz),
    "3dshapes": Form((".h5", ".hdf5"), write_h5),
    "png": Form((), write_pictures),
}
