"""Part of a store -> one `.npz`, one `.h5`, or a folder of pictures with a table.

Images pass one batch at a time; their labels are held whole. Everything is written under a temporary name, and renamed
when it is complete.
"""

import csv
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dataset.digest import store_digest
from dataset.errors import StoreError
from dataset.keys import SPLITS
from dataset.store import Store
from pipelines.interchange.source import SourceError

NO_GRID = (
    "the images are batches in which one factor varies, with sampled values: not every combination of values exists, "
    "and the index of an image cannot be computed from its classes. active is the factor that varies in the batch of "
    "an image, as an index into the list active of this metadata; identities are numbered within a split"
)
Address = tuple[str, str, int]
"""Split, factor that varies, and number of a batch."""
OnImages = Callable[[int], object]
"""Called with the number of images of each batch that was written."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""Date of every member of an archive: a fixed one, so that the same images give the same file."""


@dataclass(frozen=True)
class LabelTable:
    """Labels of all exported images, one row each."""

    factors: NDArray[np.float32] | None
    """(N, F) values of the factors; None where they are unknown."""
    identity: NDArray[np.int64] | None
    """(N,) identities; None where they are unknown."""
    split: NDArray[np.int64]
    """(N,) index into `SPLITS`."""
    active: NDArray[np.int64]
    """(N,) index of the factor that varies."""
    batch: NDArray[np.int64]
    """(N,) number of the batch within its split and factor."""


class Selection:
    """The batches of some splits and factors of a store.

    Parameters
    ----------
    store : of batches or sweeps
    splits : names of splits; none for the first that holds batches
    groups : factors that vary in the batches; none for all

    Raises
    ------
    StoreError
        They are not in the store, or not complete.
    """

    def __init__(self, store: Store, splits: Sequence[str], groups: Sequence[str]) -> None:
        splits = splits or next(([s] for s in SPLITS if store.factors(s)), [])
        if strange := [g for g in groups if g not in store.spec.batch_factors]:
            raise StoreError(f"{store.url} has no factor {strange[0]}; it has {', '.join(store.spec.batch_factors)}")
        self.store = store
        self.splits = [s for s in SPLITS if s in splits]
        self.addresses = [
            (split, group) for split in self.splits for group in store.factors(split) if group in groups or not groups
        ]
        if not self.addresses:
            where = ", ".join(splits) or "any split"
            raise StoreError(f"{store.url} holds no batches of {', '.join(groups) or 'anything'} in {where}")
        self.digest = store_digest(store, self.splits)
        self.count = sum(store.batches(*address) * store.spec.views(address[1]) for address in self.addresses)

    def batches(self) -> Iterator[Address]:
        """Iterate over the addresses of all batches, in order."""
        for split, group in self.addresses:
            for index in range(self.store.batches(split, group)):
                yield split, group, index

    def images(self) -> Iterator[NDArray[np.uint8]]:
        """Iterate over the images of all batches, in order: (B, H, W) or (B, H, W, 3) uint8."""
        for split, group, index in self.batches():
            images = self.store.values(split, group, "image", index)
            expected = (self.store.spec.views(group), *self.store.spec.frame_shape)
            if images.shape != expected or images.dtype != np.uint8:
                raise StoreError(
                    f"{group} batch {index} of {split} in {self.store.url} should be uint8 {expected}, "
                    f"not {images.dtype} {images.shape}"
                )
            yield images

    def table(self) -> LabelTable:
        """Read the labels of all images."""
        spec, where = self.store.spec, []
        for split, group, index in self.batches():
            row = (SPLITS.index(split), spec.batch_factors.index(group), index)
            where.append(np.tile(np.array(row, np.int64), (spec.views(group), 1)))
        rows = np.concatenate(where)
        known = {name: self._label(name) for name in spec.labels}
        return LabelTable(known.get("factors"), known.get("identity"), rows[:, 0], rows[:, 1], rows[:, 2])

    def _label(self, name: str) -> NDArray[Any]:
        """Read one array of labels for all images: (N, ...)."""
        parts = []
        for split, group in self.addresses:
            count, step = self.store.batches(split, group), self.store.spec.shard_batches
            for start in range(0, count, step):
                part = self.store.values(split, group, name, start, slice(start, min(start + step, count)))
                parts.append(part.reshape(-1, *part.shape[2:]))
        return np.concatenate(parts)

    def metadata(self) -> str:
        """Describe the images and the meaning of their labels, as JSON."""
        attributes = self.store.spec.to_attributes()
        names = ("content", "subject", "conventions", "model", "image", "camera", "light", "factors", "source")
        described = {name: attributes[name] for name in names if name in attributes}
        described |= {"digest": self.digest, "splits": list(SPLITS), "active": list(self.store.spec.batch_factors)}
        return json.dumps({"full_grid": False, "note": NO_GRID} | described, indent=1)


def named_columns(selection: Selection, table: LabelTable) -> tuple[list[str], NDArray[np.float64]]:
    """Names and values of the known labels, the factors and then the identity: values (N, columns)."""
    names: list[str] = []
    columns: list[NDArray[Any]] = []
    if table.factors is not None:
        names += [factor.name for factor in selection.store.spec.factors]
        columns += list(table.factors.T)
    if table.identity is not None:
        names.append("identity")
        columns.append(table.identity)
    values = np.stack(columns, axis=1).astype(np.float64) if columns else np.zeros((selection.count, 0))
    return names, values


@dataclass(frozen=True)
class Form:
    """One format of images and labels."""

    endings: tuple[str, ...]
    """Endings of the file's name; none for a folder."""
    write: Callable[[Selection, Path, OnImages], None]


def export(selection: Selection, out: Path, form: Form, on_images: OnImages) -> None:
    """Write a selection to a new file or folder.

    Raises
    ------
    SourceError
        `out` exists already, or its name has another ending than the format's.
    """
    if out.exists() or out.is_symlink():
        raise SourceError(f"{out} exists; nothing is overwritten: remove it, or choose another --out")
    if form.endings and out.suffix.lower() not in form.endings:
        raise SourceError(f"{out} should end in {' or '.join(form.endings)}")
    out.parent.mkdir(parents=True, exist_ok=True)
    with _partial(out) as partial:
        form.write(selection, partial, on_images)
        if out.exists():
            raise SourceError(f"{out} was created by another program meanwhile; it is left unchanged")
        partial.rename(out)


@contextmanager
def _partial(out: Path) -> Iterator[Path]:
    """Give a temporary name beside `out`; what an interrupted export left there is removed, before and after."""
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
    """Write the arrays of dSprites; `numpy.load` reads them without pickles."""
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
    # The size is unknown before the member is written; without this, members end at 4 GB.
    with archive.open(entry, "w", force_zip64=True) as member:
        yield member


def write_h5(selection: Selection, out: Path, on_images: OnImages) -> None:
    """Write the datasets of 3dshapes: `images` (N, H, W, C) uint8 and `labels` (N, F)."""
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
    """Write a PNG and a row of `factors.csv` for each image, and `metadata.json`; `import-batches` reads them."""
    spec, table = selection.store.spec, selection.table()
    factors = [factor.name for factor in spec.factors] if table.factors is not None else []
    identities = (spec.source or {}).get("names", [])
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
                # The text of a float32 is the shortest that gives the same float32 again.
                labels = [] if table.factors is None else [str(value) for value in table.factors[row]]
                if table.identity is not None:
                    number = int(table.identity[row])
                    labels.append(str(identities[number]) if 0 <= number < len(identities) else str(number))
                rows.writerow([name.as_posix(), index, group, *labels, split])
                row += 1
            on_images(len(images))


FORMS = {
    "dsprites": Form((".npz",), write_npz),
    "3dshapes": Form((".h5", ".hdf5"), write_h5),
    "png": Form((), write_pictures),
}
