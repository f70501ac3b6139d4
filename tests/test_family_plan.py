"""What is found of a diversity study before it trains: images that fit, what is done, and how long the rest takes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

sys.path.insert(0, str(Path(__file__).parent))  # for `family_study`

from family_study import write_family  # noqa: E402

from isitcap.data.assemble import StudyData, assemble  # noqa: E402
from isitcap.errors import UserError  # noqa: E402
from isitcap.family_plan import (  # noqa: E402
    AUTOENCODER_RATE,
    CLASSIFIER_RATE,
    FORWARD,
    Prepared,
    check_images,
    check_parts,
    plan_lines,
    prediction_seconds,
    refuse_loss,
    seed_seconds,
)
from isitcap.study.family import Family, locate_family, parse_family  # noqa: E402
from isitcap.study.load import Locations  # noqa: E402
from isitcap.training.environment import Environment  # noqa: E402
from isitcap.training.outlook import Loss  # noqa: E402


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Family, dict[str, StudyData]]:
    """The images of every mixture of a tiny study."""
    folder = tmp_path_factory.mktemp("images")
    text = write_family(folder).read_text("utf-8")
    family = parse_family(text, "family.toml")
    places = locate_family(family, folder, Locations())
    found = {
        each.name: assemble(
            each.study,
            {name: places[name] for name in each.study.sources if name in places},
            folder / "cache",
            show=False,
        )
        for each in family.studies()
    }
    return family, found


def test_training_sets_are_equal_and_no_test_image_is_in_them(data: tuple[Family, dict[str, StudyData]]) -> None:
    """48 training images of every mixture, half of each class, in equal shares; nothing held out is trained on."""
    family, found = data
    trained: set[str] = set()
    held: set[str] = set()
    for mixture in family.studies():
        images = found[mixture.name]
        index = images.train.index
        k = len(mixture.generators)
        assert len(images.train) == 48
        cells = index.groupby(["source", "label"]).size()
        assert cells.to_dict() == {(f"set-{name}", label): 24 // k for name in mixture.generators for label in (0, 1)}
        check_images(mixture, family, images)
        trained |= set(index["sha256"])
        held |= {one for each in images.test_sets if each.name.startswith("held-out") for one in each.index["sha256"]}
    assert len(held) == 3 * 8
    assert not trained & held


def test_a_test_image_that_is_trained_on_is_refused(data: tuple[Family, dict[str, StudyData]]) -> None:
    """A held-out or shared image among the training images is named before anything is trained."""
    family, found = data
    mixture = family.studies()[0]
    images = found[mixture.name]
    outside = images.test_sets[-1]
    index = outside.index.assign(sha256=[images.train.index["sha256"].iloc[0], *outside.index["sha256"].iloc[1:]])
    spoilt = replace(images, test_sets=(*images.test_sets[:-1], replace(outside, index=index)))
    with pytest.raises(UserError, match=r"1 images of the test set `elsewhere@bilinear` are also training images"):
        check_images(mixture, family, spoilt)


def prepared(family: Family, found: dict[str, StudyData], states: dict[str, tuple[int, int]]) -> list[Prepared]:
    """Every mixture with a million test images; `states`: seeds to be trained and to be tested alone, if not 3, 0."""
    return [
        Prepared(
            each,
            len(found[each.name].train),
            1_000_000,
            (),
            (),
            tuple((one.name, len(one)) for one in found[each.name].test_sets if one.role == "out_of_sample"),
            *states.get(each.name, (3, 0)),
        )
        for each in family.studies()
    ]


def test_the_plan_says_counts_images_and_hours(data: tuple[Family, dict[str, StudyData]]) -> None:
    """Mixtures by size, classifiers, images, what is kept, and hours by the stated rates; no hours without a rate."""
    family, found = data
    cpu = Environment(torch.device("cpu"), None, 1)
    lines = plan_lines(family, prepared(family, found, {}), cpu)
    assert "6 mixtures (3 of one generator, 3 of two generators) × 3 seeds × 2 variants" in lines[0]
    assert "36 classifiers and 18 autoencoders" in lines[0]
    assert "48 in every mixture" in lines[1]
    assert "held-out-one@bilinear 8" in lines[2]
    assert not any("finished already" in line for line in lines)
    study = family.studies()[0].study
    hours = 18 * seed_seconds(study, 1_000_000, 1) / 3600
    assert f"on cpu, 1 thread: about {hours:.1f} h" in lines[-1]
    some = plan_lines(family, prepared(family, found, {"one": (0, 0), "two": (0, 3)}), cpu)
    assert "3 of 18 mixtures × seeds are finished already" in some[3]
    less = hours * 12 / 18 + 3 * prediction_seconds(study, 1_000_000, 1) / 3600
    assert f"about {less:.1f} h" in some[-1]
    cuda = Environment(torch.device("cuda"), None, 2)
    assert "no rate is known" in plan_lines(family, prepared(family, found, {}), cuda)[-1]


def test_what_is_lost_is_counted_over_all_mixtures(data: tuple[Family, dict[str, StudyData]], tmp_path: Path) -> None:
    """One line: how many mixtures and which is the first, runs summed, each reason once, in the family's own keys."""
    family, found = data
    fresh = prepared(family, found, {})
    refuse_loss(tmp_path, fresh)
    lost = {
        "two": Loss(6, 0, ("split.train 24 → 48", "data of source `set-one.held-out` changed")),
        "one+two": Loss(4, 2, ("split.train 24 → 48", "sources.set-three.held-out.limit 6 → 8")),
    }
    some = [replace(each, lost=lost.get(each.mixture.name)) for each in fresh]
    with pytest.raises(UserError) as error:
        refuse_loss(tmp_path, some)
    reasons = "mixtures.train 24 → 48; data of source `set-one` changed; mixtures.held_out 6 → 8"
    assert str(error.value) == (
        f"{tmp_path}: in 2 of 6 mixtures (two is the first), 12 finished runs would be lost (10 trained again and "
        f"2 tested again), since what bears on them is no longer the same: {reasons}; "
        "give another folder with --out to keep them, or --again to make them over"
    )
    lines = plan_lines(family, some, Environment(torch.device("cpu"), None, 1))
    assert f"finished runs that are made over: 12, because of {reasons}" in lines


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (lambda index: index["part"] != "test", "sources.set-two has no part `test`; put its images"),
        (lambda index: index["part"] == "", "sources.set-two has no part `train` and no part `test`; put its images"),
        (
            lambda index: (index["part"] == "test") | (index["label"] == 1),
            "sources.set-two has no real images in part `train`; put its images",
        ),
    ],
)
def test_a_generator_without_parts_is_named(
    data: tuple[Family, dict[str, StudyData]], keep: Callable[[pd.DataFrame], pd.Series], message: str
) -> None:
    """What is lacking is told of the generator and its source, with what both parts must hold."""
    family, _ = data
    index = pd.DataFrame([(part, label) for part in ("train", "test") for label in (0, 1)], columns=["part", "label"])
    check_parts("two", family, index)
    with pytest.raises(UserError) as error:
        check_parts("two", family, index[keep(index)])
    assert str(error.value).startswith("generators.two: its source needs parts `train` and `test`")
    assert message in str(error.value)


def test_seconds_of_a_seed_by_hand(data: tuple[Family, dict[str, StudyData]]) -> None:
    """An autoencoder and two classifiers of 48 images, and a test of each along its path; 16 px are a quarter of 32.

    Behind the autoencoder, a classifier takes a forward pass of it more, in training and in the test.
    """
    study = data[0].studies()[0].study
    for threads in (1, 2, 4):
        classifier, autoencoder = (rate[min(threads, 2)] for rate in (CLASSIFIER_RATE, AUTOENCODER_RATE))
        training = 48 / autoencoder + 2 * 48 / classifier
        testing = FORWARD * 1000 * 2 / classifier
        assert seed_seconds(study, 1000, threads) == pytest.approx((training + testing) / 4)
        assert prediction_seconds(study, 1000, threads) == pytest.approx(testing / 4)
        behind = study.model_copy(update={"variants": ("baseline", "augment", "autoencoder")})
        more = 48 * (1 / classifier + FORWARD / autoencoder) + FORWARD * 1000 * (1 / classifier + 1 / autoencoder)
        assert seed_seconds(behind, 1000, threads) == pytest.approx((training + testing + more) / 4)
