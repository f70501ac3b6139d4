"""Claims: what a study says it will find, declared before anything is computed.

A `Claim` names a quantity, whose and on which images, and what must hold of it. It is one statement about one or
several *cells*, such as four variants on two test sets, of which all or any must hold. `analysis.verdicts` decides it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from analysis.dispersion import MEASURES
from analysis.errors import InputError
from analysis.metrics import LOWER_IS_BETTER, QUANTITIES
from analysis.ranges import range_of

Kind = Literal["above", "below", "greater", "less", "superior", "not_superior", "non_inferior", "equivalent"]
"""What a claim says of each cell; θ is the level of a variant, Δ a difference, δ the margin.

- `above`, `below`: θ > bound, θ < bound.
- `greater`, `less`: Δ > 0, Δ < 0.
- `superior`: better by more than the margin, Δ > δ (Δ < -δ where less is better).
- `not_superior`: not better by the margin, Δ < δ (Δ > -δ).
- `non_inferior`: not worse by the margin, Δ > -δ (Δ < δ).
- `equivalent`: neither better nor worse by the margin, -δ < Δ < δ.
"""

LEVELS: frozenset[str] = frozenset({"above", "below"})
DIRECTIONS: frozenset[str] = frozenset({"greater", "less"})
ONE_SIDED_MARGINS: frozenset[str] = frozenset({"superior", "not_superior", "non_inferior"})

Role = Literal["in_sample", "out_of_sample"]
"""All test sets of a role."""

OWN_PATH = "own"
"""Each variant tested through the path that it was trained through."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class Claim(BaseModel):
    """A statement that a study declares, to be supported, contradicted or left undecided.

    Levels (`above`, `below`) have a `bound` and nothing to compare with. All other kinds are differences: of each
    variant - `versus`, paired by seed and image, or of a variant on one test set - the same on another
    (`versus_test_set`, or all of `versus_role`), whose images are others. Bounds and margins are in the units of the
    quantity: 0.9 is 90 %, 0.01 one percentage point.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: Name
    says: Annotated[str, Field(min_length=1)]
    """The claim in words, a whole sentence."""
    quantity: str
    """One of `analysis.metrics.QUANTITIES` or of `analysis.dispersion.MEASURES`."""
    kind: Kind
    variants: Annotated[tuple[str, ...], Field(min_length=1)]
    versus: str | None = None
    """The variant that is subtracted."""
    test_set: str | None = None
    """A test set by the name it is declared under; `test` is the in-sample one. Or give `role`."""
    role: Role | None = None
    versus_test_set: str | None = None
    versus_role: Role | None = None
    source: str | None = None
    """Only the images of one source of `test_set`."""
    path: Annotated[str, Field(pattern=r"^(own|[a-z0-9_]+\.[a-z0-9_]+)$")] = OWN_PATH
    """`own` for metrics, `<method>.<point>` for measures of saliency maps."""
    bound: float | None = None
    margin: float | None = None
    family: Name = "claims"
    """Claims of one family share the correction for many claims; one that names none is not exempt."""
    conjunction: Literal["all", "any"] = "all"
    test: Literal["crossed", "sign-flip"] = "crossed"
    """`crossed` is about new seeds and new images, `sign-flip` about new seeds on these images."""

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        for problem in (
            self._quantity_problem(),
            self._variants_problem(),
            self._test_sets_problem(),
            self._bound_problem(),
            self._margin_problem(),
        ):
            if problem is not None:
                raise ValueError(f"claim `{self.id}`: {problem}")
        return self

    @property
    def measured_on_maps(self) -> bool:
        """Whether the quantity is a measure of saliency maps."""
        return self.quantity in MEASURES

    def _quantity_problem(self) -> str | None:
        known = (*QUANTITIES, *MEASURES)
        if self.quantity not in known:
            close = difflib.get_close_matches(self.quantity, known, n=1)
            remedy = f"did you mean `{close[0]}`?" if close else f"known: {', '.join(known)}"
            return f"unknown quantity `{self.quantity}`; {remedy}"
        if self.measured_on_maps and self.path == OWN_PATH:
            return f"`{self.quantity}` is measured on saliency maps; give their `path`, such as `saliency.image`"
        if not self.measured_on_maps and self.path != OWN_PATH:
            return f"`path` = {self.path} names saliency maps, but `{self.quantity}` is no measure of them; remove it"
        if self.measured_on_maps and self.kind in ONE_SIDED_MARGINS:
            return (
                f"`{self.kind}` is about better and worse, which `{self.quantity}` does not know; "
                "use `greater`, `less` or `equivalent`"
            )
        return None

    def _variants_problem(self) -> str | None:
        if len(set(self.variants)) != len(self.variants):
            return "`variants` names one twice; remove it"
        if self.versus in self.variants:
            return f"`{self.versus}` is compared with itself; take it out of `variants` or change `versus`"
        compared = [key for key in ("versus", "versus_test_set", "versus_role") if getattr(self, key) is not None]
        if len(compared) > 1:
            return f"{_listed(compared)} are given; a difference needs exactly one of them"
        if self.kind in LEVELS and compared:
            return (
                f"`{self.kind}` is about a level, not a difference; remove `{compared[0]}`, or use `greater` or `less`"
            )
        if self.kind not in LEVELS and not compared:
            return f"`{self.kind}` is about a difference; give `versus`, `versus_test_set` or `versus_role`"
        return None

    def _test_sets_problem(self) -> str | None:
        if (self.test_set is None) == (self.role is None):
            return "a claim is about one test set or all of a role; give exactly one of `test_set` and `role`"
        if self.role is not None and self.role == self.versus_role:
            return f"`role` and `versus_role` are both {self.role}; change one"
        if self.test_set is not None and self.test_set == self.versus_test_set:
            return f"`test_set` and `versus_test_set` are both `{self.test_set}`; change one"
        if self.source is not None and self.test_set is None:
            return f"`source` = {self.source} needs the `test_set` that it is of; give it in place of `role`"
        return None

    def _bound_problem(self) -> str | None:
        if self.kind not in LEVELS:
            return None if self.bound is None else f"`{self.kind}` has no `bound`; remove it"
        low, high = range_of(self.quantity)
        if self.bound is None:
            return f"`{self.kind}` needs a `bound`, such as {'0.9' if high == 1 else '1.0'}; add it"
        if not low < self.bound < high:
            return (
                f"`bound` = {self.bound:g}: {self.quantity} lies between {low:.3g} and {high:.3g}; "
                "give a value between them (0.9 for 90 %)"
            )
        return None

    def _margin_problem(self) -> str | None:
        if self.kind in LEVELS | DIRECTIONS:
            return None if self.margin is None else f"`{self.kind}` has no `margin`; remove it, or use another kind"
        if self.margin is None:
            return f"`{self.kind}` needs a `margin`, the smallest difference that matters, such as 0.01; add it"
        low, high = range_of(self.quantity)
        if self.margin <= 0:
            return (
                f"`margin` = {self.margin:g} must be above 0, since no data can show that there is no difference "
                "at all; give the smallest difference that matters, such as 0.01"
            )
        if self.margin >= high - low:
            return (
                f"`margin` = {self.margin:g}: {self.quantity} lies between {low:.3g} and {high:.3g}; "
                "give a smaller one (0.01 for one percentage point)"
            )
        return None


@dataclass(frozen=True)
class Hypothesis:
    """What a claim says of a cell's value: that it lies on one `side` of `value`, or within ± `value` (`within`)."""

    value: float
    side: Literal["greater", "less", "within"]


def hypothesis_of(claim: Claim) -> Hypothesis:
    """The value that a claim compares each cell with, and the side of it that supports the claim.

    >>> hypothesis_of(Claim(id="a", says="A.", quantity="eer", kind="superior", margin=0.02,
    ...                     variants=("augment",), versus="baseline", role="in_sample"))
    Hypothesis(value=-0.02, side='less')
    """
    if claim.kind in ("above", "below"):
        assert claim.bound is not None, "a level has a bound"
        return Hypothesis(claim.bound, "greater" if claim.kind == "above" else "less")
    if claim.kind in ("greater", "less"):
        return Hypothesis(0.0, "greater" if claim.kind == "greater" else "less")
    assert claim.margin is not None, "all other kinds have a margin"
    if claim.kind == "equivalent":
        return Hypothesis(claim.margin, "within")
    # Where less is better, everything about better and worse is mirrored at zero.
    mirrored = claim.quantity in LOWER_IS_BETTER
    value = -claim.margin if (claim.kind == "non_inferior") != mirrored else claim.margin
    upwards = (claim.kind == "not_superior") == mirrored
    return Hypothesis(value, "greater" if upwards else "less")


@dataclass(frozen=True)
class Cell:
    """The place of one number that a claim is about: the key of its evidence.

    Without `versus` and `versus_test_set` it is the level of `variant`; with one of them, the difference
    `variant` - `versus` on the same images, or `test_set` - `versus_test_set` of the same variant. `source` restricts
    `test_set`.
    """

    quantity: str
    variant: str
    test_set: str
    path: str
    versus: str | None = None
    versus_test_set: str | None = None
    source: str | None = None

    @property
    def id(self) -> str:
        """As `analysis.summary.Estimate.id`; a difference of test sets is `test_set-vs-versus_test_set`."""
        who = self.variant if self.versus is None else f"{self.variant}-vs-{self.versus}"
        where = self.test_set if self.source is None else f"{self.test_set}:{self.source}"
        where = where if self.versus_test_set is None else f"{where}-vs-{self.versus_test_set}"
        return f"{self.quantity}/{who}/{where}/{self.path}"


def cells_of(claim: Claim, test_sets: Mapping[str, str]) -> tuple[Cell, ...]:
    """The cells of a claim: its variants × its test sets (× those they are compared with), in this order.

    Args:
        claim: the claim.
        test_sets: the role of each test set by name. A name such as `far@bilinear+jpeg75` is also found as `far`,
            and a claim about `far` is about all its variants of pixels.

    Raises:
        InputError: a test set is not among them, or a role has none.

    >>> claim = Claim(id="a", says="A.", quantity="auc", kind="above", bound=0.8, variants=("baseline",),
    ...               test_set="far")
    >>> [cell.id for cell in cells_of(claim, {"test": "in_sample", "far@bilinear": "out_of_sample"})]
    ['auc/baseline/far@bilinear/own']
    """
    here = _sets(claim, claim.test_set, claim.role, test_sets)
    others: Sequence[str | None] = [None]
    if claim.versus_test_set is not None or claim.versus_role is not None:
        others = _sets(claim, claim.versus_test_set, claim.versus_role, test_sets)
    return tuple(
        Cell(claim.quantity, variant, test_set, claim.path, claim.versus, other, claim.source)
        for variant in claim.variants
        for test_set in here
        for other in others
    )


def with_margins(claims: Iterable[Claim], margins: Mapping[str, float]) -> tuple[Claim, ...]:
    """The claims with other margins, by claim id.

    Raises:
        InputError: an id is no claim's, a claim has no margin, or a margin that no claim can have.
    """
    found = tuple(claims)
    ids = [claim.id for claim in found]
    for name in margins:
        if name not in ids:
            raise InputError(f"margin of `{name}`: no such claim; known: {', '.join(ids) or 'none'}")
    try:
        return tuple(
            Claim.model_validate(claim.model_dump() | {"margin": margins[claim.id]}) if claim.id in margins else claim
            for claim in found
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{where} = {first['input']}: {message}; give a number" if where else message) from None


def check_claims(claims: Sequence[Claim]) -> None:
    """Refuse claims that share an id.

    Raises:
        InputError: two claims have the same id.
    """
    ids = [claim.id for claim in claims]
    twice = next((name for name in ids if ids.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"two claims have the id `{twice}`; rename one")


def _sets(claim: Claim, name: str | None, role: str | None, test_sets: Mapping[str, str]) -> list[str]:
    if name is not None:
        found = [known for known in test_sets if name in (known, known.partition("@")[0])]
        what = f"test set `{name}`"
    else:
        found = [known for known, its in test_sets.items() if its == role]
        what = f"test set of role {role}"
    if not found:
        raise InputError(f"claim `{claim.id}`: no {what}; known: {', '.join(test_sets) or 'none'}")
    return found


def _listed(keys: Sequence[str]) -> str:
    return " and ".join(f"`{key}`" for key in keys)
