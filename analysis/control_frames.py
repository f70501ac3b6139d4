"""Control sets as the analysis takes them: frames of their own, checked against the study's test sets.

A control set holds the images of a test set, its `base`, all of them through another pipeline or some of them after a
corruption. So every difference between the two is paired by seed and image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.errors import InputError
from analysis.frames import Decisions, PredictionIndex, index_predictions, require_columns
from analysis.summary import ControlCard, StudyCard

SET_COLUMNS = ("name", "base", "kind", "kernel", "reencode", "corruption", "level")
"""Columns of the frame of control sets; null where one does not apply."""

CONTROL_IMAGE_COLUMNS = ("test_set", "image_id", "source", "group", "label")


@dataclass(frozen=True)
class Controls:
    """What was recorded of control sets.

    predictions: as `analysis.frames.PREDICTION_COLUMNS`, each variant through its own path.
    images:      see `CONTROL_IMAGE_COLUMNS`.
    sets:        see `SET_COLUMNS`, one row per control set.
    same_generator: out-of-sample fakes of the generator that made the training fakes, as `source` or `source/group`.
    """

    predictions: pd.DataFrame
    images: pd.DataFrame
    sets: pd.DataFrame
    same_generator: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """What the seeds of one variant decided of some images, sorted by id.

    `right` is (S, I), 1 where a decision is correct; the others are (I,).
    """

    variant: str
    test_set: str
    path: str
    right: NDArray[np.float64]
    labels: NDArray[np.int8]
    sources: NDArray[np.object_]
    image_ids: NDArray[np.object_]

    def where(self, mask: NDArray[np.bool_]) -> Seen:
        """The same of the images in `mask` (I,)."""
        arrays = {key: getattr(self, key)[mask] for key in ("labels", "sources", "image_ids")}
        return replace(self, right=self.right[:, mask], **arrays)


@dataclass(frozen=True)
class ControlIndex:
    """The control sets of a study and what its variants decided of them, beside its own predictions."""

    study: StudyCard
    cards: tuple[ControlCard, ...]
    own: PredictionIndex
    controls: PredictionIndex
    same: frozenset[str]
    """Ids of the out-of-sample fakes of the training generator."""

    def of(self, base: str, kind: str) -> tuple[ControlCard, ...]:
        """The control sets of a test set of one kind, in the order recorded."""
        return tuple(card for card in self.cards if (card.base, card.kind) == (base, kind))

    def bases(self, kind: str) -> tuple[str, ...]:
        """The test sets that have control sets of a kind, in the study's order."""
        return tuple(card.name for card in self.study.test_sets if self.of(card.name, kind))

    def base(self, variant: str, test_set: str) -> Seen:
        """What a variant decided of a test set of the study, along its own path."""
        return seen(self.own.decisions(variant, self._path(variant), test_set))

    def control(self, variant: str, name: str) -> Seen:
        """What a variant decided of a control set, along its own path."""
        return seen(self.controls.decisions(variant, self._path(variant), name))

    def _path(self, variant: str) -> str:
        return next(card.path for card in self.study.variants if card.name == variant)


def seen(decisions: Decisions) -> Seen:
    """Logits (S, I) as decisions at a probability of 0.5."""
    right = (decisions.logits > 0) == (decisions.labels == 1)
    return Seen(
        decisions.variant,
        decisions.test_set,
        decisions.path,
        right.astype(np.float64),
        decisions.labels,
        decisions.sources,
        decisions.image_ids,
    )


def paired(first: Seen, second: Seen) -> tuple[Seen, Seen]:
    """Both on the images of `first`, in one order, which `second` must hold.

    Raises:
        InputError: an image of `first` is not in `second`, or the two call it by another label.
    """
    positions = pd.Index(second.image_ids).get_indexer(pd.Index(first.image_ids))
    where = f"test sets {first.test_set!r} and {second.test_set!r}"
    if len(positions) and positions.min() < 0:
        missing = first.image_ids[int(np.argmin(positions))]
        raise InputError(f"{where}: image {missing!r} is not in the second; a control holds its test set's own images")
    arrays = {key: getattr(second, key)[positions] for key in ("labels", "sources", "image_ids")}
    second = replace(second, right=second.right[:, positions], **arrays)
    if not np.array_equal(first.labels, second.labels):
        raise InputError(f"{where}: the same image has another label; correct the image table")
    return first, second


def index_controls(controls: Controls, own: PredictionIndex, study: StudyCard) -> ControlIndex:
    """Check the frames against the study and turn them into arrays.

    Raises:
        InputError: a frame fails its checks, a control set is of no test set of the study or lacks a variant's own
            path, or no image is of the training generator as declared.
    """
    cards = _cards(controls.sets, study)
    require_columns(controls.images, CONTROL_IMAGE_COLUMNS, "control images")
    variants = [card.name for card in study.variants]
    index = index_predictions(controls.predictions, controls.images, variants=variants, seeds=study.seeds)
    for card in cards:
        if card.name not in index.test_sets:
            raise InputError(f"control predictions: set {card.name!r} is missing; make its runs")
        for variant in study.variants:
            if variant.path not in index.paths_of(variant.name, card.name):
                raise InputError(
                    f"control predictions: variant {variant.name!r} was not tested on {card.name!r} through its own "
                    f"path {variant.path!r}; make these predictions"
                )
    return ControlIndex(study, cards, own, index, _same(controls, study))


def _cards(sets: pd.DataFrame, study: StudyCard) -> tuple[ControlCard, ...]:
    require_columns(sets, SET_COLUMNS, "control sets")
    known = [card.name for card in study.test_sets]
    cards = []
    for record in sets[list(SET_COLUMNS)].to_dict("records"):
        card = ControlCard.model_validate({key: None if pd.isna(value) else value for key, value in record.items()})
        if card.base not in known:
            raise InputError(
                f"control sets: {card.name!r} is of {card.base!r}, no test set of the study ({', '.join(known)})"
            )
        needed: Sequence[object] = (card.kernel, card.reencode)
        if card.kind == "corruption":
            needed = (card.corruption, card.level)
        if None in needed:
            raise InputError(f"control sets: {card.name!r} does not say what was done to it; complete its row")
        cards.append(card)
    names = [card.name for card in cards]
    if len(set(names)) != len(names):
        raise InputError("control sets: a name occurs twice; keep one row")
    return tuple(cards)


def _same(controls: Controls, study: StudyCard) -> frozenset[str]:
    """Ids of the fakes that `same_generator` names."""
    images = controls.images[controls.images["label"] == 1]
    outside = {card.name for card in study.test_sets if card.role == "out_of_sample"}
    bases = controls.sets.set_index("name")["base"]
    images = images[images["test_set"].astype(object).map(bases).isin(outside)]
    sources, groups = images["source"].astype(object), images["group"].astype(object)
    found: set[str] = set()
    for name in controls.same_generator:
        source, slash, group = name.partition("/")
        chosen = images["image_id"][(sources == source) & ((groups == group) | (not slash))]
        if chosen.empty:
            raise InputError(f"same_generator {name!r}: no synthetic out-of-sample image is of it; correct the name")
        found |= set(chosen.astype(object))
    return frozenset(found)
