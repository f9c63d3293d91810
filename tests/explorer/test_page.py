"""The page in a browser, both ways: what moves, what is dropped, what is saved, what is refused."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from pipelines.inference.photo import read_picture

pytestmark = pytest.mark.timeout(240)


def png(image, **how):
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **how)
    return buffer.getvalue()


@pytest.mark.parametrize(("name", "low", "high"), [("azimuth", -60, 60), ("elevation", -20, 20), ("light", -60, 60)])
def test_what_the_encoder_reads_follows_each_slider(window, name, low, high):
    at_low = window.read_back(name, low)
    before = np.array(window.pixels("decoded"))
    between = window.read_back(name, 0)
    at_high = window.read_back(name, high)
    assert at_low < between < at_high
    # What a small network draws is vague: of elevation it reads back a fifth of the way, of the others most of it.
    assert at_high - at_low > 0.15 * (high - low)
    assert np.abs(np.array(window.pixels("decoded")) - before).mean() > 2


def test_the_page_computes_what_python_does(window, engine):
    """The third face at chosen angles: the same code, the same picture."""
    window.page.click("#identities button:nth-child(3)")
    window.page.wait_for_selector("#identities button:nth-child(3)[aria-pressed=true]")
    angles = {"azimuth": -40, "elevation": 10, "light": 35}
    for name, angle in angles.items():
        window.read_back(name, angle)
    seen = engine.offered[0][2]
    np.testing.assert_array_equal(np.array(window.pixels("input"), np.uint8), seen.ravel())
    code = engine.encode(seen[None])[0]
    said = re.findall(r"(\w+) (−?\d+)°", window.page.inner_text("#read"))
    read = {name: int(angle.replace("−", "-")) for name, angle in said}
    for c in engine.calibrations:
        assert read[c.factor] == pytest.approx(c.angle(float(code[c.latent])), abs=2)
    for c in engine.calibrations:
        code[c.latent] = c.value(np.float64(angles[c.factor]))
    apart = engine.decode(code[None])[0].ravel().astype(int) - window.pixels("decoded")
    assert np.abs(apart).mean() < 1.0  # bfloat16 in Python where the processor has it, float32 in the browser


SLOW = """(delays) => { const ask = window.fetch; window.fetch = async (where, how) => {
    if (String(where).includes("api/")) await new Promise((go) => setTimeout(go, delays.shift() ?? 0));
    return ask(where, how); }; }"""  # the answers to come, each after so many milliseconds


def test_a_slow_answer_takes_nothing_back(window, engine, address, request):
    """Neither a slider moved meanwhile, nor the later of two picks."""
    if address != request.getfixturevalue("served_address"):
        pytest.skip("without a server, answers come in the order of the questions")
    window.page.evaluate(SLOW, [0, 600])  # encode, decode
    window.page.click("#identities button:nth-child(3)")
    window.page.wait_for_selector("#identities button:nth-child(3)[aria-pressed=true]")
    window.read_back("azimuth", -40)
    window.page.evaluate(SLOW, [800])
    window.page.click("#identities button:nth-child(2)")
    window.page.click("#identities button:nth-child(4)")
    window.page.wait_for_selector("#identities button:nth-child(4)[aria-pressed=true]")
    window.page.wait_for_timeout(1200)
    assert window.page.get_attribute("#identities button:nth-child(4)", "aria-pressed") == "true"
    np.testing.assert_array_equal(np.array(window.pixels("input"), np.uint8), engine.offered[0][3].ravel())


def test_true_renders_stand_beside_where_there_is_a_renderer(window, engine, address, request):
    if address != request.getfixturevalue("served_address"):
        assert window.page.is_visible("#alone")
        assert not window.page.is_visible("#truth")
        return
    assert not window.page.is_visible("#alone")
    angles = {"azimuth": 25, "elevation": -5, "light": -50}
    for name, angle in angles.items():
        window.read_back(name, angle)
    truth = engine.truth(((0, 1.0),), angles)
    np.testing.assert_array_equal(np.array(window.pixels("truth"), np.uint8), truth.ravel())
    drawn = np.array(window.pixels("decoded"), float)
    mse = np.square((drawn - truth.ravel()) / 255).mean()
    assert f"{mse:.4f}" in window.page.inner_text("#difference-note")


def test_a_direction_changes_the_identity_and_leaves_no_truth(window):
    before = np.array(window.pixels("decoded"))
    window.slide("direction 1", 2.5)
    window.page.wait_for_function("() => document.getElementById('truth').parentElement.classList.contains('absent')")
    window.read_back("azimuth", 0)
    moved = np.array(window.pixels("decoded"))
    assert np.abs(moved - before).mean() > 1
    window.page.click("#reset")
    assert window.page.input_value('input[data-name="direction 1"]') == "0"


def test_two_faces_are_mixed(window):
    drawn = []
    window.page.click("#others button:nth-child(6)")
    window.page.wait_for_selector("#others button:nth-child(6)[aria-pressed=true]")
    for share in (0, 50, 100):
        window.slide("share", share)
        window.read_back("azimuth", share / 10)
        window.read_back("azimuth", 0)
        drawn.append(np.array(window.pixels("decoded"), float))
    ends = np.abs(drawn[2] - drawn[0]).mean()
    assert ends > 1
    assert np.abs(drawn[1] - drawn[0]).mean() < ends
    assert np.abs(drawn[1] - drawn[2]).mean() < ends
    window.page.click("#others button:nth-child(6)")  # again: it ends
    window.page.wait_for_selector("#others button:nth-child(6)[aria-pressed=false]")


def test_a_dropped_render_is_used_as_it_is(window, engine):
    angles = {"azimuth": 40.0, "elevation": 5.0, "light": -30.0}
    render = engine.truth(((9, 1.0),), angles)
    said = window.drop("one.png", png(Image.fromarray(render)))
    np.testing.assert_array_equal(np.array(window.pixels("input"), np.uint8), render.ravel())
    assert "used as it is" in said
    assert window.page.get_attribute("#identities button:nth-child(1)", "aria-pressed") == "false"


def test_any_picture_is_prepared_as_the_command_does(window, engine, tmp_path):
    """Colour, transparency, a plain background, not square, large, a small head: as `rerender` makes them."""
    head = Image.fromarray(engine.truth(((4, 1.0),), {"azimuth": 10.0, "elevation": 0.0, "light": 20.0}))
    tinted = Image.merge("RGB", [head, head.point(lambda v: v * 0.8), head.point(lambda v: v * 0.6)])
    ground = Image.new("RGB", (400, 300), (90, 120, 200))
    ground.paste(tinted.resize((300, 300), Image.Resampling.BICUBIC), (50, 0))
    cutout = tinted.resize((600, 600), Image.Resampling.BICUBIC).convert("RGBA")
    cutout.putalpha(Image.fromarray(np.where(np.asarray(cutout)[..., 0] > 250, 0, 255).astype(np.uint8)))
    far = Image.new("RGB", (900, 600), (240, 250, 210))
    far.paste(tinted.resize((255, 255), Image.Resampling.BICUBIC), (520, 70))
    wide = tinted.resize((500, 200))
    for name, picture in (("plain.png", ground), ("cutout.png", cutout), ("wide.png", wide), ("far.png", far)):
        (tmp_path / name).write_bytes(png(picture))
        window.drop(name, png(picture))
        expected, _ = read_picture(tmp_path / name, 150, 1)
        apart = np.array(window.pixels("input"), float) - expected.ravel()
        assert np.abs(apart).mean() < 2, name


def test_an_animation_gives_its_first_frame(window, engine):
    frames = [Image.fromarray(picture) for picture in engine.offered[0][:3]]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=100)
    assert "first frame" in window.drop("film.gif", buffer.getvalue(), "image/gif")
    apart = np.array(window.pixels("input"), float) - np.asarray(frames[0]).ravel()
    assert np.abs(apart).mean() < 2


def test_what_is_no_picture_is_reported_in_one_line(window):
    before = window.pixels("input")
    said = window.drop("letter.png", b"Dear reader, this is no picture.")
    assert said == "letter.png cannot be read as a picture; choose a PNG or a JPEG."
    assert "wrong" in window.page.get_attribute("#message", "class")
    assert window.pixels("input") == before
    window.read_back("azimuth", 12)  # and the page goes on


def test_a_picture_of_fifty_megapixels_is_refused_with_its_size(window):
    said = window.drop("poster.png", png(Image.new("1", (8000, 6300), 1)))
    assert "8000 × 6300 pixels, 50 million; expected at most 40 million" in said


def test_a_sweep_is_saved_as_an_animation(window):
    window.page.select_option("#swept", "light")
    with window.page.expect_download() as waiting:
        window.page.click("#gif")
    with Image.open(waiting.value.path()) as film:
        assert waiting.value.suggested_filename == "light.gif"
        assert film.size == (150, 150)
        levels = []
        for k in range(film.n_frames):
            film.seek(k)
            levels.append(np.asarray(film.convert("L"), float))
    assert 31 <= len(levels) <= 60  # there and back; equal neighbours may be one frame
    left, right = (np.abs(levels[k] - levels[0]).mean() for k in (len(levels) // 4, len(levels) // 2))
    assert right > left > 0.5


def test_the_picture_is_saved(window):
    with window.page.expect_download() as waiting:
        window.page.click("#png")
    with Image.open(waiting.value.path()) as saved:
        np.testing.assert_array_equal(np.asarray(saved.convert("L")).ravel(), window.pixels("decoded"))


def test_a_sweep_is_played_and_stopped(window):
    window.page.click("#play")
    window.page.wait_for_function("() => Number(document.querySelector('input[data-name=azimuth]').value) > 60")
    window.page.click("#play")
    stopped = window.page.input_value("input[data-name=azimuth]")
    window.page.wait_for_timeout(300)
    assert window.page.input_value("input[data-name=azimuth]") == stopped


def test_keys_and_dragging_turn_the_head(window):
    window.read_back("azimuth", 0)
    window.page.focus("input[data-name=azimuth]")
    for _ in range(4):
        window.page.keyboard.press("ArrowRight")
    assert window.page.input_value("input[data-name=azimuth]") == "2"
    box = window.page.locator("#decoded").bounding_box()
    window.page.mouse.move(box["x"] + 100, box["y"] + 100)
    window.page.mouse.down()
    window.page.mouse.move(box["x"] + 140, box["y"] + 100, steps=4)
    window.page.mouse.up()
    assert float(window.page.input_value("input[data-name=azimuth]")) == pytest.approx(22, abs=1)


def test_everything_can_be_reached_by_tab(window):
    reached = set()
    for _ in range(80):
        window.page.keyboard.press("Tab")
        reached.add(window.page.evaluate("document.activeElement.id || document.activeElement.dataset.name || ''"))
    assert {"file", "azimuth", "elevation", "light", "direction 1", "swept", "play", "gif", "png", "reset"} <= reached


@pytest.mark.parametrize("width", [360, 700, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_any_window_in_both_schemes(window, width, scheme):
    window.page.emulate_media(color_scheme=scheme)
    window.page.set_viewport_size({"width": width, "height": 800})
    assert window.page.evaluate("document.scrollingElement.scrollWidth") <= width
    ground = window.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(ground[4:-1].split(",")[0]) > 128) == (scheme == "light")


def test_without_webassembly_the_static_page_reports_it(chromium, static_address):
    page = chromium.new_page()
    page.add_init_script("delete globalThis.WebAssembly")
    page.goto(static_address)
    page.wait_for_selector("#message.wrong")
    assert "does not run WebAssembly" in page.inner_text("#message")
    page.close()


def test_a_stopped_server_is_reported(chromium, served_address):
    page = chromium.new_page()
    page.goto(served_address)
    page.wait_for_selector("body[data-ready]")
    page.route("**/api/**", lambda asked: asked.abort())
    page.focus("input[data-name=azimuth]")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#message.wrong")
    assert "start explore-dcign again" in page.inner_text("#message")
    page.close()
