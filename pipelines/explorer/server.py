"""The page's server: static files, and an engine behind four addresses that speak raw bytes.

Pictures are uint8 in rows, codes are little-endian float32: what a typed array holds, so that a slider's step costs
no parsing. The page keeps everything else (which angle, which person) to itself; the server has no state to lose.
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

MOST_AT_ONCE = 64
"""Pictures or codes in one request: an animation has fewer."""
HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
"""Nothing from elsewhere can be loaded by the page, whatever its script does."""
Floats = NDArray[np.float32]


class BadRequestError(ValueError):
    """The text says what was expected and what came."""


def application(engine: Engine, hosts: list[str]) -> Starlette:
    """The page of an engine for browsers that know it by one of these host names ("*" for any).

    Other names are refused, so that a page elsewhere cannot reach this one by pointing its own name here.
    """
    facts = engine.facts("server")
    people = _png(sheet([engine.offered[0]], gap=0))
    blank = engine.picture_shape

    async def encode(request: Request) -> Response:
        images = _array(await _body(request, MOST_AT_ONCE * math.prod(blank)), np.uint8, blank)
        return _bytes(await run_in_threadpool(engine.encode, images))

    async def decode(request: Request) -> Response:
        shape = (engine.run.config.latents,)
        codes = _array(await _body(request, MOST_AT_ONCE * 4 * shape[0]), np.dtype("<f4"), shape)
        if not np.isfinite(codes).all():
            raise BadRequestError("a code holds finite numbers; one of these is not")
        return _bytes(await run_in_threadpool(engine.decode, codes))

    async def truth(request: Request) -> Response:
        names = [name for name, *_ in engine.run.store.factors]
        angles = {name: _number(request, name) for name in names}
        return _bytes(await run_in_threadpool(engine.truth, _who(request), angles))

    async def animation(request: Request) -> Response:
        frames = _array(await _body(request, MOST_AT_ONCE * math.prod(blank)), np.uint8, blank)
        return Response(await run_in_threadpool(_gif, frames), media_type="image/gif")

    return Starlette(
        routes=[
            Route("/facts.json", lambda _request: JSONResponse(facts)),
            Route("/people.png", lambda _request: Response(people, media_type="image/png")),
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
    """Serve until interrupted; `ready` is told the address once connections are taken.

    Raises
    ------
    click.ClickException
        The address is not this machine's, or the port is taken.
    """
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host} port {port}: {error.strerror or error}; --port 0 takes any that is free"
        ) from error
    everyone = host in ("0.0.0.0", "::")  # noqa: S104 -- only where the user says so
    hosts = ["*"] if everyone else [host, "127.0.0.1", "localhost"]
    server = uvicorn.Server(uvicorn.Config(application(engine, hosts), log_level="warning", lifespan="off"))
    shown = f"[{host}]" if ":" in host else "127.0.0.1" if everyone else host
    with listening:
        ready(f"http://{shown}:{listening.getsockname()[1]}/")
        server.run(sockets=[listening])


class _Headers:
    """Adds `HEADERS` to every answer."""

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
    """The whole body, as long as it has at most this many bytes."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise BadRequestError(f"at most {MOST_AT_ONCE} pictures or codes at once, {most:,} bytes; more came")
        parts.append(part)
    return b"".join(parts)


def _array(body: bytes, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """(n, *shape), n of at least 1."""
    each = np.dtype(dtype).itemsize * math.prod(shape)
    if not body or len(body) % each:
        what = f"{each:,} bytes ({' x '.join(map(str, shape))} {np.dtype(dtype)})"
        raise BadRequestError(f"expected one or more times {what}; {len(body):,} bytes came")
    # A copy, as torch takes no array that cannot be written to.
    return np.frombuffer(body, dtype).reshape(-1, *shape).copy()


def _number(request: Request, name: str) -> float:
    text = request.query_params.get(name, "")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not -360 <= value <= 360:
        raise BadRequestError(f"{name} should be degrees between -360 and 360, not {text!r}")
    return value


def _who(request: Request) -> tuple[tuple[int, float], ...]:
    """`people=3:0.4,5:0.6` as pairs of identity and share."""
    text = request.query_params.get("people", "")
    try:
        pairs = tuple((int(one), float(share)) for one, share in (part.split(":") for part in text.split(",")))
    except ValueError:
        pairs = ()
    if not 1 <= len(pairs) <= 2 or not all(0 <= one < OFFERED and 0 <= share <= 1 for one, share in pairs):
        raise BadRequestError(f"people should be like 3:1 or 3:0.4,5:0.6 with numbers below {OFFERED}, not {text!r}")
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
