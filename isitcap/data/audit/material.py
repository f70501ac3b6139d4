"""All that an audit computes, before it is judged and shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from isitcap.data.audit.classifiers import Told
from isitcap.data.audit.duplicates import Duplicates, Groups, Kind, find_duplicates
from isitcap.data.audit.hashes import flat
from isitcap.data.audit.probes import (
    Comparison,
    Fact,
    LabelProbes,
    SourceProbe,
    facts,
    label_probes,
    label_runs,
    source_probes,
    transfer,
)
from isitcap.data.audit.reading import Images, Place, read_places
from isitcap.data.splits import make_split
from isitcap.errors import UserError
from isitcap.progress import say
from isitcap.study.models import Image, Split, Study

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Plan:
    """What is audited: sources, how their pixels would be made, and which of them a detector would be asked about.

    `comparisons` names sources; the first is the training set where there is a `split`.
    """

    name: str
    title: str
    places: tuple[Place, ...]
    image: Image
    comparisons: tuple[tuple[str, tuple[str, ...]], ...]
    split: Split | None = None
    seed: int = 0
    demo: bool = False


@dataclass(frozen=True)
class Compared:
    """One comparison with all that was computed of it; `transfer` is None for the training set itself."""

    comparison: Comparison
    probes: LabelProbes | None
    """None where it holds one class."""
    facts: tuple[Fact, ...]
    runs: tuple[int, float]
    transfer: Told | None


@dataclass(frozen=True)
class Material:
    """All that was computed of N images."""

    plan: Plan
    images: Images = field(repr=False)
    duplicates: Duplicates = field(repr=False)
    cells: tuple[str, ...]
    """Names of the parts of the data between which copies are counted."""
    cell: npt.NDArray[np.int64] = field(repr=False)
    """(N,), the number of each image's cell."""
    flat: int
    """Images too flat to be compared."""
    side: npt.NDArray[np.str_] = field(repr=False)
    """(N,), `train`, `validation` or `test` after the study's split, else empty."""
    split_problem: str | None
    """Why the study cannot be split."""
    compared: tuple[Compared, ...]
    sources: tuple[SourceProbe, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each image."""
        return self.images.frame

    def where(self, column: str, value: object) -> Mask:
        """(N,), which images have a value."""
        return np.asarray(self.frame[column] == value, dtype=bool)

    def groups(self, kind: Kind) -> Groups:
        """(N,), the number of each image's group of copies."""
        return self.duplicates.groups(kind)

    @property
    def training(self) -> Mask:
        """(N,), images of the sources that a study trains on."""
        names = () if self.plan.split is None else self.plan.split.sources
        return np.asarray(self.frame["source"].isin(names), dtype=bool)


def plan_of(study: Study, places: dict[str, Path], names: Sequence[str] = ()) -> Plan:
    """The plan of a study: its training sources, then each test set; `names` restricts it to some sources.

    Raises:
        UserError: a name that is no source of the study.
    """
    for name in names:
        if name not in study.sources:
            raise UserError(
                f"--source {name}: the study `{study.name}` has no such source; known: {', '.join(study.sources)}"
            )
    test_sets = {t.name: tuple(dict.fromkeys((*t.real, *t.fake))) for t in study.test_sets}
    asked = [("training", study.split.sources), *test_sets.items()]
    used = [name for name in study.sources if not names or name in names]
    kept = [(title, tuple(name for name in inside if name in used)) for title, inside in asked]
    whole = set(study.split.sources) <= set(used)
    return Plan(
        study.name,
        f"Audit of the study {study.name}",
        tuple(Place(name, study.sources[name], places.get(name)) for name in used),
        study.image,
        tuple((title, inside) for title, inside in kept if inside),
        study.split if whole else None,
        study.split.seed,
        study.demo,
    )


def gather(plan: Plan, *, cache: Path, show: bool = True) -> Material:
    """Read all images of a plan and compute what an audit needs of them.

    Raises:
        UserError: a source cannot be read, or scikit-learn is not installed.
    """
    images = read_places(plan.places, plan.image, seed=plan.seed, cache=cache, show=show)
    frame = images.frame
    say("audit: duplicates", show=show)
    duplicates = find_duplicates(frame["sha256"], images.hashes, images.thumbnails)
    say("audit: classifiers", show=show)
    compared: list[Compared] = []
    for name, sources in plan.comparisons:
        comparison = Comparison(name, np.flatnonzero(frame["source"].isin(sources).to_numpy()))
        both = len(np.unique(comparison.labels(images))) == 2
        trained = compared and plan.split is not None and compared[0].probes is not None
        compared.append(
            Compared(
                comparison,
                label_probes(images, comparison, duplicates.near, plan.seed) if both else None,
                tuple(facts(images, comparison)),
                label_runs(images, comparison),
                transfer(images, compared[0].comparison, comparison, duplicates.near, plan.seed)
                if trained and both
                else None,
            )
        )
    names = [place.name for place in plan.places]
    reference = next((n for n in (*(plan.split.sources if plan.split else ()), *names) if n in images.probes), "")
    cells, cell = _cells(frame)
    side, problem = _sides(frame, plan.split)
    return Material(
        plan,
        images,
        duplicates,
        cells,
        cell,
        int(flat(images.thumbnails).sum()),
        side,
        problem,
        tuple(compared),
        tuple(source_probes(images, reference, duplicates.near, plan.seed)),
    )


def _cells(frame: pd.DataFrame) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    label = frame["label"].map({0: "real", 1: "synthetic"})
    names = frame["source"] + np.where(frame["part"] == "", "", " " + frame["part"]) + ", " + label
    # In the order of the sources, `train` before `test`, real before synthetic.
    order = frame.assign(name=names, later=frame["part"] == "test").drop_duplicates("name")
    rank = {name: position for position, name in enumerate(dict.fromkeys(frame["source"]))}
    order = order.assign(rank=order["source"].map(rank)).sort_values(["rank", "later", "label"])
    cells = tuple(order["name"])
    return cells, pd.Index(cells).get_indexer(names).astype(np.int64)


def _sides(frame: pd.DataFrame, split: Split | None) -> tuple[npt.NDArray[np.str_], str | None]:
    side = np.full(len(frame), "", dtype="<U10")
    if split is None:
        return side, None
    # The split numbers the images of its sources in their order.
    rows = np.concatenate([np.flatnonzero(frame["source"] == name) for name in split.sources])
    try:
        result = make_split(frame.iloc[rows].reset_index(drop=True), split)
    except UserError as error:
        return side, str(error)
    for name, chosen in (("train", result.train), ("validation", result.validation), ("test", result.test)):
        side[rows[chosen]] = name
    return side, None
