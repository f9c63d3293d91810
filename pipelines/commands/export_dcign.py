"""`export-dcign`: write a trained network as ONNX and safetensors files."""

import json
from pathlib import Path

import click

from pipelines.console.options import json_option, run_option
from pipelines.evaluation.run_evaluation import home_of
from train.runs.export import DECODER, ENCODER, WEIGHTS, export, pack
from train.runs.trained_run import load_run


@click.command("export-dcign")
@run_option
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the files. [default: RUN/export]",
)
@click.option(
    "--packed",
    is_flag=True,
    help="Write a run directory with 16-bit weights and without the optimiser's state instead: half as large, to be "
    "published; it cannot be trained further. [default folder: RUN-packed]",
)
@json_option
def command(run_dir: Path, out: Path | None, packed: bool, as_json: bool) -> None:
    """Write a run's encoder and decoder for other programs.

    encoder.onnx takes images (batch, H, W[, 3]) uint8 and gives mu and logvar (batch, latents); decoder.onnx takes
    codes (batch, latents) and gives images of 0..1; weights.safetensors has the parameters. The metadata of all three
    name the latents of each factor, its unit and its range. The graphs compute in float32, for batches of any size, and
    their results are compared with torch's before the command succeeds.

    \b
    Examples:
      export-dcign --run runs/faces-quick-paper-s0
      export-dcign --run runs/faces-quick-paper-s0 --packed
    """  # noqa: D301 -- click wants the character itself
    run = load_run(run_dir, "cpu")
    if packed:
        home = home_of(run_dir).resolve()
        out = out or home.with_name(f"{home.name}-packed")
        size = pack(run, out)
        line = f"wrote {out}, a run with {size / 1e6:.1f} MB of weights"
        click.echo(json.dumps({"out": str(out), "bytes": size}) if as_json else line)
        return
    out = out or (run_dir if run_dir.is_dir() else run_dir.parent) / "export"
    found = export(run, out)
    if as_json:
        click.echo(json.dumps({"out": str(out), "differences": found}))
        return
    differences = ", ".join(f"{name} {value:.1e}" for name, value in found.items())
    click.echo(f"wrote {out}/{ENCODER}, {DECODER} and {WEIGHTS}; largest differences from torch: {differences}")
