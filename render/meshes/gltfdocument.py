"""The JSON of a glTF file, its buffers, and the arrays in them; every number is checked before use."""

import base64
import binascii
import json
import re
import struct
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from render.errors import MeshError
from render.meshes.limits import LARGEST_FILE, LARGEST_PICTURE, MOST_JSON_VALUES, MOST_TRIANGLES, MOST_VERTICES
from render.meshes.sources import Source, check_text
from render.models.assemble import one_line

Floats = NDArray[np.float64]
COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
MOST_ITEMS = max(MOST_VERTICES, 3 * MOST_TRIANGLES)
HEADER, JSON_CHUNK, BINARY_CHUNK = struct.Struct("<4sII"), 0x4E4F534A, 0x004E4942
DATA_URI = re.compile(r"data:[^,]*?;base64,")
SUPPORTED = {
    "KHR_mesh_quantization",
    "KHR_texture_transform",
    "EXT_texture_webp",
    "KHR_materials_pbrSpecularGlossiness",
    # These change the gloss of a surface, not its position nor its base colour.
    "KHR_lights_punctual",
    "KHR_materials_anisotropy",
    "KHR_materials_clearcoat",
    "KHR_materials_emissive_strength",
    "KHR_materials_ior",
    "KHR_materials_iridescence",
    "KHR_materials_sheen",
    "KHR_materials_specular",
    "KHR_materials_unlit",
    "KHR_materials_variants",
}
"""Extensions that a file may require."""


@dataclass
class Document:
    """A glTF file that is being read."""

    source: Source
    json: dict[str, Any]
    binary: bytes | None
    """The second chunk of a GLB file."""
    buffers: dict[int, bytes] = field(default_factory=dict)

    def item(self, kind: str, index: Any) -> dict[str, Any]:
        """Return entry `index` of the list `kind` of the file; raise MeshError when there is none."""
        entries = self.json.get(kind)
        entry = entries[index] if isinstance(entries, list) and _is_index(index) and index < len(entries) else None
        if not isinstance(entry, dict):
            count = len(entries) if isinstance(entries, list) else 0
            raise MeshError(f"it refers to number {one_line(str(index), 30)} of its {kind}, and there are {count}")
        return entry

    def buffer(self, index: Any) -> bytes:
        """Return the bytes of a buffer, at least as many as it declares; raise MeshError when it is shorter."""
        entry = self.item("buffers", index)
        if index not in self.buffers:
            uri = entry.get("uri")
            if uri is None:
                if index or self.binary is None:
                    raise MeshError(f"buffer {index} has no data; is it compressed by an extension?")
                self.buffers[index] = self.binary
            else:
                self.buffers[index] = self.resource(uri, LARGEST_FILE)
        declared = _size(entry, "byteLength")
        if declared > len(self.buffers[index]):
            raise MeshError(
                f"buffer {index} declares {declared} bytes and has {len(self.buffers[index])}; it is cut short"
            )
        return self.buffers[index]

    def resource(self, uri: Any, most: int) -> bytes:
        """Return embedded data, or the bytes of the file, at most `most`, that a relative URI names."""
        if not isinstance(uri, str):
            raise MeshError("a URI is not text")
        if uri.startswith("data:"):
            match = DATA_URI.match(uri, 0, 200)
            if match is None:
                raise MeshError(f"embedded data is in another form than base64: {one_line(uri, 40)!r}")
            try:
                return base64.b64decode(uri[match.end() :], validate=True)
            except binascii.Error as error:
                raise MeshError("embedded data is not base64; it is cut short or damaged") from error
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", uri):
            raise MeshError(f"{one_line(uri, 80)!r} is not a local file; expected a file beside this one")
        return self.source.beside(unquote(uri), self.source.path.parent, most)

    def view(self, index: Any) -> tuple[memoryview, int]:
        """Return the bytes of a buffer view and its stride in bytes (0 where items follow one another)."""
        entry = self.item("bufferViews", index)
        data = self.buffer(entry.get("buffer"))
        start, length, stride = (_size(entry, key, 0) for key in ("byteOffset", "byteLength", "byteStride"))
        if start + length > len(data):
            raise MeshError(f"buffer view {index} ends at byte {start + length}, its buffer at {len(data)}")
        return memoryview(data)[start : start + length], stride

    def picture(self, image: dict[str, Any]) -> bytes:
        """Return the stored bytes of an image, of at most `limits.LARGEST_PICTURE`."""
        if "bufferView" in image:
            data = self.view(image["bufferView"])[0]
            if len(data) > LARGEST_PICTURE:
                raise MeshError(f"a picture has {len(data)} bytes; the most are {LARGEST_PICTURE}")
            return bytes(data)
        return self.resource(image.get("uri"), LARGEST_PICTURE)

    def array(self, index: Any, widths: tuple[int, ...], count: int | None = None) -> NDArray[Any]:
        """Return the items of an accessor.

        Parameters
        ----------
        index : int
        widths : tuple of int
            Allowed numbers of components of an item.
        count : int, optional
            Required number of items.

        Returns
        -------
        (n, width)
            In the stored type, or float64 from 0 to 1 (-1 to 1) for a normalised accessor.

        Raises
        ------
        MeshError
            When the accessor has another type or count, or reaches beyond its buffer.
        """
        entry = self.item("accessors", index)
        kind, width = COMPONENTS.get(entry.get("componentType", 0)), WIDTHS.get(entry.get("type", ""), 0)
        items = _size(entry, "count")
        if kind is None or width not in widths or (count is not None and items != count) or items > MOST_ITEMS:
            raise MeshError(
                f"accessor {index} holds {items} items of type {entry.get('type')!r}; expected {count or 'some'} "
                f"with {' or '.join(map(str, widths))} numbers, at most {MOST_ITEMS}"
            )
        values = self._items(entry, kind, items, width, f"accessor {index}")
        if "sparse" in entry:
            values = self._replaced(entry["sparse"], values, f"accessor {index}")
        if entry.get("normalized") is True and kind[1] != "f":
            return np.maximum(values / np.iinfo(values.dtype).max, -1.0)
        return values

    def _items(self, entry: dict[str, Any], kind: str, items: int, width: int, name: str) -> NDArray[Any]:
        dtype = np.dtype(kind)
        if "bufferView" not in entry:
            return np.zeros((items, width), dtype)
        data, stride = self.view(entry["bufferView"])
        offset, size = _size(entry, "byteOffset", 0), dtype.itemsize * width
        stride = stride or size
        if stride < size or (items and offset + stride * (items - 1) + size > len(data)):
            raise MeshError(
                f"{name} needs {offset + stride * (items - 1) + size} bytes, its buffer view has {len(data)}"
            )
        if not items:
            return np.zeros((0, width), dtype)
        return np.ndarray((items, width), dtype, data, offset, (stride, dtype.itemsize))

    def _replaced(self, sparse: dict[str, Any], values: NDArray[Any], name: str) -> NDArray[Any]:
        """Copy of the values in which those of a sparse accessor are replaced."""
        count, indices = _size(sparse, "count"), sparse["indices"]
        kind = COMPONENTS.get(indices.get("componentType"), "")
        if count > len(values) or kind[1:2] != "u":
            raise MeshError(f"{name} replaces {count} of {len(values)} items")
        at = self._items(indices, kind, count, 1, name)[:, 0]
        if count and int(at.max()) >= len(values):
            raise MeshError(f"{name} replaces item {at.max()} of {len(values)}")
        changed = np.array(values)
        changed[at] = self._items(sparse["values"], values.dtype.str, count, values.shape[1], name)
        return changed


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _size(entry: dict[str, Any], key: str, default: int | None = None) -> int:
    value = entry.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 40:
        raise MeshError(f"its {key} is {one_line(repr(value), 30)}; expected a whole number of bytes or items")
    return value


def open_document(source: Source) -> Document:
    """Parse the JSON of a file, check its version and extensions, and find its binary chunk.

    Raises
    ------
    MeshError
        When it is not a glTF 2 file, or requires an unsupported extension.
    """
    data = source.content()
    text, binary = _chunks(data) if data[:4] == b"glTF" or source.path.suffix.lower() == ".glb" else (data, None)
    text = check_text(text, "glTF")
    if sum(text.count(mark) for mark in (b",", b"[", b"{")) > MOST_JSON_VALUES:
        raise MeshError(f"its JSON has more than {MOST_JSON_VALUES} values")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MeshError(f"its JSON is cut short or damaged ({one_line(str(error), 80)})") from error
    version = document.get("asset", {}).get("version") if isinstance(document, dict) else None
    if not isinstance(version, str) or not version.startswith("2."):
        raise MeshError(f"it is glTF of version {one_line(str(version), 20)}; expected 2.0")
    unknown = sorted(set(map(str, document.get("extensionsRequired", []))) - SUPPORTED)
    if unknown:
        names = one_line(", ".join(unknown), 120)
        raise MeshError(f"it requires {names}, which is not supported; export it without (without compression)")
    return Document(source, document, binary)


def _chunks(data: bytes) -> tuple[bytes, bytes | None]:
    """JSON chunk of a GLB file, and its binary chunk if it has one."""
    if len(data) < HEADER.size + 8:
        raise MeshError(f"it has {len(data)} bytes, fewer than the header of a GLB file")
    magic, version, length = HEADER.unpack_from(data)
    if magic != b"glTF":
        raise MeshError(f"it begins with the bytes {magic.hex(' ')}; a GLB file begins with `glTF`")
    if version != 2:
        raise MeshError(f"it is glTF of version {version}; expected 2")
    if length > len(data):
        raise MeshError(f"it declares {length} bytes and has {len(data)}; it is cut short")
    chunks: dict[int, bytes] = {}
    at = HEADER.size
    while at + 8 <= length:
        size, kind = struct.unpack_from("<II", data, at)
        at += 8
        if at + size > length:
            raise MeshError(f"a chunk declares {size} bytes and has {length - at}; it is cut short")
        chunks.setdefault(kind, data[at : at + size])
        at += size
    if JSON_CHUNK not in chunks:
        raise MeshError("it has no JSON chunk")
    return chunks[JSON_CHUNK], chunks.get(BINARY_CHUNK)
