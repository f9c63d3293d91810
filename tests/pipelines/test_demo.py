"""The demo's page at toy size."""

import pytest

from pipelines.demo import command


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo")
    small = ["--size", "48", "--n", "4", "--batches", "6", "--identities", "4"]
    command.main(["--out", str(out), *small], standalone_mode=False)
    return (out / "report.html").read_text(encoding="utf-8")


def test_the_page_says_how_it_was_made_and_what_it_was_trained_on(page):
    for verb in ("render-batches", "render-sweeps", "train-dcign", "preview-store"):
        assert verb in page
    assert "Contact sheet of training batches" in page
