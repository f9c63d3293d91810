"""The figures, and one self-contained page that a person can read from top to bottom."""

import base64
import html
import importlib.resources
import platform
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from string import Template
from typing import Any

from pipelines.console.pictures import save_animation
from pipelines.evaluation.analogies import draw_analogies
from pipelines.evaluation.experiments import draw_reconstructions, draw_relit, draw_sweep
from pipelines.evaluation.figures.invariancecurve import draw_invariance
from pipelines.evaluation.figures.losscurve import draw_losses
from pipelines.evaluation.figures.scatter import draw_scatter
from pipelines.evaluation.figures.skillcurve import draw_skill
from pipelines.evaluation.films import turning_frames
from pipelines.evaluation.measure import Measured
from pipelines.evaluation.recognition import draw_recognition
from pipelines.evaluation.tables import disentanglement_table, kind_table, recognition_table, target_table
from train.runs.run_directory import RunDirectory

PEOPLE = (0, 1, 2, 3)
"""Test people in the animations: the first ones, so that nobody chose them."""
FILMS = {"azimuth": "turn (azimuth)", "elevation": "nod (elevation)", "light": "re-light (light)"}
FORMATS = ("png", "svg")


def draw_figures(measured: Measured, baseline: Measured | None, record: dict[str, Any], out: Path) -> list[str]:
    """Every figure as PNG and SVG, the films as GIF; returns the names that were written."""
    title, codes = describe(measured), measured.codes
    factors = measured.factors
    compared = {"this run": record} | ({"entangled net": record["baseline"]} if baseline else {})
    curves = {name: one["curves"]["cosine"] for name, one in compared.items()}
    metrics = RunDirectory(measured.path).read_metrics() if measured.path.is_dir() else []
    sweeps = [codes.sweep(factor) for factor in factors]
    figures: dict[str, Callable[[Path], None]] = {
        "equivariance": lambda path: draw_scatter(sweeps, record, path, title),
        "rerender": lambda path: draw_skill(record, path, title, record["baseline"]),
        "reconstruction": lambda path: draw_reconstructions(measured, path),
        **{f"sweep-{factor}": partial(_sweep, measured, factor, baseline) for factor in factors},
    }
    if any(found["analogies"] for found in record["factors"].values()):
        figures["analogies"] = lambda path: draw_analogies(measured, baseline, path)
    if record["recognition"]:
        figures["recognition"] = lambda path: draw_recognition(record["recognition"], path)
    if record["curves"]["cosine"]:
        figures["invariance"] = lambda path: draw_invariance(curves, path, title)
    if "light" in factors:
        figures["relit"] = lambda path: draw_relit(measured, path)
    if metrics:
        figures["losses"] = lambda path: draw_losses(metrics, path)
    for name, draw in figures.items():
        for kind in FORMATS:
            draw(out / f"{name}.{kind}")
    for factor in factors:
        people = [person for person in PEOPLE if person < len(codes.test[factor])]
        save_animation(turning_frames(measured, factor, people), out / f"{factor}.gif")
    return [*(f"{name}.{kind}" for name in figures for kind in FORMATS), *(f"{factor}.gif" for factor in factors)]


def _sweep(measured: Measured, factor: str, baseline: Measured | None, path: Path) -> None:
    draw_sweep(measured, factor, path, baseline)


def describe(measured: Measured) -> str:
    """The run in one line."""
    config = measured.run.config
    return f"{config.rule}, {config.width}, {measured.run.step:,} batches, {measured.store.spec.model['name']}"


def write_report(
    measured: Measured,
    record: dict[str, Any],
    drawn: Sequence[Path],
    out: Path,
    sheet: Path | None = None,
    commands: Sequence[str] = (),
) -> Path:
    """OUT/report.html with the figures that were `drawn`; `sheet` shows training batches, `commands` made them."""
    config, store = measured.run.config, measured.store
    films = "".join(
        f'<figure><figcaption>{FILMS.get(f, f)}</figcaption><img alt="" src="{_embed(out / f"{f}.gif")}"></figure>'
        for f in measured.factors
    )
    shown = {path.name: path for path in drawn}
    sweeps = "".join(_figure(shown.get(f"sweep-{f}.png"), f"One image, its {f} neuron moved") for f in measured.factors)
    page = Template(importlib.resources.files("pipelines.evaluation").joinpath("report.html").read_text()).substitute(
        title="A deep convolutional inverse graphics network",
        subtitle=html.escape(_subtitle(measured)),
        films=films,
        sweeps=sweeps,
        relit=_figure(shown.get("relit.png"), "The light neuron at random values"),
        reconstructions=_figure(shown.get("reconstruction.png"), "Reconstructions of test people"),
        scatter=_figure(shown.get("equivariance.png"), "Scatter plots of inferred neuron against true angle"),
        skill=_figure(shown.get("rerender.png"), "Error against difference of angle"),
        analogies=_analogies(record, shown.get("analogies.png")),
        recognition=_recognition(record["recognition"], shown.get("recognition.png")),
        invariance=_figure(shown.get("invariance.png"), "Cosine of the intrinsic code against angle"),
        losses=_figure(shown.get("losses.png"), "Reconstruction and KL against batches"),
        sheet=""
        if sheet is None
        else "<h2>What it was trained on</h2><p>Batches in which a single factor varies.</p>"
        + _figure(sheet, "Contact sheet of training batches"),
        equivariance=kind_table(record, "equivariance"),
        kept=kind_table(record, "invariance") + kind_table(record, "retrieval"),
        rerender=kind_table(record, "rerender"),
        reconstruction=kind_table(record, "reconstruction"),
        targets=target_table(record),
        disentanglement=disentanglement_table(record),
        collapse=html.escape(_collapse(record)),
        rule=html.escape(record["definitions"]["neurons"][record["neurons"]["rule"]]),
        definitions=_definitions(record),
        commands="<h2>How to get this page again</h2><pre>" + html.escape("\n".join(commands)) + "</pre>"
        if commands
        else "",
        facts=html.escape(
            f"training data {measured.run.store.digest[:16]}, sweeps {measured.digest[:16]}, weights "
            f"{record['run']['weights'][:16]}, {platform.machine()}, {config.precision}; {store.url}"
        ),
    )
    path = out / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def _subtitle(measured: Measured) -> str:
    config, spec = measured.run.config, measured.store.spec
    ratio = ":".join(f"{share:g}" for _, share in config.ratio)
    people = measured.store.batches("test", measured.factors[0])
    return (
        f"{spec.model['name']} faces at {config.side} px; {measured.run.step:,} batches, {config.width}, "
        f"{config.latents} latents, objective {config.rule}, ratio {ratio}, seed {config.seed}; "
        f"measured on {people} people whom training has not seen"
    )


def _collapse(record: dict[str, Any]) -> str:
    found = record["collapse"]
    return (
        f"The intrinsic latents hold {found['kl_intrinsic']:.0f} nats an image in {found['active_latents']} active "
        "latents; a code that had collapsed would hold fewer than 5."
    )


def _analogies(record: dict[str, Any], picture: Path | None) -> str:
    if picture is None:
        return "<p>One test person is alone: nobody can be turned as somebody else was.</p>"
    return _figure(picture, "Analogies: A, B, C, the answer, and D") + kind_table(record, "analogy")


def _recognition(found: dict[str, Any] | None, picture: Path | None) -> str:
    """A section of its own, where it was asked for."""
    if found is None:
        return ""
    says = (
        f"{found['pairs']:,} pairs of pictures of {found['people']:,} test people, half of them of one person, every "
        "picture with a pose and a light of its own. The more two representations correlate, the likelier it is one "
        "person. The accuracy uses a threshold from other people. The paper&rsquo;s takes the best on the pairs "
        "themselves, so it stands beside what shuffled labels reach that way. Of the paper&rsquo;s own "
        f"{found['original']['pairs']}, which are not public, people told {found['original']['humans']:.0%} right."
    )
    figure = _figure(picture, "Dots and intervals: how well each representation tells people apart")
    return f"<h2>Same person or another?</h2><p>{says}</p>{figure}{recognition_table(found)}"


def _definitions(record: dict[str, Any]) -> str:
    rows = []
    for kind, found in record["definitions"].items():
        rows += [
            f"<dt>{html.escape(kind)}: {html.escape(name)}</dt><dd>{html.escape(says)}</dd>"
            for name, says in found.items()
        ]
    return f"<dl>{''.join(rows)}</dl>"


def _figure(path: Path | None, alt: str) -> str:
    return f'<figure><img alt="{html.escape(alt)}" src="{_embed(path)}"></figure>' if path else ""


def _embed(path: Path) -> str:
    """A picture as a data URL, so that the page is one file."""
    kind = {".png": "image/png", ".gif": "image/gif"}[path.suffix]
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
