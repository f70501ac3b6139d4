"""Finding estimates in a summary by what they are, not by where they stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from analysis.errors import InputError
from analysis.summary import Contrast, Estimate, SeedValue, Summary, TestSetCard
from analysis.verdicts import Verdict

HEADLINE_PROPORTIONS = ("accuracy", "balanced_accuracy")
SHOWN_DISPERSION = ("gini", "entropy")

_Key = tuple[str, str, str | None, str, str | None, str]


def _key(row: Estimate) -> _Key:
    return (row.quantity, row.variant, row.versus, row.test_set, row.source, row.path)


def _index(rows: Iterable[Estimate], what: str) -> dict[_Key, Estimate]:
    found: dict[_Key, Estimate] = {}
    for row in rows:
        if _key(row) in found:
            raise InputError(f"summary: {what} {row.id!r} occurs twice; every number has one id")
        found[_key(row)] = row
    return found


@dataclass(frozen=True)
class Lookup:
    """A summary's rows by their keys; an absent row is `None`, just as an undefined one has `estimate=None`."""

    summary: Summary

    @cached_property
    def _metrics(self) -> dict[_Key, Estimate]:
        return _index(self.summary.metrics, "metric")

    @cached_property
    def _contrasts(self) -> dict[_Key, Estimate]:
        return _index(self.summary.contrasts, "contrast")

    @cached_property
    def _dispersion(self) -> dict[_Key, Estimate]:
        return _index(self.summary.dispersion, "dispersion measure")

    @cached_property
    def _dispersion_contrasts(self) -> dict[_Key, Estimate]:
        whole = (row for row in self.summary.dispersion_contrasts if row.subset is None)
        return _index(whole, "dispersion contrast")

    @cached_property
    def _seed_values(self) -> dict[tuple[str, str, str, str | None, str], list[SeedValue]]:
        found: dict[tuple[str, str, str, str | None, str], list[SeedValue]] = {}
        for row in self.summary.seed_values:
            if row.subset is not None:
                continue
            found.setdefault((row.quantity, row.variant, row.test_set, row.source, row.path), []).append(row)
        return found

    @property
    def baseline(self) -> str:
        """Name of the variant that the others are compared with."""
        return self.summary.study.baseline

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of all variants, in the study's order."""
        return tuple(card.name for card in self.summary.study.variants)

    @property
    def others(self) -> tuple[str, ...]:
        """Names of all variants but the baseline."""
        return tuple(name for name in self.variants if name != self.baseline)

    @cached_property
    def own_paths(self) -> dict[str, str]:
        """Variant → the path it was trained with."""
        return {card.name: card.path for card in self.summary.study.variants}

    def test_sets(self, role: str) -> tuple[TestSetCard, ...]:
        """The test sets of one role, in the study's order."""
        return tuple(card for card in self.summary.study.test_sets if card.role == role)

    @property
    def quoted(self) -> tuple[TestSetCard, ...]:
        """The test sets whose accuracy is a result: in-sample first, then out-of-sample; validation never."""
        return (*self.test_sets("in_sample"), *self.test_sets("out_of_sample"))

    def called(self, test_set: str) -> str:
        """A test set's name without its pixels, where no other test set shares it: `far@bilinear` is `far`."""
        base = test_set.partition("@")[0]
        same = [card.name for card in self.summary.study.test_sets if card.name.partition("@")[0] == base]
        return base if same == [test_set] else test_set

    def metric(
        self, quantity: str, variant: str, test_set: str, *, path: str | None = None, source: str | None = None
    ) -> Estimate | None:
        """A quantity of a variant; `path=None` is the variant's own."""
        path = self.own_paths[variant] if path is None else path
        return self._metrics.get((quantity, variant, None, test_set, source, path))

    def contrast(self, quantity: str, variant: str, test_set: str, *, source: str | None = None) -> Estimate | None:
        """The paired difference of a variant to the baseline, each along its own path."""
        return self._contrasts.get((quantity, variant, self.baseline, test_set, source, "own"))

    @cached_property
    def _by_pair(self) -> dict[_Key, Contrast]:
        return {_key(row): row for row in self.summary.contrasts if row.subset is None}

    def pair(
        self, quantity: str, variant: str, versus: str, test_set: str, *, source: str | None = None
    ) -> Contrast | None:
        """The paired difference of any two variants, each along its own path."""
        return self._by_pair.get((quantity, variant, versus, test_set, source, "own"))

    def pairs(self, quantity: str, test_set: str) -> tuple[Contrast, ...]:
        """The differences of all pairs on a whole test set, in the summary's order."""
        return tuple(
            row
            for row in self.summary.contrasts
            if (row.quantity, row.test_set, row.source, row.subset) == (quantity, test_set, None, None)
        )

    def has(self, *fields: str) -> bool:
        """Whether any difference has any of these fields of `Contrast`."""
        return any(getattr(row, field) is not None for row in self.summary.contrasts for field in fields)

    def effect(self, quantity: str, effect: str, test_set: str, *, source: str | None = None) -> Contrast | None:
        """An effect of the 2 × 2 factorial by its name in `analysis.summary.FACTORIAL_EFFECTS`."""
        wanted = (quantity, effect, test_set, source)
        rows = (r for r in self.summary.factorial if (r.quantity, r.variant, r.test_set, r.source) == wanted)
        return next(rows, None)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What became of the study's claims; none where it declares none."""
        return self.summary.verdicts

    @property
    def alpha(self) -> float:
        """The level of tests and verdicts."""
        return self.summary.alpha

    def dispersion(self, quantity: str, variant: str, test_set: str, where: str) -> Estimate | None:
        """A dispersion measure; `where` is `<method>.<point>`."""
        return self._dispersion.get((quantity, variant, None, test_set, None, where))

    def dispersion_contrast(self, quantity: str, variant: str, test_set: str, where: str) -> Estimate | None:
        """The paired difference of a dispersion measure to the baseline; `where` is `<method>.<point>`."""
        return self._dispersion_contrasts.get((quantity, variant, self.baseline, test_set, None, where))

    def seeds(
        self, quantity: str, variant: str, test_set: str, path: str, source: str | None = None
    ) -> tuple[SeedValue, ...]:
        """The values of single seeds behind an estimate, by seed."""
        rows = self._seed_values.get((quantity, variant, test_set, source, path), [])
        return tuple(sorted(rows, key=lambda row: row.seed))

    def wheres(self, test_set: str) -> tuple[str, ...]:
        """The `<method>.<point>` at which trained maps of a test set were measured, in the summary's order."""
        found = (row.path for row in self.summary.dispersion if row.test_set == test_set)
        return tuple(dict.fromkeys(path for path in found if "~" not in path))

    def dispersion_quantities(self) -> tuple[str, ...]:
        """The measures of dispersion that are shown and that the summary holds."""
        held = {row.quantity for row in self.summary.dispersion}
        return tuple(name for name in SHOWN_DISPERSION if name in held)

    def headline(self, card: TestSetCard) -> str:
        """The proportion that is quoted first: accuracy in-sample, balanced accuracy where classes are unequal.

        An out-of-sample set mixes sources in numbers that somebody chose, so that plain accuracy depends on them.
        """
        order = HEADLINE_PROPORTIONS if card.role == "in_sample" else tuple(reversed(HEADLINE_PROPORTIONS))
        for quantity in order:
            row = self.metric(quantity, self.baseline, card.name)
            if row is not None and row.estimate is not None:
                return quantity
        return order[0]
