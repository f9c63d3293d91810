"""`export-dcign`: a trained network as ONNX and safetensors."""

import json
from pathlib import Path

import click

from pipelines.console.options import json_option
from pipelines.evaluation.run_evaluation import home_of
from train.runs.export import DECODER, ENCODER, WEIGHTS, export
from train.runs.packing import pack
from train.runs.trained_run import load_run


@click.command("export-dcign")
@click.option("--run", "run_dir", required=True, type=click.Path(path_type=Path), help="Run directory of train-dcign.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the files. [default: RUN/export]",
)
@click.option(
    "--packed",
    is_flag=True,
    help="Write a run directory of 16-bit weights instead, half as large and without the optimiser: to be given away. "
    "[default folder: RUN-packed]",
)
@json_option
def command(run_dir: Path, out: Path | None, packed: bool, as_json: bool) -> None:
    r"""Write a run's encoder and decoder for other programs.

    encoder.onnx takes images (batch, H, W[, 3]) uint8 and gives mu and logvar (batch, latents); decoder.onnx takes
    codes and gives images of 0..1; weights.safetensors has the parameters. All three say in their metadata which latent
    speaks for which factor, in which unit and over which range. The graphs compute in float32, in batches of any
    size, and are compared with torch before the command says that it is done.

    \b
    Example: export-dcign --run runs/faces-quick-paper-s0
             export-dcign --run runs/faces-quick-paper-s0 --packed
    """
    run = load_run(run_dir, "cpu")
    if packed:
        home = home_of(run_dir).resolve()
        out = out or home.with_name(f"{home.name}-packed")
        size = pack(run, out)
        said = f"wrote {out}, a run with {size / 1e6:.1f} MB of weights"
        click.echo(json.dumps({"out": str(out), "bytes": size}) if as_json else said)
        return
    out = out or (run_dir if run_dir.is_dir() else run_dir.parent) / "export"
    found = export(run, out)
    if as_json:
        click.echo(json.dumps({"out": str(out), "differences": found}))
        return
    apart = ", ".join(f"{name} {value:.1e}" for name, value in found.items())
    click.echo(f"wrote {out}/{ENCODER}, {DECODER} and {WEIGHTS}; largest differences from torch: {apart}")
