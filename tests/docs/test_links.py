"""Links between documents lead somewhere, pages are listed, and pictures are of this version."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page):
    """What GitHub calls the headings of a page."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), f"{target} in {page.name}"
        if anchor:
            assert anchor in anchors(there), f"{target} in {page.name}; there are {sorted(anchors(there))}"


def test_every_page_is_in_the_index():
    listed = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in listed, page.name
    decisions = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs" / "decisions").glob("2*.md"):
        assert page.name in decisions


def test_the_picture_of_the_axes_has_the_signs_that_it_says(tmp_path):
    spec = importlib.util.spec_from_file_location("draw_axes", ROOT / "docs" / "draw_axes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    drawn = {name: images.astype(float) for name, images in module.views(48).items()}
    left, right = (drawn["light"][:, :, half].sum(axis=(1, 2)) for half in (slice(0, 24), slice(24, 48)))
    assert (np.sign(right - left)[[0, 1, 3, 4]] == [-1, -1, 1, 1]).all()
    # Heads that look to either side are mirrored; the whole head is nearly so.
    assert np.abs(drawn["azimuth"][0] - drawn["azimuth"][4][:, ::-1]).mean() < 2
    assert np.abs(drawn["azimuth"][0] - drawn["azimuth"][4]).mean() > 10
    module.draw(tmp_path / "axes.png", 48)
    with Image.open(tmp_path / "axes.png") as picture, Image.open(ROOT / "docs" / "images" / "axes.png") as kept:
        assert picture.size == kept.size


def test_no_page_speaks_of_the_machine_it_was_written_on():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"/tmp/(?!numba|cache)\w|/root/|/home/", text), page.name
