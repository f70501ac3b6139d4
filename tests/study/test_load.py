from __future__ import annotations

from pathlib import Path

import pytest

from isitcap.data.catalog import CATALOG
from isitcap.errors import UserError
from isitcap.study import (
    SHIPPED,
    Locations,
    dump_study,
    load_study,
    locate,
    parse_data,
    parse_seeds,
    parse_variants,
    resolve,
)
from isitcap.study.load import parse_study
from isitcap.study.models import Study

TEXT = """
name = "small"
title = "Small"
seeds = [0, 1]
[sources.camera]
kind = "images"
label = "real"
path = "camera"
[sources.painter]
kind = "images"
label = "synthetic"
[sources.photos]
kind = "images"
label = "real"
[sources.mixer]
kind = "images"
label = "synthetic"
[split]
sources = ["camera", "painter"]
train = 8
validation = 4
test = 4
[[test_sets]]
name = "outside"
real = ["photos"]
fake = ["mixer"]
[classifier]
learning_rate = 1e-3
"""

CLAIMS = """
[[claims]]
id = "kept"
says = "Augmentation costs nothing."
quantity = "accuracy"
kind = "non_inferior"
margin = 0.01
variants = ["augment", "both"]
versus = "baseline"
role = "in_sample"
[[claims]]
id = "falls"
says = "Accuracy falls."
quantity = "balanced_accuracy"
kind = "less"
variants = ["baseline"]
role = "out_of_sample"
versus_role = "in_sample"
[[claims]]
id = "outside"
says = "Recall is above 90 % on the mixer's images."
quantity = "recall"
kind = "above"
bound = 0.9
variants = ["baseline"]
test_set = "outside"
source = "mixer"
"""


@pytest.fixture
def study() -> Study:
    return parse_study(TEXT, "small.toml")


def message(error: pytest.ExceptionInfo[UserError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_studies_survive_being_written_out(name: str) -> None:
    """A shipped study loads by name, and its resolved form reads back as the same study."""
    study, base = load_study(name)
    assert (study.name, base) == (name, None)
    assert parse_study(dump_study(study), "resolved.toml") == study


def test_dump_writes_defaults_and_places(study: Study, tmp_path: Path) -> None:
    """The resolved study holds every default and where each source lies."""
    again = parse_study(dump_study(study, {"photos": tmp_path}), "resolved.toml")
    assert again.sources["photos"].path == str(tmp_path)
    assert "batch_size = 128" in dump_study(study)


def test_a_study_file_gives_its_folder(tmp_path: Path) -> None:
    """Relative paths of a study file start at its folder."""
    (tmp_path / "small.toml").write_text(TEXT, "utf-8")
    study, base = load_study(str(tmp_path / "small.toml"))
    assert (study.name, base) == ("small", tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("learning_rate", "learning_rat", ("classifier.learning_rat", "did you mean `learning_rate`?")),
        ('title = "Small"', 'titel = "Small"\ntitle = "Small"', ("titel: no such key", "did you mean `title`?")),
        ('title = "Small"', "", ("title: missing", "add it")),
        ("train = 8", 'train = "eight"', ("split.train = 'eight'", "valid integer", "correct the value")),
        ("train = 8", "train = true", ("split.train = True", "valid integer", "correct the value")),
        ("train = 8", "train = 0", ("split.train = 0", "greater than 0", "correct the value")),
        ("1e-3", "nan", ("classifier.learning_rate = nan", "finite number", "correct the value")),
        ("1e-3", "inf", ("classifier.learning_rate = inf", "finite number", "correct the value")),
        ("1e-3", "2.0", ("classifier.learning_rate = 2.0", "less than 1", "correct the value")),
        ("[0, 1]", "[0, -1]", ("seeds[1] = -1", "greater than or equal to 0", "correct the value")),
        ("[0, 1]", "[1, 1]", ("`seeds`", "twice", "remove it")),
        ('["mixer"]', '["mixture"]', ("test set `outside`", "`mixture`", "known: camera, painter, photos, mixer")),
        ('["camera", "painter"]', '["camera", "paint"]', ("split.sources", "`paint`", "known: camera")),
        ('fake = ["mixer"]', "", ("test_sets[0]", "both classes", "`fake` names no source")),
        ("1e-3", "", ("not valid TOML", "line", "mend that line")),
    ],
)
def test_a_mistake_is_one_line_with_key_value_and_remedy(old: str, new: str, parts: tuple[str, ...]) -> None:
    """Each kind of mistake in a study names file, key, value and remedy in one line."""
    assert TEXT.count(old) == 1
    with pytest.raises(UserError) as error:
        parse_study(TEXT.replace(old, new), "small.toml")
    text = message(error)
    assert text.startswith("small.toml: ")
    for part in parts:
        assert part in text


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("margin = 0.01", "margin = 0", ("claims[0]", "claim `kept`", "`margin` = 0 must be above 0", "such as 0.01")),
        ("margin = 0.01", "margin = nan", ("claims[0].margin = nan", "finite number", "correct the value")),
        ("margin = 0.01", "margins = 0.01", ("claims[0].margins: no such key", "did you mean `margin`?")),
        ('quantity = "recall"', 'quantity = "recal"', ("unknown quantity `recal`", "did you mean `recall`?")),
        ('kind = "less"', 'kind = "worse"', ("claims[1].kind = 'worse'", "'greater'", "correct the value")),
        ("bound = 0.9", "bound = 90", ("claim `outside`", "`bound` = 90", "0.9 for 90 %")),
        ('source = "mixer"', 'source = "camera"', ("`source` = camera is not in test set `outside`", "known: photos")),
        ('id = "falls"', 'id = "kept"', ("two claims have the id `kept`; rename one",)),
        ('["augment", "both"]', '["nobody"]', ("claim `kept`", "variant `nobody`", "known: baseline")),
    ],
)
def test_a_mistake_in_a_claim_is_one_line(old: str, new: str, parts: tuple[str, ...]) -> None:
    """Mistakes in claims name the claim, the key, the value and the remedy."""
    assert CLAIMS.count(old) == 1
    with pytest.raises(UserError) as error:
        parse_study(TEXT + CLAIMS.replace(old, new), "small.toml")
    text = message(error)
    assert text.startswith("small.toml: ")
    for part in parts:
        assert part in text


def test_claims_survive_being_written_out() -> None:
    """Claims read back from the resolved study as they were declared."""
    study = parse_study(TEXT + CLAIMS, "small.toml")
    assert [claim.id for claim in study.claims] == ["kept", "falls", "outside"]
    again = parse_study(dump_study(study), "resolved.toml")
    assert again == study
    assert again.claims[0].margin == 0.01


def test_claims_go_with_the_images_that_they_are_about() -> None:
    """Without a source, claims about test sets that are gone go too and a note names them; the others stay."""
    study = parse_study(TEXT + CLAIMS, "small.toml")
    less = resolve(study, without=["mixer"])
    assert less.claims == study.claims[:1]
    assert less.notes[-1] == "Claims left out, since what they are about was: falls, outside."
    assert resolve(study, seeds=[3]).claims == study.claims
    assert resolve(study).notes == study.notes


def test_the_poster_claims_what_it_says() -> None:
    """The shipped poster study declares its claims, each in a family, with margins where it speaks of none."""
    study, _ = load_study("poster")
    kinds = {claim.id: (claim.kind, claim.family, claim.margin or claim.bound) for claim in study.claims}
    assert kinds == {
        "in-sample-above-90": ("above", "in-sample", 0.9),
        "accuracy-preserved": ("non_inferior", "in-sample", 0.01),
        "none-helps": ("not_superior", "out-of-sample", 0.05),
        "autoencoder-helps": ("greater", "out-of-sample", None),
        "accuracy-falls": ("less", "out-of-sample", None),
        "dispersed-at-the-image": ("less", "dispersion", None),
        "dispersed-at-the-classifier": ("less", "dispersion", None),
        "baseline-most-concentrated": ("less", "dispersion", None),
    }
    kept = resolve(study, without=["imagen-midjourney"])
    assert kept.claims == study.claims


def test_the_poster_protocol_tests_on_the_posters_numbers_of_images() -> None:
    """2,000 real images and 1,768 fakes of two sets, named as `data fetch` names them; all else is as in `poster`."""
    study, _ = load_study("poster-protocol")
    (test_set,) = study.test_sets
    limits = {name: source.limit for name, source in study.sources.items() if name not in study.split.sources}
    assert sum(limits[name] or 0 for name in test_set.real) == 2_000
    assert sum(limits[name] or 0 for name in test_set.fake) == 1_768
    assert set(study.sources) <= set(CATALOG)
    poster = load_study("poster")[0].model_dump()
    same = {key for key, value in study.model_dump().items() if value == poster[key]}
    assert set(poster) - same == {"name", "notes", "sources", "test_sets", "controls"}
    assert study.controls is not None
    classes = {
        label: tuple(name.replace("tiny-imagenet/", "tiny-imagenet-val/") for name in names)
        for label, names in study.controls.classes.items()
    }
    changes = {"same_generator": ("drawbench-glance/Stable Diffusion 1.4",), "classes": classes}
    assert study.controls.model_copy(update=changes) == load_study("poster")[0].controls


def test_further_mistakes_are_counted() -> None:
    """One line names the first mistake and counts the others."""
    with pytest.raises(UserError) as error:
        parse_study(TEXT.replace("train = 8", "train = 0").replace("test = 4", "test = 0"), "small.toml")
    assert message(error).endswith("(and 1 more)")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("train = 8", "trian = 8", "split.trian: no such key; did you mean `train`?"),
        ("[split]", "[splitt]", "splitt: no such key; did you mean `split`?"),
        ("train = 8", "learn = 8", "split.train: missing; add it, perhaps in place of `learn`, which is no key"),
        ("[[test_sets]]", "[[test_set]]", "test_set: no such key; did you mean `test_sets`?"),
        ("[split]", "[controls]\nkernles = ['box']\n[split]", "controls.kernles: no such key; did you mean `kernels`?"),
        ("[split]", "[sources.path]\nlable = 'real'\nkind = 'images'\n[split]", "did you mean `label`?"),
        ("[split]", "[attribution]\nimags = 4\n[split]", "attribution.imags: no such key; did you mean `images`?"),
    ],
)
def test_a_misspelt_key_is_told_by_the_word_that_was_meant(old: str, new: str, line: str) -> None:
    """Also one that is required, whose absence is the same mistake; in every table, whatever it is called."""
    assert TEXT.count(old) == 1
    with pytest.raises(UserError) as error:
        parse_study(TEXT.replace(old, new), "small.toml")
    assert message(error).endswith(line)


@pytest.mark.parametrize(
    ("table", "line"),
    [
        (
            "[training]\nepochs = 1",
            "training: no such table; `epochs` is a key of `[classifier]` and `[autoencoder]`",
        ),
        (
            "[training]\nepochs = 1\nbatch_size = 8\nwidth = 4",
            "are keys of `[classifier]` and `[autoencoder]`, `width` is a key of `[autoencoder]`",
        ),
        ("[analysis.bounds]\nin_sample = 0.1", "`in_sample` is a key of `[analysis.margins]`"),
        ("[autoencodr]\nepochs = 1", "autoencodr: no such key; did you mean `autoencoder`?"),
    ],
)
def test_a_table_of_another_tables_keys_is_told_where_they_belong(table: str, line: str) -> None:
    """The tables that have such keys are named; a table that is only misspelt is told its own name."""
    with pytest.raises(UserError) as error:
        parse_study(TEXT.replace("[split]", f"{table}\n[split]"), "small.toml")
    assert message(error).endswith(line)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('name = "small"', 'name = "mein é"', "name = 'mein é': use letters a–z and A–Z, digits"),
        ("[split]", "[sources.'mein é']\nkind = 'images'\nlabel = 'real'\n[split]", "sources.mein é: use letters"),
        (
            "[split]",
            "[sources.x]\nkind = 'images'\nlabel = 'fake'\n[split]",
            "sources.x.label = 'fake': the labels are",
        ),
        (
            "[split]",
            "[sources.x]\nkind = 'images'\nlabels = {a = 'fake', b = 'real'}\n[split]",
            "x.labels.a = 'fake': the",
        ),
    ],
)
def test_names_and_labels_are_explained_in_words(old: str, new: str, line: str) -> None:
    """What a name may hold and which labels there are is said without a regular expression."""
    assert TEXT.count(old) == 1
    with pytest.raises(UserError) as error:
        parse_study(TEXT.replace(old, new), "small.toml")
    text = message(error)
    assert line in text
    assert "^" not in text
    assert ("beginning with a letter or digit" in text) != ("`real` and `synthetic`" in text)


def test_mistakes_beside_a_misspelt_key_are_counted() -> None:
    """A misspelt required key is one mistake of several."""
    with pytest.raises(UserError) as error:
        parse_study(TEXT.replace("train = 8", "trian = 8").replace("test = 4", "test = 0"), "small.toml")
    assert message(error).endswith("split.trian: no such key; did you mean `train`? (and 1 more)")


def test_a_long_value_is_cut() -> None:
    """A huge wrong value does not fill the screen."""
    with pytest.raises(UserError) as error:
        parse_study(TEXT.replace("train = 8", f"train = '{'x' * 5000}'"), "small.toml")
    assert len(message(error)) < 200


def test_files_that_are_no_studies(tmp_path: Path) -> None:
    """A missing file, a folder and bytes that are no text are told apart from a study."""
    with pytest.raises(UserError) as error:
        load_study(str(tmp_path / "none.toml"))
    assert "no such study; give a TOML file or one of: demo, poster, poster-protocol" in message(error)
    with pytest.raises(UserError) as error:
        load_study(str(tmp_path))
    assert message(error) == f"{tmp_path}: is a folder; give a TOML file"
    (tmp_path / "study.toml").touch()
    with pytest.raises(UserError) as error:
        load_study(str(tmp_path))
    assert message(error) == f"{tmp_path}: is a folder; give a TOML file, such as {tmp_path / 'study.toml'}"
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError) as error:
        load_study(str(tmp_path / "bytes.toml"))
    assert "give a TOML file in UTF-8" in message(error)


def test_seeds_are_overridden(study: Study) -> None:
    """Other seeds replace the study's, which itself stays as it was."""
    assert resolve(study, seeds=[5, 7]).seeds == (5, 7)
    assert study.seeds == (0, 1)
    assert resolve(study) == study


def test_without_leaves_a_source_out() -> None:
    """A source left out goes from the sources and from the test set, whose other sources stay."""
    poster, _ = load_study("poster")
    less = resolve(poster, without=["imagen-midjourney"])
    assert "imagen-midjourney" not in less.sources
    assert less.test_sets[0].fake == tuple(n for n in poster.test_sets[0].fake if n != "imagen-midjourney")
    assert less.test_sets[0].real == poster.test_sets[0].real
    assert less.notes == poster.notes


def test_other_variants_take_the_place_of_the_studys() -> None:
    """Controls and `mix` beside the poster's study, without a file; claims about others go, and a note says so."""
    study, _ = load_study("poster")
    more = resolve(study, variants=parse_variants("baseline, autoencoder,blur,jpeg,mix"))
    assert more.variants == ("baseline", "autoencoder", "blur", "jpeg", "mix")
    assert more.sources == study.sources
    gone = {claim.id for claim in study.claims} - {claim.id for claim in more.claims}
    assert gone
    assert all({"augment", "both"} & {*claim.variants, claim.versus} for claim in study.claims if claim.id in gone)
    assert any(note.startswith("Claims left out") for note in more.notes)
    assert resolve(study, variants=study.variants) == resolve(study)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("baseline,blurr", "no variant is called `blurr`; known: baseline, augment"),
        ("baseline,", "no variant is called ``"),
        ("baseline,mix,mix", "mix stands twice"),
        ("autoencoder,mix", "all variants are compared with `baseline`; add it"),
    ],
)
def test_wrong_variants_are_refused(text: str, part: str) -> None:
    """An unknown name, one given twice, and no baseline: one line each."""
    with pytest.raises(UserError) as error:
        parse_variants(text)
    assert part in message(error)


def test_without_drops_a_test_set_left_with_one_class(study: Study) -> None:
    """When one class is gone, so is the test set, with its other sources, and a note says so."""
    less = resolve(study, without=["mixer"])
    assert less.test_sets == ()
    assert set(less.sources) == {"camera", "painter"}
    assert "outside" in less.notes[-1]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("nobody", ("--without nobody", "no such source", "known: camera, painter, photos, mixer")),
        ("camera", ("--without camera", "trains on it", "choose another source")),
    ],
)
def test_without_refuses(study: Study, name: str, parts: tuple[str, ...]) -> None:
    """A source that is not there, or that the study trains on, cannot be left out."""
    with pytest.raises(UserError) as error:
        resolve(study, without=[name])
    for part in parts:
        assert part in message(error)


def test_locate_prefers_name_then_own_path_then_folder(study: Study, tmp_path: Path) -> None:
    """A place by name wins over the study's path, and that over a folder; a zip wins over a folder beside it."""
    for folder in ("base/camera", "named", "images/camera", "images/mixer", "images/painter", "images/photos"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "image.png").touch()
    (tmp_path / "images/mixer.zip").touch()
    locations = Locations({"painter": tmp_path / "named"}, (tmp_path / "empty", tmp_path / "images"))
    assert locate(study, tmp_path / "base", locations) == {
        "camera": (tmp_path / "base/camera").resolve(),
        "painter": (tmp_path / "named").resolve(),
        "photos": (tmp_path / "images/photos").resolve(),
        "mixer": (tmp_path / "images/mixer.zip").resolve(),
    }


def test_locate_wants_nothing_for_embedded_sources() -> None:
    """A study of embedded sources needs no places."""
    demo, base = load_study("demo")
    assert locate(demo, base, Locations()) == {}


def test_locate_reports_what_is_missing(study: Study, tmp_path: Path) -> None:
    """Each way for a place to be missing gives one line with the remedy."""
    for name in ("camera", "painter"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "image.png").touch()
    with pytest.raises(UserError) as error:
        locate(study, tmp_path, Locations({"nobody": tmp_path}))
    assert "--data nobody=…" in message(error)
    assert "known: camera, painter, photos, mixer" in message(error)
    with pytest.raises(UserError) as error:
        locate(study, tmp_path / "elsewhere", Locations())
    assert message(error).startswith("sources.camera.path = camera: no such file or folder; give")
    with pytest.raises(UserError) as error:
        locate(study, tmp_path, Locations({"painter": tmp_path / "gone"}))
    assert message(error).startswith(f"--data painter={tmp_path / 'gone'}: no such file or folder")
    with pytest.raises(UserError) as error:
        locate(study, tmp_path, Locations())
    assert message(error).endswith("give --data painter=PATH to a zip or folder")
    with pytest.raises(UserError) as error:
        locate(study, tmp_path, Locations(folders=(tmp_path,)))
    assert f"sources.photos: no images given (not in {tmp_path})" in message(error)
    assert message(error).endswith("or leave it out with --without photos")


def test_locate_refuses_an_empty_folder(study: Study, tmp_path: Path) -> None:
    """By the source that it is given for, from the study or from the command line."""
    (tmp_path / "camera").mkdir()
    with pytest.raises(UserError) as error:
        locate(study, tmp_path, Locations())
    assert message(error).startswith("sources.camera.path = camera: an empty folder; give")
    with pytest.raises(UserError) as error:
        locate(study, None, Locations({"camera": tmp_path / "camera"}))
    assert message(error).startswith(f"--data camera={tmp_path / 'camera'}: an empty folder; give")


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("3", (0, 1, 2)), ("0,3,5", (0, 3, 5)), ("7,", (7,)), ("10-12", (10, 11, 12)), ("4-4", (4,))],
)
def test_seeds_are_a_number_a_list_or_a_range(text: str, seeds: tuple[int, ...]) -> None:
    """The three ways to write seeds."""
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0", "no seed at all"),
        ("5-4", "no seed at all"),
        ("1,1", "a seed stands twice"),
        ("0-20000", "more than 10,000"),
        ("", "not a list"),
        ("-1", "not a list"),
        ("1.5", "not a list"),
        ("a,b", "not a list"),
        (",", "not a list"),
    ],
)
def test_wrong_seeds_are_refused(text: str, reason: str) -> None:
    """Anything else is one line with value and remedy."""
    with pytest.raises(UserError) as error:
        parse_seeds(text)
    assert message(error).startswith(f"--seeds {text}: {reason}")
    assert "give a number of seeds (8)" in message(error)


def test_data_is_a_place_by_name_or_a_folder(tmp_path: Path) -> None:
    """`NAME=PATH` and folders are told apart, a folder with an equals sign in its name included."""
    odd = tmp_path / "a=b"
    odd.mkdir()
    assert parse_data([f"photos={tmp_path}/x.zip", str(tmp_path), str(odd)]) == Locations(
        {"photos": tmp_path / "x.zip"}, (tmp_path, odd)
    )


def test_wrong_data_is_refused(tmp_path: Path) -> None:
    """A name given twice and a folder that is not there are refused."""
    with pytest.raises(UserError) as error:
        parse_data(["a=x", "a=y"])
    assert message(error) == "--data a=y: `a` is given twice; give it once"
    with pytest.raises(UserError) as error:
        parse_data([str(tmp_path / "gone")])
    assert message(error) == f"--data {tmp_path / 'gone'}: no such folder; give an existing folder, or NAME=PATH"


def test_left_out_sources_take_their_controls_with_them() -> None:
    """What controls and robustness are about and is left out goes, with a note; the rest stays."""
    study, _ = load_study("poster")
    assert study.controls is not None
    less = resolve(study, without=["drawbench-glance"])
    assert less.controls is not None
    assert less.controls.same_generator == ()
    assert "Controls left out, since what they are about was: drawbench-glance/Stable Diffusion 1.4." in less.notes
    assert less.robustness == study.robustness
    assert less.controls.classes == study.controls.classes
    real = ("tiny-imagenet-val", "intel-scenes-test")
    none = resolve(study, without=real)
    assert none.controls is None
    assert none.robustness == study.robustness


def test_classes_of_a_source_that_is_left_out_go() -> None:
    """A class that one collection alone would show is no shared one; a note says which went."""
    study, _ = load_study("poster")
    assert study.controls is not None
    less = resolve(study, without=["tiny-imagenet-val"])
    assert less.controls is not None
    assert less.controls.classes == {}
    assert any("class cat, class dog" in note for note in less.notes)
    data = study.model_dump(exclude_none=True)
    data["controls"]["classes"] = {"cat": ("cifake/cat", "tiny-imagenet-val/n1", "intel-scenes-test/cat")}
    less = resolve(Study.model_validate(data), without=["tiny-imagenet-val"])
    assert less.controls is not None
    assert less.controls.classes == {"cat": ("cifake/cat", "intel-scenes-test/cat")}


def test_robustness_on_a_test_set_that_is_left_out_goes() -> None:
    """A test set that is named and left out is named no more; without one, there is no robustness."""
    study, _ = load_study("poster")
    data = study.model_dump(exclude_none=True)
    data["robustness"]["test_sets"] = ("out-of-sample", "test")
    less = resolve(Study.model_validate(data), without=("tiny-imagenet-val", "intel-scenes-test"))
    assert less.robustness is not None
    assert less.robustness.test_sets == ("test",)
    data["robustness"]["test_sets"] = ("out-of-sample",)
    assert resolve(Study.model_validate(data), without=("tiny-imagenet-val", "intel-scenes-test")).robustness is None


def test_controls_are_written_out_and_read_back() -> None:
    """The study of a run directory holds the controls with every default."""
    study, _ = load_study("poster")
    again = parse_study(dump_study(study), "study.toml")
    assert again == study
