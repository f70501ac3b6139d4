"""Control sets: their names, their images, and that they are made of the images of the test set they are of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isitcap.data.assemble import StudyData, assemble, needed_packs
from isitcap.data.corruptions import corrupt
from isitcap.errors import UserError
from isitcap.study.load import load_study
from isitcap.study.models import Study
from isitcap.testing import tiny_study

CONTROLS = """
[controls]
kernels = ["nearest", "bilinear"]
reencode = [true, false]

[robustness]
images = 10
jpeg = [50]
blur = [1.5]
noise = [0.05]
resize = []
crop = [0.5]
brightness = [1.25]
"""

LARGE = 40
"""Pixels on a side of images that a kernel has something to do with."""


def study_of(folder: Path, text: str = CONTROLS, *, native: bool = False) -> Study:
    path = tiny_study(folder)
    if not native:
        rng = np.random.default_rng(5)
        for place in ("other-camera", "other-grid"):
            for file in sorted((folder / place).iterdir()):
                Image.fromarray(rng.integers(0, 256, (LARGE, LARGE, 3), dtype=np.uint8)).save(file)
    path.write_text(path.read_text("utf-8") + text, "utf-8")
    return load_study(str(path))[0]


def made(folder: Path, study: Study) -> StudyData:
    places = {name: folder / str(source.path) for name, source in study.sources.items()}
    return assemble(study, places, folder / "cache", show=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("controls")


@pytest.fixture(scope="module")
def data(place: Path) -> StudyData:
    return made(place, study_of(place))


def test_names_say_what_was_done(data: StudyData) -> None:
    """Pipelines first, the test set's own among them, then corruptions of every test set but validation."""
    corruptions = ["jpeg-50", "blur-1.5", "noise-0.05", "crop-0.5", "brightness-1.25"]
    assert [control.name for control in data.controls] == [
        "elsewhere@bilinear",
        "elsewhere@nearest+jpeg75",
        "elsewhere@bilinear+jpeg75",
        "elsewhere@nearest",
        *(f"test~{name}" for name in corruptions),
        *(f"elsewhere@bilinear~{name}" for name in corruptions),
    ]
    rows = {control.name: control.row for control in data.controls}
    assert rows["elsewhere@nearest+jpeg75"] == {
        "name": "elsewhere@nearest+jpeg75",
        "base": "elsewhere@bilinear",
        "kind": "pipeline",
        "kernel": "nearest",
        "reencode": True,
        "corruption": None,
        "level": None,
    }
    crop = rows["test~crop-0.5"]
    assert (crop["base"], crop["kind"], crop["corruption"], crop["level"]) == ("test", "corruption", "crop", 0.5)
    assert (crop["kernel"], crop["reencode"]) == (None, None)


def test_a_pipeline_is_of_the_same_images_made_anew(data: StudyData, place: Path) -> None:
    """Nearest takes single pixels of the file; ids and order are those of the test set."""
    controls = {control.name: control for control in data.controls}
    base = data.test_sets[-1]
    images = controls["elsewhere@nearest"].load()
    assert images.index.equals(base.index)
    assert (images.pixels != base.pixels).any()
    first = Image.open(place / images.index["image_id"].iloc[0])
    assert (images.pixels[0] == np.asarray(first.resize((16, 16), Image.Resampling.NEAREST))).all()
    assert (controls["elsewhere@nearest+jpeg75"].load().pixels != images.pixels).any()
    assert controls["elsewhere@bilinear"].load() is base


def test_a_corruption_is_of_a_sample_in_proportion(data: StudyData) -> None:
    """Ten images, five of each label, the same for every corruption of a test set, corrupted by name and level."""
    base = data.test_sets[-1]
    corrupted = [control for control in data.controls if control.base == base.name and control.kind == "corruption"]
    indexes = [control.index for control in corrupted]
    assert all(index.equals(indexes[0]) for index in indexes)
    assert sorted(indexes[0]["label"]) == [0] * 5 + [1] * 5
    rows = base.index.index[base.index["image_id"].isin(indexes[0]["image_id"])]
    for control in corrupted:
        assert control.corruption is not None
        assert control.level is not None
        expected = corrupt(control.corruption, control.level, base.pixels[rows], indexes[0]["image_id"], 0)
        images = control.load()
        assert (images.pixels == expected).all()
        assert images.index.equals(control.index)


def test_the_packs_that_controls_need_are_named(data: StudyData, place: Path) -> None:
    """What `needed_packs` lists is what is prepared, with the controls' pipelines among it."""
    study = study_of(place)
    listed = {f"{name}@{kernel}{'+jpeg75' if jpeg else ''}" for name, kernel, jpeg in needed_packs(study)}
    assert listed == {name for name, _ in data.packs}
    assert "other-grid@nearest+jpeg75" in listed


def test_where_a_kernel_has_nothing_to_do_it_is_noted(tmp_path: Path) -> None:
    """Images of the study's size pass every kernel unchanged: a note says so, and the sets are equal."""
    data = made(tmp_path, study_of(tmp_path, native=True))
    assert sum("no resize kernel changes them" in note for note in data.notes) == 2
    controls = {control.name: control for control in data.controls}
    nearest, box = (controls[f"elsewhere@{kernel}"].load() for kernel in ("nearest", "bilinear"))
    assert (nearest.pixels == box.pixels).all()


def test_a_source_that_keeps_its_format_is_noted(tmp_path: Path) -> None:
    """A source's own `reencode` stands in every pipeline, and a note says so."""
    study = study_of(tmp_path)
    sources = study.sources | {"other-grid": study.sources["other-grid"].model_copy(update={"reencode": False})}
    data = made(tmp_path, study.model_copy(update={"sources": sources}))
    assert any("other-grid declares its own `reencode`" in note for note in data.notes)


def test_no_controls_no_sets_no_notes(tmp_path: Path) -> None:
    """A study that declares none has none."""
    data = made(tmp_path, study_of(tmp_path, ""))
    assert data.controls == ()
    assert not any(note.startswith("Controls") for note in data.notes)


def test_an_unknown_group_is_refused(tmp_path: Path) -> None:
    """The training generator must be a group that the images have."""
    study = study_of(tmp_path, CONTROLS.replace("[controls]", '[controls]\nsame_generator = ["other-grid/sd14"]'))
    with pytest.raises(UserError, match="names `other-grid/sd14`, but the fakes of `other-grid` are of the groups ``"):
        made(tmp_path, study)


def test_a_class_of_no_image_is_refused(tmp_path: Path) -> None:
    """Content classes are checked against the images before anything is trained."""
    classes = CONTROLS + '\n[controls.classes]\ncamera = ["inside/camera", "other-camera"]\n'
    assert made(tmp_path, study_of(tmp_path, classes)).controls
    study = study_of(tmp_path, classes.replace("inside/camera", "inside/lens"))
    with pytest.raises(UserError, match="class 'camera': no image of a test set is of 'inside/lens'"):
        made(tmp_path, study)
