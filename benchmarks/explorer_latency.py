"""Measure the explorer's latency from a slider's event to the new pixels, and the size and time of a first visit.

    python benchmarks/explorer_latency.py [--run RUN] [--steps 200]

The page is measured as the command serves it and as a static site, both in one headless Chromium (Debian's). The time
is from the slider's input event until the decoder's image is on its canvas. Steps follow one another, so every step is
decoded and none is skipped. The static part needs `make web`.
"""

import argparse
import functools
import http.server
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = shutil.which("chromium") or "chromium"
MEASURE = """async (steps) => {
    const [slider, canvas] = [document.querySelector("input[data-name=azimuth]"), document.getElementById("decoded")];
    const times = [];
    for (let k = 0; k < steps; k++) {
        const decoded = new Promise((resolve) => canvas.addEventListener("decoded", resolve, { once: true }));
        slider.value = -70 + (140 * k) / steps;
        const start = performance.now();
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        await decoded;
        times.push(performance.now() - start);
        await new Promise((resolve) => setTimeout(resolve, 60));  // the encoder reads back; not part of the step
    }
    return times;
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A plain web server without a log."""

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def served(words: list[str]) -> Iterator[str]:
    """Run the command's own server; yields its address."""
    command = [sys.executable, "-m", "pipelines", "explore-dcign", "--port", "0", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        if not found:
            raise SystemExit(f"{' '.join(command)} did not start")
        yield found[0]
        server.terminate()


@contextmanager
def static(words: list[str]) -> Iterator[str]:
    """Export the static site and serve it by Python's own web server; yields its address."""
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site"
        subprocess.run([sys.executable, "-m", "pipelines", "explore-dcign", "--export", site, *words], check=True)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def visit(browser: Browser, address: str, steps: int) -> str:
    """Open the page with an empty cache, move the slider, and return a line of results."""
    page = browser.new_context().new_page()
    sizes: list[int] = []
    page.on("response", lambda answer: sizes.append(int(answer.headers.get("content-length", "0"))))
    page.goto(address)
    page.wait_for_selector("body[data-ready]", timeout=120_000)
    loaded = page.evaluate("performance.now()")
    size = sum(sizes) / 1e6
    times = np.array(page.evaluate(MEASURE, steps))
    page.close()
    median, late = np.percentile(times, [50, 95])
    return f"{median:6.1f} ms median, {late:6.1f} ms p95; first load {size:5.1f} MB in {loaded / 1000:.2f} s"


def main() -> None:
    """Measure the served page and the static site, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", help="A run directory; the pretrained network by default.")
    parser.add_argument("--steps", type=int, default=200)
    given = parser.parse_args()
    words = ["--run", given.run] if given.run else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, way in (("served", served), ("static", static)):
            with way(words) as address:
                print(f"{name}: {visit(browser, address, given.steps)}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
