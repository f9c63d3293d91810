"""The facts of a run that its numbers, figures and report state: what was trained, on which data, for how long.

A configuration is read as plain values, so that this works for every family of networks and its options.
"""

from collections.abc import Mapping
from typing import Any

from pipelines.evaluation.run_evaluation import RunEvaluation
from train.runs.trained_run import TrainedRun

TABLES = ("ratio", "layout")
"""Values of a configuration that are mappings themselves; other mappings are sections, such as a family's options."""
HARDWARE_AND_LENGTH = {"batches", "device", "precision", "checkpoint_every", "metrics_every"}
"""Values of a configuration that the checkpoint states more exactly, or that change no weight."""
NO_FACTS = HARDWARE_AND_LENGTH | {"layout", "side", "channels", "preset", "betas", "ranks"}
"""Values of a configuration that metrics.json leaves out."""


def flat_config(run: TrainedRun) -> dict[str, Any]:
    """The configuration of a run as one mapping of names to JSON-able values, its sections dissolved."""

    def flat(plain: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in plain.items():
            found |= flat(value) if isinstance(value, Mapping) and name not in TABLES else {name: value}
        return found

    return flat(run.config.to_plain())


def facts(evaluation: RunEvaluation) -> dict[str, Any]:
    """The run as metrics.json states it: its name, options, length, data, weights, and the device of evaluation."""
    run = evaluation.run
    options = {name: value for name, value in flat_config(run).items() if name not in NO_FACTS}
    return {
        "name": evaluation.name,
        "batches": run.step,
        "latents": run.latents,
        **options,
        "store": run.store.digest,
        **run.identity(),
    }


def describe(evaluation: RunEvaluation) -> str:
    """The run in one line, for titles: objective, size, length and model."""
    config = flat_config(evaluation.run)
    parts = [_objective(config), _maps(config), f"{evaluation.run.step:,} batches", model_name(evaluation)]
    return ", ".join(part for part in parts if part)


def subtitle(evaluation: RunEvaluation) -> str:
    """The run in a sentence, for the head of its report."""
    run, config = evaluation.run, flat_config(evaluation.run)
    ratio = ":".join(f"{share:g}" for share in config.get("ratio", {}).values())
    parts = [
        f"{run.step:,} batches",
        _maps(config),
        f"{run.latents} latents",
        f"objective {_objective(config)}" if _objective(config) else "",
        f"ratio {ratio}" if ratio else "",
        f"seed {config['seed']}" if "seed" in config else "",
    ]
    what = model_name(evaluation) if evaluation.periodic else f"{model_name(evaluation)} faces"
    found = f"{evaluation.identities()} held-out {'chairs' if evaluation.periodic else 'identities'}"
    return f"{what} at {run.side} px; {', '.join(part for part in parts if part)}; evaluated on {found}"


def model_name(evaluation: RunEvaluation) -> str:
    """The name of the face model or of the chairs that the sweeps show."""
    return str(evaluation.store.spec.model["name"])


def _objective(config: Mapping[str, Any]) -> str:
    """`paper`, or `paper with labels for 10%` of the extrinsic batches; empty for a family without objectives."""
    share = config.get("label_fraction", 0)
    return str(config.get("objective", "")) + (f" with labels for {100 * share:g}%" if share else "")


def _maps(config: Mapping[str, Any]) -> str:
    """`32 maps`, or `32 maps, most where coarse`; empty for a network without maps."""
    if "maps" not in config:
        return ""
    return f"{config['maps']} maps" + (", most where coarse" if config.get("widest") == "coarse" else "")
