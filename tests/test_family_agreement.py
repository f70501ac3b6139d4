"""Mixtures that were made under other settings than the study that they are analysed with. Torch is not needed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `family_study`

from family_study import made_up_records

from isitcap.errors import UserError
from isitcap.family_agreement import MAY_DIFFER
from isitcap.family_findings import mixture_directory, open_family
from isitcap.records.atomic import digest
from isitcap.records.directory import RunDirectory, Stage
from isitcap.study.family import Family
from isitcap.study.models import Study


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Family]:
    out = tmp_path_factory.mktemp("family") / "run"
    return out, made_up_records(out)[0]


@pytest.fixture
def copy(records: tuple[Path, Family], tmp_path: Path) -> Path:
    """The records, to be changed."""
    shutil.copytree(records[0], tmp_path / "run")
    return tmp_path / "run"


def edit(folder: Path, old: str, new: str) -> None:
    """Change the first place in a folder's study that reads so."""
    path = folder / "study.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("epochs = 1\n", "epochs = 2\n", "classifier.epochs = 2, the study says 1;"),
        ("size = 16", "size = 32", "image.size = 32, the study says 16;"),
        ("probability = 0.8", "probability = 0.5", "augmentation.probability = 0.5, the study says 0.8;"),
        ("train = 48", "train = 24", "mixtures.train = 24, the study says 48;"),
        ("limit = 8", "limit = 6", "mixtures.held_out = 6, the study says 8;"),
        ('label = "real"', 'label = "real"\nlimit = 5', "sources.far.limit = 5, the study says none;"),
        (
            "epochs = 1\nbatch_size = 16\nlearning_rate = 0.002",
            "epochs = 3\nbatch_size = 8\nlearning_rate = 0.002",
            "classifier.batch_size = 8, the study says 16 (and 1 more);",
        ),
    ],
)
def test_a_mixture_of_other_settings_is_refused(copy: Path, old: str, new: str, told: str) -> None:
    """One line with the mixture, the family's key and both values, whichever setting bears on decisions."""
    folder = mixture_directory(copy, "one+two")
    edit(folder, old, new)
    with pytest.raises(UserError) as error:
        open_family(copy)
    assert str(error.value) == f"{folder}: {told} finish with `isitcap run`"


def test_a_test_set_that_one_of_both_lacks_is_named(copy: Path) -> None:
    """A shared set that the mixture was not yet tested on, or is no longer to be."""
    edit(mixture_directory(copy, "two"), 'name = "elsewhere"', 'name = "nowhere"')
    with pytest.raises(UserError, match=r"two: test_sets.elsewhere is not in it, the study has it \(and 1 more\)"):
        open_family(copy)
    for name in ("one", "three"):
        edit(mixture_directory(copy, name), 'name = "elsewhere"', 'name = "nowhere"')
    edit(copy, 'name = "elsewhere"', 'name = "nowhere"')
    with pytest.raises(UserError, match=r"one\+two: test_sets.elsewhere is in it, the study does not have it"):
        open_family(copy)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('question = "Does it help?"', 'question = "As it was asked before"'),
        ('title = "A tiny diversity study', 'title = "Another'),
        ("seeds = [0, 1, 2]", "seeds = [0, 1, 2, 3]"),
        ("out_of_sample = 0.05", "out_of_sample = 0.2"),
        ('formats = ["html"]', 'formats = ["html", "pdf"]'),
        ('tested_through = "own"', 'tested_through = "all"'),
        ('path = "far"', 'path = "/elsewhere/far"'),
        ('description = ""', 'description = "photographs"'),
        ("images = 8", "images = 16"),
    ],
)
def test_what_bears_on_no_decision_may_differ(copy: Path, old: str, new: str) -> None:
    """Words, places, more seeds, what is quoted or explained: such mixtures are analysed as before."""
    folder = mixture_directory(copy, "one")
    edit(folder, old, new)
    if "seeds" in old:
        for variant in ("baseline", "augment"):
            shutil.copytree(folder / "runs" / variant / "seed-2", folder / "runs" / variant / "seed-3")
    assert len(open_family(copy).runs) == 6


def test_every_part_of_a_study_is_compared_or_known_not_to_matter() -> None:
    """A part that studies are given later is compared, and one that is gone is not listed."""
    assert set(Study.model_fields) > MAY_DIFFER
    assert set(Study.model_fields) - MAY_DIFFER == {
        *("image", "sources", "split", "test_sets", "training_mix"),
        *("classifier", "autoencoder", "augmentation"),
    }


def mark(folder: Path, study: Study, *, train: str = "a", sets: str = "c", **settings: Any) -> None:
    """Marks of training and testing as `isitcap run` leaves them, but for what bears on no comparison."""
    trained = {
        "classifier": study.classifier.model_dump(mode="json"),
        "augmentation": study.augmentation.model_dump(mode="json"),
        "image_size": study.image.size,
        "study_seed": study.split.seed,
        "train": train,
        "validation": "b",
        "autoencoder": "0" * 64,
    } | settings
    Stage(folder, "train", trained).finish([])
    tested = {"classifier": digest(trained), "autoencoder": "0" * 64, "test_sets": {"test": sets}}
    Stage(folder, "predict", tested).finish([])


def test_a_mixture_whose_runs_are_half_made_over_is_refused(copy: Path, records: tuple[Path, Family]) -> None:
    """Runs of earlier settings or images beside those of now, and a run that was trained again but not yet tested."""
    mixture = records[1].studies()[0]
    study, root = mixture.study, mixture_directory(copy, mixture.name)
    folders = [RunDirectory(root).run(variant, seed) for seed in study.seeds for variant in study.variants]
    for folder in folders:
        mark(folder, study)
    autoencoder = RunDirectory(root).autoencoder(1)
    identity = {"autoencoder": study.autoencoder.model_dump(mode="json"), "train": "a", "validation": "b"}
    Stage(autoencoder, "train", identity).finish([])
    assert len(open_family(copy).runs) == 6

    def refused(told: str) -> None:
        with pytest.raises(UserError) as error:
            open_family(copy)
        assert str(error.value) == f"{root}: {told}; finish with `isitcap run`"

    last = folders[-1]
    mark(last, study, classifier=study.classifier.model_dump(mode="json") | {"epochs": 4})
    refused("runs/augment/seed-2 has classifier.epochs = 4, the study says 1")
    mark(last, study, image_size=32)
    refused("runs/augment/seed-2 has image.size = 32, the study says 16")
    mark(last, study, train="other")
    refused("runs/augment/seed-2 was trained on other images than runs/baseline/seed-0")
    mark(last, study, sets="other")
    refused("runs/augment/seed-2 was tested on other images than runs/baseline/seed-0")
    mark(last, study)
    Stage(last, "train", {"train": "a", "validation": "b"}).finish([])
    refused("runs/augment/seed-2 was trained again, and not tested since")
    mark(last, study)
    changed = study.autoencoder.model_dump(mode="json") | {"width": 16}
    Stage(autoencoder, "train", identity | {"autoencoder": changed}).finish([])
    refused("autoencoders/seed-1 has autoencoder.width = 16, the study says 8")
