"""From nothing to a turning head, step by step, with what each step is for.

    python examples/turning_head.py                      # four to ten minutes on 2 cores
    python examples/turning_head.py --out tour --batches 8000

Everything goes into one folder. Stop it when you like: the same line goes on where it was.
"""

import textwrap
from pathlib import Path

import click
import numpy as np
from PIL import Image

from dataset import open_store
from pipelines.console.cli import load, run
from train.runs.trained_run import load_run, to_uint8

STEPS = 24
"""Pictures in the turn."""


def tell(text: str) -> None:
    """Say something, in lines that fit a terminal."""
    click.echo()
    click.echo(textwrap.fill(" ".join(text.split()), 88))


def do(*words: object) -> None:
    """Show a command as one would type it, and run it."""
    line = [str(word) for word in words]
    click.secho(f"\n$ {' '.join(line)}", bold=True)
    load(line[0]).main(line[1:], prog_name=line[0], standalone_mode=False)


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default="turning-head", show_default=True)
@click.option("--n", "count", default=300, show_default=True, help="Batches of each factor.")
@click.option("--size", default=64, show_default=True, help="Pixels a side.")
@click.option("--batches", type=int, default=5000, show_default=True, help="Length of the training.")
@click.option("--maps", type=int, default=32, show_default=True, help="Width of the network.")
def tour(out: Path, count: int, size: int, batches: int, maps: int) -> None:
    """Draw faces, learn what turns them, and turn somebody new."""
    faces, sweeps, learned = out / "faces.zarr", out / "sweeps.zarr", out / "run"

    tell("""1. A computer that is to understand faces needs many, with everything known about each. We draw them: a head
    made by code, random people, and batches of twenty pictures in which one thing changes and nothing else.""")
    do("render-batches", "--store", faces, "--factor", "all", "--n", count, "--size", size)
    do("preview-store", faces, "--out", out / "faces.png")
    describe_batch(faces)

    tell("""2. To see later whether anything was learned, and not merely remembered, we keep other people aside, drawn
    at every angle.""")
    do("render-sweeps", "--store", sweeps, "--like", faces, "--identities", 4)

    tell("""3. Now a network learns. It squeezes each picture into a few numbers, its code, and draws the picture anew
    from them. In a batch in which only the azimuth varies, every number but the first is made the same for all twenty
    pictures: what tells them apart has to go through the first. Nobody tells it an angle.""")
    do("train-dcign", "--store", faces, "--run", learned, "--preset", "demo", "--batches", batches, "--maps", maps)

    tell("""4. One picture of a person whom it has never seen, frontal. We encode it, change its first number only, and
    let the network draw. If the code is a graphics code, the head turns.""")
    turn = turn_somebody(learned, sweeps)
    save_turn(turn, out / "turn.gif")
    tell(f"""Look at {out / "turn.gif"}: left, what the network imagines from that one picture; right, the truth. It is
    blurred: a longer training (--batches) helps, and docs/results.md says by how much. evaluate-dcign measures what you
    see, docs/training.md says how to go on.""")


def describe_batch(faces: Path) -> None:
    """Say what the numbers of one batch are."""
    batch = open_store(faces).read("train", "azimuth", 0)
    assert "factors" in batch
    azimuth, elevation, light = batch["factors"].T
    tell(f"""The first azimuth batch shows one person {len(batch["image"])} times: azimuth from {azimuth.min():.0f} to
    {azimuth.max():.0f} degrees, elevation always {elevation[0]:.0f}, light always {light[0]:.0f}. Look at the first
    rows of faces.png.""")


def turn_somebody(learned: Path, sweeps: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """(imagined, true) pictures of the first test person from one side to the other.

    The network's own scale comes from the training people of the sweeps: the mean of its first number at each angle.
    """
    net, held_out = load_run(learned), open_store(sweeps)
    people = [held_out.read("train", "azimuth", k)["image"] for k in range(10)]
    neuron_at = np.mean([net.encode(images)[:, 0] for images in people], axis=0)  # one value for each of 61 angles
    truth = held_out.read("test", "azimuth", 0)["image"]
    middle = len(truth) // 2
    code = net.encode(truth[middle : middle + 1])
    shown = np.linspace(0, len(truth) - 1, STEPS).round().astype(int)
    codes = np.repeat(code, STEPS, axis=0)
    codes[:, 0] = neuron_at[shown]
    return list(zip(net.decode(codes), truth[shown], strict=True))


def save_turn(turn: list[tuple[np.ndarray, np.ndarray]], path: Path) -> None:
    """Write a GIF that swings from side to side, three times as large."""
    frames = [Image.fromarray(np.hstack([to_uint8(imagined), true])) for imagined, true in turn]
    frames = [frame.resize((3 * frame.width, 3 * frame.height), Image.Resampling.NEAREST) for frame in frames]
    frames[0].save(path, save_all=True, append_images=[*frames[1:], *frames[-2:0:-1]], duration=80, loop=0)


if __name__ == "__main__":
    run(tour, "turning_head.py")
