"""A guided tour from no data to a turning head, with an explanation of each step.

    python examples/turning_head.py                      # about five minutes on 2 cores
    python examples/turning_head.py --out tour --batches 8000

Everything is written into one folder. It can be stopped at any time: the same command resumes.
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
"""Number of images in the turn."""


def tell(text: str) -> None:
    """Print a paragraph in lines that fit a terminal."""
    click.echo()
    click.echo(textwrap.fill(" ".join(text.split()), 88))


def do(*words: object) -> None:
    """Print a command as one would type it, and run it."""
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
    """Render faces, train a network on them, and turn the face of a new identity."""
    faces, sweeps, learned = out / "faces.zarr", out / "sweeps.zarr", out / "run"

    tell("""1. Training needs many faces with everything known about each. We render them: a head made by code, random
    identities, and batches of twenty images in which one factor varies and nothing else.""")
    do("render-batches", "--store", faces, "--factor", "all", "--n", count, "--size", size)
    do("preview-store", faces, "--out", out / "faces.png")
    describe_batch(faces)

    tell("""2. To measure later how the network does on faces that it was not trained on, we render sweeps of
    other identities: the same face at every angle.""")
    do("render-sweeps", "--store", sweeps, "--like", faces, "--identities", 4)

    tell("""3. Now we train a network. It encodes each image as a few numbers, its code, and decodes the image from
    them. In a batch in which only the azimuth varies, every number but the first is set to the same value for all
    twenty images, so that their differences have to be encoded by the first. The network is not given any angle.""")
    do("train-dcign", "--store", faces, "--run", learned, "--preset", "demo", "--batches", batches, "--maps", maps)

    tell("""4. We encode one frontal image of an identity that was not in the training data, change only the
    first number of its code, and decode. If the code is a graphics code, the head turns.""")
    turn = turn_new_identity(learned, sweeps)
    save_turn(turn, out / "turn.gif")
    tell(f"""Open {out / "turn.gif"}: on the left the network's images, decoded from that one code; on the right the
    true renders. The left side is blurred. A longer training (--batches) makes it sharper; docs/results.md has the
    numbers. evaluate-dcign measures the errors, and docs/training.md explains the next steps.""")


def describe_batch(faces: Path) -> None:
    """Print the factors of one batch."""
    batch = open_store(faces).read("train", "azimuth", 0)
    assert "factors" in batch
    azimuth, elevation, light = batch["factors"].T
    tell(f"""The first azimuth batch shows one identity {len(batch["image"])} times: azimuth from {azimuth.min():.0f} to
    {azimuth.max():.0f} degrees, elevation always {elevation[0]:.0f}, light always {light[0]:.0f}. These are the first
    rows of faces.png.""")


def turn_new_identity(learned: Path, sweeps: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs (decoded, true) of images of the first test identity from one side to the other.

    The value of the first latent at each angle is its mean over training identities of the sweeps.
    """
    net, held_out = load_run(learned), open_store(sweeps)
    identities = [held_out.read("train", "azimuth", k)["image"] for k in range(10)]
    neuron_at = np.mean([net.encode(images)[:, 0] for images in identities], axis=0)  # one value for each of 61 angles
    truth = held_out.read("test", "azimuth", 0)["image"]
    middle = len(truth) // 2
    code = net.encode(truth[middle : middle + 1])
    chosen = np.linspace(0, len(truth) - 1, STEPS).round().astype(int)
    codes = np.repeat(code, STEPS, axis=0)
    codes[:, 0] = neuron_at[chosen]
    return list(zip(net.decode(codes), truth[chosen], strict=True))


def save_turn(turn: list[tuple[np.ndarray, np.ndarray]], path: Path) -> None:
    """Write a GIF that turns from side to side, three times as large."""
    frames = [Image.fromarray(np.hstack([to_uint8(decoded), true])) for decoded, true in turn]
    frames = [frame.resize((3 * frame.width, 3 * frame.height), Image.Resampling.NEAREST) for frame in frames]
    frames[0].save(path, save_all=True, append_images=[*frames[1:], *frames[-2:0:-1]], duration=80, loop=0)


if __name__ == "__main__":
    run(tour, "turning_head.py")
