"""The facts of a run that its numbers, figures and report state: what was trained, on which data, for how long.

A configuration is read as plain values, so that this works for every family of networks and its options.
"""

from typing import Any

from pipelines.evaluation.run_evaluation import RunEvaluation

HARDWARE_AND_LENGTH = {"batches", "device", "precision", "checkpoint_every", "metrics_every"}
"""Values of a configuration that the checkpoint states more exactly, or that change no weight."""
NO_FACTS = HARDWARE_AND_LENGTH | {"layout", "side", "channels", "preset", "betas", "ranks"}
"""Values of a configuration that metrics.json leaves out."""


def facts(evaluation: RunEvaluation) -> dict[str, Any]:
    """The run as metrics.json states it: its name, options, length, data, weights, and the device of evaluation."""
    run = evaluation.run
    options = {name: value for name, value in run.config.to_plain().items() if name not in NO_FACTS}
    return {
        "name": evaluation.name,
        "batches": run.step,
        "latents": run.latents,
        **options,
        "store": run.store.digest,
        **run.identity(),
    }


def describe(evaluation: RunEvaluation) -> str:
    """The run in one line, for titles: network, objective, length and model."""
    run = evaluation.run
    return f"{run.family.summary}, {run.step:,} batches, {model_name(evaluation)}"


def subtitle(evaluation: RunEvaluation) -> str:
    """The run in a sentence, for the head of its report."""
    run, config = evaluation.run, evaluation.run.config.to_plain()
    ratio = ":".join(f"{share:g}" for share in config.get("ratio", {}).values())
    parts = [
        f"{run.step:,} batches",
        f"{run.latents} latents",
        run.family.summary,
        f"ratio {ratio}" if ratio else "",
        f"seed {config['seed']}" if "seed" in config else "",
    ]
    what = model_name(evaluation) if evaluation.periodic else f"{model_name(evaluation)} faces"
    found = f"{evaluation.identities()} held-out {'chairs' if evaluation.periodic else 'identities'}"
    return f"{what} at {run.side} px; {', '.join(part for part in parts if part)}; evaluated on {found}"


def model_name(evaluation: RunEvaluation) -> str:
    """The name of the face model or of the chairs that the sweeps show."""
    return str(evaluation.store.spec.model["name"])
