"""The frozen summary of a study: every number that a report shows, by id.

`analysis.build` makes one from labelled frames, `results.json` holds it, and `analysis.reporting` draws it;
nothing else passes between the statistics and the documents. Proportions are fractions (0 … 1), never per cent.
A quantity that is not defined is `None` with a `reason`, never NaN.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION: Literal[1] = 1

Role = Literal["validation", "in_sample", "out_of_sample"]
"""What a test set is for. `validation` is recorded, but no accuracy of it is quoted as a result."""


class Frozen(BaseModel):
    """A closed, immutable model: unknown keys, NaN and infinities are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Estimate(Frozen):
    """One estimate with its crossed interval over seeds and images.

    `quantity` is a metric (`accuracy`, `recall`, …) or a dispersion measure (`gini`, …). `versus` names the
    variant that is subtracted, or is `None` for the quantity itself. `source` restricts the row to one source of
    the test set. `path` is the path the images were tested through, `own` for contrasts along each variant's own
    path, and `<method>.<point>` for dispersion.
    """

    quantity: str
    variant: str
    versus: str | None = None
    test_set: str
    source: str | None = None
    path: str
    estimate: float | None
    low: float | None = None
    high: float | None = None
    df: float | None = None
    p: float | None = None
    var_seed: float | None = None
    var_image: float | None = None
    var_residual: float | None = None
    n_seeds: int
    n_images: int
    reason: str | None = None

    @property
    def id(self) -> str:
        """`quantity/variant[-vs-variant]/test_set[:source]/path`; a field's id appends `/field`."""
        who = self.variant if self.versus is None else f"{self.variant}-vs-{self.versus}"
        where = self.test_set if self.source is None else f"{self.test_set}:{self.source}"
        return f"{self.quantity}/{who}/{where}/{self.path}"


class SeedValue(Frozen):
    """A quantity of one run: the points that stand behind an `Estimate`."""

    quantity: str
    variant: str
    seed: int
    test_set: str
    source: str | None = None
    path: str
    value: float | None
    reason: str | None = None


class VariantCard(Frozen):
    """A variant, its own path, and one sentence on what it is."""

    name: str
    path: str
    description: str


class SourceCard(Frozen):
    """A source within a test set: how many images of each label, and how many were kept out and why."""

    name: str
    n_real: int
    n_synthetic: int
    notes: tuple[str, ...] = ()


class TestSetCard(Frozen):
    """A test set: its role, what is in it and how its pixels were made (`pipeline`, one line)."""

    __test__ = False  # pytest would take the class for a test

    name: str
    role: Role
    n_real: int
    n_synthetic: int
    pipeline: str
    sources: tuple[SourceCard, ...]


class AutoencoderQuality(Frozen):
    """Reconstruction quality of one seed's autoencoder on the validation images: PSNR in dB, SSIM 0 … 1."""

    seed: int
    code: str
    psnr: float
    ssim: float
    n_images: int


class HistoryRow(Frozen):
    """One epoch of one run; `variant` is `autoencoder-weights` for the autoencoder's own training (MSE loss)."""

    variant: str
    seed: int
    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float | None = None
    seconds: float


class MapCount(Frozen):
    """How many saliency maps were measured and how many excluded (all zero, not finite), per variant and set."""

    variant: str
    test_set: str
    method: str
    point: str
    measured: int
    excluded: int


class StudyCard(Frozen):
    """What the reader must know of the study: `demo` puts a label on every figure."""

    name: str
    title: str
    question: str
    demo: bool
    seeds: tuple[int, ...]
    baseline: str
    variants: tuple[VariantCard, ...]
    test_sets: tuple[TestSetCard, ...]
    notes: tuple[str, ...] = ()
    study_toml: str


class Provenance(Frozen):
    """Where the numbers come from: pairs of label and value, in the order to print them."""

    command: str
    facts: tuple[tuple[str, str], ...]
    data_hashes: tuple[tuple[str, str], ...]


class Summary(Frozen):
    """All numbers of a study's reports."""

    schema_version: Literal[1] = SCHEMA_VERSION
    confidence: float
    study: StudyCard
    provenance: Provenance
    metrics: tuple[Estimate, ...]
    contrasts: tuple[Estimate, ...]
    dispersion: tuple[Estimate, ...]
    dispersion_contrasts: tuple[Estimate, ...]
    seed_values: tuple[SeedValue, ...]
    map_counts: tuple[MapCount, ...]
    autoencoders: tuple[AutoencoderQuality, ...]
    histories: tuple[HistoryRow, ...]
