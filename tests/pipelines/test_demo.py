"""The demo's page at toy size."""

import pytest

from pipelines.demo import command


@pytest.fixture(scope="module")
def page(made_once):
    small = ["--size", "48", "--n", "4", "--batches", "6", "--identities", "4", "--resamples", "20"]
    out = made_once("demo", lambda home: command.main(["--out", str(home), *small], standalone_mode=False))
    return (out / "report.html").read_text(encoding="utf-8")


def test_the_page_says_how_it_was_made_and_what_it_was_trained_on(page):
    for verb in ("render-batches", "render-sweeps", "train-dcign", "preview-store"):
        assert verb in page
    assert "Contact sheet of training batches" in page
