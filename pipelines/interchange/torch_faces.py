"""The original DC-IGN face batches, Torch7 tensors -> batches.

`DATA/th_{AZ,EL,LIGHT_AZ,SHAPE}_VARIED/{FT_training,FT_test}/batchN`, N from 1: 20 x 1 x 150 x 150 numbers of 0 to 1
in each. What varies is said by the folder, and nothing else is known: no angle, no person. Within a batch the images
are in whatever order a file system listed them, and where one was missing its place is black.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dataset.factors import INTRINSIC, factor_names, factors_of
from dataset.store import Store
from pipelines.interchange.errors import SourceError
from pipelines.interchange.images import ImageFormat, fit
from pipelines.interchange.source import Choices, Contents, list_hash
from pipelines.interchange.t7 import read_header, read_tensor

FOLDERS = {"LIGHT_AZ_VARIED": "light", "AZ_VARIED": "azimuth", "EL_VARIED": "elevation", "SHAPE_VARIED": INTRINSIC}
"""How the name of a folder ends; the first that fits, as one is the end of another."""
SPLITS = {"FT_training": "train", "FT_test": "test"}
BATCH = re.compile(r"batch([1-9]\d{0,8})(?:\.t7)?")
MOST_BYTES = 500_000_000
"""Of one batch: the authors' have 1.8 MB."""
CONVENTIONS = (
    "the folder of a batch says what varies in it; no value is known. "
    "Ranges are those of the authors' test data: azimuth within 1.5 radians, elevation 0.4, light 80 degrees."
)
Shape = tuple[int, ...]
"""B, C, H, W."""


def find(source: Path) -> Path | None:
    """The folder with the four, `source` or one in it; None where there are none."""
    inside = sorted(entry for entry in source.iterdir() if entry.is_dir()) if source.is_dir() else []
    return next((folder for folder in (source, *inside) if folder.is_dir() and _varied_folders(folder)), None)


def _varied_folders(root: Path) -> dict[str, list[Path]]:
    """What varies to the folders that say so."""
    found: dict[str, list[Path]] = {}
    for folder in sorted(root.iterdir()):
        group = next((group for end, group in FOLDERS.items() if folder.name.endswith(end)), None)
        if group and any((folder / name).is_dir() for name in SPLITS):
            found.setdefault(group, []).append(folder)
    return found


@dataclass(frozen=True)
class FaceBatches:
    """A `Source` of Torch7 tensors, one a batch."""

    contents: Contents
    root: Path
    files: Mapping[tuple[str, str], Sequence[str]]
    """(split, what varies) to the file of each batch, under the root."""

    def read(self, split: str, group: str, index: int, image_format: ImageFormat) -> dict[str, NDArray[Any]]:
        """The images of one batch; nothing is known of them."""
        path = self.root / self.files[split, group][index]
        shape = _shape(path)
        if isinstance(shape, str) or shape[0] != self.contents.views[group]:
            raise SourceError(f"{path} has changed since the import began: it has the shape {shape} now")
        levels = _levels(read_tensor(path), path)
        pictures = (Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image) for image in levels)
        return {"image": np.stack([fit(picture, image_format) for picture in pictures])}

    def remarks(self, store: Store) -> list[str]:
        """How many frames are black, by what varies."""
        found = []
        for split, group in self.files:
            black = sum(_black_frames(store.read(split, group, k)["image"]) for k in range(store.batches(split, group)))
            if black:
                total = store.batches(split, group) * store.spec.views(group)
                found.append(f"{split}/{group}: {black:,} of {total:,} frames are black; images were missing there")
        return found


def _black_frames(images: NDArray[np.uint8]) -> int:
    return int((~images.reshape(len(images), -1).any(axis=1)).sum())


def _levels(tensor: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    """(B, C, H, W) of 0 to 1, or of 0 to 255 where it holds bytes, to (B, H, W, C) bytes."""
    if tensor.dtype != np.uint8:
        scaled = np.floor(255 * tensor.astype(np.float64) + 0.5)
        if not (np.isfinite(scaled).all() and scaled.min() >= 0 and scaled.max() <= 255):
            raise SourceError(f"{path} has numbers that are no grey values of 0 to 1; leave the file out")
        tensor = scaled.astype(np.uint8)
    return np.ascontiguousarray(tensor.transpose(0, 2, 3, 1))


def open_faces(root: Path, _choices: Choices, _workers: int) -> FaceBatches:
    """The authors' batches; a file that is damaged, or of another shape than most, is left out.

    Raises
    ------
    SourceError
        When no batch can be read, or two folders claim the same factor.
    """
    files: dict[tuple[str, str], list[str]] = {}
    views: dict[str, int] = {}
    notes: list[str] = []
    for group, folders in _varied_folders(root).items():
        if len(folders) > 1:
            raise SourceError(f"{folders[0]} and {folders[1]} both claim to vary {group}; leave one of them out")
        shapes = {name: _shape(path) for name, path in _numbered(folders[0])}
        tally = Counter(shape for shape in shapes.values() if not isinstance(shape, str))
        if not tally:
            notes += [f"{group} is left out: {next(iter(shapes.values()), f'{folders[0]} holds no batches')}"]
            continue
        usual = tally.most_common(1)[0][0]
        views[group] = usual[0]
        for name, shape in shapes.items():
            if shape == usual:
                split = SPLITS[name.split("/")[0]]
                files.setdefault((split, group), []).append(f"{folders[0].name}/{name}")
            else:
                why = shape if isinstance(shape, str) else f"it has the shape {shape}, most have {usual}"
                notes.append(f"{group} batch {folders[0].name}/{name} is left out: {why}")
    if not files:
        raise SourceError(f"{root} has no batch that can be read: {'; '.join(notes[:1])}")
    varied = tuple(name for name in factor_names(factors_of("face")) if name in views)
    ordered = {(s, g): files[s, g] for s in SPLITS.values() for g in varied if (s, g) in files}
    contents = Contents(
        format="torch7",
        subject="face",
        factors=factors_of("face"),
        varied=varied,
        labels=(),
        conventions=CONVENTIONS,
        views=views,
        counts={address: len(names) for address, names in ordered.items()},
        sha256=list_hash(
            [*address, name, (root / name).stat().st_size] for address, names in ordered.items() for name in names
        ),
        options={},
        notes=notes,
    )
    return FaceBatches(contents, root, ordered)


def _numbered(folder: Path) -> list[tuple[str, Path]]:
    """Name under the folder, and path, of every batch file, in the order of splits and numbers."""
    found = []
    for split in SPLITS:
        entries = (folder / split).iterdir() if (folder / split).is_dir() else ()
        named = [(int(match[1]), entry) for entry in entries if (match := BATCH.fullmatch(entry.name))]
        found += [(f"{split}/{entry.name}", entry) for _, entry in sorted(named)]
    return found


def _shape(path: Path) -> Shape | str:
    """The shape of a batch, or what is wrong with the file."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return f"{path} is larger than {MOST_BYTES:,} bytes"
        header = read_header(path)
    except (SourceError, OSError) as error:
        return str(error)
    if len(header.shape) != 4 or header.shape[1] not in (1, 3) or header.dtype not in ("u1", "<f4", "<f8"):
        return f"{path} holds {header.dtype} {header.shape}; expected (images, 1 or 3, height, width) of 0 to 1"
    return header.shape
