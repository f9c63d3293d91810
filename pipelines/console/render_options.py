"""Options of the commands that make stores: the settings that are fixed when a store is made."""

from collections.abc import Callable, Mapping
from typing import Any

import click

from dataset.factors import all_factor_names
from dataset.spec import CHANNELS
from pipelines.console.options import mesh_memory_option, meshes_option, model_option, range_option, scale_option
from pipelines.console.parameters import Axis, Channels, CoefficientsFile, SplitFile
from pipelines.rendering.backends import BACKENDS
from pipelines.rendering.settings import Given, RenderSettings, Sources
from pipelines.rendering.subjects import SOURCES

DEFAULTS = RenderSettings()
OPTIONS = (
    click.option("--subject", type=click.Choice([*SOURCES]), help=f"What is shown. [default: {DEFAULTS.subject}]"),
    model_option,
    meshes_option,
    click.option("--up", type=Axis(), help="Axis of the meshes' files that points up, where their layout has none."),
    click.option("--front", type=Axis(), help="Axis that their front looks along, where their layout has none."),
    click.option(
        "--test-fraction",
        type=click.FloatRange(0, 1),
        help="Share of the meshes in the test split, half as many in val; a mesh's shape decides. [default: 0.1]",
    ),
    click.option(
        "--split-file", type=SplitFile(), help="CSV of id,split lines that decide instead; ids as in subjects.json."
    ),
    click.option("--size", type=click.IntRange(8, 4096), help=f"Pixels a side. [default: {DEFAULTS.size}]"),
    click.option("--color", type=click.Choice(["grey", "rgb"]), help=f"[default: {DEFAULTS.color}]"),
    click.option("--samples", type=int, help=f"Samples a pixel, a square number. [default: {DEFAULTS.samples}]"),
    click.option(
        "--backend",
        type=click.Choice([*BACKENDS]),
        envvar="DCIGN_BACKEND",
        show_envvar=True,
        help="cpu needs nothing and renders the same bytes everywhere; pyrender is OpenGL. "
        f"[default: {DEFAULTS.backend}]",
    ),
    click.option(
        "--channels",
        type=Channels(),
        help=f"Arrays to store beside the image, of {','.join(CHANNELS)}. [default: {','.join(DEFAULTS.channels)}]",
    ),
    click.option("--seed", type=click.IntRange(0), help=f"[default: {DEFAULTS.seed}]"),
    scale_option("shape", f"{DEFAULTS.shape_scale:g}"),
    scale_option("albedo", f"{DEFAULTS.albedo_scale:g}"),
    scale_option("expression", f"{DEFAULTS.expression_scale:g}: no expression at all"),
    click.option(
        "--fix",
        type=CoefficientsFile('{"shape": [1.5, null], "albedo": [0]}', nulls=True),
        help='JSON file of values that every identity has, such as {"albedo": [0.5, null, -1]}; null is sampled.',
    ),
    click.option(
        "--around",
        type=CoefficientsFile('{"shape": [1.5, -0.3], "albedo": [0]}', nulls=False),
        help="JSON file with the coefficients of a reference identity; the others are at a --distance from it.",
    ),
    click.option(
        "--distance",
        type=click.FloatRange(0, 100),
        help="Distance of every identity from the reference (without --around: from the mean): the root mean square "
        "of the coefficients' differences, in standard deviations, times the block's scale. 0 is the reference "
        "itself; two sampled identities are about 1.4 apart.",
    ),
    *(range_option(name) for name in all_factor_names()),
    mesh_memory_option,
)


def settings_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that are fixed when a store is made, and the sources on this machine."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


def given_settings(values: Mapping[str, Any]) -> Given:
    """The settings that the values of these options give; None is an option that was left out."""
    places = ("model", "meshes", "mesh_memory")
    sources = Sources(values["model"], values["meshes"], round(values["mesh_memory"] * 1e9))
    return Given.from_options({name: value for name, value in values.items() if name not in places}, sources)
