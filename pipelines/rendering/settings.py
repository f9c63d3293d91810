"""The settings that fix a store, as a type: their defaults, and those of a store that exists."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypedDict

from dataset.errors import StoreError
from dataset.factors import TABLE
from dataset.spec import StoreSpec, shard_batches
from render.scene import Color

Coefficients = Mapping[str, Sequence[float | None]]
"""Block of the model to its leading coefficients, in standard deviations; None for one that is sampled."""
NamedIdentities = Mapping[str, Sequence[Mapping[str, Any]]]
"""Split to its identities: `name`, and coefficients by block."""


@dataclass(frozen=True)
class Splits:
    """Split of every mesh that a split file names."""

    sha256: str
    """Hash of the list; a store remembers nothing else of it."""
    by_id: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """Id of a mesh to its split; empty where it comes from a store."""

    def __str__(self) -> str:
        return self.sha256


@dataclass(frozen=True)
class RenderSettings:
    """Everything that a user decides about a store when it is made; the defaults are those of the commands."""

    subject: str = "face"
    """`face` or `chair`."""
    backend: str = "cpu"
    """Name in `pipelines.rendering.backends.BACKENDS`."""
    channels: tuple[str, ...] = ("mask",)
    """Arrays to store beside the image, of `dataset.spec.CHANNELS`."""
    size: int = 150
    """Pixels a side."""
    color: Color = "grey"
    """`grey` or `rgb`."""
    samples: int = 4
    """Samples a pixel, a square number."""
    seed: int = 0
    batch_size: int | Mapping[str, int] = 20
    """Images in a batch; of a sweep store, by factor."""
    pool: int | NamedIdentities | None = None
    """Number of identities that batches share, or named ones; None for new ones in every batch."""
    others: Literal["random", "zero"] = "random"
    """Values, in sweeps, of the factors that are not swept."""
    shape_scale: float = 1.0
    """Standard deviation of the shape coefficients; 1 is the model's own spread. So for the next two."""
    albedo_scale: float = 1.0
    expression_scale: float = 0.0
    """0 leaves expression out altogether."""
    fix: Coefficients = field(default_factory=dict)
    """Values that every identity has."""
    around: Mapping[str, Sequence[float]] | None = None
    """Coefficients of a reference identity."""
    distance: float | None = None
    """Root mean square distance of every identity from the reference (or the mean), in standard deviations."""
    up: str | None = None
    """Axis of the mesh files that points up, such as `+y`; None where their layout decides."""
    front: str | None = None
    """Axis that the front of the meshes looks along; None where their layout decides."""
    test_fraction: float | None = None
    """Share of a folder's meshes in the test split; None is 0.1."""
    split_file: Splits | None = None
    """Splits of a folder's meshes that a user chose; None where their shapes decide."""
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Factor to the ends of its range, in its unit, where it is not the table's."""

    def option(self, name: str) -> Any:
        """The setting of an option: a field, or the range of the factor of that name; None where there is none."""
        return getattr(self, name) if name in self.__dataclass_fields__ else self.ranges.get(name)

    def options(self, names: Iterable[str]) -> dict[str, Any]:
        """The settings of several options, by name."""
        return {name: self.option(name) for name in names}


@dataclass(frozen=True)
class Sources:
    """Locations on this machine from which subjects are read; a store does not remember them."""

    model: str | None = None
    """`procedural`, or a face model's file; None is the store's, else `procedural`."""
    meshes: str | None = None
    """`procedural`, or a folder of meshes; None is the store's, else `procedural`."""
    mesh_bytes: int = 1_000_000_000
    """Bytes of meshes that are held in memory while rendering."""


DEFAULT_SOURCES = Sources()


@dataclass(frozen=True)
class Given:
    """Settings with their defaults filled in, the names of those that were given explicitly, and the sources."""

    settings: RenderSettings = field(default_factory=RenderSettings)
    names: frozenset[str] = frozenset()
    """Fields of `settings` that were given; a range is given by the name of its factor."""
    sources: Sources = field(default_factory=Sources)

    @classmethod
    def from_options(cls, options: Mapping[str, Any], sources: Sources = DEFAULT_SOURCES) -> "Given":
        """Settings from options by name; None is one that was not given, and a factor's name gives its range."""
        found = {name: value for name, value in options.items() if value is not None}
        known = {f.name for f in fields(RenderSettings)}
        ranges = {name: (float(pair[0]), float(pair[1])) for name, pair in found.items() if name not in known}
        settings = RenderSettings(**{name: value for name, value in found.items() if name in known}, ranges=ranges)
        return cls(settings, frozenset(found), sources)

    def explicit(self) -> dict[str, Any]:
        """The settings that were given, by the names of their options."""
        return self.settings.options(self._ordered())

    def refuse_foreign(self, subject: str) -> None:
        """Raise `StoreError` for an option, or a kind of value, that was given and belongs to another subject."""
        places = {name for name in ("model", "meshes") if getattr(self.sources, name) is not None}
        for other, names in only_options().items():
            strange = [name for name in names if other != subject and name in self.names | places]
            if strange:
                option = strange[0].replace("_", "-")
                raise StoreError(f"--{option} is an option of --subject {other}: leave it out with --subject {subject}")
        if subject != "face" and isinstance(self.settings.pool, Mapping):
            raise StoreError(
                f"a --pool file names identities of faces, and this is --subject {subject}: give a number, such as "
                "--pool 100, or nothing with a folder of meshes"
            )

    def _ordered(self) -> list[str]:
        order = [*(f.name for f in fields(RenderSettings)), *self.settings.ranges]
        return [name for name in order if name in self.names]


def refuse_differences(url: str, stored: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Compare what was given explicitly with the settings of the store at `url`; None is one that was not given.

    Raises
    ------
    StoreError
        When they differ; the message names every difference.
    """
    wrong = [
        f"{name} {_short(stored[name])}, and {_short(value)} was given"
        for name, value in given.items()
        if value is not None and value != stored[name]
    ]
    if wrong:
        raise StoreError(f"{url} has {'; '.join(wrong)}. Leave the option out, or choose another --store.")


def _short(value: Any) -> str:
    """The value in a few words: a pool may hold thousands of numbers."""
    text = str(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def only_options() -> dict[str, tuple[str, ...]]:
    """Subject to the names of the options that it alone has: its own, and the ranges of factors no other has."""
    own = {
        "face": ("model", "shape_scale", "albedo_scale", "expression_scale", "fix", "around", "distance"),
        "chair": ("meshes", "up", "front", "test_fraction", "split_file"),
    }
    names = {subject: [row.factor.name for row in rows] for subject, rows in TABLE.items()}
    return {
        subject: (*options, *(n for n in names[subject] if sum(n in other for other in names.values()) == 1))
        for subject, options in own.items()
    }


class CommonFields(TypedDict, total=False):
    """Fields of a `StoreSpec` that do not depend on the subject."""

    content: Literal["batches", "sweeps"]
    image: Mapping[str, Any]
    channels: tuple[str, ...]
    seed: int
    batch_size: int | Mapping[str, int]
    shard_batches: int
    renderer: Mapping[str, Any]
    pool: int | None
    identities: NamedIdentities


def common_fields(settings: RenderSettings, renderer: Mapping[str, Any]) -> CommonFields:
    """Fields of a `StoreSpec` of batches that are the same for faces and chairs; `renderer` describes the backend."""
    frame = (settings.size, settings.size, *((3,) if settings.color == "rgb" else ()))
    views = settings.batch_size if isinstance(settings.batch_size, int) else max(settings.batch_size.values())
    image = {
        "height": settings.size,
        "width": settings.size,
        "color": settings.color,
        "samples": settings.samples,
        "background": "white",
    }
    common = CommonFields(
        content="batches",
        image=image,
        channels=settings.channels,
        seed=settings.seed,
        batch_size=settings.batch_size,
        shard_batches=shard_batches(views, frame),
        renderer=renderer,
    )
    if isinstance(settings.pool, Mapping):
        return common | {"identities": settings.pool}
    return common | {"pool": settings.pool}


def stored_settings(spec: StoreSpec) -> RenderSettings:
    """The settings that a store was made with.

    Raises
    ------
    StoreError
        When its images were imported, not rendered.
    """
    if spec.source is not None:
        raise StoreError("the store holds imported images: nothing can be rendered into it, or like it")
    listed: Mapping[str, Any] = spec.collection
    return RenderSettings(
        subject=spec.subject,
        backend=str(spec.renderer.get("backend")),
        channels=spec.channels,
        size=spec.image["height"],
        color=spec.image["color"],
        samples=spec.image["samples"],
        seed=spec.seed,
        batch_size=spec.batch_size,
        pool={split: [*named] for split, named in spec.identities.items()} or spec.pool,
        others=spec.others,
        shape_scale=spec.scales.get("shape", 0.0),
        albedo_scale=spec.scales.get("albedo", 0.0),
        expression_scale=spec.scales.get("expression", 0.0),
        fix=dict(spec.fixed),
        around=None if spec.around is None else spec.around["reference"],
        distance=None if spec.around is None else spec.around["distance"],
        up=listed.get("up"),
        front=listed.get("front"),
        test_fraction=listed.get("test_fraction"),
        split_file=Splits(listed["split_file"]) if listed.get("split_file") else None,
        ranges={f.name: (f.low, f.high) for f in spec.factors},
    )
