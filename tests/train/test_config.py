import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from train.config import TrainConfig
from train.dcign_options import DcignOptions
from train.device import cpu_flags, keep_freed_memory, resolve_device, resolve_precision
from train.errors import ConfigError
from train.json_fields import field_names
from train.networks import NETWORKS
from train.networks.authors import AuthorsNetwork, AuthorsOptions
from train.presets import PRESETS, configure

FACES = ("azimuth", "elevation", "light", "intrinsic")


def faces(preset="paper", **options):
    return configure(preset, **{"factors": FACES, "image_shape": (150, 150)} | options)


def test_the_papers_values_are_the_defaults():
    config = faces()
    assert (config.preset, config.options.network.maps, config.batches, config.options.layout.total) == (
        "paper",
        96,
        12_000,
        200,
    )
    assert config.options.layout.to_json() == {"azimuth": 1, "elevation": 1, "light": 1, "intrinsic": 197}
    assert dict(config.options.ratio) == {"azimuth": 1, "elevation": 1, "light": 1, "intrinsic": 10}
    assert (config.options.clamp, config.options.invariance, config.options.objective) == ("mean", 0.01, "paper")
    assert (config.learning_rate, config.betas) == (5e-4, (0.9, 0.99))
    assert (config.options.side, config.options.channels) == (150, 1)


def test_presets():
    assert [(name, p.maps, p.batches) for name, p in PRESETS.items() if name != "demo"] == [
        ("quick", 32, 8000),
        ("paper", 96, 12_000),
        ("authors", 96, 120_000),
    ]
    assert all(faces(name).preset == name for name in PRESETS)
    assert [dict(faces(name).options.ratio)["intrinsic"] for name in PRESETS] == [3, 10, 10, 10]


def test_explicit_options_win_and_none_is_not_given():
    config = faces("quick", maps=8, batches=None, latents=10, channels=None, image_shape=(64, 64, 3), clamp="first")
    assert (config.options.network.maps, config.batches, config.options.layout.total, config.options.channels) == (
        8,
        8000,
        10,
        3,
    )
    assert config.options.clamp == "first"


def test_a_layout_without_intrinsic_has_one_latent_a_factor():
    assert faces(factors=("elevation", "light")).options.layout.to_json() == {"elevation": 1, "light": 1}


def test_a_shape_bias_is_the_share_of_intrinsic_batches():
    """Of arXiv v1: 1:1:1:(1 + A), whatever the objective has as its own."""
    for bias, share in ((0, 1), (15, 16), (2.5, 3.5)):
        for objective in ("arxiv-v1", "exchange"):
            ratio = dict(faces(shape_bias=bias, objective=objective).options.ratio)
            assert ratio == {"azimuth": 1, "elevation": 1, "light": 1, "intrinsic": share}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape_bias": 1, "ratio": dict.fromkeys(FACES, 1)}, "ratio and shape_bias .* give one of them"),
        ({"shape_bias": -1}, "shape_bias must be 0 or more and finite; got -1"),
        ({"shape_bias": "15"}, "shape_bias must be of type float"),
    ],
)
def test_an_impossible_shape_bias_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        faces(**options)


def test_ratio_is_put_in_the_layouts_order():
    ratio = {"intrinsic": 3, "light": 0, "elevation": 1, "azimuth": 2}
    assert faces(ratio=ratio).options.ratio == (
        ("azimuth", 2.0),
        ("elevation", 1.0),
        ("light", 0.0),
        ("intrinsic", 3.0),
    )


def test_an_objective_has_defaults_for_its_options():
    v1, paper, beta = (faces(objective=name).options for name in ("arxiv-v1", "paper", "beta-vae"))
    assert (v1.clamp, v1.invariance) == ("first", 0)
    assert (paper.clamp, paper.invariance) == ("mean", 0.01)
    assert (beta.beta, paper.beta) == (4, 1)
    assert faces(objective="arxiv-v1", invariance=0.01).options.invariance == 0.01


def test_the_learning_rate_falls_over_the_last_part_of_a_run():
    config = faces(batches=100, decay=0.25, learning_rate=1.0)
    assert [config.rate(step) for step in (0, 74, 75, 80, 99)] == pytest.approx([1, 1, 1, 0.8, 0.04])
    assert {faces(batches=100).rate(step) for step in range(100)} == {5e-4}


def test_a_run_from_before_an_option_did_what_its_neutral_value_says():
    plain = faces().to_plain()
    later = ("beta", "decay", "label_fraction", "orient", "widest", "network", "family", "ranks", "optimizer")
    for name in later:
        del plain[name]
    assert TrainConfig.from_plain(plain) == faces()
    assert TrainConfig.from_plain(plain | {"warm_up": 1000}) == faces()  # it is no longer there


@pytest.mark.parametrize("preset", PRESETS)
def test_json_round_trip(preset):
    config = faces(preset, seed=7, betas=(0.5, 0.9), invariance=0)
    assert TrainConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": 1}, "unknown key in the configuration: colour"),
        ({"maps": "96"}, "maps must be of type int; got '96'"),
        ({"maps": True}, "maps must be of type int; got True"),
        ({"maps": 96.0}, "maps must be of type int; got 96.0"),
        ({"invariance": None}, "invariance must be of type float; got None"),
        ({"learning_rate": 10**400}, "learning_rate must be a number that a float can hold; got one of 401 digits"),
        ({"betas": [0.9, 10**400]}, "betas must be a number that a float can hold"),
        ({"seed": 2**63}, "seed must be 0 or more and below 2\\^63; got 9223372036854775808"),
        ({"widest": "middle"}, "widest must be one of fine, coarse, figure; got 'middle'"),
        ({"clamp": 3}, "clamp must be of type str; got 3"),
        ({"betas": [0.9]}, "betas must be a list of two numbers"),
        ({"ratio": {"azimuth": "1"}}, "ratio must be an object of factors and numbers"),
        ({"layout": []}, "a layout is an object"),
    ],
)
def test_json_is_read_strictly(change, message):
    with pytest.raises(ConfigError, match=message):
        TrainConfig.from_plain(faces().to_plain() | change)


def test_json_that_is_none():
    plain = faces().to_plain()
    del plain["seed"]
    with pytest.raises(ConfigError, match="missing key in the configuration: seed"):
        TrainConfig.from_json(json.dumps(plain))
    with pytest.raises(ConfigError, match="not JSON"):
        TrainConfig.from_json("{")
    with pytest.raises(ConfigError, match="is an object; got list"):
        TrainConfig.from_json("[]")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batches": 0}, "batches must be 1 or more; got 0"),
        ({"checkpoint_every": 0}, "checkpoint_every must be 1 or more"),
        ({"metrics_every": -1}, "metrics_every must be 1 or more"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"learning_rate": float("inf")}, "learning_rate must be positive and finite"),
        ({"invariance": -0.01}, "invariance must be 0 or more"),
        ({"betas": (0.9, 1.0)}, r"betas must be in \[0, 1\)"),
        ({"clamp": "median"}, "clamp must be one of mean, first; got median"),
        ({"precision": "fp16"}, "precision must be auto, float32 or bf16; got 'fp16'"),
        ({"maps": 30}, "multiple of 4"),
        ({"latents": 3}, "4 factors need at least 4 latents; got 3"),
        ({"image_shape": (40, 40)}, "48 pixels or more; got 40"),
        ({"image_shape": (150, 149)}, r"images must be square.*got \(150, 149\)"),
        ({"image_shape": (150,)}, "images must be square"),
        ({"image_shape": (150, 150, 4)}, "1 or 3 channels; got 4"),
        ({"ratio": {"azimuth": 1}}, "a share for each of azimuth, elevation, light, intrinsic; got azimuth"),
        ({"ratio": dict.fromkeys(FACES, 0)}, "not all 0"),
        ({"ratio": dict.fromkeys(FACES, -1)}, "0 or more"),
        ({"objective": "gan"}, "objective must be one of paper, arxiv-v1, random.*; got 'gan'"),
        (
            {"objective": "exchange", "clamp": "mean"},
            "clamp is an option of arxiv-v1, paper, not of",
        ),
        ({"beta": 2.0}, "beta is an option of beta-vae, exchange, exchange-pairs, not of the objective paper"),
        ({"decay": 1.5}, "decay must be in 0 to 1; got 1.5"),
        ({"objective": "beta-vae", "beta": -1.0}, "beta must be 0 or more and finite"),
        ({"preset": "huge"}, "preset must be one of demo, quick, paper, authors; got 'huge'"),
        ({"colour": 1}, "unknown option: colour"),
        ({"device": "tpu"}, "device must be auto, cpu, cuda or cuda:N; got 'tpu'"),
        ({"device": "meta"}, "device must be auto, cpu, cuda or cuda:N; got 'meta'"),
        ({"device": "cuda:99"}, "device 'cuda:99' is not available; torch finds"),
    ],
)
def test_impossible_configurations(options, message):
    with pytest.raises(ConfigError, match=message):
        faces(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batches": 4.0}, "batches must be of type int; got 4.0"),
        ({"batches": "4"}, "batches must be of type int; got '4'"),
        ({"batches": True}, "batches must be of type int; got True"),
        ({"batches": np.int64(4)}, r"batches must be of type int; got .*4"),
        ({"seed": 1.0}, "seed must be of type int; got 1.0"),
        ({"maps": 8.0}, "maps must be of type int; got 8.0"),
        ({"widest": ["fine"]}, r"widest must be of type str; got \['fine'\]"),
        ({"learning_rate": "1e-3"}, "learning_rate must be of type float; got '1e-3'"),
        ({"learning_rate": np.float32(0.5)}, r"learning_rate must be of type float; got .*0\.5"),
        ({"decay": False}, "decay must be of type float; got False"),
        ({"betas": [0.9, 0.99]}, r"betas must be a tuple of 2 numbers; got \[0\.9, 0\.99\]"),
        ({"betas": (0.9,)}, r"betas must be a tuple of 2 numbers; got \(0\.9,\)"),
        ({"betas": (0.9, "1")}, r"betas must be a tuple of 2 numbers; got \(0\.9, '1'\)"),
        ({"invariance": "1"}, "invariance must be of type float; got '1'"),
        ({"label_fraction": [1]}, r"label_fraction must be of type float; got \[1\]"),
        ({"clamp": 1}, "clamp must be of type str; got 1"),
        ({"ratio": dict.fromkeys(FACES, "1")}, "ratio must be of type float; got '1'"),
        ({"ratio": [1, 1, 1, 10]}, r"ratio needs a share for each of .*; got \[1, 1, 1, 10\]"),
        ({"latents": 10.0}, "latents must be of type int; got 10.0"),
        ({"sizes": {"azimuth": "2"}}, "latents of azimuth must be of type int; got '2'"),
        ({"objective": ["paper"]}, "objective must be of type str"),
        ({"optimizer": {}}, "optimizer must be of type str; got {}"),
        ({"preset": ["demo"]}, "preset must be of type str"),
        ({"device": 0}, "device must be of type str; got 0"),
    ],
)
def test_values_of_another_type_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        faces(**options)


def test_fields_of_other_kinds_are_checked_too():
    options = faces().options
    with pytest.raises(ConfigError, match="options must be of type DcignOptions; got None"):
        replace(faces(), options=None)
    with pytest.raises(ConfigError, match=r"layout must be of type Layout; got \{.azimuth.: 1\}"):
        replace(options, layout={"azimuth": 1})
    for ratio in ([], (1.0,), (("azimuth", "1"),)):
        with pytest.raises(ConfigError, match="ratio must be a tuple of pairs of a factor and a number"):
            replace(options, ratio=ratio)


def test_an_integer_is_a_float():
    config = faces(learning_rate=1, invariance=0, betas=(0, 0.9))
    assert TrainConfig.from_json(config.to_json()) == config


def test_names_of_fields_are_unique_among_run_family_and_networks():
    kinds = (TrainConfig, DcignOptions, *(kind.Options for kind in NETWORKS.values()))
    names = [name for kind in kinds for name in field_names(kind) - {"options", "network"}]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ["family", "network"])
def test_names_that_do_not_exist_are_refused_with_those_that_do(name):
    known = {"family": "dcign", "network": "authors"}
    with pytest.raises(ConfigError, match=f"{name} must be one of {known[name]}; got 'other'"):
        TrainConfig.from_plain(faces().to_plain() | {name: "other"})
    with pytest.raises(ConfigError, match="network must be one of authors; got 'other'"):
        faces(network="other")


@dataclass(frozen=True)
class InheritedOptions(AuthorsOptions):
    """Options of another network with the fields of the authors'."""


def test_a_network_whose_options_inherit_from_anothers_is_recorded_as_itself(monkeypatch):
    other = type("Other", (AuthorsNetwork,), {"name": "other", "Options": InheritedOptions})
    monkeypatch.setitem(NETWORKS, "other", other)
    config = faces(network="other", maps=8)
    assert config.options.network_class is other
    assert config.to_plain()["network"] == "other"
    assert TrainConfig.from_json(config.to_json()) == config
    back = config.changed(network="authors")
    assert (back.options.network_class, type(back.options.network)) == (AuthorsNetwork, AuthorsOptions)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"name": "other"}, "each network must have options of its own; got AuthorsOptions for authors, other:"),
        ({"Options": InheritedOptions}, "the class of the network other must have this name; got authors"),
    ],
)
def test_a_network_that_would_be_recorded_as_another_is_refused(monkeypatch, attributes, message):
    monkeypatch.setitem(NETWORKS, "other", type("Other", (AuthorsNetwork,), attributes))
    with pytest.raises(ConfigError, match=message):
        faces(network="other")


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_its_own_name_and_options(name):
    assert faces(network=name).options.network_class is NETWORKS[name]


def test_options_of_no_network_are_refused():
    with pytest.raises(ConfigError, match="network must be one of authors; got 'InheritedOptions'"):
        replace(faces().options, network=InheritedOptions())


def test_values_checked_by_the_configuration_itself():
    for name in ("latents", "colour"):
        with pytest.raises(ConfigError, match=f"unknown option: {name}"):
            faces().changed(**{name: 9})
    with pytest.raises(ConfigError, match="precision must be one of float32, bf16; got auto"):
        faces().changed(precision="auto")
    with pytest.raises(ConfigError, match="given for the factors azimuth, elevation, light, intrinsic"):
        faces().changed(ratio=(("azimuth", 1.0),))


@pytest.mark.parametrize(
    ("flags", "precision"),
    [("fpu avx512f avx512_bf16 sse", "bf16"), ("amx_bf16 amx_tile", "bf16"), ("fpu avx2 avx512f", "float32")],
)
def test_auto_precision_reads_the_cpus_flags(tmp_path, flags, precision):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t:\n")
    assert resolve_precision("auto", "cpu", cpuinfo) == precision
    assert resolve_precision("float32", "cpu", cpuinfo) == "float32"
    assert resolve_precision("auto", "cuda", cpuinfo) == "bf16"


def test_a_system_without_cpuinfo_gets_float32(tmp_path):
    assert cpu_flags(tmp_path / "none") == frozenset()
    assert resolve_precision("auto", "cpu", tmp_path / "none") == "float32"


def test_auto_device():
    assert resolve_device() == ("cuda" if torch.cuda.is_available() else "cpu")
    assert resolve_device("cpu") == "cpu"


def test_the_allocator_is_changed_only_where_it_is_glibc(monkeypatch):
    monkeypatch.setattr("platform.libc_ver", lambda: ("", ""))
    assert keep_freed_memory() is False


@pytest.mark.parametrize(("options", "share"), [({}, 10), ({"preset": "demo"}, 3), ({"objective": "exchange"}, 1)])
def test_the_share_of_intrinsic_batches_suits_the_objective(options, share):
    assert dict(faces(**options).options.ratio) == dict.fromkeys(FACES, 1.0) | {"intrinsic": float(share)}
