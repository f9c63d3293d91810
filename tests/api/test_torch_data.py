"""Stores as torch data sets, read by loaders of every kind."""

import pickle
from multiprocessing import get_all_start_methods

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import dcign


def scaled(item):
    """A transform that workers can import: floats of 0..1."""
    return item["image"].float() / 255


def test_items_are_those_of_the_store(home):
    store = dcign.open_store(home.faces)
    faces = dcign.torch_dataset(home.faces, channels=["mask", "coefficients/shape"])
    assert len(faces) == 4 * 4 * 20
    for index, factor, number, view in ((0, 0, 0, 0), (99, 1, 0, 19), (-1, 3, 3, 19)):
        item, batch = faces[index], store.read("train", faces.varied[factor], number, ("mask", "coefficients/shape"))
        assert list(item) == ["image", "factors", "identity", "mask", "coefficients/shape", "factor"]
        assert int(item.pop("factor")) == factor
        for name, tensor in item.items():
            assert isinstance(tensor, torch.Tensor)
            np.testing.assert_array_equal(tensor.numpy(), batch[name][view])
    assert faces[0]["image"].dtype == torch.uint8
    assert faces.factors == ("azimuth", "elevation", "light")
    with pytest.raises(IndexError):
        faces[len(faces)]


def test_batches_as_items(home):
    batches = dcign.torch_dataset(dcign.open_store(home.faces), factor="light", items="batches")
    assert len(batches) == 4
    np.testing.assert_array_equal(
        batches[2]["image"].numpy(), dcign.open_store(home.faces)["train", "light"][2]["image"]
    )
    assert repr(batches).endswith("train: 4 batches that vary light)")
    (first, *_) = DataLoader(batches, batch_size=None)
    assert first["image"].shape == (20, 48, 48)


def test_sweeps_have_items_too(home):
    sweeps = dcign.torch_dataset(home.sweeps, split="test")
    assert len(sweeps) == 3 * (61 + 17 + 81)


def test_a_transform_may_write_into_its_item(home):
    def blacken(item):
        item["image"].zero_()
        return item

    changed = dcign.torch_dataset(home.faces, transform=blacken)
    assert not changed[0]["image"].any()
    changed.transform = None
    assert changed[0]["image"].any()


@pytest.mark.parametrize("method", get_all_start_methods())
def test_a_loader_with_workers_gives_what_none_gives(home, method):
    faces = dcign.torch_dataset(home.faces, factor="azimuth", transform=scaled)
    faces[0]  # the store is open here
    alone = torch.cat(list(DataLoader(faces, batch_size=32)))
    loader = DataLoader(faces, batch_size=32, num_workers=2, multiprocessing_context=method)
    assert torch.equal(torch.cat(list(loader)), alone)
    assert alone.shape == (80, 48, 48)


def test_a_pickle_is_small_and_reopens_the_store(home):
    faces = dcign.torch_dataset(home.faces)
    first = faces[0]["image"]
    written = pickle.dumps(faces)
    assert len(written) < 2000
    assert torch.equal(pickle.loads(written)[0]["image"], first)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"factor": "roll"}, "no factor roll; it has azimuth, elevation, light, intrinsic"),
        ({"split": "val"}, "has no val batches of azimuth, elevation, light, intrinsic; render-batches adds them"),
        ({"channels": ["normal"]}, "normal"),
        ({"items": "image"}, "items must be 'images' or 'batches'; got 'image'"),
    ],
)
def test_refusals_say_what_was_expected(home, options, said):
    with pytest.raises(ValueError, match=said):
        dcign.torch_dataset(home.faces, **options)
