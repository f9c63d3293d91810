"""The layout `aubry`: the tree of `rendered_chairs.tar` (Aubry et al., "Seeing 3D chairs") -> batches.

`rendered_chairs/ID/renders/image_NNN_pPPP_tTTT_r096.png`, some 1,393 chairs from 31 sides at two elevations, grey or
colour, 600 x 600 with a wide white rim. The view of a picture is read from p and t in its name, not from its number:
one number between the elevations is skipped. Other files, such as `all_chair_names.mat`, are ignored.
"""

import re
from collections import Counter
from pathlib import Path

from dataset.factors import INTRINSIC, Factor
from pipelines.interchange.pictures import Batches, PictureBatches, View, listing, shuffled_batches, unreadable
from pipelines.interchange.source import Choices, Contents, SourceError, factor_over, keyed, list_hash

PICTURE = re.compile(r"image_\d+_p(\d{3})_t(\d{3})_r\d+\.png")
CROP = 2 / 3
"""Share of a picture that is used, its middle 400 of 600 pixels: the rest is white."""
CONVENTIONS = (
    "azimuth and elevation are the numbers after t and p in the names of the pictures, in degrees. "
    "t is the k-th of 31 steps round the chair, 360 k / 31 rounded down, from 11 to 360; it is recorded as it stands. "
    "Which way the chair turns as t grows, and which of its sides is seen at 360, is as its renderer had it: "
    "nothing was turned to our own conventions. Elevation 30 shows more of the top than 20."
)
Pose = tuple[int, int]
"""Azimuth and elevation in degrees, as in a file's name."""


def find(source: Path) -> Path | None:
    """Find the folder of the chairs: `source`, or `rendered_chairs` in it; None where there is none."""
    for folder in (source, source / "rendered_chairs"):
        if folder.is_dir() and any((entry / "renders").is_dir() for entry in folder.iterdir()):
            return folder
    return None


def open_chairs(root: Path, choices: Choices, workers: int) -> PictureBatches:
    """Form the batches of a tree; its pictures are checked with `workers` threads.

    An azimuth batch shows one chair at one elevation from some of its sides, an intrinsic batch different chairs from
    one side. The seed of `choices` decides which.

    Raises
    ------
    SourceError
        No chair is complete, or there are too few for a batch.
    """
    chairs, notes = _complete(root, _pictures(root), workers)
    poses = sorted(set().union(*chairs.values()))
    names = sorted(chairs)
    views = {name: {pose: _view(name, chairs[name][pose], pose, k) for pose in poses} for k, name in enumerate(names)}
    held_out = {name for name in names if _share(choices.seed, name) < choices.test_fraction}
    splits = {"train": [n for n in names if n not in held_out], "test": [n for n in names if n in held_out]}
    batches: dict[tuple[str, str], list[list[View]]] = {}
    for split, members in splits.items():
        batches[split, "azimuth"] = _azimuth_batches(views, members, poses, choices)
        batches[split, INTRINSIC] = _intrinsic_batches(views, members, poses, choices)
        notes += [
            f"{split} has {len(members)} chairs, too few for a {group} batch of {choices.batch_size} images"
            for group in ("azimuth", INTRINSIC)
            if members and not batches[split, group]
        ]
    full: Batches = {address: found for address, found in batches.items() if found}
    if not full:
        raise SourceError(
            f"{root} has {len(names)} complete chairs with {len(poses)} views each, too few for a batch of "
            f"{choices.batch_size} images; give a smaller --batch-size"
        )
    return PictureBatches(_contents(root, full, poses, names, choices, notes), root, full, CROP)


def _contents(
    root: Path, batches: Batches, poses: list[Pose], names: list[str], choices: Choices, notes: list[str]
) -> Contents:
    varied = tuple(group for group in ("azimuth", INTRINSIC) if any(group == g for _, g in batches))
    return Contents(
        format="aubry",
        subject="chair",
        factors=(
            Factor("azimuth", "degrees", 0, 360, 360),
            factor_over("elevation", "degrees", [elevation for _, elevation in poses]),
        ),
        varied=varied,
        labels=("factors", "identity"),
        conventions=CONVENTIONS,
        views=dict.fromkeys(varied, choices.batch_size),
        counts={address: len(found) for address, found in batches.items()},
        sha256=list_hash(listing(root, batches)),
        options={
            "batch_size": choices.batch_size,
            "test_fraction": choices.test_fraction,
            "seed": choices.seed,
        },
        names=names,
        notes=notes,
    )


def _pictures(root: Path) -> dict[str, dict[Pose, str]]:
    """Map each chair and pose to the name of its picture; of two pictures with one pose, the first name counts."""
    found: dict[str, dict[Pose, str]] = {}
    for folder in sorted(root.iterdir()):
        renders = folder / "renders"
        if folder.name.isprintable() and renders.is_dir():  # the name goes into the store
            named = [match for entry in sorted(renders.iterdir()) if (match := PICTURE.fullmatch(entry.name))]
            found[folder.name] = {(int(m[2]), int(m[1])): m[0] for m in reversed(named)}
    return found


def _complete(
    root: Path, chairs: dict[str, dict[Pose, str]], workers: int
) -> tuple[dict[str, dict[Pose, str]], list[str]]:
    """Select the chairs whose pictures of all usual poses exist and can be read; a note names each other chair."""
    tally = Counter(pose for poses in chairs.values() for pose in poses)
    usual = {pose for pose, count in tally.items() if count > len(chairs) / 2}
    notes, complete = [], {}
    for name, poses in chairs.items():
        if usual and usual <= poses.keys():
            complete[name] = {pose: poses[pose] for pose in usual}
        else:
            notes.append(f"chair {name} is left out: {len(usual - poses.keys())} of {len(usual)} views are missing")
    owner = {f"{name}/renders/{file}": name for name, poses in complete.items() for file in poses.values()}
    for file, wrong in unreadable(root, list(owner), workers).items():
        if complete.pop(owner[file], None):
            notes.append(f"chair {owner[file]} is left out: {wrong}")
    if not complete:
        raise SourceError(
            f"{root} has no complete chair: of {len(chairs)}, {'; '.join(notes[:1]) or 'none has pictures'}"
        )
    return complete, notes


def _view(chair: str, file: str, pose: Pose, number: int) -> View:
    return View(f"{chair}/renders/{file}", (float(pose[0]), float(pose[1])), number)


def _share(seed: int, chair: str) -> float:
    """A number of 0 to 1 that depends on the seed and the chair alone, whichever other chairs there are."""
    return int.from_bytes(keyed(seed, "split", chair)[:8], "big") / 2**64


def _azimuth_batches(
    views: dict[str, dict[Pose, View]], members: list[str], poses: list[Pose], choices: Choices
) -> list[list[View]]:
    """One batch for each chair and elevation: as many of its sides as a batch holds."""
    found = []
    for name in members:
        for elevation in sorted({e for _, e in poses}):
            ring = [views[name][pose] for pose in poses if pose[1] == elevation]
            found += shuffled_batches(ring, choices.batch_size, choices.seed, "azimuth")[:1]
    return found


def _intrinsic_batches(
    views: dict[str, dict[Pose, View]], members: list[str], poses: list[Pose], choices: Choices
) -> list[list[View]]:
    """Batches for each azimuth: all chairs at all elevations, shuffled."""
    return [
        batch
        for azimuth in sorted({a for a, _ in poses})
        for batch in shuffled_batches(
            [views[name][pose] for name in members for pose in poses if pose[0] == azimuth],
            choices.batch_size,
            choices.seed,
            INTRINSIC,
        )
    ]
