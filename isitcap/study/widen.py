"""A finished study with more to explain: further methods, nulls, images; nothing of it taken away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import get_args

from pydantic import ValidationError

from isitcap.errors import UserError
from isitcap.study.models import Attribution, MethodName, StateName, Study


def widen(
    study: Study,
    *,
    methods: Iterable[str] = (),
    states: Iterable[str] = (),
    faithfulness: bool = False,
    images: int | None = None,
) -> Study:
    """The study with methods and states added to those it has, faithfulness if asked for, and more images.

    Raises:
        UserError: an unknown method or state, fewer images than the study has, or a study that this makes impossible.
    """
    now = study.attribution
    if images is not None and images < now.images:
        raise UserError(f"--images {images}: the run has maps of {now.images} already; give that or more")
    wider = now.model_dump() | {
        "methods": _joined(now.methods, methods, "--methods", get_args(MethodName)),
        "states": _joined(now.states, states, "--states", get_args(StateName)),
        "faithfulness": now.faithfulness or faithfulness,
        "images": images or now.images,
    }
    data = study.model_dump(exclude_none=True)
    data["attribution"] = Attribution.model_validate(wider).model_dump()
    try:
        return Study.model_validate(data)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise UserError(f"{study.name}: {reason}") from None


def _joined(have: Sequence[str], more: Iterable[str], key: str, known: Sequence[str]) -> tuple[str, ...]:
    added = [name.strip() for name in more]
    for name in added:
        if name not in known:
            raise UserError(f"{key} {name}: no such name; known: {', '.join(known)}")
    return tuple(dict.fromkeys((*have, *added)))
