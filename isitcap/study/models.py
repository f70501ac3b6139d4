"""What a study is: frozen, validated models of a study file.

Every default stands here and is written out into the run directory's `study.toml`. A model refuses unknown keys,
NaN, infinities and values outside their range; `isitcap.study.load` turns a refusal into one line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from analysis.claims import Claim, check_claims
from analysis.declared import Declared

if TYPE_CHECKING:
    from analysis.summary import Role

LabelName = Literal["real", "synthetic"]
Kernel = Literal["nearest", "box", "bilinear", "bicubic", "lanczos"]
MethodName = Literal[
    "saliency", "input_x_gradient", "integrated_gradients", "smoothgrad", "gradient_shap", "gradcam", "occlusion"
]
StateName = Literal["untrained", "randomised"]
VariantName = Literal["baseline", "augment", "autoencoder", "both", "blur", "jpeg", "mix"]
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Range = tuple[float, float]
Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Part = Annotated[float, Field(gt=0, lt=1)]

IN_SAMPLE_SET = "test"
"""What the test images of the split are called."""


class Model(BaseModel):
    """A closed, immutable part of a study."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Image(Model):
    """How every image becomes `size` × `size` RGB: centre square, one resize by `kernel`, perhaps one JPEG."""

    size: Annotated[int, Field(ge=8, le=256)] = 32
    kernel: Kernel = "bilinear"
    reencode: bool = True
    """Re-encode as JPEG of quality 75 with 4:2:0 chroma after resizing, as CIFAKE's own files are."""


class Source(Model):
    """A collection of images: an archive, a folder, or a set built into the program.

    `kind` says how to read it: `cifake` and `tiny-imagenet` know the published layouts; `images` is any folder, zip,
    tar (plain, gzip, in pieces, WebDataset shards) or Parquet table whose label is declared, by `label` for all of it
    or by `labels` per folder name or per value of `label_column`; `embedded` needs no files.
    """

    kind: Literal["cifake", "tiny-imagenet", "images", "embedded"]
    path: str | None = None
    label: LabelName | None = None
    labels: dict[str, LabelName] = {}
    image_column: str | None = None
    """Which column of a Parquet table holds the image files (`image`)."""
    label_column: str | None = None
    """What `labels` maps: a Parquet table's column (`label`), or of WebDataset shards the suffix of the file beside
    each image (`cls`) or a field of its JSON file (`json.generator`)."""
    first: Positive | None = None
    """Of a tar or table read only the first so many images, in its own order: a prefix, no random sample."""
    embedded: Name | None = None
    """Which embedded set (kind `embedded` only)."""
    per_class: tuple[Positive, Positive] | None = None
    """Of an embedded set with a corpus of its own: how many images of each class its parts `train` and `test` have."""
    part: Literal["train", "test"] | None = None
    """Only the images of this part, of a source that has parts; none = all."""
    reencode: bool | None = None
    """Overrides `image.reencode`, for files that already have the study's format."""
    limit: Positive | None = None
    """At most this many images, drawn with `split.seed`; none = all."""
    max_broken: Fraction = 0.01
    """Refuse the source when a larger fraction of its images cannot be read."""
    groups: Annotated[str, Field(min_length=1)] | None = None
    """Column of the `index.csv` beside the images that names each image's group, such as its generator; its column
    `file` holds their paths. None: the folder is the group. Tiny ImageNet's official archive knows its own, and a
    collection of its images may lack the table."""
    description: str = ""

    @model_validator(mode="after")
    def _label_is_declared(self) -> Self:
        if self.kind == "images" and (self.label is None) == (not self.labels):
            raise ValueError("an `images` source declares either `label` or `labels`; give exactly one of them")
        if self.kind in ("cifake", "embedded") and (self.label is not None or self.labels):
            raise ValueError(f"a `{self.kind}` source knows its labels; remove `label` and `labels`")
        if self.kind == "tiny-imagenet" and (self.label == "synthetic" or self.labels):
            raise ValueError("Tiny ImageNet is real; remove `label` and `labels`")
        if (self.kind == "embedded") != (self.embedded is not None):
            raise ValueError("`embedded` names the set of an `embedded` source; use both or neither")
        if self.label is not None and self.label_column is not None:
            raise ValueError("`label` holds for all images and `label_column` for each; give one of them")
        if self.kind == "embedded" and (self.image_column or self.label_column or self.first):
            raise ValueError("an embedded source has no columns and no `first`; remove them")
        if self.kind == "embedded" and self.path is not None:
            raise ValueError("an embedded source has no `path`; remove it")
        if self.kind != "embedded" and self.per_class is not None:
            raise ValueError("`per_class` is of embedded sources, which are made to measure; give `limit` instead")
        if self.kind not in ("images", "tiny-imagenet") and self.groups is not None:
            raise ValueError(f"a `{self.kind}` source knows its groups; remove `groups`")
        return self


class Split(Model):
    """The split of the training sources: stratified by label and group, seeded, no file on two sides.

    A source with parts of its own (CIFAKE's `train` and `test`) gives training images from the first and the rest
    from the second; any other source is split at random. Counts are upper bounds only where files that would stand
    on both sides had to leave; a source that was too small from the start is refused.
    """

    sources: Annotated[tuple[Name, ...], Field(min_length=1)]
    train: Positive
    validation: Positive
    test: Positive
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    shares: Literal["equal"] | None = None
    """`equal`: as many images of every source as of every other, and of either class; all sources then need parts.
    None: in proportion to what there is."""


class TestSet(Model):
    """An out-of-sample test set: the real images of some sources and the synthetic images of others."""

    name: Name
    real: tuple[Name, ...] = ()
    fake: tuple[Name, ...] = ()
    kernel: Kernel | None = None
    reencode: bool | None = None

    @model_validator(mode="after")
    def _both_classes(self) -> Self:
        if not self.real or not self.fake:
            missing = "real" if not self.real else "fake"
            raise ValueError(f"a test set quoted as accuracy needs both classes; `{missing}` names no source")
        if self.name in ("validation", IN_SAMPLE_SET):
            raise ValueError(f"the name `{self.name}` belongs to the split; choose another")
        return self


class Optimisation(Model):
    """Adam with a constant or a one-cycle learning rate (peak `learning_rate`)."""

    epochs: Annotated[int, Field(gt=0, le=1000)]
    batch_size: Annotated[int, Field(gt=0, le=65536)] = 128
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 2e-3
    schedule: Literal["one-cycle", "constant"] = "one-cycle"


class Classifier(Optimisation):
    """The classifier: `cifake` is Bird & Lotfi's best topology, `poster` the wider one of the poster's code."""

    architecture: Literal["cifake", "poster"] = "cifake"
    epochs: Annotated[int, Field(gt=0, le=1000)] = 6


class Autoencoder(Optimisation):
    """The convolutional autoencoder; its code is `code_size` × `code_size` × `code_channels` numbers."""

    code_size: Positive = 16
    code_channels: Annotated[int, Field(gt=0, le=256)] = 8
    width: Annotated[int, Field(gt=0, le=512)] = 32
    epochs: Annotated[int, Field(gt=0, le=1000)] = 2
    images: Positive | None = None
    """Train on at most this many of the training images, drawn by seed; none = all."""


class Augmentation(Model):
    """Standard augmentation, its parameters drawn per image: with `probability`, all of the following.

    Crop and scale (`area` of the image, `aspect` ratio, log-uniform), Gaussian blur of five taps (`blur_sigma`,
    pixels), and colour jitter (factors uniform in 1 ± `brightness`, `contrast`, `saturation`).
    """

    probability: Fraction = 0.8
    area: Range = (0.9, 1.0)
    aspect: Range = (3 / 4, 4 / 3)
    blur_sigma: Range = (0.1, 1.0)
    brightness: Fraction = 0.5
    contrast: Fraction = 0.0
    saturation: Fraction = 0.0

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        for key, (low, high), least, most in (
            ("area", self.area, 0.01, 1.0),
            ("aspect", self.aspect, 0.1, 10.0),
            ("blur_sigma", self.blur_sigma, 0.01, 5.0),
        ):
            if not least <= low <= high <= most:
                raise ValueError(f"`{key}` = [{low}, {high}] must rise within [{least}, {most}]")
        if self.aspect[0] > 1 or self.aspect[1] < 1:
            raise ValueError("`aspect` must contain 1, or no crop fits a square image")
        return self


class Attribution(Model):
    """Which saliency maps are made, and of how many images of each test set (stratified by source, seeded)."""

    methods: Annotated[tuple[MethodName, ...], Field(min_length=1)] = ("saliency",)
    points: Annotated[tuple[Literal["image", "classifier_input"], ...], Field(min_length=1)] = (
        "image",
        "classifier_input",
    )
    images: Positive = 500
    steps: Annotated[int, Field(ge=2, le=1000)] = 32
    """Steps of Integrated Gradients."""
    samples: Annotated[int, Field(ge=1, le=1000)] = 32
    """Noisy copies of an image for SmoothGrad, random baselines for GradientSHAP."""
    noise: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Standard deviation of SmoothGrad's noise, in units of the intensities' range."""
    window: Positive = 4
    """Side of Occlusion's square window, in pixels."""
    stride: Positive = 2
    """Pixels from one position of Occlusion's window to the next."""
    store: Annotated[int, Field(ge=0)] = 64
    """Of how many images the maps themselves are kept; measures are kept of all."""
    states: tuple[StateName, ...] = ()
    """Nulls, for Saliency: the classifier before training, and its weights randomised layer by layer."""
    faithfulness: bool = False
    """Whether deletion and insertion curves are made of every method."""
    detail_images: Positive = 100
    """Of how many images of each test set what costs much is made: the methods beyond the three gradients of one
    point (`saliency`, `input_x_gradient`, `integrated_gradients`), faithfulness and randomised layers."""
    detail_seeds: Positive = 3
    """Of how many seeds, the study's first, the same is made."""
    autocast: bool = False
    """Attribute in bfloat16; the measures of single maps move (benchmarks/attributions.py)."""

    @model_validator(mode="after")
    def _once_and_covered(self) -> Self:
        lists: tuple[tuple[str, tuple[str, ...]], ...] = (
            ("methods", self.methods),
            ("points", self.points),
            ("states", self.states),
        )
        for key, values in lists:
            if len(set(values)) != len(values):
                raise ValueError(f"`{key}` names one value twice; remove it")
        if self.stride > self.window:
            raise ValueError(f"`stride` = {self.stride} skips pixels of `window` = {self.window}; give at most that")
        return self


class Controls(Model):
    """The same out-of-sample images through other pipelines: every one of `kernels` crossed with `reencode`.

    A test set's own pipeline is always among them. A source's own `reencode` stands, as it does everywhere.
    """

    kernels: Annotated[tuple[Kernel, ...], Field(min_length=1)] = ("nearest", "box", "bilinear", "bicubic", "lanczos")
    reencode: Annotated[tuple[bool, ...], Field(min_length=1)] = (True, False)
    same_generator: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Out-of-sample fakes of the generator that the training fakes are of: `source`, or `source/group`."""
    greyscale: bool = True
    """Whether test sets are given without their greyscale images, and on these alone, too."""
    classes: dict[Name, Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]] = {}
    """Content class → images that show it, in-sample and out: `source`, or `source/group`, the group whole or its first
    word. The loss out of sample is also given on the classes that both have."""

    @model_validator(mode="after")
    def _once(self) -> Self:
        _refuse_twice(self, "kernels", "reencode", "same_generator")
        named: dict[str, str] = {}
        for label, names in self.classes.items():
            for name in names:
                if (other := named.setdefault(name, label)) != label or names.count(name) > 1:
                    where = f"`classes.{label}`" if other == label else f"`classes.{other}` and `classes.{label}`"
                    raise ValueError(f"`{name}` stands twice in {where}; keep one")
        return self


class Robustness(Model):
    """Corruptions of test images at the study's size, after its pipeline; `isitcap.data.corruptions` says how.

    A list may be empty: that corruption is left out.
    """

    test_sets: tuple[Name, ...] = ()
    """Names as in claims; none = the in-sample set and every out-of-sample one."""
    images: Positive = 1000
    """Of each test set, in proportion to label and source, drawn with `split.seed`."""
    jpeg: tuple[Annotated[int, Field(ge=1, le=100)], ...] = (90, 75, 50, 30, 10)
    """Qualities, with 4:2:0 chroma."""
    blur: tuple[Annotated[float, Field(gt=0, le=16)], ...] = (0.5, 1.0, 1.5, 2.0)
    """Standard deviations of a Gaussian, pixels."""
    noise: tuple[Annotated[float, Field(gt=0, le=1)], ...] = (0.01, 0.02, 0.05, 0.1)
    """Standard deviations of Gaussian noise, in units of the intensities' range."""
    resize: tuple[Part, ...] = (0.75, 0.5, 0.25)
    """Shares of the side to shrink to before enlarging again."""
    crop: tuple[Part, ...] = (0.9, 0.75, 0.5)
    """Central shares of the side to keep and enlarge."""
    brightness: tuple[Annotated[float, Field(gt=0, le=10)], ...] = (0.5, 0.75, 1.25, 1.5)
    """Factors."""

    @model_validator(mode="after")
    def _once(self) -> Self:
        _refuse_twice(self, "test_sets", *CORRUPTIONS)
        if not any(getattr(self, name) for name in CORRUPTIONS):
            raise ValueError(f"every corruption is empty; give levels of one of {', '.join(CORRUPTIONS)}, or no table")
        return self


CORRUPTIONS = ("jpeg", "blur", "noise", "resize", "crop", "brightness")
"""What `robustness` knows, in the order of reports."""


def _refuse_twice(model: Model, *keys: str) -> None:
    for key in keys:
        values = getattr(model, key)
        if len(set(values)) != len(values):
            raise ValueError(f"`{key}` names one value twice; remove it")


class Margins(Model):
    """The largest difference in a share of decisions that does not matter, by role of the test set (0.01: a point).

    Out of sample a few thousand images cannot decide one point: their own term alone is as large.
    """

    in_sample: Annotated[float, Field(gt=0, lt=1)] = 0.01
    out_of_sample: Annotated[float, Field(gt=0, lt=1)] = 0.05

    def by_role(self) -> dict[Role, float]:
        """The margin of each role."""
        return {"in_sample": self.in_sample, "out_of_sample": self.out_of_sample}


class Analysis(Model):
    """What the analysis quotes."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """Level of the verdicts on claims, of each family of them."""
    margins: Margins = Margins()
    """Of the tests of equivalence beside every contrast; a claim has a margin of its own."""
    draws: Annotated[int, Field(ge=0, le=1_000_000)] = 10_000
    """Of the multi-bootstrap that stands beside the crossed intervals; 0 for none."""


class Output(Model):
    """What is written: formats of the report, and example images per source and label shown in it."""

    formats: Annotated[tuple[Literal["html", "pdf"], ...], Field(min_length=1)] = ("html", "pdf")
    examples: Annotated[int, Field(ge=0, le=16)] = 1


class Study(Model):
    """A study: which images, which variants, which seeds, and what is recorded."""

    schema_version: Literal[1] = 1
    name: Name
    title: Annotated[str, Field(min_length=1)]
    question: str = ""
    demo: bool = False
    """Label every figure as a demonstration."""
    seeds: Annotated[tuple[Annotated[int, Field(ge=0, lt=2**32)], ...], Field(min_length=1)]
    variants: Annotated[tuple[VariantName, ...], Field(min_length=1)] = ("baseline", "augment", "autoencoder", "both")
    training_mix: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Probability with which the variant `mix` trains on an image's reconstruction instead of the image."""
    tested_through: Literal["all", "own"] = "all"
    """Whether every variant is tested through the paths of all, or along its own and that without augmentation, which
    takes a fraction of the time and leaves out the grid of trained as × tested through."""
    notes: tuple[str, ...] = ()
    image: Image = Image()
    sources: dict[Name, Source]
    split: Split
    test_sets: tuple[TestSet, ...] = ()
    classifier: Classifier = Classifier()
    autoencoder: Autoencoder = Autoencoder()
    augmentation: Augmentation = Augmentation()
    attribution: Attribution = Attribution()
    analysis: Analysis = Analysis()
    output: Output = Output()
    controls: Controls | None = None
    """Predictions of the out-of-sample images through other pipelines; none unless declared."""
    robustness: Robustness | None = None
    """Predictions of corrupted images; none unless declared."""
    claims: tuple[Claim, ...] = ()
    """What is claimed, before anything is computed; bears on verdicts alone, on no run."""

    @property
    def declared(self) -> Declared:
        """What is declared of the analysis, to be kept when the runs begin."""
        settings = self.analysis
        return Declared(self.claims, settings.alpha, settings.confidence, settings.margins.model_dump())

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        both: tuple[tuple[str, tuple[object, ...]], ...] = (("seeds", self.seeds), ("variants", self.variants))
        for key, values in both:
            if len(set(values)) != len(values):
                raise ValueError(f"`{key}` names one value twice; remove it")
        if "baseline" not in self.variants:
            raise ValueError("`variants` lacks `baseline`, which the others are compared with; add it")
        if "jpeg" in self.variants and "classifier_input" not in self.attribution.points:
            raise ValueError(
                "`variants` names `jpeg`, which has no gradient at the image; "
                "add `classifier_input` to `attribution.points` or remove the variant"
            )
        used = [("split.sources", self.split.sources)]
        for test_set in self.test_sets:
            used += [(f"test set `{test_set.name}`", (*test_set.real, *test_set.fake))]
        for where, sources in used:
            for source in sources:
                if source not in self.sources:
                    known = ", ".join(self.sources) or "none"
                    raise ValueError(f"{where} names the source `{source}`, which is not declared; known: {known}")
        names = [t.name for t in self.test_sets]
        if len(set(names)) != len(names):
            raise ValueError("two test sets have the same name; rename one")
        if "occlusion" in self.attribution.methods and self.attribution.window > self.image.size:
            raise ValueError(
                f"`attribution.window` = {self.attribution.window} is larger than `image.size` = {self.image.size}; "
                "give a smaller one"
            )
        if self.image.size % self.autoencoder.code_size:
            raise ValueError(
                f"`autoencoder.code_size` = {self.autoencoder.code_size} must divide `image.size` = {self.image.size}"
            )
        ratio = self.image.size // self.autoencoder.code_size
        if ratio & (ratio - 1):
            raise ValueError("`image.size` / `autoencoder.code_size` must be a power of two")
        return self

    @model_validator(mode="after")
    def _controls_fit(self) -> Self:
        if self.controls is not None:
            if not self.test_sets:
                raise ValueError("`controls` are of out-of-sample images, which the study has none of; add `test_sets`")
            fakes = {source for test_set in self.test_sets for source in test_set.fake}
            for name in self.controls.same_generator:
                if name.partition("/")[0] not in fakes:
                    raise ValueError(
                        f"`controls.same_generator` names `{name}`, which is no fake of a test set; "
                        f"known: {', '.join(sorted(fakes))}"
                    )
            used = {*self.split.sources, *(name for each in self.test_sets for name in (*each.real, *each.fake))}
            for label, names in self.controls.classes.items():
                for name in names:
                    if name.partition("/")[0] not in used:
                        raise ValueError(
                            f"`controls.classes.{label}` names `{name}`, of no source that is trained or tested on; "
                            f"known: {', '.join(sorted(used))}"
                        )
        if self.robustness is not None:
            known = (IN_SAMPLE_SET, *(test_set.name for test_set in self.test_sets))
            for name in self.robustness.test_sets:
                if name not in known:
                    raise ValueError(
                        f"`robustness.test_sets` names `{name}`, which is no test set; known: {', '.join(known)}"
                    )
            for key in ("resize", "crop"):
                for share in getattr(self.robustness, key):
                    if round(share * self.image.size) in (0, self.image.size):
                        raise ValueError(
                            f"`robustness.{key}` = {share:g} leaves {round(share * self.image.size)} of "
                            f"{self.image.size} pixels; give a share between"
                        )
        return self

    @model_validator(mode="after")
    def _claims_fit(self) -> Self:
        check_claims(self.claims)
        for claim in self.claims:
            if problem := self.claim_problem(claim):
                raise ValueError(f"claim `{claim.id}`: {problem}")
        return self

    def claim_problem(self, claim: Claim) -> str | None:
        """Why a claim is about something that this study does not have, with the remedy; None if it is not."""
        for variant in (*claim.variants, *((claim.versus,) if claim.versus is not None else ())):
            if variant not in self.variants:
                return f"the variant `{variant}` is not of the study; known: {', '.join(self.variants)}"
        sources = {IN_SAMPLE_SET: self.split.sources} | {t.name: (*t.real, *t.fake) for t in self.test_sets}
        for key, name in (("test_set", claim.test_set), ("versus_test_set", claim.versus_test_set)):
            if name is not None and name not in sources:
                return f"`{key}` = {name} is no test set of the study; known: {', '.join(sources)}"
        if "out_of_sample" in (claim.role, claim.versus_role) and not self.test_sets:
            return "the study has no out-of-sample test set; add one under `test_sets`"
        if claim.source is not None and claim.source not in (known := sources[claim.test_set or ""]):
            return f"`source` = {claim.source} is not in test set `{claim.test_set}`; known: {', '.join(known)}"
        if claim.measured_on_maps:
            method, _, point = claim.path.partition(".")
            for name, known_names, key in (
                (method, self.attribution.methods, "methods"),
                (point, self.attribution.points, "points"),
            ):
                if name not in known_names:
                    return (
                        f"`path` = {claim.path}: `{name}` is not among `attribution.{key}`; "
                        f"known: {', '.join(known_names)}"
                    )
        return None
