"""rerender: any picture in, turned faces out; what is no picture is one line."""

import contextlib
import io
import json
import shutil
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from dataset.store import open_store
from pipelines.inference.photo import PictureError, read_picture
from train.runs.trained_run import load_run

TINY = ("--maps", 8, "--latents", 8, "--precision", "float32")


@pytest.fixture(scope="module")
def face(toy):
    """A render that the toy run has not seen: (48, 48) uint8."""
    return open_store(str(toy / "sweeps.zarr")).read("test", "azimuth", 0)["image"][30]


@pytest.fixture(scope="module")
def calibrated(toy, tmp_path_factory, face):
    """A copy of the toy run that knows what its neurons mean, and the render as a PNG."""
    from pipelines.console.cli import load

    home = tmp_path_factory.mktemp("rerender")
    shutil.copytree(toy / "run", home / "run")
    Image.fromarray(face).save(home / "face.png")
    words = [home / "face.png", "--run", home / "run", "--sweeps", toy / "sweeps.zarr", "--out", home / "out"]
    load("rerender").main([str(word) for word in words], standalone_mode=False)
    return home


def test_a_render_comes_back_turned_nodded_and_relit(calibrated, face):
    out = calibrated / "out"
    np.testing.assert_array_equal(np.asarray(Image.open(out / "input.png")), face)  # prepared as in training
    with Image.open(out / "grid.png") as grid:
        assert grid.size[0] > 1000
    for factor in ("azimuth", "elevation", "light"):
        with Image.open(out / f"{factor}.gif") as film:
            assert film.size == (48, 48)


def test_what_is_read_is_the_networks_own_reading(calibrated, dcign, face, toy):
    said = dcign("rerender", calibrated / "face.png", "--run", calibrated / "run", "--json")
    read = json.loads(said.out)["read"]
    code = load_run(calibrated / "run").encode(face[None])[0]
    kept = json.loads((calibrated / "run/calibration.json").read_text())
    for factor, angle in read.items():
        curve = kept["factors"][factor]
        says = np.interp(angle, curve["angles"], curve["values"])
        nearest = np.abs(np.array(curve["values"]) - code[curve["latent"]]).min()
        assert abs(says - code[curve["latent"]]) <= nearest + 1e-6


def test_without_a_calibration_it_says_what_to_do(refused, toy, tmp_path, calibrated):
    shutil.copytree(toy / "run", tmp_path / "run")
    (tmp_path / "run/calibration.json").unlink(missing_ok=True)
    assert "--sweeps" in refused("rerender", calibrated / "face.png", "--run", tmp_path / "run")


def test_a_calibration_of_other_weights_is_refused(dcign, refused, toy, tmp_path, calibrated):
    """A run that was trained on after it was calibrated, and an earlier checkpoint of it."""
    run, sweeps = tmp_path / "run", toy / "sweeps.zarr"
    shutil.copytree(calibrated / "run", run)
    dcign("train-dcign", "--store", toy / "faces.zarr", "--run", run, *TINY, "--batches", 14)
    words = ("rerender", calibrated / "face.png", "--out", tmp_path / "out")
    assert "with other weights" in refused(*words, "--run", run)
    assert dcign(*words, "--run", run, "--sweeps", sweeps).code == 0
    kept = (run / "calibration.json").read_bytes()
    checkpoint = min((run / "checkpoints").glob("*.safetensors"))
    assert dcign(*words, "--run", checkpoint, "--sweeps", sweeps).code == 0
    assert (run / "calibration.json").read_bytes() == kept
    assert "with other weights" in refused(*words, "--run", checkpoint)


def test_the_default_folder_is_beside_the_picture(dcign, calibrated, tmp_path):
    shutil.copy(calibrated / "face.png", tmp_path / "me.png")
    assert dcign("rerender", tmp_path / "me.png", "--run", calibrated / "run").code == 0
    assert (tmp_path / "me-rerendered/grid.png").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["me-rerendered", "me.png"]


def photo(side, seed=0):
    """Colour noise that no border could be taken from."""
    return np.random.Generator(np.random.Philox(seed)).integers(0, 256, (side, side + 40, 3), dtype=np.uint8)


def test_a_color_jpeg_is_its_luminance_cut_to_the_middle(tmp_path):
    picture = np.zeros((60, 100, 3), np.uint8)
    picture[:, 20:80] = (255, 0, 0)
    picture[::2, :20] = 255  # no plain border
    picture[::2, 80:] = (0, 255, 255)
    Image.fromarray(picture).save(tmp_path / "a.jpg", quality=100, subsampling=0)
    grey, notes = read_picture(tmp_path / "a.jpg", 48, 1)
    assert grey.shape == (48, 48)
    assert any("middle 60 x 60" in note for note in notes)
    assert grey[24, 24] == pytest.approx(0.2126 * 255, abs=2)
    color, _ = read_picture(tmp_path / "a.jpg", 48, 3)
    np.testing.assert_allclose(color[24, 24], (255, 0, 0), atol=3)


def test_transparency_becomes_white_and_is_padded_not_cut(tmp_path):
    picture = np.zeros((50, 100, 4), np.uint8)
    picture[10:40, 10:90] = (10, 10, 10, 255)
    picture[:, :5] = (255, 0, 0, 0)  # a colour that nobody sees
    Image.fromarray(picture).save(tmp_path / "a.png")
    grey, notes = read_picture(tmp_path / "a.png", 100, 1)
    assert notes == ["transparent parts are white"]
    assert grey[0, 0] == grey[30, 2] == grey[99, 50] == 255
    assert grey[50, 50] == 10


def test_a_plain_background_becomes_white_but_not_what_looks_like_it_inside(tmp_path):
    picture = np.full((80, 80, 3), (30, 90, 160), np.uint8)
    picture[10:70, 10:70] = (200, 150, 120)
    picture[35:45, 35:45] = (30, 90, 160)
    Image.fromarray(picture).save(tmp_path / "a.png")
    color, notes = read_picture(tmp_path / "a.png", 80, 3)
    assert notes == ["its plain background is made white"]
    assert color[5, 5].tolist() == [255, 255, 255]
    assert color[40, 40].tolist() == [30, 90, 160]


def test_shoulders_may_cover_the_lower_border(tmp_path):
    picture = np.full((80, 80, 3), (255, 255, 204), np.uint8)
    picture[30:70, 30:50] = (200, 150, 120)
    picture[60:, :] = (40, 40, 60)
    Image.fromarray(picture).save(tmp_path / "a.png")
    color, notes = read_picture(tmp_path / "a.png", 80, 3)
    assert notes == ["its plain background is made white"]
    assert color[5, 5].tolist() == [255, 255, 255]
    assert color[75, 5].tolist() == [40, 40, 60]


def framed(image, side, scale, place, rng):
    """A render somewhere in a larger white picture, with dust on it."""
    whole = np.full((side, side), 255, np.uint8)
    small = image.resize((round(scale * side),) * 2, Image.Resampling.LANCZOS)
    top, left = (round(share * (side - small.height)) for share in place)
    whole[top : top + small.height, left : left + small.width] = np.asarray(small)
    whole[rng.integers(0, side, 5), rng.integers(0, side, 5)] = 0
    return Image.fromarray(whole)


@pytest.mark.parametrize(("scale", "place"), [(0.6, (0.5, 0.5)), (0.25, (0.1, 0.8)), (0.4, (1.0, 0.0))])
def test_a_head_that_is_small_is_cut_out_as_training_framed_it(scale, place, face, tmp_path):
    rng = np.random.Generator(np.random.Philox(11))
    render = Image.fromarray(face).resize((150, 150), Image.Resampling.BICUBIC)
    framed(render, 1500, scale, place, rng).save(tmp_path / "far.png")
    render.save(tmp_path / "near.png")
    near, notes = read_picture(tmp_path / "near.png", 150, 1)
    assert notes == []
    far, notes = read_picture(tmp_path / "far.png", 150, 1)
    assert ["head was small" in note for note in notes] == [True]
    ground = np.abs(near.astype(int) - 255).mean()
    assert np.abs(far.astype(int) - near).mean() < 0.25 * ground  # nearly on top of each other
    boxed, notes = read_picture(tmp_path / "far.png", 150, 1, (0, 0, 1500, 1500))
    assert notes == []  # who gives a box means it
    assert np.abs(boxed.astype(int) - near).mean() > 0.5 * ground


@pytest.mark.parametrize("level", [255, 0])
def test_a_picture_of_nothing_stays(level, tmp_path):
    Image.new("L", (40, 40), level).save(tmp_path / "a.png")
    assert (read_picture(tmp_path / "a.png", 40, 1)[0] == 255).all()


def test_one_transparent_pixel_is_no_background(tmp_path):
    picture = np.full((60, 60, 4), 255, np.uint8)
    picture[..., :3] = photo(60)[:, :60]
    picture[30, 30, 3] = 0
    Image.fromarray(picture).save(tmp_path / "a.png")
    _, notes = read_picture(tmp_path / "a.png", 60, 1)
    assert notes[0] == "transparent parts are white"
    assert "its background stays" in notes[1]


def test_a_large_photo_and_a_box(tmp_path):
    Image.fromarray(photo(4000)).save(tmp_path / "a.jpg")
    whole, _ = read_picture(tmp_path / "a.jpg", 64, 1)
    assert whole.std() < 40  # averaged, not picked
    part, notes = read_picture(tmp_path / "a.jpg", 64, 1, (0, 0, 64, 64))
    assert part.std() > 30
    assert len(notes) == 1
    assert "its background stays" in notes[0]
    with pytest.raises(PictureError, match="does not lie in a picture of 4040 x 4000"):
        read_picture(tmp_path / "a.jpg", 64, 1, (0, 0, 5000, 64))


def test_pictures_are_turned_upright(tmp_path):
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[:20] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    Image.fromarray(picture).save(tmp_path / "a.jpg", exif=exif)
    grey, _ = read_picture(tmp_path / "a.jpg", 40, 1)
    assert grey[-5].mean() > 200 > 50 > grey[5].mean()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_and_sixteen_bits(tmp_path, orientation):
    """What Pillow itself makes of it."""
    ramp = np.arange(30 * 40, dtype=np.uint16).reshape(30, 40) * 40
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray((ramp >> 8).astype(np.uint8)).save(tmp_path / "eight.png", exif=exif)
    Image.fromarray(ramp).save(tmp_path / "sixteen.png", exif=exif)
    eight, sixteen = (read_picture(tmp_path / f"{name}.png", 30, 1)[0] for name in ("eight", "sixteen"))
    with Image.open(tmp_path / "eight.png") as image:
        upright = np.asarray(ImageOps.exif_transpose(image).convert("L"))
    height, width = upright.shape
    top, left = (height - 30) // 2, (width - 30) // 2
    np.testing.assert_array_equal(eight, upright[top : top + 30, left : left + 30])
    assert np.abs(sixteen.astype(int) - eight).max() <= 1


def test_fuzzed_exif_says_nothing_or_is_refused(tmp_path):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x8769] = 6, "a camera", {0x9003: "2026:01:01 00:00:00"}
    buffer = io.BytesIO()
    Image.fromarray(photo(24)).save(buffer, "JPEG", exif=exif)
    whole = buffer.getvalue()
    rng = np.random.Generator(np.random.Philox(5))
    said = []
    for _ in range(300):
        damaged = bytearray(whole)
        for at in rng.integers(2, 200, 3):
            damaged[at] = rng.integers(256)
        (tmp_path / "a.jpg").write_bytes(damaged)
        try:
            assert read_picture(tmp_path / "a.jpg", 16, 1)[0].shape == (16, 16)
        except PictureError as error:
            said.append(str(error))
    assert all("\n" not in text for text in said)


def test_a_long_thin_picture_costs_little_memory(tmp_path):
    Image.fromarray(np.full((6, 12_000), 200, np.uint8)).save(tmp_path / "a.png")
    tracemalloc.start()
    grey, _ = read_picture(tmp_path / "a.png", 48, 1)
    assert tracemalloc.get_traced_memory()[1] < 60e6
    tracemalloc.stop()
    assert grey.shape == (48, 48)


def test_thirty_two_bits_that_hold_eight(tmp_path):
    ramp = np.tile(np.linspace(0, 250, 48).astype(np.int32), (48, 1))
    Image.fromarray(ramp).save(tmp_path / "a.tif")
    grey, _ = read_picture(tmp_path / "a.tif", 48, 1)
    assert grey[:, :8].mean() < 60 < 190 < grey[:, -8:].mean()


@pytest.mark.parametrize("mode", ["I;16", "1", "P", "LA", "CMYK"])
def test_every_kind_of_pixel(tmp_path, mode):
    ramp = np.tile(np.linspace(0, 255, 48).astype(np.uint8), (48, 1))
    sixteen_bits = Image.fromarray(ramp.astype(np.uint16) * 257)
    image = sixteen_bits if mode == "I;16" else Image.fromarray(ramp).convert(mode)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    image.save(path)
    grey, _ = read_picture(path, 48, 1)
    assert grey[:, :8].mean() < 60 < 190 < grey[:, -8:].mean()


def test_the_first_frame_of_an_animation(tmp_path):
    frames = [Image.fromarray(np.full((30, 30), v, np.uint8)) for v in (0, 255)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert any("first frame" in note for note in read_picture(tmp_path / "a.gif", 48, 1)[1])


def png_header(width, height):
    """A PNG that says how large it is, and ends there."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    begun = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return begun + struct.pack(">I", 100) + b"IDAT" + bytes(20)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.png", b"this is a text", "cannot be read as a picture"),
        ("a.jpg", b"", "cannot be read as a picture"),
        ("a.png", png_header(60_000, 60_000), "pixels; scale it down"),
        ("a.png", png_header(10_000, 10_000), "cannot be read as a picture"),
        ("a.png", png_header(20_000, 8_000), "more than 150,000,000; scale it down"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cannot be read as a picture"),
        (
            "a.eps",
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
            "cannot be read as a picture",
        ),
        (".", None, "is a folder"),
        ("none.png", None, "there is no file"),
    ],
)
def test_what_is_no_picture_is_one_line(refused, calibrated, tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    said = refused("rerender", path, "--run", calibrated / "run", "--out", tmp_path / "out")
    assert message in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "bmp", "tif", "webp"])
def test_damaged_pictures_are_read_or_refused(tmp_path, kind):
    rng = np.random.Generator(np.random.Philox(3))
    path = tmp_path / f"a.{kind}"
    Image.fromarray(photo(60)).save(path)
    whole = path.read_bytes()
    for _ in range(25):
        damaged = bytearray(whole[: rng.integers(len(whole))] if rng.random() < 0.5 else whole)
        for at in rng.integers(0, max(1, len(damaged)), 5):
            if damaged:
                damaged[at % len(damaged)] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        # Nothing but a PictureError may come out, and no warning.
        with contextlib.suppress(PictureError):
            assert read_picture(path, 48, 1)[0].shape == (48, 48)
