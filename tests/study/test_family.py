"""A diversity study: which studies it stands for, and what it refuses."""

from __future__ import annotations

from itertools import combinations
from math import comb
from pathlib import Path

import pytest

from isitcap.errors import UserError
from isitcap.study import FAMILIES, Locations, load_study
from isitcap.study.family import (
    Family,
    dump_family,
    family_text,
    held_set,
    held_source,
    is_family,
    is_family_run,
    locate_family,
    parse_family,
    resolve_family,
    told_by_family,
)
from isitcap.study.load import parse_study

TEXT = """
name = "small"
title = "Small"
seeds = [0, 1, 2]

[generators.one]
source = "first"
[generators.two]
source = "second"
[generators.three]
source = "third"

[mixtures]
train = 24
validation = 8
test = 8
held_out = 6
seed = 7

[sources.first]
kind = "cifake"
[sources.second]
kind = "embedded"
embedded = "latent-corpus"
per_class = [12, 8]
[sources.third]
kind = "embedded"
embedded = "leaves-corpus"
per_class = [12, 8]
[sources.photos]
kind = "images"
label = "real"
[sources.painter]
kind = "images"
label = "synthetic"

[[test_sets]]
name = "elsewhere"
real = ["photos"]
fake = ["painter"]

[analysis.margins]
out_of_sample = 0.03
"""


@pytest.fixture
def family() -> Family:
    return parse_family(TEXT, "small.toml")


def test_there_is_a_study_for_every_mixture_that_leaves_one_out(family: Family) -> None:
    """All nonempty subsets but the whole, small ones first, each trained on its own generators."""
    found = family.studies()
    expected = [chosen for k in (1, 2) for chosen in combinations(("one", "two", "three"), k)]
    assert [each.generators for each in found] == expected
    assert [each.name for each in found] == ["+".join(chosen) for chosen in expected]
    sources = {"one": "first", "two": "second", "three": "third"}
    for each in found:
        assert each.study.split.sources == tuple(sources[name] for name in each.generators)
    assert len({each.study.name for each in found}) == len(found)


def test_training_numbers_are_equal_whatever_k(family: Family) -> None:
    """Every mixture asks for the same numbers, in equal shares, with the same seed."""
    splits = {each.study.split.model_copy(update={"sources": ()}).model_dump_json() for each in family.studies()}
    assert len(splits) == 1
    split = family.studies()[-1].study.split
    assert (split.train, split.validation, split.test, split.seed, split.shares) == (24, 8, 8, 7, "equal")


def test_a_mixture_is_tested_on_what_it_has_not_seen_and_on_the_shared_sets(family: Family) -> None:
    """Held-out sets of all other generators, of the part `test`, as many images each; then the shared ones."""
    for each in family.studies():
        unseen = [name for name in ("one", "two", "three") if name not in each.generators]
        assert [one.name for one in each.study.test_sets] == [*map(held_set, unseen), "elsewhere"]
        for name in unseen:
            held = each.study.sources[held_source(family.generators[name].source)]
            assert (held.part, held.limit) == ("test", 6)
            assert family.generators[name].source not in each.study.sources
        assert each.study.analysis.margins.out_of_sample == 0.03
        assert each.study.tested_through == "own"


@pytest.mark.parametrize("name", FAMILIES)
def test_shipped_families_survive_being_written_out(name: str) -> None:
    """A shipped diversity study loads by name, and its resolved form reads back as the same."""
    found = family_text(name)
    assert found is not None
    text, base = found
    family = parse_family(text, name)
    assert (family.name, base) == (name, None)
    assert parse_family(dump_family(family), "resolved.toml") == family
    count = len(family.generators)
    assert [len([m for m in family.studies() if len(m.generators) == k]) for k in family.sizes] == [
        comb(count, k) for k in range(1, count)
    ]


def test_the_shipped_study_is_as_large_as_was_decided() -> None:
    """20,000 training images and 4 epochs a run; CIFAKE and three embedded generators; five seeds."""
    text, _ = family_text("diversity") or ("", None)
    family = parse_family(text, "diversity")
    assert (family.mixtures.train, family.classifier.epochs, len(family.seeds)) == (20_000, 4, 5)
    assert [family.sources[card.source].kind for card in family.generators.values()] == ["cifake", *["embedded"] * 3]
    poster, _ = load_study("poster")
    assert family.test_sets == poster.test_sets
    assert family.augmentation == poster.augmentation


def test_a_family_loads_as_the_study_of_all_its_sources() -> None:
    """To list and prepare images, a diversity study stands for one with every source."""
    study, base = load_study("diversity-demo")
    assert (study.name, base) == ("diversity-demo", None)
    assert set(study.sources) == {"latent", "quilting", "leaves"}


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ('[generators.three]\nsource = "third"', "", ("`generators` names 2 (one, two)", "add some")),
        ('source = "third"', 'source = "fourth"', ("`generators.three`", "`fourth`", "known: first, second, third")),
        ('source = "third"', 'source = "second"', ("`second`", "another generator has")),
        ("out_of_sample = 0.03", "out_of_sample = 1.5", ("analysis.margins.out_of_sample = 1.5", "less than 1")),
        ("out_of_sample = 0.03", "out_of_sample = 0", ("analysis.margins.out_of_sample = 0", "greater than 0")),
        ("train = 24", "train = 3", ("`mixtures.train` = 3", "4 or more")),
        ("test = 8", "test = 3", ("`mixtures.test` = 3", "4 or more")),
        ("held_out = 6", "held_out = 1", ("`mixtures.held_out` = 1", "2 or more")),
        ("held_out = 6", "held_uot = 6", ("mixtures.held_uot", "did you mean `held_out`?")),
        ('name = "elsewhere"', 'name = "held-out-x"', ("`held-out-x`", "belong to generators")),
        ("[sources.photos]", '[sources."third.held-out"]', ("third.held-out", "rename it")),
        ('title = "Small"', "", ("title: missing",)),
        ("seeds = [0, 1, 2]", "seeds = [0, 0]", ("`seeds` names one value twice",)),
        ("held_out = 6", "held_out = ", ("not valid TOML",)),
    ],
)
def test_a_mistake_is_one_line(old: str, new: str, parts: tuple[str, ...]) -> None:
    """Each kind of mistake names file, key or value, and what to do, in one line."""
    assert TEXT.count(old) == 1
    with pytest.raises(UserError) as error:
        parse_family(TEXT.replace(old, new), "small.toml")
    text = str(error.value)
    assert "\n" not in text
    for part in ("small.toml", *parts):
        assert part in text


def test_a_generator_is_left_out_by_either_name() -> None:
    """`--without` takes the source or the generator; with it go its mixtures, and the rest is noted."""
    text, _ = family_text("diversity") or ("", None)
    family = parse_family(text, "diversity")
    by_source, by_name = (resolve_family(family, without=[word]) for word in ("cifake", "stable-diffusion"))
    assert tuple(by_source.generators) == tuple(by_name.generators) == ("latent", "quilting", "leaves")
    assert len(by_source.studies()) == 6
    assert "cifake" not in by_source.sources
    assert by_source.notes[-1] == "Left out: cifake."


def test_a_test_set_without_a_class_goes(family: Family) -> None:
    """Without its only fakes a shared set is left out, with its sources and a note; seeds are overridden."""
    less = resolve_family(family, seeds=[4, 5], without=["painter"])
    assert less.test_sets == ()
    assert set(less.sources) == {"first", "second", "third"}
    assert "elsewhere" in less.notes[-1]
    assert less.seeds == (4, 5)


@pytest.mark.parametrize(
    ("names", "parts"),
    [(["first"], ("--without first", "`generators` names 2")), (["other"], ("--without other", "known: one, two"))],
)
def test_too_few_generators_left_are_refused(family: Family, names: list[str], parts: tuple[str, ...]) -> None:
    """Fewer than three generators, or an unknown name, end in one line."""
    with pytest.raises(UserError) as error:
        resolve_family(family, without=names)
    for part in parts:
        assert part in str(error.value)


def test_places_serve_the_held_out_images_too(family: Family, tmp_path: Path) -> None:
    """A source's place is that of its held-out images; one that is missing says how to give it or leave it out."""
    for name in ("first.zip", "photos.zip", "painter.zip"):
        (tmp_path / name).touch()
    places = locate_family(family, None, Locations(folders=(tmp_path,)))
    assert places["first"] == places[held_source("first")] == (tmp_path / "first.zip").resolve()
    assert set(places) == {"first", "photos", "painter", held_source("first")}
    with pytest.raises(UserError, match=r"sources\.first.*--data first=PATH.*--without first"):
        locate_family(family, None, Locations())


def test_families_are_told_from_studies(tmp_path: Path) -> None:
    """By their generators; a single study's parser refuses one, and says what to give."""
    assert is_family(TEXT)
    assert not is_family('name = "x"')
    assert not is_family("not TOML [")
    assert family_text("poster") is None
    assert family_text(str(tmp_path / "none.toml")) is None
    (tmp_path / "small.toml").write_text(TEXT, "utf-8")
    assert family_text(str(tmp_path / "small.toml")) == (TEXT, tmp_path)
    with pytest.raises(UserError, match="give one of its mixtures"):
        parse_study(TEXT, "small.toml")
    assert not is_family_run(tmp_path)
    (tmp_path / "study.toml").write_text(TEXT, "utf-8")
    assert is_family_run(tmp_path)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("split.train 24 → 48", "mixtures.train 24 → 48"),
        ("split.seed", "mixtures.seed"),
        ("split.sources changed", "split.sources changed"),
        ("sources.my.set.held-out.limit = 6", "mixtures.held_out = 6"),
        ("sources.first.held-out.labels changed", "sources.first.labels changed"),
        ("data of source `first.held-out` changed", "data of source `first` changed"),
        ("images of test set `held-out-one@bilinear` changed", "images of test set `held-out-one@bilinear` changed"),
        ("classifier.epochs 1 → 2", "classifier.epochs 1 → 2"),
    ],
)
def test_keys_of_mixtures_are_told_as_the_familys(told: str, expected: str) -> None:
    """Counts stand in `mixtures`, held-out sources in those that they are of; all else has one name in both."""
    assert told_by_family(told) == expected
