"""Classifiers that learnt nothing: every image of a test set called one and the same class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.frames import PredictionIndex
from analysis.summary import StudyCard


def collapsed(logits: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which seeds call every image one class; an image is called synthetic where its logit is above 0.

    Args:
        logits: (S, I), I of 1 or more.

    Returns:
        (S,).

    >>> collapsed(np.array([[-1.0, -2.0], [3.0, 0.5], [-1.0, 1.0]])).tolist()
    [True, True, False]
    """
    called = logits > 0
    return np.asarray(called.all(axis=1) | ~called.any(axis=1))


def collapse_warnings(index: PredictionIndex, study: StudyCard) -> tuple[str, ...]:
    """One sentence for all variants that call every in-sample image one class, in some or in all seeds.

    In-sample images are half of each class or nearly so, so that such a classifier has learnt nothing, while its
    differences to another one like it are 0 without any variation.
    """
    every: dict[str, None] = {}
    some: dict[str, None] = {}
    for card in (card for card in study.test_sets if card.role == "in_sample"):
        for variant in study.variants:
            found = collapsed(index.decisions(variant.name, variant.path, card.name).logits)
            if found.any():
                (every if found.all() else some)[variant.name] = None
    told = [
        f"{_listed(list(names))} in {which}"
        for names, which in ((every, "every seed"), ({name: None for name in some if name not in every}, "some seeds"))
        if names
    ]
    if not told:
        return ()
    lead = f"Learnt nothing: all in-sample images are called one and the same class by {'; by '.join(told)}."
    return (f"{lead} What is compared with such classifiers says nothing of preprocessing.",)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
