"""The frozen summary of a study: every number that a report shows, by id.

`analysis.build` makes one from labelled frames, `results.json` holds it, and `analysis.reporting` draws it;
nothing else passes between the statistics and the documents. Proportions are fractions (0 … 1), never per cent.
A quantity that is not defined is `None` with a `reason`, never NaN.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from analysis.verdicts import Verdict

SCHEMA_VERSION: Literal[2] = 2

Role = Literal["validation", "in_sample", "out_of_sample"]
"""What a test set is for. `validation` is recorded, but no accuracy of it is quoted as a result."""


class Frozen(BaseModel):
    """A closed, immutable model: unknown keys, NaN and infinities are refused."""

    # A NaN that went round the checks is written as one, and found: as `null` it would pass for "not defined".
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, ser_json_inf_nan="constants")


class Estimate(Frozen):
    """One estimate with its crossed interval over seeds and images.

    `quantity` is a metric (`accuracy`, `recall`, …) or a dispersion measure (`gini`, …). `versus` names the variant
    that is subtracted, or is `None` for the quantity itself. `low` and `high` are its quoted limits, those of a level
    not beyond what the quantity can be (`analysis.ranges`); `df` and the variances are of the uncut interval. `source`
    restricts the row to one source of the test set, `subset` to some of its images (`real`, `synthetic`, or `correct`,
    `wrong`: those that every seed of every variant compared decided so). `path` is the path the images were tested
    through, `own` for contrasts along each variant's own path, and `<method>.<point>` for dispersion.
    """

    quantity: str
    variant: str
    versus: str | None = None
    test_set: str
    source: str | None = None
    subset: str | None = None
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
        """`quantity/variant[-vs-variant]/test_set[:source][~subset]/path`; a field's id appends `/field`."""
        who = self.variant if self.versus is None else f"{self.variant}-vs-{self.versus}"
        where = self.test_set if self.source is None else f"{self.test_set}:{self.source}"
        where = where if self.subset is None else f"{where}~{self.subset}"
        return f"{self.quantity}/{who}/{where}/{self.path}"


class Contrast(Estimate):
    """A paired difference variant - versus, or a factorial effect, and all that stands beside its crossed interval.

    A factorial effect has `versus=None` and one of `FACTORIAL_EFFECTS` as its `variant`. `p` is the crossed t's,
    never more certain than the quoted interval; `p_holm` is adjusted within `family`. Beside them, labelled for what
    they are: `images_*` (these seeds, new images), `seed_t_*` (this test set, new seeds), `bootstrap_*` (percentiles
    of the multi-bootstrap), the tests over seeds with the lowest p that a sign-flip can attain, effect sizes over
    seeds, and the plan: the difference that these numbers of seeds and images detect at the study's alpha with
    power .8, the seeds needed for a difference of the margin, and the share of all pairs of single seeds that
    would have pointed the other way. `tost_*` is equivalence within ± `margin`, with the (1 - 2 alpha) interval.
    """

    family: str | None = None
    p_holm: float | None = None
    images_low: float | None = None
    images_high: float | None = None
    seed_t_low: float | None = None
    seed_t_high: float | None = None
    bootstrap_low: float | None = None
    bootstrap_high: float | None = None
    sign_flip_p: float | None = None
    attainable_p: float | None = None
    paired_t_p: float | None = None
    wilcoxon_p: float | None = None
    cohen_dz: float | None = None
    hedges_gz: float | None = None
    cohen_d: float | None = None
    superiority: float | None = None
    margin: float | None = None
    tost_p: float | None = None
    tost_low: float | None = None
    tost_high: float | None = None
    detectable: float | None = None
    seeds_needed: int | None = None
    opposite_share: float | None = None


class ControlCard(Frozen):
    """A control set: the images of the test set `base` through another pipeline, or after a corruption.

    Of a pipeline `kernel` and `reencode` (as JPEG, after the resize) are given, of a corruption its name and `level`.
    """

    name: str
    base: str
    kind: Literal["pipeline", "corruption"]
    kernel: str | None = None
    reencode: bool | None = None
    corruption: str | None = None
    level: float | None = None

    @property
    def id(self) -> str:
        """Its name."""
        return self.name


class ControlContrast(Estimate):
    """A paired difference that involves control sets, of the same images and seeds, each along its own path.

    `versus_test_set` names the test set that is subtracted: another pipeline, or the images without the corruption.
    `versus` names the variant that is. With both, it is a difference of differences. `p` is never more certain than
    the quoted interval; `p_holm` is adjusted within `family`.
    """

    versus_test_set: str | None = None
    family: str
    p_holm: float | None = None

    @property
    def id(self) -> str:
        """`quantity/variant[-vs-variant]/test_set[-vs-test_set][:source]/path`; a field's id appends `/field`."""
        who = self.variant if self.versus is None else f"{self.variant}-vs-{self.versus}"
        where = self.test_set if self.versus_test_set is None else f"{self.test_set}-vs-{self.versus_test_set}"
        where = where if self.source is None else f"{where}:{self.source}"
        return f"{self.quantity}/{who}/{where}/{self.path}"


class ShiftPart(Estimate):
    """A part of the loss out of sample, which `analysis.shift` defines; `loss` is the whole.

    `test_set` is the control set whose pipeline the loss or the pipeline shift is of; corpus and generator shift are
    at the test set's own pipeline, and have its name. With `versus` it is the difference of two variants' parts.
    """

    part: Literal["loss", "corpus", "generator", "pipeline"]

    @property
    def id(self) -> str:
        """`shift-<part>/` and the id of an `Estimate`."""
        return f"shift-{self.part}/{super().id}"


SubsetPart = Literal["level", "change", "inside", "outside", "fall"]
"""What a row on a subset is of; see `SubsetRow`."""


class SubsetRow(Estimate):
    """A quantity on some of a test set's images, as `analysis.subsets` defines it.

    With greyscale images apart: `level` of `colour` or `greyscale` ones, and `change`, what leaving the greyscale ones
    out adds. On content classes that the in-sample set and `test_set` share: the level in-sample (`inside`) and out of
    sample (`outside`), and the `fall` from one to the other, each of `all` images, of the shared `classes`, and the
    `difference` all - classes; levels also of each shared class, as `class <name>`. With `versus` it is the difference
    of two variants.
    """

    part: SubsetPart

    @property
    def id(self) -> str:
        """`subset-<part>/` and the id of an `Estimate`."""
        return f"subset-{self.part}/{super().id}"

    @property
    def is_level(self) -> bool:
        """Whether it is a quantity itself and no difference."""
        return self.versus is None and self.part in ("level", "inside", "outside") and self.subset != "difference"


FACTORIAL_EFFECTS = ("factorial-augmentation", "factorial-autoencoder", "factorial-interaction")
"""Names of the effects of the 2 × 2 factorial, in the place of a variant."""


class SeedValue(Frozen):
    """A quantity of one run: the points that stand behind an `Estimate`."""

    quantity: str
    variant: str
    seed: int
    test_set: str
    source: str | None = None
    subset: str | None = None
    path: str
    value: float | None
    reason: str | None = None


class RunInterval(Frozen):
    """A metric of a single run along its own path, with intervals that know nothing of seeds.

    Proportions have Wilson's and Clopper and Pearson's interval, the AUC has DeLong's.
    """

    quantity: str
    variant: str
    seed: int
    test_set: str
    value: float
    n_images: int
    wilson_low: float | None = None
    wilson_high: float | None = None
    clopper_pearson_low: float | None = None
    clopper_pearson_high: float | None = None
    delong_low: float | None = None
    delong_high: float | None = None


class RunTest(Frozen):
    """A test between the runs of one seed, which knows nothing of other seeds.

    `mcnemar` compares two variants (`only_first`, `only_second`: images that one alone decided correctly),
    `cochran_q` all of them.
    """

    test: Literal["mcnemar", "cochran_q"]
    seed: int
    test_set: str
    variant: str | None = None
    versus: str | None = None
    only_first: int | None = None
    only_second: int | None = None
    statistic: float | None
    df: int | None = None
    p: float | None
    exact: bool = False
    reason: str | None = None


class ModelRow(Frozen):
    """What another model says of a factorial effect: a check of the crossed contrast, not a result of its own."""

    model: str
    quantity: str
    effect: str
    test_set: str
    path: str = "own"
    estimate: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    n: int
    reason: str | None = None


class SpreadRow(Frozen):
    """The seeds' standard deviation of in-sample accuracy beside what a calibrated ensemble would show.

    `ratio` above 1 says that the seeds differ in true quality; its interval is the χ²(S - 1) one.
    """

    variant: str
    test_set: str
    sd: float | None
    calibrated: float | None
    ratio: float | None
    low: float | None
    high: float | None
    reason: str | None = None


class Curve(Frozen):
    """What the seeds of a variant showed along its own path, at every threshold: mean, lowest and highest seed.

    `roc`: recall at the false-positive rates `x` on a fixed grid from 0 to 1. `calibration`: share of synthetic images
    in bins of equal numbers of images by rising probability, with the bins' mean predicted probability as `x`.
    Where the curve is not defined, all four are empty and there is a `reason`. The band from `low` to `high` holds
    these seeds and is no interval.
    """

    kind: Literal["roc", "calibration"]
    variant: str
    test_set: str
    path: str
    x: tuple[float, ...] = ()
    mean: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    n_seeds: int
    n_images: int
    reason: str | None = None

    @property
    def id(self) -> str:
        """`kind/variant/test_set/path`; a field's id appends `/field`."""
        return f"{self.kind}/{self.variant}/{self.test_set}/{self.path}"


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


class Margin(Frozen):
    """The largest difference that does not matter on test sets of a role, as a fraction.

    `declared` is what it was declared as, when the runs began or else in the study file
    (`analysis.declared.declared_of`); None where neither is known.
    """

    role: Role
    margin: float
    declared: float | None = None

    @property
    def changed(self) -> bool:
        """Whether the analysis used another margin than the declared one."""
        return self.declared is not None and self.declared != self.margin


class Summary(Frozen):
    """All numbers of a study's reports."""

    schema_version: Literal[2] = SCHEMA_VERSION
    confidence: float
    """Coverage of intervals."""
    confidence_declared: float | None = None
    """The coverage when the runs began, or else the study file's; None where neither is known."""
    alpha: float = 0.05
    """Level of every test and family."""
    alpha_declared: float | None = None
    """The level when the runs began, or else the study file's; None where neither is known."""
    margins: tuple[Margin, ...] = ()
    bootstrap_draws: int = 0
    """Of the multi-bootstrap; 0 where there is none."""
    study: StudyCard
    provenance: Provenance
    warnings: tuple[str, ...] = ()
    """Sentences that a reader must know before any other: classifiers that learnt nothing, controls that failed."""
    metrics: tuple[Estimate, ...]
    contrasts: tuple[Contrast, ...]
    factorial: tuple[Contrast, ...] = ()
    dispersion: tuple[Estimate, ...]
    dispersion_contrasts: tuple[Contrast, ...]
    dispersion_parts: tuple[Estimate, ...] = ()
    """Means of trained maps by source and by class."""
    agreement: tuple[Estimate, ...] = ()
    """Whether stored maps say the same: between seeds of a variant, and between variants."""
    faithfulness: tuple[Estimate, ...] = ()
    """Areas of deletion and insertion less those of a random order."""
    seed_values: tuple[SeedValue, ...]
    run_intervals: tuple[RunInterval, ...] = ()
    run_tests: tuple[RunTest, ...] = ()
    model_checks: tuple[ModelRow, ...] = ()
    seed_spread: tuple[SpreadRow, ...] = ()
    curves: tuple[Curve, ...] = ()
    """ROC curves and reliability diagrams; none in results of earlier versions."""
    control_sets: tuple[ControlCard, ...] = ()
    """Test sets through other pipelines and after corruptions; none unless the study declares them."""
    control_metrics: tuple[Estimate, ...] = ()
    """Decisions on control sets; of a corruption without a level, the mean over its levels."""
    control_contrasts: tuple[ControlContrast, ...] = ()
    shift: tuple[ShiftPart, ...] = ()
    """The loss out of sample and what it is made of."""
    subsets: tuple[SubsetRow, ...] = ()
    """With greyscale images apart, and on content classes that two collections share."""
    verdicts: tuple[Verdict, ...] = ()
    withdrawn: tuple[str, ...] = ()
    """What was claimed when the runs began and is no longer: a family without it is smaller."""
    map_counts: tuple[MapCount, ...]
    autoencoders: tuple[AutoencoderQuality, ...]
    histories: tuple[HistoryRow, ...]
