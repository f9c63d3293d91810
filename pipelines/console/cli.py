"""One console script for each verb, and `dcign VERB` for all of them.

Verbs are imported when called, so that a bare install can still print help and say what to install.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click

VERBS = {
    "render-batches": (
        "pipelines.commands.render_batches",
        "render",
        "draw batches in which one factor varies into a store",
    ),
    "render-sweeps": ("pipelines.commands.render_sweeps", "render", "draw held-out sweeps for the equivariance plots"),
    "verify-store": ("pipelines.commands.verify_store", "render", "check every byte of a store, and mend it"),
    "preview-store": ("pipelines.commands.preview_store", "render", "a contact sheet or GIF of a store"),
    "import-batches": (
        "pipelines.commands.import_batches",
        "render",
        "put images that were made elsewhere into a store",
    ),
    "export-batches": (
        "pipelines.commands.export_batches",
        "render",
        "a store's images and labels as one file, or as pictures",
    ),
    "train-dcign": ("pipelines.commands.train_dcign", "train", "fit a DC-IGN to a store"),
    "dcign-doctor": ("pipelines.doctor", "", "what is installed, which renderers work, what a model or store is"),
    "evaluate-dcign": (
        "pipelines.commands.evaluate_dcign",
        "train",
        "every measure of a run, on people it has not seen",
    ),
    "compare-runs": ("pipelines.commands.compare_runs", "train", "one table and figure over runs and seeds"),
    "rerender": ("pipelines.commands.rerender", "train", "one picture in; turned, nodded and re-lit out"),
    "explore-dcign": ("pipelines.commands.explore_dcign", "render,train,web", "turn a face live in the browser"),
    "infer-scene": (
        "pipelines.commands.infer_scene",
        "render,train",
        "one picture in; shape, albedo, pose and light out",
    ),
    "export-dcign": (
        "pipelines.commands.export_dcign",
        "export",
        "encoder and decoder as ONNX, weights as safetensors",
    ),
    "plot-equivariance": (
        "pipelines.commands.plot_equivariance",
        "train",
        "the paper's scatter plots, with their numbers",
    ),
}
"""Verb to (module with a click command called `command`, extras that it needs, one line)."""

OURS = {"render", "dataset", "train", "pipelines"}
CLOUDS = {"botocore", "aiobotocore"}
"""Libraries whose errors say what is wrong with a bucket or its keys."""


class Verbs(click.Group):
    """A group whose commands are imported only when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """Every verb, in the order in which one meets them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one verb."""
        return load(cmd_name) if cmd_name in VERBS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the verbs without importing any of them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, line) for verb, (_, _, line) in VERBS.items()])


def load(verb: str) -> click.Command:
    """The click command of a verb; a missing extra is said in one line."""
    module, extra, _ = VERBS[verb]
    with needing(verb, extra):
        command: click.Command = importlib.import_module(module).command
    return command


@contextmanager
def needing(what: str, extra: str) -> Iterator[None]:
    """A library that cannot be imported in here, and is not our own, becomes one line that names the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in OURS:
            raise
        raise click.ClickException(f"{what} needs {error.name}: pip install 'dcign[{extra}]'") from error


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dcign", prog_name="dcign")
def group() -> None:
    """Deep Convolutional Inverse Graphics Networks: render one-factor batches, train, look.

    Angles are in degrees everywhere. Every verb is also a command of its own: `dcign render-batches` and
    `render-batches` are the same.
    """


def main() -> None:
    """`dcign VERB`."""
    run(group, "dcign")


def verb() -> None:
    """A verb called by its own name."""
    name = Path(sys.argv[0]).stem
    try:
        command = load(name)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except KeyboardInterrupt:  # torch alone takes seconds to import
        _interrupted()
    run(command, name)


def run(command: click.Command, name: str) -> None:
    """Run a command; what is the user's to mend becomes one line and exit code 1, never a traceback."""
    try:
        code = command.main(prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _interrupted()
    except Exception as error:
        if not expected(error):
            raise
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    # Without its standalone mode click returns the code of `--help` and of an early exit instead of exiting.
    sys.exit(code if isinstance(code, int) else 0)


def _interrupted() -> NoReturn:
    click.echo("\nInterrupted. Nothing is lost: run the same command to resume.", err=True)
    sys.exit(1)


def expected(error: Exception) -> bool:
    """Whether the error is one of our own, or the file system's word on a path: its text says all there is to say."""
    return type(error).__module__.split(".")[0] in OURS | CLOUDS or isinstance(error, OSError)
