"""What a store is: the attributes that fix every byte in it, and their form on disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dataset.errors import StoreError
from dataset.factors import Factor, groups

FORMAT, FORMAT_VERSION = "dcign-batches", 1
SHARD_CHOICES, SHARD_BYTES = (50, 25, 10, 5, 2, 1), 32_000_000
"""Batches a shard, and the most bytes of images that one may hold."""
MOST_SIGMAS = 1000.0
"""No face is further from the mean; larger values, infinities and NaN are mistakes."""
CHANNELS = ("mask", "depth", "normal", "albedo", "shading", "region", "landmarks")
"""What can be stored beside the image, in the order in which it is."""
NOT_DRAWN: Mapping[str, Any] = {
    "model": {},
    "camera": {},
    "light": {},
    "coefficients": {},
    "scales": {},
    "seed": 0,
    "renderer": {},
}
"""What stands in a spec for how images were drawn when they were not drawn here; see `StoreSpec.source`."""
DRAWN = (*NOT_DRAWN, "fixed", "pool", "people", "around", "others", "conventions")
"""Attributes that a store of imported images does without."""
LABELS = ("factors", "identity")
"""Arrays that say what an image shows."""
CONVENTIONS = (
    "right-handed, +x to the viewer's right, +y up, +z toward the camera at azimuth 0; degrees; "
    "azimuth turns the subject about +y, positive moves the nose toward +x; "
    "elevation raises the camera, positive shows more of the top; "
    "light is the azimuth of the directional light in the camera's frame, positive comes from the viewer's right; "
    "R = Rx(elevation) Ry(azimuth); K, R, t in OpenCV form (x right, y down, z forward); "
    "pixel (i, j) covers [i, i + 1) x [j, j + 1), row 0 on top; images are display-referred, white background"
)


@dataclass(frozen=True)
class StoreSpec:
    """Everything that decides what a store holds, before a single image is drawn."""

    content: Literal["batches", "sweeps"]
    subject: str
    """`face` or `chair`."""
    model: Mapping[str, str]
    """`name`, for people, and `sha256` of its content, which is what it is known by."""
    image: Mapping[str, Any]
    """`height` and `width` in pixels, `color` grey or rgb, `samples` a pixel, `background`."""
    camera: Mapping[str, Any]
    light: Mapping[str, float]
    """`elevation` and, where the light is fixed, `azimuth` in degrees; `ambient` share."""
    factors: tuple[Factor, ...]
    coefficients: Mapping[str, int]
    """Number of coefficients in each block of the model that is drawn."""
    scales: Mapping[str, float]
    """Standard deviation of the drawn coefficients of each block; 1 is the model's own spread."""
    seed: int
    batch_size: int | Mapping[str, int]
    """Images a batch; in a sweep store, by factor."""
    shard_batches: int
    renderer: Mapping[str, Any]
    """Backend and whatever else decides its bits, as the renderer describes itself."""
    channels: tuple[str, ...] = ("mask",)
    """What is stored beside the image."""
    pool: int | None = None
    """Identities to draw from, or None for a new one in every batch."""
    fixed: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    """Values that the leading coefficients of a block have in everybody; None is drawn."""
    people: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """A pool of named people, by split: `name`, and coefficients by block, zero where none are given."""
    around: Mapping[str, Any] | None = None
    """`reference`, coefficients by block, and `distance`, the root mean square by which everybody differs from it."""
    collection: Mapping[str, Any] = field(default_factory=dict)
    """Of meshes from a folder, which `subjects.json` lists: `counts` in each split, and the options they came by."""
    others: Literal["random", "zero"] = "random"
    """In a sweep store: the values of the factors that are not swept."""
    varied: tuple[str, ...] | None = None
    """What batches may vary, where it is not every factor and everything intrinsic; a factor that is not named here
    counts as intrinsic."""
    source: Mapping[str, Any] | None = None
    """Of imported images: `format`, `conventions` of the factors' values, `labels` that are known (of `LABELS`),
    `options` of the import, `sha256` of the list of what goes where, and the `names` that identities stand for."""

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise StoreError(f"the seed must be 0 to 2^63 - 1, not {self.seed}")
        numbers = [*self.scales.values(), *(v for values in self.fixed.values() for v in values if v is not None)]
        if not all(abs(number) <= MOST_SIGMAS for number in numbers):
            raise StoreError(f"scales and fixed coefficients are at most {MOST_SIGMAS:g} standard deviations")
        for group in self.groups:
            if not 1 <= self.views(group) <= 10_000:
                raise StoreError(f"a batch holds 1 to 10000 images, not {self.views(group)}")
        if self.varied is not None and (strange := set(self.varied) - set(groups(self.factors))):
            raise StoreError(f"batches cannot vary {', '.join(sorted(strange))}: there is no such factor")
        if self.source is not None and not all(isinstance(dict(self.source).get(k), list) for k in ("labels", "names")):
            raise StoreError("a source should list the labels that are known, and the names of identities")
        unknown = [name for name in self.channels if name not in CHANNELS]
        if unknown:
            raise StoreError(f"there is no channel {unknown[0]!r}; there are {', '.join(CHANNELS)}")
        if self.people and (self.around or self.fixed or any(scale != 1 for scale in self.scales.values())):
            raise StoreError("named people are drawn as their file says: no scales, fixed values or distance with them")
        self._check_lengths("are fixed", self.fixed)
        for person in (p for people in self.people.values() for p in people):
            self._check_lengths(f"are given for {person['name']}", {k: v for k, v in person.items() if k != "name"})
        if self.around is not None:
            self._check_lengths("are given for the reference", self.around["reference"])
            if not 0 <= self.around["distance"] <= MOST_SIGMAS:
                raise StoreError(f"a distance is 0 to {MOST_SIGMAS:g} standard deviations")

    def _check_lengths(self, what: str, given: Mapping[str, Sequence[float | None]]) -> None:
        """Refuse coefficients that the model does not have."""
        for block, values in given.items():
            if len(values) > self.coefficients.get(block, 0):
                held = ", ".join(f"{name} {count}" for name, count in self.coefficients.items())
                raise StoreError(f"{len(values)} values of {block} {what}; what is drawn is {held}")

    def check_pool(self, split: str, group: str) -> None:
        """Refuse batches for which a split has too few people.

        Raises
        ------
        StoreError
            When a pool has nobody in the split, or cannot fill an intrinsic batch.
        """
        pool, needed = self.pool_size(split), self.views(group) if group == "intrinsic" else 1
        if pool is not None and pool < needed:
            raise StoreError(
                f"a pool of {pool} {self.noun} in {split} cannot fill {group} batches, which need {needed}; "
                f"give it more {self.noun}, or the batches fewer images"
            )

    @property
    def noun(self) -> str:
        """What its identities are, in the plural."""
        return {"face": "people"}.get(self.subject, f"{self.subject}s")

    @property
    def groups(self) -> tuple[str, ...]:
        """What the store's batches may vary."""
        names = groups(self.factors) if self.varied is None else self.varied
        return names if self.content == "batches" else tuple(n for n in names if n in dict(self._sizes))

    @property
    def _sizes(self) -> tuple[tuple[str, int], ...]:
        return tuple(self.batch_size.items()) if isinstance(self.batch_size, Mapping) else ()

    @property
    def labels(self) -> tuple[str, ...]:
        """What is known of every image, of `LABELS`."""
        return LABELS if self.source is None else tuple(name for name in LABELS if name in self.source["labels"])

    def views(self, group: str) -> int:
        """Images in one batch (or sweep) of a factor."""
        return self.batch_size if isinstance(self.batch_size, int) else self.batch_size[group]

    def pool_size(self, split: str) -> int | None:
        """People to draw from, or None where every batch has new ones."""
        if self.collection:
            return int(self.collection["counts"].get(split, 0))
        return len(self.people.get(split, ())) if self.people else self.pool

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """(H, W) or (H, W, 3)."""
        shape = (int(self.image["height"]), int(self.image["width"]))
        return (*shape, 3) if self.image["color"] == "rgb" else shape

    def to_attributes(self) -> dict[str, Any]:
        """The root group's attributes: plain JSON."""
        attributes = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "content": self.content,
            "conventions": CONVENTIONS,
            "subject": self.subject,
            "model": dict(self.model),
            "image": dict(self.image),
            "camera": dict(self.camera),
            "light": dict(self.light),
            "factors": [f.to_json() for f in self.factors],
            "coefficients": dict(self.coefficients),
            "scales": dict(self.scales),
            "fixed": {block: list(values) for block, values in self.fixed.items()},
            "seed": self.seed,
            "batch_size": self.batch_size if isinstance(self.batch_size, int) else dict(self.batch_size),
            "shard_batches": self.shard_batches,
            "pool": self.pool,
            "people": {split: [dict(person) for person in people] for split, people in self.people.items()},
            "around": None if self.around is None else dict(self.around),
            "others": self.others,
            "renderer": dict(self.renderer),
            "channels": list(self.channels),
            **({"collection": dict(self.collection)} if self.collection else {}),
        }
        # Written only where they say something: what is not there changes no digest.
        if self.varied is not None:
            attributes["varied"] = list(self.varied)
        if self.source is None:
            return attributes
        return {k: v for k, v in attributes.items() if k not in DRAWN} | {"source": dict(self.source)}

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, Any], where: str) -> "StoreSpec":
        """The spec in a store's attributes.

        Raises
        ------
        StoreError
            When they are not those of a store of this format and version.
        """
        if attributes.get("format") != FORMAT:
            raise StoreError(f"{where} is a zarr group, but its format is {attributes.get('format')!r}, not {FORMAT!r}")
        if attributes.get("format_version") != FORMAT_VERSION:
            raise StoreError(
                f"{where} has format version {attributes.get('format_version')}; this program reads {FORMAT_VERSION}"
            )
        left_out = ("format", "format_version", "conventions")
        try:
            fields = {k: v for k, v in attributes.items() if k not in left_out}
            fields |= {"factors": tuple(Factor(**f) for f in fields["factors"]), "channels": tuple(fields["channels"])}
            if "varied" in fields:
                fields["varied"] = tuple(fields["varied"])
            if "source" in fields:
                fields = {**NOT_DRAWN, **fields}
            return cls(**fields)
        except (TypeError, KeyError, ValueError) as error:
            raise StoreError(f"the attributes of {where} are damaged: {error}") from error


def shard_batches(views: int, frame_shape: tuple[int, ...]) -> int:
    """Batches a shard: the largest choice whose images take at most 32 MB."""
    batch = views
    for side in frame_shape:
        batch *= side
    return next((s for s in SHARD_CHOICES if s * batch <= SHARD_BYTES), 1)
