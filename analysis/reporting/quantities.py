"""Numbers as a reader sees them: text with sensible digits, tied to the estimate they come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from analysis.sentences import telling_digits
from analysis.summary import Estimate

Kind = Literal["percent", "points", "plain", "difference", "called_synthetic", "p", "count"]
"""How fields become text: per cent; percentage points; as is; a signed difference as is; 100 − per cent; a p-value;
a whole number."""

UNDEFINED = "–"
MINUS = "−"
NBSP = "\u00a0"


@dataclass(frozen=True)
class Quantity:
    """How a quantity is called, whether it is shown in per cent, and which way is up."""

    label: str
    proportion: bool
    note: str = ""


QUANTITIES = {
    "accuracy": Quantity("accuracy", True),
    "balanced_accuracy": Quantity("balanced accuracy", True, "mean of recall and specificity"),
    "recall": Quantity("recall", True, "share of synthetic images called synthetic"),
    "specificity": Quantity("specificity", True, "share of real images called real"),
    "precision": Quantity("precision", True, "share of images called synthetic that are"),
    "f1": Quantity("F1", False),
    "mcc": Quantity("MCC", False, "from −1 to 1"),
    "auc": Quantity("AUC", False, "free of the threshold"),
    "average_precision": Quantity("average precision", False, "free of the threshold"),
    "eer": Quantity("equal error rate", True, "lower is better"),
    "recall_at_5_fpr": Quantity(f"recall at 5{NBSP}% false positives", True),
    "brier": Quantity("Brier score", False, "lower is better"),
    "log_loss": Quantity("log loss", False, "nats, lower is better"),
    "ece": Quantity("calibration error", False, "15 bins, lower is better"),
    "accuracy_validated": Quantity("accuracy at the validated threshold", True),
    "balanced_accuracy_validated": Quantity("balanced accuracy at the validated threshold", True),
    "gini": Quantity("Gini", False, "high: concentrated, low: dispersed"),
    "entropy": Quantity("entropy", False, "low: concentrated, high: dispersed"),
    "effective_share": Quantity("effective share", False, "low: concentrated, high: dispersed"),
    "a90": Quantity("A90", False, "low: concentrated, high: dispersed"),
    "hoyer": Quantity("Hoyer", False, "high: concentrated, low: dispersed"),
    "spread": Quantity("spatial spread", False, "low: concentrated, high: dispersed"),
    "regions": Quantity("salient regions", False, "number"),
    "region_share": Quantity("area of salient regions", False, "share of the map"),
    "similarity": Quantity("likeness to the trained map", False, "rank correlation, from −1 to 1"),
    "seed_agreement": Quantity("agreement between seeds", False, "rank correlation, from −1 to 1"),
    "variant_agreement": Quantity("agreement between variants", False, "rank correlation, from −1 to 1"),
    "deletion_over_random": Quantity("deletion less random", False, "logits, below 0 is better"),
    "insertion_over_random": Quantity("insertion less random", False, "logits, above 0 is better"),
}

METHODS = {
    "input_x_gradient": "input × gradient",
    "smoothgrad": "SmoothGrad",
    "gradient_shap": "GradientSHAP",
    "deeplift": "DeepLIFT",
    "gradcam": "Grad-CAM",
}
"""What attribution methods are called, where their name alone does not say it."""

POINTS = {"image": "at the image", "classifier_input": "at the classifier’s input"}


def quantity(name: str) -> Quantity:
    """The card of a quantity; one that is not known is called by its name and shown as it is."""
    return QUANTITIES.get(name, Quantity(name.replace("_", " "), False))


def method_label(method: str) -> str:
    """`integrated_gradients` → `integrated gradients`; one that is not known is called by its name."""
    return METHODS.get(method, method.replace("_", " "))


def where_label(where: str) -> str:
    """`saliency.classifier_input` → `saliency at the classifier’s input`."""
    method, _, point = where.rpartition(".")
    return f"{method_label(method)} {POINTS.get(point, point)}" if method else where


def point_label(where: str) -> str:
    """`saliency.classifier_input` → `at the classifier’s input`."""
    point = where.rpartition(".")[2]
    return POINTS.get(point, point)


@dataclass(frozen=True)
class Number:
    """One number of a report.

    Attributes:
        id: Id of the estimate in the summary.
        kind: How its fields became text.
        value: The estimate without unit, `–` when undefined.
        unit: What follows it in prose, with its space.
        interval: `[low, high]`, or `None` where there is none.
        reason: Why something is undefined.
        raw: (estimate, low, high) as fractions, unrounded, for download and charts.
        single: Whether it is a value that has no interval by its nature, such as a p.
        hidden: An interval that is shown under the pointer alone.
    """

    id: str
    kind: Kind
    value: str
    unit: str
    interval: str | None
    reason: str | None
    raw: tuple[float | None, float | None, float | None]
    single: bool = False
    hidden: str | None = None

    def __str__(self) -> str:
        return f"{self.value}{self.unit}" + (f" {self.interval}" if self.interval else "")

    def bare(self) -> Number:
        """The same number without its interval."""
        return Number(self.id, self.kind, self.value, self.unit, None, self.reason, self.raw, self.single)

    def hovering(self) -> Number:
        """The same number with its interval under the pointer."""
        return replace(self, interval=None, hidden=self.interval)


Text = tuple["str | Number", ...]
"""Prose whose numbers keep their ids."""


def plain(text: Iterable[str | Number]) -> str:
    """Prose as a plain string."""
    return "".join(str(part) for part in text)


def kind_of(row: Estimate) -> Kind:
    """The kind that suits an estimate: per cent or points for proportions, else as is."""
    if quantity(row.quantity).proportion:
        return "percent" if row.versus is None else "points"
    return "plain" if row.versus is None else "difference"


def decimals(row: Estimate | None, kind: Kind) -> int:
    """Digits behind the point: as many as the interval's half-width makes meaningful, and its side of zero needs."""
    if kind in ("percent", "called_synthetic"):
        return 1
    if row is None or row.low is None or row.high is None:
        return 1 if kind == "points" else 3
    digits = 3 if kind != "points" else 2 if (row.high - row.low) / 2 < 0.01 else 1
    return _beside_zero(digits, kind, (row.low, row.high))


def _beside_zero(digits: int, kind: Kind, limits: tuple[float | None, float | None]) -> int:
    """More digits where an end of an interval that is not zero would be printed as zero, and its side not be seen."""
    signed = kind in ("points", "difference", "plain")
    return telling_digits(digits, limits, (0.0,), 100.0 if kind == "points" else 1.0) if signed else digits


def fixed(value: float, digits: int) -> str:
    """A number with fixed digits, a true minus sign, and no minus before zero."""
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", MINUS)


def number(row: Estimate | None, *, kind: Kind | None = None, digits: int | None = None, absent: str = "") -> Number:
    """An estimate as text.

    Args:
        row: The estimate; `None` when the summary holds none.
        kind: How to show it, by default as `kind_of` says.
        digits: Digits behind the point, by default as `decimals` says; more where an end's side of zero needs them.
        absent: Id to name when `row` is `None`.
    """
    if row is None:
        return Number(absent, kind or "plain", UNDEFINED, "", None, "not computed in this study", (None, None, None))
    kind = kind or kind_of(row)
    digits = _beside_zero(decimals(row, kind) if digits is None else digits, kind, (row.low, row.high))
    raw = (row.estimate, row.low, row.high)
    if kind == "called_synthetic" and row.quantity == "specificity":
        raw = (
            None if row.estimate is None else 1 - row.estimate,
            None if row.high is None else 1 - row.high,
            None if row.low is None else 1 - row.low,
        )
    scale = 100.0 if kind in ("percent", "points", "called_synthetic") else 1.0
    unit = {"percent": f"{NBSP}%", "called_synthetic": f"{NBSP}%", "points": f"{NBSP}points"}.get(kind, "")
    estimate, low, high = raw
    if estimate is None:
        return Number(row.id, kind, UNDEFINED, "", None, row.reason or "not defined", raw)
    interval = None
    reason = None
    if low is not None and high is not None:
        interval = f"[{fixed(low * scale, digits)}, {fixed(high * scale, digits)}]"
    else:
        reason = row.reason or "interval not defined"
    return Number(row.id, kind, fixed(estimate * scale, digits), unit, interval, reason, raw)


def value(
    number_id: str,
    amount: float | None,
    kind: Kind,
    limits: tuple[float | None, float | None] | None = None,
    *,
    digits: int | None = None,
    reason: str | None = None,
) -> Number:
    """Any number of the summary as text, such as a p, a count, or an interval that stands beside the quoted one.

    Args:
        number_id: Id of the row in the summary, with the field's name.
        amount: The value; `None` where it is not defined.
        kind: How to show it.
        limits: Ends of an interval; `None` where there is none by nature.
        digits: Digits behind the point: by default 1 for per cent, as the interval allows for points, else 3; more
            where an end's side of zero needs them.
        reason: Why it, or its interval, is undefined.
    """
    low, high = limits or (None, None)
    raw, single = (amount, low, high), limits is None
    if amount is None:
        return Number(number_id, kind, UNDEFINED, "", None, reason or "not defined", raw, single)
    if kind == "p":
        return Number(number_id, kind, p_text(amount), "", None, None, raw, single)
    if kind == "count":
        return Number(number_id, kind, grouped(round(amount)), "", None, None, raw, single)
    if digits is None:
        narrow = low is not None and high is not None and (high - low) / 2 < 0.01
        digits = {"percent": 1, "called_synthetic": 1, "points": 2 if narrow else 1}.get(kind, 3)
    digits = _beside_zero(digits, kind, (low, high))
    scale = 100.0 if kind in ("percent", "points") else 1.0
    unit = {"percent": f"{NBSP}%", "points": f"{NBSP}points"}.get(kind, "")
    interval = None
    if low is not None and high is not None:
        interval = f"[{fixed(low * scale, digits)}, {fixed(high * scale, digits)}]"
    missing = None if single or interval else reason or "interval not defined"
    return Number(number_id, kind, fixed(amount * scale, digits), unit, interval, missing, raw, single)


def p_text(p: float) -> str:
    """A p-value with the digits that matter.

    >>> p_text(0.00012), p_text(0.0314), p_text(0.5)
    ('< 0.001', '0.031', '0.50')
    """
    if p < 0.001:
        return f"<{NBSP}0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def grouped(value: int) -> str:
    """A count with a thin-free, locale-free thousands separator: 20,000."""
    return f"{value:,}"


def span(values: Iterable[int]) -> str:
    """One count, or the range of several."""
    found = sorted(set(values))
    if not found:
        return "0"
    return grouped(found[0]) if len(found) == 1 else f"{grouped(found[0])}–{grouped(found[-1])}"


def counts(rows: Iterable[Estimate | None], *, what: str = "images") -> str:
    """`n = 3 seeds × 20,000 images` of the rows that a figure or table shows."""
    found = [row for row in rows if row is not None]
    # A cell without images says so itself, and would only blur how many images the others have.
    real = [row for row in found if row.n_images] or found
    if not real:
        return "n = 0"
    return f"n = {span(row.n_seeds for row in real)} seeds × {span(row.n_images for row in real)} {what}"


def join(items: list[Text]) -> Text:
    """`a`, `a and b`, `a, b and c`."""
    out: list[str | Number] = []
    for position, item in enumerate(items):
        if position:
            out.append(" and " if position == len(items) - 1 else ", ")
        out.extend(item)
    return tuple(out)
