"""`evaluate-dcign`: the numbers, figures and report of a run, on held-out identities."""

import json
from dataclasses import replace
from pathlib import Path

import click

from dataset.errors import StoreError
from dataset.store import open_store
from pipelines.console.extras import needing
from pipelines.console.options import (
    device_option,
    json_option,
    model_option,
    resamples_option,
    run_option,
    score_images_option,
    sweeps_option,
)
from pipelines.evaluation.evaluate import evaluate, summary
from pipelines.evaluation.identity_network import identity_network
from pipelines.evaluation.metrics.bootstrap import RESAMPLES
from pipelines.evaluation.metrics.recognition import ORIGINAL_PAIRS
from pipelines.evaluation.onnx_features import FeaturesUnusable, OnnxFeatures, open_features
from pipelines.evaluation.recognition import PAIRS, recognise
from pipelines.evaluation.run_evaluation import RunEvaluation, check_same_factors, open_evaluation

MOST_PAIRS = 4000
"""Largest number of pairs: their pixels take 1.5 GB while they are scaled."""


class UnusableFile(click.ClickException):
    """A file on the command line is not what its option takes."""

    exit_code = 2


@click.command("evaluate-dcign")
@run_option
@sweeps_option
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    help="Another run on the same images, reported beside this one: train-dcign --objective random.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for report.html, metrics.json and the figures. [default: RUN/evaluation]",
)
@click.option(
    "--recognition",
    is_flag=True,
    help="Also measure verification of identity; renders pairs of images.",
)
@click.option(
    "--pairs",
    type=click.IntRange(ORIGINAL_PAIRS, MOST_PAIRS),
    callback=lambda _context, _option, value: _check_pairs(value),
    help=f"Pairs of images for --recognition, a multiple of 4. [default: {PAIRS}]",
)
@click.option(
    "--features",
    "feature_files",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.onnx",
    multiple=True,
    help="Also verify identity with the output of this network, (N, C, H, W) or (N, H, W) float32 of 0..1 in. Repeats; "
    "implies --recognition.",
)
@click.option(
    "--identity-ceiling",
    "labelled",
    metavar="STORE",
    help="Also verify identity with a network that is trained, in a minute or two, to classify the identities of this "
    "store of render-batches: a ceiling. Implies --recognition.",
)
@model_option
@resamples_option(RESAMPLES)
@score_images_option
@device_option
@json_option
def command(
    run_dir: Path,
    url: str,
    baseline: Path | None,
    out: Path | None,
    recognition: bool,
    pairs: int | None,
    feature_files: tuple[Path, ...],
    labelled: str | None,
    model: str | None,
    resamples: int,
    score_images: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Measure what a run has learned, on held-out identities, and write report.html.

    For each factor of faces: how its neuron follows the angle. The absolute skill: an image is encoded, the neuron set
    to another angle, the code decoded and compared with the true render of that identity at that angle; 0 is the source
    unchanged, 1 the true render. The detail skill, of portraits that are rendered anew with the face model of the
    sweeps or --model: 0 holds no more of the person's features than the average face, 1 is the true render; whether the
    person is found among all by that detail, and whether a detector finds a face with two eyes. The skill of analogies,
    where the neuron is changed by the difference between two images of another identity; the information on the angle
    in the other latents, and whether they still identify the subject. Further MIG, SAP, MCC, DCI, FactorVAE, BetaVAE,
    IRS, modularity and explicitness, on images of independent factors that are rendered, too. metrics.json has every
    number with its definition, sample size and an interval over identities.

    With --recognition: pairs of images of test identities, half of them of one identity, each image with its own pose
    and light; how well the codes, the pixels, an untrained encoder and the baseline classify them (arXiv v1 section
    4.2). The images are rendered anew, with the face model of the sweeps or --model. --features adds a network of your
    own, an ONNX file, to these representations: it gets the images as grey levels of 0..1 in its own size and number of
    channels, and its first output is flattened. ONNX Runtime evaluates it on the CPU. --identity-ceiling adds a network
    that was trained on identities as labels, which codes that are learned without them can be compared with.

    For chairs: the error of the predicted azimuth all round, the absolute and the detail skill, retrieval, the
    reconstruction error, D_LSBD and the disentanglement scores.

    Computed arrays are cached in RUN/measured: the same command again takes seconds.

    \b
    Examples:
      evaluate-dcign --run runs/faces-quick-paper-s0 --sweeps sweeps.zarr
      evaluate-dcign --run runs/faces-quick-paper-s0 --sweeps sweeps.zarr --features vgg.onnx
      evaluate-dcign --run runs/faces-quick-paper-s0 --sweeps sweeps.zarr --identity-ceiling faces.zarr
    """  # noqa: D301 -- click wants the character itself
    recognition = recognition or bool(feature_files) or labelled is not None
    if not recognition and pairs is not None:
        raise click.UsageError("--pairs is an option of --recognition: give it too, or leave it out")
    evaluation = _opened(run_dir, url, device, model, score_images)
    if evaluation.periodic:
        _refuse_for_chairs(baseline is not None, recognition)
    other = None if baseline is None else _opened(baseline, url, device, model, score_images)
    check_same_factors([evaluation] if other is None else [evaluation, other])
    features = [_features(path, evaluation) for path in feature_files]
    out = _folder(out, evaluation)
    recognised = None
    if recognition:
        ceiling = identity_network(evaluation.run, open_store(labelled), evaluation.folder) if labelled else None
        recognised = recognise(evaluation, other, pairs or PAIRS, model, resamples, features, ceiling)
    found = evaluate(evaluation, other, out, recognised=recognised, resamples=resamples)
    written = f"wrote {out}/report.html, metrics.json and the figures"
    click.echo(json.dumps(found) if as_json else f"{summary(found)}\n{written}")


def _opened(run_dir: Path, url: str, device: str, model: str | None, score_images: int | None) -> RunEvaluation:
    """A run, with the source and the number of the images that are rendered for its scores."""
    return replace(open_evaluation(run_dir, url, device, model), score_images=score_images)


def _folder(out: Path | None, evaluation: RunEvaluation) -> Path:
    """The folder of the results, which is created: by default one in the run, with the step of a given checkpoint."""
    step = "" if evaluation.path.is_dir() else f"-{evaluation.run.step}"
    out = out or evaluation.home / f"evaluation{step}"
    out.mkdir(parents=True, exist_ok=True)
    return out


def _features(path: Path, evaluation: RunEvaluation) -> OnnxFeatures:
    """The graph in a file; one line and exit code 2 where it gives no features of the run's images."""
    try:
        with needing("--features", "export"):
            return open_features(path, evaluation.run.image_shape)
    except FeaturesUnusable as error:
        raise UnusableFile(f"--features: {error}") from error


def _refuse_for_chairs(baseline: bool, recognition: bool) -> None:
    """Raise `StoreError` for the options that apply to faces only."""
    if baseline:
        raise StoreError(
            "chairs are evaluated one run at a time: leave --baseline out; compare-runs compares runs of chairs"
        )
    if recognition:
        raise StoreError("--recognition compares faces: leave it out of chairs")


def _check_pairs(pairs: int | None) -> int | None:
    """The number of pairs, if it is a multiple of 4: two identities make four pairs."""
    if pairs is not None and pairs % 4:
        raise click.BadParameter(f"expected a multiple of 4, such as {pairs - pairs % 4}, not {pairs}")
    return pairs
