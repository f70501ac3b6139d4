"""The embedded sets: what they hold, that they are fixed, and that a detector behaves on them as in the field."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from isitcap.data import demo
from isitcap.data.demo import corpus_sets, embedded_sets, prepare_embedded
from isitcap.data.pixels import reencode
from isitcap.data.splits import make_split
from isitcap.data.store import Pack
from isitcap.study.models import Image, Source, Split

Refuses = Callable[..., AbstractContextManager[None]]


def make(name: str, cache: Path, image: Image | None = None, seed: int = 0, **source: object) -> Pack:
    given = Source(kind="embedded", embedded=name, **source)  # type: ignore[arg-type]
    return prepare_embedded(f"demo-{name}", given, image or Image(), seed=seed, cache=cache, progress=False)


@pytest.fixture(scope="module")
def all_sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pack]:
    """Every embedded set as the demonstration uses it."""
    cache = tmp_path_factory.mktemp("cache")
    return {name: make(name, cache) for name in embedded_sets()}


def test_the_training_set_suffices_for_the_demonstration(all_sets: dict[str, Pack]) -> None:
    """6,000 + 1,000 + 1,000 images, half of them synthetic, and no file crosses."""
    split = Split(sources=("demo",), train=6000, validation=1000, test=1000)
    result = make_split(all_sets["train"].index, split)
    labels = all_sets["train"].index["label"].to_numpy()
    counts = [(len(rows), labels[rows].sum()) for rows in (result.train, result.validation, result.test)]
    assert counts == [(6000, 3000), (1000, 500), (1000, 500)]
    assert result.crossing == 0


@pytest.mark.parametrize(("name", "label"), [("real", 0), ("quilt", 1), ("leaves", 1)])
def test_out_of_sample_sets_have_one_class(all_sets: dict[str, Pack], name: str, label: int) -> None:
    """A thousand images of one label, without parts."""
    index = all_sets[name].index
    assert (len(index), set(index["label"]), set(index["part"])) == (1000, {label}, {""})


def test_all_images_are_32_px_and_went_through_the_same_jpeg(all_sets: dict[str, Pack]) -> None:
    """Real or synthetic, no image was resized and each was re-encoded: the container tells nothing."""
    for pack in all_sets.values():
        assert pack.pixels.shape[1:] == (32, 32, 3)
        assert (pack.resized, pack.reencoded, pack.broken) == (0, True, ())


def test_the_sets_do_not_depend_on_the_seed(tmp_path: Path) -> None:
    """The seed draws the images of a limit and nothing else."""
    whole = make("real", tmp_path, seed=1)
    assert make("real", tmp_path, seed=2).folder == whole.folder
    drawn = [make("real", tmp_path, seed=seed, limit=100) for seed in (1, 2)]
    assert [len(pack) for pack in drawn] == [100, 100]
    assert list(drawn[0].index["image_id"]) != list(drawn[1].index["image_id"])
    rows = whole.index["image_id"].isin(drawn[0].index["image_id"]).to_numpy()
    assert np.array_equal(whole.pixels[rows], drawn[0].pixels)


def test_a_set_is_made_equal_each_time(tmp_path: Path) -> None:
    """Two caches, one content."""
    assert make("real", tmp_path / "a").content_hash == make("real", tmp_path / "b").content_hash


def test_the_jpeg_is_a_setting(tmp_path: Path) -> None:
    """`image.reencode` decides, and `reencode` of the source overrides it; ids stay the same."""
    bare = make("real", tmp_path, Image(reencode=False), limit=20)
    over = make("real", tmp_path, Image(reencode=True), limit=20, reencode=False)
    coded = make("real", tmp_path, Image(reencode=True), limit=20)
    assert not bare.reencoded
    assert np.array_equal(bare.pixels, over.pixels)
    assert np.array_equal(coded.pixels[0], np.asarray(reencode(PIL.Image.fromarray(np.array(bare.pixels[0])))))
    assert bare.index.equals(coded.index)


def test_another_size_is_resized(tmp_path: Path) -> None:
    """A study of 16 px gets 16 px."""
    pack = make("real", tmp_path, Image(size=16), limit=20)
    assert pack.pixels.shape == (20, 16, 16, 3)
    assert pack.resized == 20


def test_an_unknown_set_is_refused(tmp_path: Path, refuses: Refuses) -> None:
    """The known sets are named."""
    with refuses("sources.demo-nothing.embedded", "`nothing`", *embedded_sets()):
        make("nothing", tmp_path)


def test_a_second_start_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the cache no generator runs."""
    make("real", tmp_path)
    monkeypatch.setattr(demo, "patches", lambda *_: pytest.fail("made again"))
    make("real", tmp_path)


def test_a_simple_detector_is_right_in_sample_and_fails_outside(all_sets: dict[str, Pack]) -> None:
    """Ridge regression on spectra: above 85 % on the test part, and much lower on the other generators."""

    def spectra(pixels: np.ndarray) -> np.ndarray:
        grey = pixels.mean(axis=3)
        power = np.log1p(np.abs(np.fft.rfft2(grey - grey.mean(axis=(1, 2), keepdims=True))))
        return np.hstack([power.reshape(len(power), -1), np.ones((len(power), 1))])

    train = all_sets["train"]
    part, label = train.index["part"].to_numpy(), train.index["label"].to_numpy()
    x, y = spectra(train.pixels[part == "train"]), 2.0 * label[part == "train"] - 1
    weights = np.linalg.solve(x.T @ x + 1e3 * np.eye(x.shape[1]), x.T @ y)

    def recall(pixels: np.ndarray, truth: int) -> float:
        return float(((spectra(pixels) @ weights > 0) == truth).mean())

    inside = np.mean([recall(train.pixels[(part == "test") & (label == c)], c) for c in (0, 1)])
    outside = np.mean(
        [recall(all_sets["real"].pixels, 0), np.mean([recall(all_sets[n].pixels, 1) for n in ("quilt", "leaves")])]
    )
    assert inside > 0.85
    assert outside < inside - 0.1


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pack]:
    """Every generator with its own corpus, small."""
    cache = tmp_path_factory.mktemp("corpora")
    return {name: make(name, cache, per_class=(18, 10)) for name in corpus_sets()}


def test_a_corpus_has_both_classes_in_both_parts(corpora: dict[str, Pack]) -> None:
    """As many images of each class as were asked for, no content twice, fakes all of one generator."""
    assert set(corpora) == {"latent-corpus", "quilt-corpus", "leaves-corpus"}
    for pack in corpora.values():
        cells = pack.index.groupby(["part", "label"]).size()
        assert cells.to_dict() == {("train", 0): 18, ("train", 1): 18, ("test", 0): 10, ("test", 1): 10}
        assert pack.index["sha256"].is_unique
        assert pack.index.loc[pack.index["label"] == 1, "group"].nunique() == 1


def test_no_two_corpora_have_a_photograph_in_common(corpora: dict[str, Pack]) -> None:
    """What is left out with a generator is left out wholly."""
    photographs = [set(pack.index.loc[pack.index["label"] == 0, "group"]) for pack in corpora.values()]
    assert all(len(each) >= 2 for each in photographs)
    assert len(set.union(*photographs)) == sum(map(len, photographs))


def test_a_part_alone_is_the_same_images(corpora: dict[str, Pack], tmp_path: Path) -> None:
    """`part` reads those of one part; the other one's are not even made."""
    whole = corpora["leaves-corpus"]
    test = make("leaves-corpus", tmp_path, per_class=(10_000_000, 10), part="test")
    rows = (whole.index["part"] == "test").to_numpy()
    assert test.index["sha256"].tolist() == whole.index.loc[rows, "sha256"].tolist()
    assert np.array_equal(test.pixels, whole.pixels[rows])


@pytest.mark.parametrize(
    ("name", "source", "parts"),
    [
        ("latent-corpus", {}, ("per_class", "`latent-corpus` has none", "[TRAIN, TEST]")),
        ("real", {"per_class": (5, 5)}, ("per_class", "`real` has a size of its own")),
        ("real", {"part": "test"}, ("part", "`real` has no parts")),
    ],
)
def test_sizes_and_parts_that_do_not_fit_are_refused(
    tmp_path: Path, refuses: Refuses, name: str, source: dict[str, object], parts: tuple[str, ...]
) -> None:
    """A corpus needs its numbers, a set of fixed size takes none and has no parts."""
    with refuses(f"sources.demo-{name}", *parts):
        make(name, tmp_path, **source)
