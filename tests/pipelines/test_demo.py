"""The demo's page at toy size."""

import base64
import io
import re

import pytest
from PIL import Image

from pipelines.demo import command


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo")
    small = ["--size", "48", "--n", "4", "--batches", "6", "--identities", "4"]
    command.main(["--out", str(out), *small], standalone_mode=False)
    return (out / "report.html").read_text(encoding="utf-8")


def test_the_page_is_one_file_with_every_picture_in_it(page):
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert "http" not in page
    pictures = re.findall(r'src="data:image/(png|gif);base64,([^"]+)"', page)
    assert [kind for kind, _ in pictures] == ["gif", "gif", "gif", "png", "png", "png"]
    for kind, data in pictures:
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            image.load()
            assert getattr(image, "n_frames", 1) > 10 or kind == "png"


def test_the_page_says_how_it_was_made(page):
    for verb in ("render-batches", "render-sweeps", "train-dcign", "preview-store"):
        assert verb in page
    assert not re.search(r"\$[a-z]+", re.sub(r"<style>.*?</style>|base64,[^\"]+", "", page, flags=re.DOTALL))
