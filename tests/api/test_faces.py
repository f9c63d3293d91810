"""Identities and their images, held to the pixels of a store."""

import numpy as np
import pytest

import dcign
from render import ModelError
from render.errors import RenderError


@pytest.mark.parametrize(("factor", "index", "row"), [("azimuth", 2, 5), ("light", 3, 19), ("intrinsic", 1, 11)])
def test_pixels_and_channels_are_those_of_the_store(home, model, factor, index, row):
    store = dcign.open_store(home.faces)
    batch = store.read("train", factor, index, channels=("mask", "depth", "coefficients/shape"))
    face = model.identity(int(batch["identity"][row]), seed=7)
    np.testing.assert_array_equal(face.coefficients["shape"], batch["coefficients/shape"][row])
    azimuth, elevation, light = batch["factors"][row]
    frames = face.render(azimuth, elevation, light, size=48, channels=["mask", "depth"])
    np.testing.assert_array_equal(frames.image[0], batch["image"][row])
    for name in ("mask", "depth"):
        np.testing.assert_array_equal(frames.channel(name)[0], batch[name][row])


def test_a_whole_batch_is_one_call(home, model):
    batch = dcign.open_store(home.faces)["train", "azimuth"][1]
    azimuth, elevation, light = batch["factors"].T
    face = model.identity(1, seed=7)
    np.testing.assert_array_equal(face.render(azimuth, elevation[0], light, size=48), batch["image"])


def test_identities_differ_by_number_seed_and_split_and_by_nothing_else(model):
    faces = [model.identity(n, seed=s, split=p) for n in (0, 1) for s in (0, 3) for p in ("train", "val", "test")]
    assert len({face.coefficients["shape"].tobytes() for face in faces}) == len(faces)
    again = model.identity(seed=3).coefficients
    assert all((again[name] == values).all() for name, values in model.identity(0, seed=3).coefficients.items())


def test_given_coefficients_lead_and_the_rest_is_the_mean(model):
    face = model.identity(shape=[1.5, -0.2])
    assert face.coefficients["shape"][:3].tolist() == [1.5, np.float32(-0.2), 0]
    assert not face.coefficients["albedo"].any()
    np.testing.assert_array_equal(model.mean.mesh().positions, model.morphable.mean)
    assert repr(model.mean) == "Identity('procedural': mean)"
    assert repr(model.identity(4, seed=3, split="val")) == "Identity('procedural': number 4 of val, seed 3)"
    assert "coefficients shape 199, albedo 199" in repr(model)


def test_shapes_of_what_is_rendered(model):
    face = model.identity(seed=3)
    assert face.render(size=40).shape == (40, 40)
    assert face.render(azimuth=[10, 20], color="rgb", size=40).shape == (2, 40, 40, 3)
    frames = face.render(size=40, channels=["region"])
    assert frames.channel("region").shape == (1, 40, 40)
    camera = model.camera(40, azimuth=(-10, 10), elevation=(-5, 5))
    assert (face.render(camera=camera) < 255).sum() > (face.render(size=40) < 255).sum()  # framed closer


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda model: model.identity(expression=[1]), ModelError, "has no expression block; it has shape, albedo"),
        (lambda model: model.identity(shape=np.zeros(200)), ModelError, "has 199 shape coefficients; got 200"),
        (lambda model: model.identity(albedo=[np.nan]), ModelError, "albedo coefficients must be finite"),
        (lambda model: model.identity(-1), ValueError, "number and seed must be 0 or more; got number -1, seed 0"),
        (lambda model: model.identity(split="tset"), ValueError, "split must be one of train, val, test; got 'tset'"),
        (lambda model: model.mean.render(azimuth=np.inf), ValueError, "angles must be finite"),
        (lambda model: model.mean.render(azimuth=np.zeros((2, 2))), ValueError, "arrays with one axis"),
        (lambda model: model.mean.render(samples=3), RenderError, "square number"),
        (lambda model: model.mean.render(channels=["deep"]), RenderError, "no channel 'deep'"),
        (lambda model: dcign.open_model("nowhere.h5"), ModelError, "nowhere.h5"),
    ],
)
def test_refusals_say_what_was_expected(model, call, error, said):
    with pytest.raises(error, match=said):
        call(model)
