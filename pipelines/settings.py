"""What fixes a store: the options, their defaults, and the part of the spec that does not depend on what is shown."""

from collections.abc import Callable
from typing import Any

import click

from dataset.spec import CHANNELS, StoreSpec, shard_batches
from pipelines.backends import BACKENDS, describe_backend
from pipelines.options import Channels, model_option, range_option, scale_option
from pipelines.people import CoefficientsFile

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


def settings_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options that are fixed when a store is made."""
    for option in reversed(
        [
            model_option,
            click.option("--size", type=click.IntRange(8, 4096), help="Pixels a side. [default: 150]"),
            click.option("--color", type=click.Choice(["grey", "rgb"]), help="[default: grey]"),
            click.option("--samples", type=int, help="Samples a pixel, a square number. [default: 4]"),
            click.option(
                "--backend",
                type=click.Choice(list(BACKENDS)),
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
            range_option("azimuth", "-86 86"),
            range_option("elevation", "-23 23"),
            range_option("light", "-80 80"),
        ]
    ):
        function = option(function)
    return function


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
    """A store's settings under the names of the options."""
    settings = {
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
    settings |= {f"{block}_scale": spec.scales.get(block, 0.0) for block in ("shape", "albedo", "expression")}
    return settings | {f.name: (f.low, f.high) for f in spec.factors}
