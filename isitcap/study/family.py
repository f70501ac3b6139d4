"""A diversity study: one file that stands for many studies, each trained on another mixture of generators.

A *mixture* is a set of generators, each with the real images of its own corpus; there is one study for every mixture
that leaves at least one generator out. All train on equally many images, in equal shares, and are tested on held-out
images of every generator that they have not seen, the same for all mixtures and seeds.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from isitcap.errors import UserError
from isitcap.study.load import Locations, dump_data, explain_errors, locate
from isitcap.study.models import (
    Analysis,
    Augmentation,
    Autoencoder,
    Classifier,
    Image,
    Model,
    Name,
    Output,
    Positive,
    Source,
    Study,
    TestSet,
    VariantName,
)

LEAST = 3
"""Generators: with two, a mixture that leaves one out holds one, and there is nothing to compare it with."""

HELD_OUT = "held-out"
"""How the test set of a generator begins, and how the name of the source behind it ends."""


class Generator(Model):
    """A generator with its corpus: a source that holds its fakes and real images, in parts `train` and `test`."""

    source: Name
    corpus: str = ""
    """What its real images are, in a few words."""


class Mixing(Model):
    """How many images: of every mixture for training, validation and in-sample test, of every generator held out."""

    train: Positive
    validation: Positive
    test: Positive
    held_out: Positive
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


@dataclass(frozen=True)
class Mixture:
    """One of the studies: the generators it trains on, in the family's order, and the study itself."""

    name: str
    generators: tuple[str, ...]
    study: Study


class Family(Model):
    """A diversity study. The margin of its verdict is `analysis.margins.out_of_sample`."""

    schema_version: Literal[1] = 1
    name: Name
    title: Annotated[str, Field(min_length=1)]
    question: str = ""
    demo: bool = False
    """Label every figure as a demonstration."""
    seeds: Annotated[tuple[Annotated[int, Field(ge=0, lt=2**32)], ...], Field(min_length=1)]
    variants: Annotated[tuple[VariantName, ...], Field(min_length=1)] = ("baseline", "augment", "autoencoder", "both")
    notes: tuple[str, ...] = ()
    image: Image = Image()
    generators: dict[Name, Generator]
    mixtures: Mixing
    sources: dict[Name, Source]
    test_sets: tuple[TestSet, ...] = ()
    """Shared out-of-sample sets, which every mixture is tested on too."""
    classifier: Classifier = Classifier()
    autoencoder: Autoencoder = Autoencoder()
    augmentation: Augmentation = Augmentation()
    analysis: Analysis = Analysis()
    output: Output = Output()

    @model_validator(mode="after")
    def _generators_fit(self) -> Self:
        if len(self.generators) < LEAST:
            found = ", ".join(self.generators) or "none"
            raise ValueError(
                f"`generators` names {len(self.generators)} ({found}); leaving one out of a mixture of two takes "
                f"{LEAST} or more, add some"
            )
        sources = [generator.source for generator in self.generators.values()]
        for name, generator in self.generators.items():
            if generator.source not in self.sources:
                raise ValueError(
                    f"`generators.{name}` names the source `{generator.source}`, which is not declared; "
                    f"known: {', '.join(self.sources) or 'none'}"
                )
            if sources.count(generator.source) > 1:
                raise ValueError(
                    f"`generators.{name}` names the source `{generator.source}`, which another generator has; "
                    "give each a source of its own"
                )
            if held_source(generator.source) in self.sources:
                raise ValueError(f"the source `{held_source(generator.source)}` has a name that is needed; rename it")
        for key in ("train", "validation", "test"):
            count: int = getattr(self.mixtures, key)
            least = 2 * (len(self.generators) - 1)
            if count < least:
                raise ValueError(
                    f"`mixtures.{key}` = {count} gives no image of each class to each of {least // 2} generators; "
                    f"give {least} or more"
                )
        if self.mixtures.held_out < 2:
            raise ValueError("`mixtures.held_out` = 1 gives no image of each class; give 2 or more")
        for test_set in self.test_sets:
            if test_set.name.startswith(HELD_OUT):
                raise ValueError(f"test set `{test_set.name}`: names that begin with `{HELD_OUT}` belong to generators")
        _ = self.studies()  # whatever no study may have, is refused here
        return self

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of generators that mixtures are of: k = 1, 2, … up to all but one."""
        return tuple(range(1, len(self.generators)))

    def studies(self) -> tuple[Mixture, ...]:
        """One study for each mixture, small mixtures first."""
        names = tuple(self.generators)
        return tuple(self._mixture(chosen) for k in self.sizes for chosen in combinations(names, k))

    def whole(self) -> Study:
        """A study of all generators together, with every source: to list, prepare or audit images, not to run."""
        return self._study(self.name, self.title, tuple(self.generators), ())

    def _mixture(self, chosen: tuple[str, ...]) -> Mixture:
        name = "+".join(chosen)
        study_name = ".".join((self.name, *chosen))
        title = f"{self.title}: trained on {', '.join(chosen)}"
        unseen = tuple(generator for generator in self.generators if generator not in chosen)
        return Mixture(name, chosen, self._study(study_name, title, chosen, unseen))

    def _study(self, name: str, title: str, trained: Sequence[str], unseen: Sequence[str]) -> Study:
        sources = {self.generators[each].source: self.sources[self.generators[each].source] for each in trained}
        sets = []
        for each in unseen:
            source = self.generators[each].source
            held = {"part": "test", "limit": self.mixtures.held_out}
            sources[held_source(source)] = self.sources[source].model_copy(update=held)
            sets.append(TestSet(name=held_set(each), real=(held_source(source),), fake=(held_source(source),)))
        used = [source for each in self.test_sets for source in (*each.real, *each.fake)]
        sources |= {source: self.sources[source] for source in used if source in self.sources}
        mixing = self.mixtures
        data: dict[str, Any] = {
            "name": name,
            "title": title,
            "question": self.question,
            "demo": self.demo,
            "seeds": self.seeds,
            "variants": self.variants,
            "tested_through": "own",
            "notes": self.notes,
            "image": self.image,
            "sources": sources,
            "split": {
                "sources": tuple(self.generators[each].source for each in trained),
                "train": mixing.train,
                "validation": mixing.validation,
                "test": mixing.test,
                "seed": mixing.seed,
                "shares": "equal",
            },
            "test_sets": (*sets, *self.test_sets),
            "classifier": self.classifier,
            "autoencoder": self.autoencoder,
            "augmentation": self.augmentation,
            # Maps are not what is asked: a handful, since a study has some.
            "attribution": {"points": ("image", "classifier_input"), "images": 8, "store": 8},
            "analysis": self.analysis,
            "output": self.output,
        }
        return Study.model_validate(data)


def held_source(source: str) -> str:
    """The name of the source that holds a generator's held-out images."""
    return f"{source}.{HELD_OUT}"


def held_set(generator: str) -> str:
    """The name of the test set of a generator's held-out images."""
    return f"{HELD_OUT}-{generator}"


def told_by_family(told: str) -> str:
    """What begins with a key of a mixture's own study, by the key that the family's has.

    >>> told_by_family("split.train 24 → 30"), told_by_family("sources.cifake.held-out.limit = 6")
    ('mixtures.train 24 → 30', 'mixtures.held_out = 6')
    """
    told = re.sub(r"^split\.(?=(train|validation|test|seed)\b)", "mixtures.", told)
    told = re.sub(rf"^sources\.\S+\.{HELD_OUT}\.limit\b", "mixtures.held_out", told)
    return re.sub(rf"\.{HELD_OUT}(?=[.`])", "", told)


def is_family(text: str) -> bool:
    """Whether a study file's text is that of a diversity study; text that is no TOML is not."""
    try:
        return "generators" in tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False


def is_family_run(folder: Path) -> bool:
    """Whether a folder holds the records of a diversity study."""
    try:
        return is_family((folder / "study.toml").read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return False


def family_text(name_or_path: str) -> tuple[str, Path | None] | None:
    """The text of a diversity study, shipped or in a file, and the file's folder; None where it is none."""
    shipped = resources.files("isitcap.study").joinpath(f"{name_or_path}.toml")
    if "/" not in name_or_path and not name_or_path.endswith(".toml") and shipped.is_file():
        text, base = shipped.read_text("utf-8"), None
    else:
        try:
            path = Path(name_or_path)
            text, base = path.read_text("utf-8"), path.parent
        except (OSError, UnicodeDecodeError):
            return None  # told by whoever reads it as a study
    return (text, base) if is_family(text) else None


def parse_family(text: str, file: str) -> Family:
    """Validate the text of a diversity study; `file` names it in errors.

    Raises:
        UserError: one line with file, key, value and remedy for the first thing that is wrong.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{file}: not valid TOML: {error}; mend that line") from None
    try:
        return Family.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        raise UserError(f"{file}: {explain_errors(error.errors(), Family)}") from None


def resolve_family(family: Family, *, seeds: Sequence[int] | None = None, without: Iterable[str] = ()) -> Family:
    """The family with other seeds, and without some generators or sources.

    A generator goes with its source, whichever of the two is named; a test set that is left with one class goes.

    Raises:
        UserError: `without` names neither a source nor a generator, or fewer than three generators are left.
    """
    data = family.model_dump(exclude_none=True)
    if seeds is not None:
        data["seeds"] = tuple(seeds)
    left_out = []
    for name in without:
        if name not in family.sources and name not in family.generators:
            known = ", ".join(dict.fromkeys((*family.generators, *family.sources)))
            raise UserError(
                f"--without {name}: the study `{family.name}` has no such source or generator; known: {known}"
            )
        source = family.generators[name].source if name in family.generators else name
        for generator, card in family.generators.items():
            if card.source == source:
                data["generators"].pop(generator, None)
        data["sources"].pop(source, None)
        for test_set in data["test_sets"]:
            for side in ("real", "fake"):
                test_set[side] = tuple(each for each in test_set[side] if each != source)
        left_out.append(name)
    gone = [each["name"] for each in data["test_sets"] if not (each["real"] and each["fake"])]
    data["test_sets"] = tuple(each for each in data["test_sets"] if each["name"] not in gone)
    if left_out:
        data["notes"] = (*data["notes"], f"Left out: {', '.join(left_out)}.")
    if gone:
        data["notes"] = (*data["notes"], f"Left out for want of images of both classes: {', '.join(gone)}.")
    used = {generator["source"] for generator in data["generators"].values()}
    used |= {name for each in data["test_sets"] for name in (*each["real"], *each["fake"])}
    data["sources"] = {name: source for name, source in data["sources"].items() if name in used}
    try:
        return Family.model_validate(data)
    except ValidationError as error:
        words = " ".join(f"--without {name}" for name in left_out)
        raise UserError(f"{words}: the study `{family.name}`: {explain_errors(error.errors(), Family)}") from None


def locate_family(family: Family, base: Path | None, locations: Locations) -> dict[str, Path]:
    """Where the images of each source lie, those of held-out images included; see `isitcap.study.load.locate`.

    Raises:
        UserError: as `locate`.
    """
    whole = family.whole()
    own = whole.model_copy(update={"sources": dict(family.sources)})
    needed = {generator.source for generator in family.generators.values()}
    split = own.split.model_copy(update={"sources": ()})  # so that every source may be left out
    places = locate(own.model_copy(update={"split": split}), base, locations)
    return places | {held_source(name): place for name, place in places.items() if name in needed}


def dump_family(family: Family, places: Mapping[str, Path] | None = None) -> str:
    """The family as TOML with every default written out and, if given, every source's place."""
    data = family.model_dump(mode="json", exclude_none=True)
    for name, path in (places or {}).items():
        if name in data["sources"]:
            data["sources"][name]["path"] = str(path)
    return dump_data(data)
