"""A claim that is valid, to be changed."""

from __future__ import annotations

from typing import Any

from analysis.claims import Claim


def claim(**changes: Any) -> Claim:
    """In sample, one variant is more accurate than the baseline; with `changes` of its keys."""
    data = {
        "id": "one",
        "says": "Something holds.",
        "quantity": "accuracy",
        "kind": "greater",
        "variants": ("augment",),
        "versus": "baseline",
        "role": "in_sample",
    }
    return Claim.model_validate(data | changes)
