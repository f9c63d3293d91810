"""What fixes a store: the options, their defaults, and the part of the spec that does not depend on what is shown."""

from collections.abc import Callable, Mapping
from typing import Any

import click

from dataset.errors import StoreError
from dataset.spec import CHANNELS, StoreSpec, shard_batches
from pipelines.console.identity_files import CoefficientsFile
from pipelines.console.options import (
    Axis,
    Channels,
    mesh_memory_option,
    meshes_option,
    model_option,
    range_option,
    scale_option,
)
from pipelines.console.split_file import SplitFile
from pipelines.rendering.backends import BACKENDS, describe_backend

DEFAULTS = {
    "backend": "cpu",
    "channels": ("mask",),
    "size": 150,
    "color": "grey",
    "samples": 4,
    "seed": 0,
    "batch_size": 20,
    "shape_scale": 1.0,
    "albedo_scale": 1.0,
    "expression_scale": 0.0,
}
ONLY = {
    "face": ("model", "shape_scale", "albedo_scale", "expression_scale", "fix", "around", "distance", "light"),
    "chair": ("meshes", "up", "front", "test_fraction", "split_file"),
}
"""Options that only one kind of subject has."""
NOT_SETTINGS = ("model", "meshes", "mesh_memory")
"""Options that say where things are on this machine; a store does not keep them."""


def settings_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options that are fixed when a store is made."""
    for option in reversed(
        [
            click.option("--subject", type=click.Choice(["face", "chair"]), help="What is shown. [default: face]"),
            model_option,
            meshes_option,
            click.option(
                "--up", type=Axis(), help="Axis of the meshes' files that points up, where no layout says it."
            ),
            click.option("--front", type=Axis(), help="Axis that their front looks along, where no layout says it."),
            click.option(
                "--test-fraction",
                type=click.FloatRange(0, 1),
                help="Share of the meshes in the test split, half as many in val; a mesh's shape decides. "
                "[default: 0.1]",
            ),
            click.option(
                "--split-file",
                type=SplitFile(),
                help="CSV of id,split lines that decide instead; ids as in subjects.json.",
            ),
            click.option("--size", type=click.IntRange(8, 4096), help="Pixels a side. [default: 150]"),
            click.option("--color", type=click.Choice(["grey", "rgb"]), help="[default: grey]"),
            click.option("--samples", type=int, help="Samples a pixel, a square number. [default: 4]"),
            click.option(
                "--backend",
                type=click.Choice(list(BACKENDS)),
                envvar="DCIGN_BACKEND",
                show_envvar=True,
                help="cpu needs nothing and draws the same bytes everywhere; pyrender is OpenGL. [default: cpu]",
            ),
            click.option(
                "--channels",
                type=Channels(),
                help=f"What to store beside the image, of {','.join(CHANNELS)}. [default: mask]",
            ),
            click.option("--seed", type=click.IntRange(0), help="[default: 0]"),
            scale_option("shape", "1"),
            scale_option("albedo", "1"),
            scale_option("expression", "0: no expression at all"),
            click.option(
                "--fix",
                type=CoefficientsFile('{"shape": [1.5, null], "albedo": [0]}', nulls=True),
                help='JSON file of values that everybody has, such as {"albedo": [0.5, null, -1]}; null is drawn.',
            ),
            click.option(
                "--around",
                type=CoefficientsFile('{"shape": [1.5, -0.3], "albedo": [0]}', nulls=False),
                help="JSON file with the coefficients of a reference person, to draw people at a --distance from.",
            ),
            click.option(
                "--distance",
                type=click.FloatRange(0, 100),
                help="How far everybody is from the reference (without --around: from the mean): the root mean square "
                "of the coefficients' differences, in standard deviations, times the block's scale. 0 is the reference "
                "itself, strangers are about 1.4 apart.",
            ),
            range_option("azimuth", "-86 86; chairs: 0 360"),
            range_option("elevation", "-23 23; chairs: 20 or 30, nothing between"),
            range_option("light", "-80 80; chairs: always 30"),
            mesh_memory_option,
        ]
    ):
        function = option(function)
    return function


def refuse_foreign(subject: str, given: Mapping[str, Any]) -> None:
    """Raise `StoreError` for an option, or a kind of value, that was given and belongs to another kind of subject."""
    for other, names in ONLY.items():
        strange = [name for name in names if other != subject and given.get(name) is not None]
        if strange:
            option = strange[0].replace("_", "-")
            raise StoreError(f"--{option} is an option of --subject {other}: leave it out with --subject {subject}")
    if subject != "face" and isinstance(given.get("pool"), dict):
        raise StoreError(
            f"a --pool file names people, and this is --subject {subject}: give a number, such as --pool 100, "
            "or nothing with a folder of meshes"
        )


def comparable(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, without what a store does not keep, and a file as its hash."""
    return {k: getattr(v, "sha256", v) for k, v in given.items() if k not in NOT_SETTINGS}


def common_spec(options: dict[str, Any]) -> dict[str, Any]:
    """Fields of a `StoreSpec` of batches that are the same for faces and chairs."""
    frame = (options["size"], options["size"], *((3,) if options["color"] == "rgb" else ()))
    return {
        "content": "batches",
        "image": image_settings(options),
        "seed": options["seed"],
        "batch_size": options["batch_size"],
        "shard_batches": shard_batches(options["batch_size"], frame),
        "renderer": describe_backend(options),
        **pool_settings(options.get("pool")),
    }


def pool_settings(pool: int | dict[str, Any] | None) -> dict[str, Any]:
    """`pool` or `people` of a spec."""
    return {"people": pool} if isinstance(pool, dict) else {"pool": pool}


def image_settings(options: dict[str, Any]) -> dict[str, Any]:
    """The `image` attribute of a store."""
    size = options["size"]
    return {
        "height": size,
        "width": size,
        "color": options["color"],
        "samples": options["samples"],
        "background": "white",
    }


def stored_settings(spec: StoreSpec) -> dict[str, Any]:
    """A store's settings under the names of the options.

    Raises
    ------
    StoreError
        When its images were not drawn.
    """
    if spec.source is not None:
        raise StoreError("the store holds imported images: nothing can be drawn into it, or like it")
    settings = {
        "subject": spec.subject,
        "backend": spec.renderer.get("backend"),
        "channels": spec.channels,
        "size": spec.image["height"],
        "color": spec.image["color"],
        "samples": spec.image["samples"],
        "seed": spec.seed,
        "batch_size": spec.batch_size,
        "pool": {split: [*people] for split, people in spec.people.items()} or spec.pool,
        "others": spec.others,
        "fix": dict(spec.fixed),
        "around": spec.around and spec.around["reference"],
        "distance": spec.around and spec.around["distance"],
    }
    settings |= {name: spec.collection.get(name) for name in ("up", "front", "test_fraction", "split_file")}
    settings |= {f"{block}_scale": spec.scales.get(block, 0.0) for block in ("shape", "albedo", "expression")}
    return settings | {f.name: (f.low, f.high) for f in spec.factors}
