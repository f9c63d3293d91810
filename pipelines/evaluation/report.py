"""report.html: one self-contained page with the figures and tables of an evaluation, to read from top to bottom."""

import base64
import html
import importlib.resources
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from string import Template
from typing import Any

from PIL import Image

from pipelines.console.pictures import save_animation
from pipelines.evaluation.experiments import (
    draw_analogies,
    draw_random,
    draw_reconstructions,
    draw_relit,
    draw_sweep,
    draw_turns,
    film_frames,
)
from pipelines.evaluation.facts import describe, subtitle
from pipelines.evaluation.figures.curves import draw_invariance, draw_losses, draw_skill
from pipelines.evaluation.figures.scatter import draw_scatter
from pipelines.evaluation.figures.style import Target
from pipelines.evaluation.portraits import draw_portraits
from pipelines.evaluation.recognition import draw_recognition
from pipelines.evaluation.run_evaluation import RunEvaluation
from pipelines.evaluation.score_table import disentanglement_table
from pipelines.evaluation.tables import (
    kind_table,
    number,
    portrait_tables,
    recognition_table,
    target_table,
    turn_table,
)
from train.runs.run_directory import RunDirectory

FILMED = 4
"""Test identities in the animations: always the first ones."""
FILMS = {"azimuth": "turn (azimuth)", "elevation": "nod (elevation)", "light": "re-light (light)"}
FORMATS = ("png", "svg")

COLLAPSED_NATS = 5
"""KL of the intrinsic latents, nats per image, below which a code counts as collapsed."""


@dataclass(frozen=True)
class Origin:
    """The making of the data and the run, where the caller made them: shown at the end of the report."""

    sheet: Path | None = None
    """A PNG of training batches."""
    commands: tuple[str, ...] = ()
    """The commands that make the page again."""


def draw_figures(
    evaluation: RunEvaluation, baseline: RunEvaluation | None, record: dict[str, Any], out: Path
) -> list[str]:
    """Write every figure as PNG and SVG and the animations as GIF into `out`; the names of the files come back."""
    figures = _turn_figures(evaluation, record) if evaluation.periodic else _figures(evaluation, baseline, record)
    metrics = RunDirectory(evaluation.path).read_metrics() if evaluation.path.is_dir() else []
    if metrics:
        figures["losses"] = partial(draw_losses, metrics)
    for name, draw in figures.items():
        draw([out / f"{name}.{kind}" for kind in FORMATS])
    for factor in evaluation.factors:
        filmed = range(min(FILMED, evaluation.identities()))
        save_animation(film_frames(evaluation, factor, filmed), out / f"{factor}.gif")
    names = [f"{name}.{kind}" for name in figures for kind in FORMATS]
    return [*names, *(f"{factor}.gif" for factor in evaluation.factors)]


Figures = dict[str, Callable[[Target], None]]
"""Name of a figure to the function that writes it."""


def _figures(evaluation: RunEvaluation, baseline: RunEvaluation | None, record: dict[str, Any]) -> Figures:
    """The figures of a run on sweeps of faces."""
    title, factors = describe(evaluation), evaluation.factors
    compared = {"this run": record} | ({"entangled net": record["baseline"]} if baseline else {})
    curves = {name: one["curves"]["cosine"] for name, one in compared.items()}
    sweeps = [evaluation.codes.sweep(factor) for factor in factors]
    figures: Figures = {
        "equivariance": lambda path: draw_scatter(sweeps, record, path, title),
        "rerender": lambda path: draw_skill(record, path, title, record["baseline"]),
        **({} if record["no_portraits"] else {"portraits": lambda path: draw_portraits(evaluation, path)}),
        "reconstruction": lambda path: draw_reconstructions(evaluation, path),
        "random": lambda path: draw_random(evaluation, path),
        **{f"sweep-{factor}": partial(_draw_sweep, evaluation, factor, baseline) for factor in factors},
    }
    if any(found["analogies"] for found in record["factors"].values()):
        figures["analogies"] = lambda path: draw_analogies(evaluation, baseline, path)
    if record["recognition"]:
        figures["recognition"] = lambda path: draw_recognition(record["recognition"], path)
    if record["curves"]["cosine"]:
        figures["invariance"] = lambda path: draw_invariance(curves, path, title)
    if "light" in factors:
        figures["relit"] = lambda path: draw_relit(evaluation, path)
    return figures


def _turn_figures(evaluation: RunEvaluation, record: dict[str, Any]) -> Figures:
    """The figures of a run on whole turns of chairs."""
    (factor,) = evaluation.factors
    of_factor = {"rerender": record["rerender"], "unit": evaluation.sweeps[factor].unit}
    shown = {"factors": {factor: of_factor}, "curves": record["curves"]}
    return {
        "turns": lambda path: draw_turns(evaluation, factor, path),
        "rerender": lambda path: draw_skill(shown, path, subject="chair"),
        "reconstruction": lambda path: draw_reconstructions(evaluation, path),
    }


def _draw_sweep(evaluation: RunEvaluation, factor: str, baseline: RunEvaluation | None, path: Target) -> None:
    draw_sweep(evaluation, factor, path, baseline)


def write_report(
    evaluation: RunEvaluation, record: dict[str, Any], figures: Sequence[Path], out: Path, origin: Origin
) -> Path:
    """Write OUT/report.html with the figures that `draw_figures` wrote, and return its path."""
    shown = {path.name: path for path in figures}
    body = _turn_body(evaluation, record, shown) if evaluation.periodic else _body(evaluation, record, shown)
    losses = _figure(shown.get("losses.png"), "Reconstruction and KL against batches")
    page = _template("report.html").substitute(
        title="A deep convolutional inverse graphics network",
        subtitle=html.escape(subtitle(evaluation)),
        body=body,
        sheet=_sheet(origin.sheet),
        losses=f"<h2>Training</h2>{losses}" if losses else "",
        definitions=_definitions(record),
        commands=_commands(origin.commands),
        facts=html.escape(
            f"training data {evaluation.run.store.digest[:16]}, sweeps {evaluation.digest[:16]}, weights "
            f"{record['run']['weights'][:16]}, {platform.machine()}, {record['run']['precision']}; "
            f"{evaluation.store.url}"
        ),
    )
    path = out / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def _body(evaluation: RunEvaluation, record: dict[str, Any], shown: Mapping[str, Path]) -> str:
    """The sections of a run on sweeps of faces."""
    factors = evaluation.factors
    return _template("faces.html").substitute(
        films=_films(factors, shown),
        sweeps="".join(_figure(shown.get(f"sweep-{f}.png"), f"One image, its {f} neuron moved") for f in factors),
        random=_figure(shown.get("random.png"), "Each neuron in turn at random values"),
        relit=_figure(shown.get("relit.png"), "The light neuron at random values"),
        reconstructions=_figure(shown.get("reconstruction.png"), "Reconstructions of test identities"),
        scatter=_figure(shown.get("equivariance.png"), "Scatter plots of inferred neuron against true angle"),
        portraits=_figure(shown.get("portraits.png"), "Test identities: reconstructed, turned, nodded and re-lit")
        + portrait_tables(record),
        skill=_figure(shown.get("rerender.png"), "Error against difference of angle"),
        analogies=_analogies(record, shown.get("analogies.png")),
        recognition=_recognition(record["recognition"], shown.get("recognition.png")),
        invariance=_figure(shown.get("invariance.png"), "Cosine of the intrinsic code against angle"),
        intrinsic=kind_table(record, "invariance") + kind_table(record, "retrieval"),
        targets=target_table(record),
        disentanglement=disentanglement_table(record),
        collapse=html.escape(_collapse(record)),
        rule=html.escape(record["definitions"]["neurons"][record["neurons"]["rule"]]),
        **{kind: kind_table(record, kind) for kind in ("equivariance", "rerender", "reconstruction")},
    )


def _turn_body(evaluation: RunEvaluation, record: dict[str, Any], shown: Mapping[str, Path]) -> str:
    """The sections of a run on whole turns of chairs."""
    return _template("chairs.html").substitute(
        films=_films(evaluation.factors, shown),
        turns=_figure(shown.get("turns.png"), "Chairs turned from one image each, below their true renders"),
        skill=_figure(shown.get("rerender.png"), "Error against difference of angle"),
        reconstructions=_figure(shown.get("reconstruction.png"), "Reconstructions of test chairs"),
        original=number(record["original"]["mse"]),
        intrinsic=turn_table(record, "retrieval") or "<p>The code has no intrinsic latents.</p>",
        disentanglement=disentanglement_table(record),
        **{kind: turn_table(record, kind) for kind in ("turning", "rerender", "reconstruction", "symmetry")},
    )


def _template(name: str) -> Template:
    """A page or a part of it that lies beside this module."""
    return Template(importlib.resources.files("pipelines.evaluation").joinpath(name).read_text(encoding="utf-8"))


def _films(factors: Sequence[str], shown: Mapping[str, Path]) -> str:
    return "".join(
        f'<figure><figcaption>{FILMS.get(f, f)}</figcaption><img alt="" src="{_embed(shown[f"{f}.gif"])}"></figure>'
        for f in factors
    )


def _sheet(sheet: Path | None) -> str:
    if sheet is None:
        return ""
    figure = _figure(sheet, "Contact sheet of training batches")
    return f"<h2>Training data</h2><p>Batches in which a single factor varies.</p>{figure}"


def _commands(commands: Sequence[str]) -> str:
    if not commands:
        return ""
    lines = html.escape("\n".join(commands))
    return f"<h2>Commands that make this page</h2><pre>{lines}</pre>"


def _collapse(record: dict[str, Any]) -> str:
    found = record["collapse"]
    held = f"{found['kl_intrinsic']:.0f} nats per image in {found['active_latents']} active latents"
    if found["kl_intrinsic"] < COLLAPSED_NATS:
        return f"The code has collapsed: the intrinsic latents hold {held}, and every identity decodes to one image."
    return f"The intrinsic latents hold {held}; a collapsed code would hold fewer than {COLLAPSED_NATS}."


def _analogies(record: dict[str, Any], figure: Path | None) -> str:
    if figure is None:
        return "<p>There is one test identity only, and an analogy needs two.</p>"
    return _figure(figure, "Analogies: A, B, C, the answer, and D") + kind_table(record, "analogy")


def _recognition(found: dict[str, Any] | None, figure: Path | None) -> str:
    """A section of its own, where verification was requested."""
    if found is None:
        return ""
    text = (
        f"{found['pairs']:,} pairs of images of {found['people']:,} test identities, half of them of one identity, "
        "each image with its own pose and light. The more two representations correlate, the likelier it is one "
        "identity. The accuracy uses a threshold from other identities. The paper&rsquo;s takes the best on the pairs "
        "themselves, so the accuracy of shuffled labels by the same choice is given beside it. Of the paper&rsquo;s "
        f"own {found['original']['pairs']} pairs, which are not public, humans classified "
        f"{found['original']['humans']:.0%} correctly."
    )
    shown = _figure(figure, "Dots and intervals: verification accuracy of each representation")
    return f"<h2>Verification: one identity or two</h2><p>{text}</p>{shown}{recognition_table(found)}"


def _definitions(record: dict[str, Any]) -> str:
    """All definitions of a record as an HTML list."""
    rows = []
    for kind, found in record["definitions"].items():
        texts = {kind: found} if isinstance(found, str) else {f"{kind}: {name}": text for name, text in found.items()}
        rows += [f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in texts.items()]
    return f"<dl>{''.join(rows)}</dl>"


def _figure(path: Path | None, alt: str) -> str:
    """An image as an HTML figure, at its printed size where its file has one; empty where there is no image."""
    if path is None:
        return ""
    with Image.open(path) as image:
        inches = image.width / image.info["dpi"][0] if "dpi" in image.info else None
    size = "" if inches is None else f' style="width: {inches:.2f}in"'
    return f'<figure><img alt="{html.escape(alt)}"{size} src="{_embed(path)}"></figure>'


def _embed(path: Path) -> str:
    """An image as a data URL, so that the page is one file."""
    kind = {".png": "image/png", ".gif": "image/gif"}[path.suffix]
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
