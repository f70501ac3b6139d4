"""Rows of a diversity study: their ids, and what they refuse."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from analysis.diversity_summary import DiversityContrast, DiversityEstimate

BASE = {
    "quantity": "recall",
    "variant": "augment",
    "k": 2,
    "test_set": "held-out",
    "path": "own",
    "estimate": 0.5,
    "n_seeds": 3,
    "n_images": 10,
    "n_mixtures": 3,
}
CONTRAST = BASE | {"versus": "baseline", "versus_k": 1, "kind": "preprocessing", "family": "f"}


def test_ids_name_arms_place_and_mixture() -> None:
    """Quantity, variant and k, place with its source, and the mixture where it is of one."""
    assert DiversityEstimate.model_validate(BASE).id == "recall/augment@2/held-out/own"
    one = DiversityEstimate.model_validate(BASE | {"mixture": "a+b", "test_set": "far", "source": "painter"})
    assert one.id == "recall/augment@2/far:painter/a+b"
    assert DiversityContrast.model_validate(CONTRAST).id == "recall/augment@2-vs-baseline@1/held-out/own"


@pytest.mark.parametrize("wrong", [{"estimate": float("nan")}, {"outcome": "perhaps"}, {"kind": "other"}, {"more": 1}])
def test_what_is_no_row_is_refused(wrong: dict[str, object]) -> None:
    """NaN, an unknown outcome or kind, and unknown fields."""
    with pytest.raises(ValidationError):
        DiversityContrast.model_validate(CONTRAST | wrong)
