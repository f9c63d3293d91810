"""The server without a browser: what it answers, and what it refuses."""

import io

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from pipelines.explorer.server import MOST_AT_ONCE, application


@pytest.fixture(scope="module")
def client(engine):
    return TestClient(application(engine, ["127.0.0.1"]), base_url="http://127.0.0.1")


def test_codes_and_pictures_go_as_raw_bytes(client, engine):
    images = engine.offered[0][:3]
    codes = np.frombuffer(client.post("/api/encode", content=images.tobytes()).content, "<f4").reshape(3, -1)
    np.testing.assert_array_equal(codes, engine.run.encode(images))
    drawn = np.frombuffer(client.post("/api/decode", content=codes.tobytes()).content, np.uint8)
    np.testing.assert_array_equal(drawn.reshape(images.shape), engine.decode(codes))


def test_the_truth_is_the_renderers(client, engine):
    answer = client.get("/api/truth", params={"identities": "2:1", "azimuth": 30, "elevation": -4.5, "light": 60})
    expected = engine.truth(((2, 1.0),), {"azimuth": 30.0, "elevation": -4.5, "light": 60.0})
    assert answer.content == expected.tobytes()


def test_the_offered_faces_are_renders_at_the_angles_that_the_facts_give(client, engine):
    facts = client.get("/facts.json").json()
    strip = np.asarray(Image.open(io.BytesIO(client.get("/identities.png").content)))
    assert strip.shape == (facts["side"], facts["side"] * len(facts["identities"]))
    drawn = engine.truth(((5, 1.0),), facts["identities"][5])
    seen = strip[:, 5 * facts["side"] : 6 * facts["side"]]
    assert np.abs(drawn.astype(int) - seen).mean() < 0.1  # the facts' angles are rounded


def test_half_of_one_identity_and_half_of_another_lies_between_them(engine):
    angles = {"azimuth": 0.0, "elevation": 0.0, "light": 20.0}
    mesh = engine.identities._mesh
    middle = mesh(((1, 0.5), (2, 0.5))).positions
    np.testing.assert_allclose(middle, (mesh(((1, 1.0),)).positions + mesh(((2, 1.0),)).positions) / 2, atol=1e-2)
    assert engine.truth(((1, 0.5), (2, 0.5)), angles).shape == engine.run.image_shape


@pytest.mark.parametrize(
    ("address", "body", "said"),
    [
        ("/api/encode", b"", "expected a multiple of 22,500 bytes (150 x 150 uint8); 0 bytes came"),
        ("/api/encode", b"x" * 22_501, "22,501 bytes came"),
        ("/api/encode", b"x" * 22_500 * (MOST_AT_ONCE + 1), f"expected at most {MOST_AT_ONCE} pictures"),
        ("/api/decode", np.full(200, np.nan, "<f4").tobytes(), "finite numbers"),
        ("/api/decode", b"abc", "expected a multiple of 800 bytes (200 float32); 3 bytes came"),
        ("/api/animation", b"1", "expected a multiple of"),
    ],
)
def test_other_bytes_are_refused_in_one_line(client, address, body, said):
    answer = client.post(address, content=body)
    assert answer.status_code == 400
    assert said in answer.text
    assert "\n" not in answer.text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"identities": "99:1"}, "identities must be like"),
        ({"identities": "1:1,2:1,3:1"}, "identities must be like"),
        ({"identities": "1:nan"}, "identities must be like"),
        ({"identities": "../../etc"}, "identities must be like"),
        ({"azimuth": "inf"}, "azimuth must be between"),
        ({"light": ""}, "light must be between"),
    ],
)
def test_other_questions_are_refused_in_one_line(client, given, said):
    asked = {"identities": "1:1", "azimuth": "0", "elevation": "0", "light": "0"} | given
    answer = client.get("/api/truth", params=asked)
    assert answer.status_code == 400
    assert said in answer.text


def test_nothing_outside_the_page_is_served(client):
    for path in ("/../server.py", "/%2e%2e/server.py", "/..%2fengine.py", "/web/package.json"):
        assert client.get(path).status_code == 404


def test_every_answer_forbids_loading_from_elsewhere(client):
    for path in ("/", "/app.js", "/facts.json", "/nothing"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_another_host_name_is_refused(client):
    """A page elsewhere that points its own name at this machine gets nothing."""
    assert client.get("/facts.json", headers={"host": "evil.example"}).status_code == 400
