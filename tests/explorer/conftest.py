"""The page as users meet it: served by the command, and as a static site, in Debian's Chromium."""

import base64
import functools
import http.server
import re
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, field

import pytest

from pipelines.evaluation.calibration import read_calibrations
from pipelines.explorer.engine import Engine
from pipelines.explorer.site import WEB, write_site
from pipelines.pretrained import FACES
from render import open_model
from train.runs.trained_run import load_run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def engine():
    """The built-in network with the built-in head."""
    run = load_run(FACES, "cpu")
    return Engine(run, read_calibrations(FACES, run), open_model("procedural"))


@pytest.fixture(scope="session")
def site(engine, tmp_path_factory):
    """A static site's folder."""
    if not (WEB / "node_modules").exists():
        pytest.skip("the browser's libraries are not here: make web")
    folder = tmp_path_factory.mktemp("explorer") / "site"
    write_site(engine, folder)
    return folder


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def static_address(site):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def served_address():
    """The command itself, with nothing but a free port asked for."""
    words = [sys.executable, "-m", "pipelines", "explore-dcign", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        line = server.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, line + server.stdout.read()
        yield found[0]
        server.terminate()


@pytest.fixture(params=["served", "static"])
def address(request):
    return request.getfixturevalue(f"{request.param}_address")


@pytest.fixture(scope="module")
def playing():
    """Playwright, for one module: it keeps an event loop running in this thread, and other tests must find none."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def chromium(playing):
    browser = playing.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    yield browser
    browser.close()


@dataclass
class Window:
    """A page, and all that it complained of or asked from elsewhere."""

    page: object
    wrong: list = field(default_factory=list)

    def watch(self, address):
        page = self.page
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on(
            "request",
            lambda asked: asked.url.startswith((address, "blob:", "data:")) or self.wrong.append(asked.url),
        )
        page.goto(address)
        page.wait_for_selector("body[data-ready]", timeout=60_000)

    def _hear(self, said):
        # `pixels` below reads canvases that the page only paints on, and Chromium advises against that.
        if said.type in ("error", "warning") and "willReadFrequently" not in said.text:
            self.wrong.append(said.text)

    def pixels(self, canvas):
        """Grey levels of a canvas, as a flat list."""
        return self.page.evaluate(
            """(id) => { const c = document.getElementById(id);
            const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
            return Array.from({length: d.length / 4}, (_, k) => d[4 * k]); }""",
            canvas,
        )

    def slide(self, name, value):
        """Move a slider as a hand does, and wait until the encoder has read the decoder's picture."""
        self.page.locator(f'input[data-name="{name}"]').evaluate(
            "(input, value) => { input.value = value; input.dispatchEvent(new Event('input', {bubbles: true})); }",
            value,
        )

    def read_back(self, name, value):
        """The angle that the encoder reads once the slider is at `value`."""
        self.slide(name, value)
        note = self.page.locator(f'label:has(input[data-name="{name}"]) small')
        self.page.wait_for_function(
            "([note, at]) => Number(note.dataset.at) === at", arg=[note.element_handle(), value]
        )
        return float(note.get_attribute("data-read"))

    def drop(self, name, content, kind="image/png"):
        """Drop a file on the page; what it says when it has looked at it."""
        self.page.evaluate("document.getElementById('message').textContent = ''")
        self.page.evaluate(
            """([name, content, kind]) => {
                const data = new DataTransfer();
                data.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name, {type: kind}));
                dispatchEvent(new DragEvent('drop', {dataTransfer: data, cancelable: true}));
            }""",
            [name, base64.b64encode(content).decode(), kind],
        )
        self.page.wait_for_function("(name) => document.getElementById('message').textContent.includes(name)", arg=name)
        return self.message()

    def message(self):
        return self.page.inner_text("#message")


@pytest.fixture
def window(chromium, address):
    """A fresh window on the page; at the end nothing may have gone wrong."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page.set_default_timeout(60_000)  # of any step, on a machine that does other things too
    seen = Window(page)
    seen.watch(address)
    yield seen
    page.close()
    assert seen.wrong == []
