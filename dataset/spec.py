"""The specification of a store: the attributes that fix every byte in it, and their form on disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dataset.errors import StoreError
from dataset.factors import INTRINSIC, Factor, acts_on, factor_names

FORMAT, FORMAT_VERSION = "dcign-batches", 1
SHARD_CHOICES, SHARD_BYTES = (50, 25, 10, 5, 2, 1), 32_000_000
"""Allowed numbers of batches in a shard, and the most bytes of images that one may hold."""
MOST_SIGMAS = 1000.0
"""Largest coefficient, in standard deviations; larger values, infinities and NaN are mistakes."""
CHANNELS = ("mask", "depth", "normal", "albedo", "shading", "region", "landmarks")
"""Arrays that can be stored beside the image, in the order in which they are stored."""
NOT_RENDERED: Mapping[str, Any] = {
    "model": {},
    "camera": {},
    "light": {},
    "coefficients": {},
    "scales": {},
    "seed": 0,
    "renderer": {},
}
"""Values of the fields that describe rendering, in the spec of imported images; see `StoreSpec.source`."""
RENDERED = (*NOT_RENDERED, "fixed", "pool", "people", "around", "others", "conventions")
"""Attributes that describe rendering; a store of imported images does without them."""
ATTRIBUTE_NAMES = {"identities": "people", "only_factors": "varied"}
"""Fields of `StoreSpec` whose attribute on disk has another name; attribute names are part of the format."""
LABELS = ("factors", "identity")
"""Arrays that label each image with what it shows."""
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
    """Everything that decides what a store holds, before a single image is rendered.

    Raises
    ------
    StoreError
        When a field is out of range, or fields do not go together; the message is one line.
    """

    content: Literal["batches", "sweeps"]
    subject: str
    """`face` or `chair`."""
    model: Mapping[str, str]
    """`name`, for readers, and `sha256` of its content, which identifies it."""
    image: Mapping[str, Any]
    """`height` and `width` in pixels, `color` grey or rgb, `samples` a pixel, `background`."""
    camera: Mapping[str, Any]
    light: Mapping[str, float]
    """`elevation` and, where the light is fixed, `azimuth` in degrees; `ambient` share."""
    factors: tuple[Factor, ...]
    coefficients: Mapping[str, int]
    """Number of coefficients in each block of the model that is sampled."""
    scales: Mapping[str, float]
    """Standard deviation of the sampled coefficients of each block; 1 is the model's own spread."""
    seed: int
    batch_size: int | Mapping[str, int]
    """Images in a batch; in a sweep store, and in an imported one, by factor."""
    shard_batches: int
    renderer: Mapping[str, Any]
    """Backend and everything else that decides its pixels, as the renderer describes itself."""
    channels: tuple[str, ...] = ("mask",)
    """Arrays that are stored beside the image, of `CHANNELS`."""
    pool: int | None = None
    """Number of identities that batches share, or None for a new one in every batch."""
    fixed: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    """Values that the leading coefficients of a block have in every identity; None is sampled."""
    identities: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """A pool of named identities, by split: `name`, and coefficients by block, zero where none are given."""
    around: Mapping[str, Any] | None = None
    """`reference`, coefficients by block, and `distance`, the root mean square by which identities differ from it."""
    collection: Mapping[str, Any] = field(default_factory=dict)
    """For meshes from a folder, which `subjects.json` lists: `counts` in each split, and the options of the listing."""
    others: Literal["random", "zero"] = "random"
    """In a sweep store, the values of the factors that are not swept."""
    only_factors: tuple[str, ...] | None = None
    """Names of what batches vary, where it is not every factor and `intrinsic`; a factor that is not named here varies
    within intrinsic batches."""
    source: Mapping[str, Any] | None = None
    """For imported images: `format`, `conventions` of the factors' values, `labels` that are known (of `LABELS`),
    `options` of the import, `sha256` of the list of what goes where, and the `names` that identities stand for."""

    def __post_init__(self) -> None:
        filled = (f if f.acts_on else replace(f, acts_on=acts_on(self.subject, f.name)) for f in self.factors)
        object.__setattr__(self, "factors", tuple(filled))
        if not 0 <= self.seed < 2**63:
            raise StoreError(f"the seed must be 0 to 2^63 - 1, not {self.seed}")
        if self.only_factors is not None and (unknown := set(self.only_factors) - set(factor_names(self.factors))):
            raise StoreError(
                f"batches cannot vary {', '.join(sorted(unknown))}; there are {', '.join(factor_names(self.factors))}"
            )
        for factor in self.batch_factors:
            if not 1 <= self.views(factor) <= 10_000:
                raise StoreError(f"a batch holds 1 to 10000 images, not {self.views(factor)}")
        if self.source is not None and not all(isinstance(dict(self.source).get(k), list) for k in ("labels", "names")):
            raise StoreError("a source should list the labels that are known, and the names of identities")
        for name in self.channels:
            if name not in CHANNELS:
                raise StoreError(f"there is no channel {name!r}; there are {', '.join(CHANNELS)}")
        self._check_coefficients()

    def _check_coefficients(self) -> None:
        """Refuse values that the model does not have, or that are no sensible standard deviations."""
        numbers = [*self.scales.values(), *(v for values in self.fixed.values() for v in values if v is not None)]
        if not all(abs(number) <= MOST_SIGMAS for number in numbers):
            raise StoreError(f"scales and fixed coefficients are at most {MOST_SIGMAS:g} standard deviations")
        if self.identities and (self.around or self.fixed or any(scale != 1 for scale in self.scales.values())):
            raise StoreError(
                "named identities are rendered with the coefficients in their file: leave out scales, fixed values and "
                "distance"
            )
        self._check_lengths("are fixed", self.fixed)
        for named in (one for identities in self.identities.values() for one in identities):
            self._check_lengths(f"are given for {named['name']}", {k: v for k, v in named.items() if k != "name"})
        if self.around is not None:
            self._check_lengths("are given for the reference", self.around["reference"])
            if not 0 <= self.around["distance"] <= MOST_SIGMAS:
                raise StoreError(f"a distance is 0 to {MOST_SIGMAS:g} standard deviations")

    def _check_lengths(self, what: str, given: Mapping[str, Sequence[float | None]]) -> None:
        """Refuse coefficients that the model does not have."""
        for block, values in given.items():
            if len(values) > self.coefficients.get(block, 0):
                held = ", ".join(f"{name} {count}" for name, count in self.coefficients.items())
                raise StoreError(f"{len(values)} values of {block} {what}; the store samples {held}")

    def check_pool(self, split: str, factor: str) -> None:
        """Refuse batches for which a split has too few identities.

        Raises
        ------
        StoreError
            When a pool has no identity in the split, or cannot fill an intrinsic batch.
        """
        pool, needed = self.pool_size(split), self.views(factor) if factor == INTRINSIC else 1
        if pool is not None and pool < needed:
            raise StoreError(
                f"a pool of {pool} {self.noun} in {split} cannot fill {factor} batches, which need {needed}; "
                f"give it more {self.noun}, or the batches fewer images"
            )

    @property
    def noun(self) -> str:
        """Word for the store's identities, in the plural, for messages."""
        return "identities" if self.subject == "face" else f"{self.subject}s"

    @property
    def batch_factors(self) -> tuple[str, ...]:
        """Names of what the store's batches or sweeps vary, one a batch, in order; `intrinsic` is among them."""
        names = factor_names(self.factors) if self.only_factors is None else self.only_factors
        return names if self.content == "batches" else tuple(n for n in names if n in dict(self._sizes))

    @property
    def _sizes(self) -> tuple[tuple[str, int], ...]:
        return tuple(self.batch_size.items()) if isinstance(self.batch_size, Mapping) else ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Arrays that label every image, of `LABELS`."""
        return LABELS if self.source is None else tuple(name for name in LABELS if name in self.source["labels"])

    def views(self, factor: str) -> int:
        """Images in one batch (or sweep) of a factor."""
        return self.batch_size if isinstance(self.batch_size, int) else self.batch_size[factor]

    def pool_size(self, split: str) -> int | None:
        """Number of identities that batches of a split share, or None where every batch has new ones."""
        if self.collection:
            return int(self.collection["counts"].get(split, 0))
        return len(self.identities.get(split, ())) if self.identities else self.pool

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
            "factors": [f.to_json(self.subject) for f in self.factors],
            "coefficients": dict(self.coefficients),
            "scales": dict(self.scales),
            "fixed": {block: list(values) for block, values in self.fixed.items()},
            "seed": self.seed,
            "batch_size": self.batch_size if isinstance(self.batch_size, int) else dict(self.batch_size),
            "shard_batches": self.shard_batches,
            "pool": self.pool,
            "people": {split: [dict(one) for one in named] for split, named in self.identities.items()},
            "around": None if self.around is None else dict(self.around),
            "others": self.others,
            "renderer": dict(self.renderer),
            "channels": list(self.channels),
            **({"collection": dict(self.collection)} if self.collection else {}),
        }
        # Written only where it differs from the default: an attribute that is not there changes no digest.
        if self.only_factors is not None:
            attributes["varied"] = list(self.only_factors)
        if self.source is None:
            return attributes
        return {k: v for k, v in attributes.items() if k not in RENDERED} | {"source": dict(self.source)}

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
        renamed = {attribute: name for name, attribute in ATTRIBUTE_NAMES.items()}
        try:
            fields = {renamed.get(k, k): v for k, v in attributes.items() if k not in left_out}
            fields |= {"factors": tuple(Factor(**f) for f in fields["factors"]), "channels": tuple(fields["channels"])}
            if "only_factors" in fields:
                fields["only_factors"] = tuple(fields["only_factors"])
            if "source" in fields:
                fields = {**NOT_RENDERED, **fields}
            return cls(**fields)
        except (TypeError, KeyError, ValueError) as error:
            raise StoreError(f"the attributes of {where} are damaged: {error}") from error


def shard_batches(views: int, frame_shape: tuple[int, ...]) -> int:
    """Number of batches in a shard: the largest choice whose images take at most 32 MB."""
    batch = views
    for side in frame_shape:
        batch *= side
    return next((s for s in SHARD_CHOICES if s * batch <= SHARD_BYTES), 1)
