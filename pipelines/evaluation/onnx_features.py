"""An ONNX file of the user's own as a representation of images.

The file is not trusted. It is parsed and checked before ONNX Runtime reads it. Every tensor that it keeps in another
file must lie in its own folder, and no operators are loaded but those of ONNX Runtime. A graph may still take long or
much memory, as any program may.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.resizing import as_planes
from train.errors import TrainError

MOST_BYTES = 2**31 - 1
"""Largest file: protobuf holds no larger message. Weights beyond it lie in files of their own."""
MOST_SIDE, MOST_IMAGES = 2048, 256
"""Largest side of an input in pixels, and its largest fixed number of images."""
MOST_FEATURES = 100_000
"""Most numbers of an image: those of 1,000 pairs take 800 MB."""
AT_ONCE = 20
"""Images of one call, where the graph takes any number."""
MEMORY = "_ORT_MEM_ADDR_"
"""A part of the names by which ONNX Runtime means an address in memory instead of a file."""
MOST_MESSAGE = 200
"""Characters of a library's message that are shown."""


class FeaturesUnusable(TrainError):  # noqa: N818 -- the name is the condition
    """A file is no ONNX graph that gives features of images."""


@dataclass(frozen=True)
class Input:
    """The one input of a graph."""

    name: str
    batch: int | None
    """Images of one call; None where it takes any number."""
    channels: int | None
    """1 or 3; None where it takes any number, and then gets the images' own."""
    size: tuple[int, int] | None
    """Height and width in pixels; None where it takes any, and then gets the images' own."""
    flat: bool
    """True for (N, H, W), False for (N, C, H, W)."""


@dataclass(frozen=True)
class OnnxFeatures:
    """A graph that gives features of images. Make it with `open_features`."""

    path: Path
    sha256: str
    """Of the file, in hexadecimal."""
    external: tuple[tuple[str, str], ...]
    """(name, SHA-256) of every further file that holds its weights."""
    input: Input
    session: Any
    """The `onnxruntime.InferenceSession`, on the CPU."""

    @property
    def label(self) -> str:
        """The name of the file, as tables show it."""
        return "".join(letter if letter.isprintable() else "?" for letter in self.path.name)

    @property
    def key(self) -> dict[str, Any]:
        """The name of the file and everything that decides its features, as JSON-able values."""
        return {"file": self.label, "sha256": self.sha256, "external": [list(pair) for pair in self.external]}

    def of(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The features of images.

        Parameters
        ----------
        images : (N, H, W) or (N, H, W, 3) uint8
            Resized to the graph's input, as float32 of 0..1.

        Returns
        -------
        (N, D) float32: the graph's first output, flattened

        Raises
        ------
        FeaturesUnusable
            The graph fails, or gives something else than finite numbers for each image.
        """
        many = self.input.batch or AT_ONCE
        return np.concatenate([self._run(images[start : start + many]) for start in range(0, len(images), many)])

    def _run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n, D) features of the images of one call; a fixed batch is filled with the last image."""
        channels = self.input.channels or (3 if images.ndim == 4 else 1)
        planes = as_planes(images, channels, self.input.size or (images.shape[1], images.shape[2]))
        spare = (self.input.batch or len(planes)) - len(planes)
        planes = np.concatenate([planes, np.repeat(planes[-1:], spare, axis=0)])
        given = planes[:, 0] if self.input.flat else planes
        try:
            found = self.session.run([self.session.get_outputs()[0].name], {self.input.name: given})[0]
        except Exception as error:  # ONNX Runtime has no common class of errors
            raise FeaturesUnusable(f"{self.path} cannot be evaluated: {_short(error)}") from error
        return self._checked(found, len(planes))[: len(images)]

    def _checked(self, found: object, images: int) -> NDArray[np.float32]:
        """(images, D) float32, if the output is that; `FeaturesUnusable` otherwise."""
        if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiub":
            raise FeaturesUnusable(f"{self.path}: expected an output of numbers; got {_kind(found)}")
        if found.ndim == 0 or len(found) != images:
            raise FeaturesUnusable(
                f"{self.path}: expected an output with {images} images on its first axis; got shape {found.shape}"
            )
        rows = found.reshape(images, -1)
        if not 2 <= rows.shape[1] <= MOST_FEATURES:
            raise FeaturesUnusable(
                f"{self.path}: expected 2 to {MOST_FEATURES:,} numbers for an image; got {rows.shape[1]:,}"
            )
        if not np.isfinite(rows).all():
            raise FeaturesUnusable(f"{self.path} gives numbers that are not finite")
        return np.asarray(rows, np.float32)


def open_features(path: Path, image_shape: tuple[int, ...]) -> OnnxFeatures:
    """Open a graph and evaluate it on one white image.

    Parameters
    ----------
    path : an ONNX file with one float32 input, (N, C, H, W) or (N, H, W), and C of 1 or 3
    image_shape : (H, W) or (H, W, 3) of the images that features are wanted of

    Raises
    ------
    FeaturesUnusable
        No such file, no ONNX graph, tensors outside the file's folder, another input, or no usable output.
    ModuleNotFoundError
        onnx or onnxruntime is not installed.
    """
    content = _read(path)
    try:
        external = _external_files(path, content)
        session = _session(path, content, bool(external))
        taken = _input(path, session)
    except UnicodeDecodeError as error:  # parsers read a name only when it is asked for
        raise FeaturesUnusable(f"{path} is no valid ONNX graph: a name in it is no UTF-8") from error
    hashes = tuple((name, _sha256(_read(path.parent / name))) for name in external)
    features = OnnxFeatures(path, _sha256(content), hashes, taken, session)
    features.of(np.full((1, *image_shape), 255, np.uint8))
    return features


def _read(path: Path) -> bytes:
    """The bytes of a file that is not too large."""
    try:
        if not path.is_file():
            raise FeaturesUnusable(f"{path} is no file")
        if (size := path.stat().st_size) > MOST_BYTES:
            raise FeaturesUnusable(f"{path} has {size:,} bytes; expected {MOST_BYTES:,} or fewer")
        return path.read_bytes()
    except OSError as error:
        raise FeaturesUnusable(f"{path} cannot be read: {error.strerror}") from error


def _external_files(path: Path, content: bytes) -> tuple[str, ...]:
    """Sorted names of the files with tensors of a graph, relative to its folder, in which they lie."""
    import onnx

    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # the class depends on the version of protobuf
        raise FeaturesUnusable(f"{path} is no ONNX file: {_short(error)}") from error
    names = tuple(sorted({_location(path, tensor) for tensor in _external_tensors(model)}))
    try:
        onnx.checker.check_model(str(path) if names else content)
    except Exception as error:  # of protobuf, of onnx and of its checker
        raise FeaturesUnusable(f"{path} is no valid ONNX graph: {_short(error)}") from error
    return names


def _location(path: Path, tensor: Any) -> str:
    """The name of the file that holds a tensor; `FeaturesUnusable` unless that, links followed, is in the folder."""
    # ONNX Runtime takes the last of several, and names that are no UTF-8 are bytes: neither occurs in a sound file.
    given = [entry.value for entry in tensor.external_data if entry.key == "location"]
    location: str = given[0] if len(given) == 1 and isinstance(given[0], str) else ""
    folder = path.parent.resolve()
    try:
        target = (folder / location).resolve()
        named = bool(location) and not Path(location).is_absolute() and MEMORY not in location
        inside = named and target.is_relative_to(folder)
        there = inside and target.is_file()
    except (OSError, ValueError, RuntimeError):  # a name that no file can have, or links in a circle
        there = False
    if not there:
        raise FeaturesUnusable(
            f"{path} keeps a tensor in {str(given)[:MOST_MESSAGE]}; expected one file in the folder of {path.name}"
        )
    return location


def _external_tensors(message: Any) -> Iterator[Any]:
    """Every tensor with data in another file, at any depth of a protobuf message: graphs, subgraphs and functions."""
    import onnx

    if isinstance(message, onnx.TensorProto):
        if message.external_data or message.data_location == onnx.TensorProto.EXTERNAL:
            yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if hasattr(value, "add") else (value,):  # a repeated field, or one message
                yield from _external_tensors(inner)


def _session(path: Path, content: bytes, external: bool) -> Any:
    """A session on the CPU, of the bytes that were checked; of the file where further files belong to it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # fatal: everything else is an exception, too
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return onnxruntime.InferenceSession(
            str(path) if external else content, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime has no common class of errors
        raise FeaturesUnusable(f"{path} cannot be evaluated by ONNX Runtime: {_short(error)}") from error


def _input(path: Path, session: Any) -> Input:
    """The input of a graph, if it is one that images can be given to."""
    inputs = session.get_inputs()
    shown = ", ".join(f"{one.type} {one.shape}" for one in inputs) or "none"
    wrong = FeaturesUnusable(
        f"{path}: expected one float32 input of (N, C, H, W) with C of 1 or 3, or (N, H, W); got {shown[:MOST_MESSAGE]}"
    )
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) not in (3, 4):
        raise wrong
    batch, *rest = (length if isinstance(length, int) else None for length in inputs[0].shape)
    height, width = rest[-2:]
    channels = 1 if len(rest) == 2 else rest[0]
    known = [side for side in (height, width) if side is not None]
    if channels not in (None, 1, 3) or len(known) == 1 or not all(1 <= side <= MOST_SIDE for side in known):
        raise wrong
    if batch is not None and not 1 <= batch <= MOST_IMAGES:
        raise wrong
    size = None if height is None or width is None else (height, width)
    return Input(inputs[0].name, batch, channels, size, flat=len(rest) == 2)


def _short(error: Exception) -> str:
    """The error's message as a part of one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= MOST_MESSAGE else f"{text[: MOST_MESSAGE - 3]}..."


def _kind(value: object) -> str:
    return f"an array of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
