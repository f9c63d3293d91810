"""The command line: one console script for each command, and `dcign COMMAND` for all of them.

A command's module is imported when the command is called. A bare install can therefore print help, and names the extra
to install where a library is missing.
"""

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import click

from pipelines.console.extras import OURS, needing


@dataclass(frozen=True)
class Verb:
    """One command of the command line."""

    name: str
    """As it is typed: `render-batches`."""
    extras: str
    """Extras of the distribution that it needs, with commas between them; empty where the bare install is enough."""
    line: str
    """One line of help."""

    @property
    def module(self) -> str:
        """The module whose click command is called `command`: `pipelines.commands.render_batches`."""
        return f"pipelines.commands.{self.name.replace('-', '_')}"


VERBS = (
    Verb("render-batches", "render", "Render training batches, in each of which one factor varies, into a store."),
    Verb("render-sweeps", "render", "Render held-out subjects along each factor, to evaluate a network with."),
    Verb("verify-store", "render", "Check every byte of a store; --repair renders damaged shards again."),
    Verb("preview-store", "render", "Save a contact sheet or a GIF of a store's images."),
    Verb("import-batches", "render", "Copy images that were made elsewhere into a store."),
    Verb("export-batches", "render", "Copy a store's images and labels into one file, or a folder of pictures."),
    Verb("train-dcign", "train", "Train a DC-IGN on a store; the same command again resumes."),
    Verb("dcign-doctor", "", "Report what is installed, which renderers work, and what a model or store holds."),
    Verb("evaluate-dcign", "train", "Measure a trained network on held-out subjects, and write a report."),
    Verb("compare-runs", "train", "Compare runs and seeds in one table and one figure."),
    Verb("rerender", "train", "Encode one picture, and decode it at other angles and under other lights."),
    Verb("sample-dcign", "train", "Decode codes sampled from the prior, and bound log p(x) of held-out images."),
    Verb("explore-dcign", "render,train,web", "Turn a face live in the browser."),
    Verb("infer-scene", "render,train", "Fit the face model's shape, albedo, pose and light to one picture."),
    Verb("export-dcign", "export", "Export encoder and decoder as ONNX, and the weights as safetensors."),
    Verb("plot-equivariance", "train", "Plot the paper's scatter plots, and save their numbers."),
)
"""Every command, in the order in which a new user needs them."""
BY_NAME = {verb.name: verb for verb in VERBS}

CLOUDS = frozenset({"botocore", "aiobotocore"})
"""Libraries whose errors are shown as they come: their text names the bucket or the key."""


class Verbs(click.Group):
    """A click group that imports a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """Names of all commands, in the order of `VERBS`."""
        return list(BY_NAME)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command; None where there is none of this name."""
        return load(cmd_name) if cmd_name in BY_NAME else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb.name, verb.line) for verb in VERBS])


def load(name: str) -> click.Command:
    """Import the click command of this name.

    Raises
    ------
    click.ClickException
        A library that the command needs is not installed; the message names the extra.
    """
    verb = BY_NAME[name]
    with needing(name, verb.extras):
        command: click.Command = importlib.import_module(verb.module).command
    return command


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dcign", prog_name="dcign")
def group() -> None:
    """Deep Convolutional Inverse Graphics Networks: render one-factor batches, train a network, evaluate it.

    Angles are in degrees everywhere. Every command is also a script of its own: `dcign render-batches` and
    `render-batches` are the same. `COMMAND --help` explains its options and shows an example.
    """


def main() -> None:
    """Run `dcign COMMAND`."""
    run(group, "dcign")


def verb() -> None:
    """Run the command whose name this script was called by."""
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
    """Run a command and exit: code 0 done, 1 failed, 2 bad usage. An expected error is one line, not a traceback."""
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
    """Report whether the error's own text explains it: one of our errors, of the file system or of a cloud client."""
    return type(error).__module__.split(".")[0] in OURS | CLOUDS or isinstance(error, OSError)
