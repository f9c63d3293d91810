"""The explorer's web server: static files, and an engine behind four addresses that exchange raw bytes.

Pictures are rows of uint8 and codes are little-endian float32, as a typed array of the browser holds them, so that a
slider's step costs no parsing. The page keeps all state (angles, identities); the server has none.
"""

import io
import math
import socket
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import uvicorn
from numpy.typing import NDArray
from PIL import Image
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.console.pictures import save_animation, sheet
from pipelines.explorer.engine import OFFERED, PAGE, Engine
from pipelines.explorer.identities import Weights

MOST_AT_ONCE = 64
"""Largest number of pictures or codes in one request; an animation has fewer."""
HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
"""Headers of every answer: the page can load nothing from another host, whatever its script does."""


class BadRequestError(ValueError):
    """A request with other bytes or parameters than expected; the text names both."""


def application(engine: Engine, hosts: list[str]) -> Starlette:
    """Build the web application of an engine, which answers to these host names only ("*" for any).

    Requests under another name are refused: a foreign page cannot reach this one by pointing its own name here.
    """
    facts = engine.facts("server")
    strip = _png(sheet([engine.offered[0]], gap=0))
    shape = engine.run.image_shape

    async def encode(request: Request) -> Response:
        images = _array(await _body(request, MOST_AT_ONCE * math.prod(shape)), np.uint8, shape)
        return _bytes(await run_in_threadpool(engine.encode, images))

    async def decode(request: Request) -> Response:
        latents = engine.run.latents
        codes = _array(await _body(request, MOST_AT_ONCE * 4 * latents), np.dtype("<f4"), (latents,))
        if not np.isfinite(codes).all():
            raise BadRequestError("expected codes of finite numbers; one of these is not finite")
        return _bytes(await run_in_threadpool(engine.decode, codes))

    async def truth(request: Request) -> Response:
        names = [name for name, *_ in engine.run.store.factors]
        angles = {name: _number(request, name) for name in names}
        return _bytes(await run_in_threadpool(engine.truth, _weights(request), angles))

    async def animation(request: Request) -> Response:
        frames = _array(await _body(request, MOST_AT_ONCE * math.prod(shape)), np.uint8, shape)
        return Response(await run_in_threadpool(_gif, frames), media_type="image/gif")

    return Starlette(
        routes=[
            Route("/facts.json", lambda _request: JSONResponse(facts)),
            Route("/identities.png", lambda _request: Response(strip, media_type="image/png")),
            Route("/api/encode", encode, methods=["POST"]),
            Route("/api/decode", decode, methods=["POST"]),
            Route("/api/truth", truth),
            Route("/api/animation", animation, methods=["POST"]),
            Mount("/", StaticFiles(directory=PAGE, html=True)),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts), Middleware(_Headers)],
        exception_handlers={BadRequestError: _refuse},
    )


def serve(engine: Engine, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until interrupted; `ready` is called with the address once connections are accepted.

    Raises
    ------
    click.ClickException
        The address does not belong to this machine, or the port is in use.
    """
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host} port {port}: {error.strerror or error}; --port 0 chooses a free one"
        ) from error
    any_address = host in ("0.0.0.0", "::")  # noqa: S104 -- only where the user asks for it
    hosts = ["*"] if any_address else [host, "127.0.0.1", "localhost"]
    server = uvicorn.Server(uvicorn.Config(application(engine, hosts), log_level="warning", lifespan="off"))
    shown = f"[{host}]" if ":" in host else "127.0.0.1" if any_address else host
    with listening:
        ready(f"http://{shown}:{listening.getsockname()[1]}/")
        server.run(sockets=[listening])


class _Headers:
    """Middleware that adds `HEADERS` to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    *((name.encode(), value.encode()) for name, value in HEADERS.items()),
                ]
            await send(message)

        await self._app(scope, receive, sending)


async def _body(request: Request, most: int) -> bytes:
    """Read the whole body; one of more than `most` bytes is refused."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise BadRequestError(f"expected at most {MOST_AT_ONCE} pictures or codes, {most:,} bytes; more came")
        parts.append(part)
    return b"".join(parts)


def _array(body: bytes, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Read bytes as an array (n, *shape) with n of at least 1; other lengths are refused."""
    each = np.dtype(dtype).itemsize * math.prod(shape)
    if not body or len(body) % each:
        unit = f"{each:,} bytes ({' x '.join(map(str, shape))} {np.dtype(dtype)})"
        raise BadRequestError(f"expected a multiple of {unit}; {len(body):,} bytes came")
    # A copy: torch accepts writable arrays only.
    return np.frombuffer(body, dtype).reshape(-1, *shape).copy()


def _number(request: Request, name: str) -> float:
    text = request.query_params.get(name, "")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not -360 <= value <= 360:
        raise BadRequestError(f"{name} must be between -360 and 360 degrees, not {text!r}")
    return value


def _weights(request: Request) -> Weights:
    """Read `identities=3:0.4,5:0.6` as pairs of identity and share."""
    text = request.query_params.get("identities", "")
    try:
        pairs = tuple((int(one), float(share)) for one, share in (part.split(":") for part in text.split(",")))
    except ValueError:
        pairs = ()
    if not 1 <= len(pairs) <= 2 or not all(0 <= one < OFFERED and 0 <= share <= 1 for one, share in pairs):
        raise BadRequestError(f"identities must be like 3:1 or 3:0.4,5:0.6 with numbers below {OFFERED}, not {text!r}")
    return pairs


def _bytes(values: NDArray[Any]) -> Response:
    return Response(np.ascontiguousarray(values).tobytes(), media_type="application/octet-stream")


def _png(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def _gif(frames: NDArray[np.uint8]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sweep.gif"
        save_animation(frames, path)
        return path.read_bytes()


def _refuse(_request: Request, error: Exception) -> Awaitable[Response] | Response:
    return PlainTextResponse(str(error), status_code=400)
