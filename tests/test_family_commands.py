"""`isitcap run` of a diversity study: trained tiny, resumed, and what it refuses before it trains."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

sys.path.insert(0, str(Path(__file__).parent))  # for `family_study`

from family_study import GENERATORS, mixtures, write_family  # noqa: E402

from analysis.diversity_results import read_diversity  # noqa: E402
from isitcap import family_commands  # noqa: E402
from isitcap.cli import main  # noqa: E402
from isitcap.data.assemble import StudyData, assemble  # noqa: E402
from isitcap.errors import UserError  # noqa: E402
from isitcap.family_commands import (  # noqa: E402
    AUTOENCODER_RATE,
    CLASSIFIER_RATE,
    FORWARD,
    Prepared,
    check_images,
    plan_lines,
    seed_seconds,
)
from isitcap.family_findings import mixture_directory  # noqa: E402
from isitcap.study.family import Family, locate_family, parse_family  # noqa: E402
from isitcap.study.load import Locations  # noqa: E402
from isitcap.testing import record_hashes  # noqa: E402
from isitcap.training.environment import Environment  # noqa: E402


def run(study: Path, out: Path, *more: str) -> int:
    return main(["run", str(study), "--out", str(out), "--cache", str(study.parent / "cache"), *more])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tiny study and the folder that one command filled."""
    folder = tmp_path_factory.mktemp("family")
    study = write_family(folder)
    assert run(study, folder / "out", "--quiet") == 0
    return study, folder / "out"


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


def test_one_command_leads_to_the_document(trained: tuple[Path, Path]) -> None:
    """Every mixture has a run directory of its own, the family has findings, tables and the page."""
    _, out = trained
    assert {path.name for path in (out / "mixtures").iterdir()} == {"+".join(chosen) for chosen in mixtures()}
    found = read_diversity(out / "results.json")
    assert {row.k for row in found.levels} == {1, 2}
    assert all(row.n_seeds == 3 for row in found.levels)
    assert (out / "reports" / "diversity.html").is_file()
    assert (out / "tables" / "contrasts.csv").is_file()
    assert found.verdict.sentences[0].endswith(".")


def test_held_out_images_are_those_of_unseen_generators(trained: tuple[Path, Path]) -> None:
    """A mixture has predictions on each generator that is not its own, the same images as every other mixture."""
    _, out = trained
    images: dict[str, pd.DataFrame] = {}
    for chosen in mixtures():
        folder = mixture_directory(out, "+".join(chosen))
        frame = pd.read_parquet(folder / "runs" / "baseline" / "seed-0" / "predictions.parquet")
        held = {name for name in frame["test_set"].unique() if name.startswith("held-out")}
        assert held == {f"held-out-{name}@bilinear" for name in GENERATORS if name not in chosen}
        for name in held:
            index = pd.read_parquet(folder / "images" / f"{name}.parquet")
            assert images.setdefault(name, index).equals(index)
            assert len(index) == 8


def test_a_second_start_trains_nothing_and_a_lost_stage_alone_is_made_again(
    trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is finished is kept to the byte; of an interrupted mixture only what is missing is made."""
    study, out = trained
    before = {path.name: record_hashes(path) for path in (out / "mixtures").iterdir()}
    (mixture_directory(out, "two") / "runs" / "augment" / "seed-1" / "predict.done.json").unlink()
    made: list[str] = []
    train = family_commands.train

    def watched(given: object, study: object, places: object, folder: Path) -> bool:
        done = train(given, study, places, folder)  # type: ignore[arg-type]
        made.extend([folder.name] if done else [])
        return done

    monkeypatch.setattr(family_commands, "train", watched)
    assert run(study, out) == 0
    assert made == ["two"]
    text = capsys.readouterr().err
    assert "17 of 18 mixtures × seeds are finished already, and kept" in text
    assert text.count("nothing to train") == 5
    assert {path.name: record_hashes(path) for path in (out / "mixtures").iterdir()} == before


def test_an_interrupt_keeps_finished_mixtures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the second mixture: exit code 130, the first one's runs and what was declared are on record."""
    study, calls = write_family(tmp_path, seeds="[0]"), []
    train = family_commands.train

    def interrupted(given: object, one: object, places: object, folder: Path) -> bool:
        calls.append(folder.name)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train(given, one, places, folder)  # type: ignore[arg-type]

    monkeypatch.setattr(family_commands, "train", interrupted)
    assert run(study, tmp_path / "out") == 130
    assert "goes on where this one stopped" in capsys.readouterr().err
    assert calls == ["one", "two"]
    assert (mixture_directory(tmp_path / "out", "one") / "runs" / "augment" / "seed-0" / "predict.done.json").exists()
    assert (tmp_path / "out" / "manifest.json").exists()
    assert main(["report", str(tmp_path / "out")]) == 2
    assert "5 of 6 mixtures are not begun" in capsys.readouterr().err


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
    from dataclasses import replace

    spoilt = replace(images, test_sets=(*images.test_sets[:-1], replace(outside, index=index)))
    with pytest.raises(UserError, match=r"1 images of the test set `elsewhere@bilinear` are also training images"):
        check_images(mixture, family, spoilt)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("train = 48", "train = 96", "split.train: a share of 48 real training images is asked of `set-one`"),
        ("held_out = 8", "held_out = 60", "mixtures.held_out = 60: the part `test` of `set-two` has 24 images"),
        ("test = 8\nheld", "test = 40\nheld", "split.validation and split.test: a share of 24 real test images"),
        ('path = "set-three"', 'path = "far/../near"', "source `set-three.held-out`"),
        ('path = "set-three"', 'path = "nowhere"', "no such file or folder"),
    ],
)
def test_too_few_images_end_in_one_line_before_training(
    tmp_path: Path, old: str, new: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, one line with key and number, and no run directory."""
    study = write_family(tmp_path)
    text = study.read_text("utf-8")
    assert text.count(old) == 1
    study.write_text(text.replace(old, new), "utf-8")
    assert run(study, tmp_path / "out", "--quiet") == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("isitcap:")]
    assert len(lines) == 1
    assert message in lines[0]
    assert not (tmp_path / "out").exists()


def test_other_folders_are_refused(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder of another family, and one of a single study."""
    study, out = trained
    other = tmp_path / "other.toml"
    text = study.read_text("utf-8").replace('path = "', f'path = "{study.parent}/')
    other.write_text(text.replace('name = "tiny-diversity"', 'name = "other"'), "utf-8")
    assert run(other, out) == 2
    assert "holds records of the study `tiny-diversity`, not of `other`" in capsys.readouterr().err
    assert run(study, mixture_directory(out, "one")) == 2
    assert "holds records of a single study" in capsys.readouterr().err


def test_missing_images_say_how_to_give_them_or_leave_them_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shipped study without CIFAKE names both ways; with two generators left there is nothing to compare."""
    assert main(["run", "diversity", "--out", str(tmp_path / "out")]) == 2
    text = capsys.readouterr().err
    assert "--data cifake=PATH" in text
    assert "--without cifake" in text
    assert main(["run", "diversity-demo", "--without", "leaves", "--out", str(tmp_path / "out")]) == 2
    assert "`generators` names 2 (latent, quilting)" in capsys.readouterr().err


def test_the_plan_says_counts_images_and_hours(data: tuple[Family, dict[str, StudyData]]) -> None:
    """Mixtures by size, classifiers, images, what is kept, and hours by the stated rates; no hours without a rate."""
    family, found = data
    prepared = [
        Prepared(
            each,
            len(found[each.name].train),
            1_000_000,
            (),
            (),
            tuple((one.name, len(one)) for one in found[each.name].test_sets if one.role == "out_of_sample"),
        )
        for each in family.studies()
    ]
    cpu = Environment(torch.device("cpu"), None, 1)
    lines = plan_lines(family, prepared, cpu, {})
    assert "6 mixtures (3 of one generator, 3 of two generators) × 3 seeds × 2 variants" in lines[0]
    assert "36 classifiers and 18 autoencoders" in lines[0]
    assert "48 in every mixture" in lines[1]
    assert "held-out-one@bilinear 8" in lines[2]
    hours = 18 * seed_seconds(family.studies()[0].study, 1_000_000, 1) / 3600
    assert f"on cpu, 1 thread: about {hours:.1f} h" in lines[-1]
    some = plan_lines(family, prepared, cpu, {"one": 3})
    assert "3 of 18 mixtures × seeds are finished already" in some[3]
    assert f"about {hours * 15 / 18:.1f} h" in some[-1]
    assert "no rate is known" in plan_lines(family, prepared, Environment(torch.device("cuda"), None, 2), {})[-1]


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
        behind = study.model_copy(update={"variants": ("baseline", "augment", "autoencoder")})
        more = 48 * (1 / classifier + FORWARD / autoencoder) + FORWARD * 1000 * (1 / classifier + 1 / autoencoder)
        assert seed_seconds(behind, 1000, threads) == pytest.approx((training + testing + more) / 4)
