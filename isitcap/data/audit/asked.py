"""What `isitcap data audit WORD` asks for: a run directory, a study, or the images at a place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from isitcap.data.archives import Archive, open_archive, show
from isitcap.data.audit.material import Plan, plan_of
from isitcap.data.audit.reading import Place
from isitcap.data.sources import CIFAKE_LABELS, MEANING, PARTS
from isitcap.errors import UserError
from isitcap.study import FAMILIES, SHIPPED, Study, load_study, locate, parse_data
from isitcap.study.models import Image, LabelName, Source

LABELS: tuple[LabelName, ...] = ("real", "synthetic")


def plan_for(
    word: str,
    *,
    data: Sequence[str] = (),
    sources: Sequence[str] = (),
    label: str | None = None,
    labels: Sequence[str] = (),
) -> Plan:
    """The plan of a study by name or file, of images at a path, or of a source of the poster's study.

    Args:
        word: What is asked for.
        data: As of `isitcap run`: `NAME=PATH` or a folder.
        sources: Of a study, those to audit; none = all.
        label: Of images at a path, the label of all.
        labels: Of images at a path, `FOLDER=real` or `FOLDER=synthetic`.

    Raises:
        UserError: nothing is known by that word, or the labels of its images are not.
    """
    declared = label is not None or bool(labels)
    shipped = (*SHIPPED, *FAMILIES)
    if word in shipped or word.endswith(".toml"):
        _refuse(declared, word, "--label and --labels", "the study declares them")
        study, base = load_study(word)
        return study_plan(study, base, data, sources)
    if Path(word).exists():
        _refuse(bool(sources or data), word, "--source and --data", "these are of studies")
        return place_plan(Path(word), label, labels)
    poster, base = load_study("poster")
    if word in poster.sources:
        _refuse(declared, word, "--label and --labels", "the poster's study declares them")
        _refuse(bool(sources), word, "--source", "it is one")
        return study_plan(poster, base, data, (word,))
    raise UserError(
        f"{word}: neither a study ({', '.join(shipped)}, or a TOML file), nor a run directory, folder or archive, "
        f"nor a source of the poster's study ({', '.join(poster.sources)}); give one of these"
    )


def study_plan(study: Study, base: Path | None, data: Sequence[str], names: Sequence[str] = ()) -> Plan:
    """The plan of a study's sources, or of those in `names`.

    Raises:
        UserError: a name is no source, or a source has no place.
    """
    for name in names:
        if name not in study.sources:
            raise UserError(f"{name}: the study `{study.name}` has no such source; known: {', '.join(study.sources)}")
    used = {name: source for name, source in study.sources.items() if not names or name in names}
    locations = parse_data(data)
    by_name = {name: path for name, path in locations.by_name.items() if name in used or name not in study.sources}
    places = locate(study.model_copy(update={"sources": used}), base, type(locations)(by_name, locations.folders))
    return plan_of(study, places, tuple(used))


def place_plan(location: Path, label: str | None = None, labels: Sequence[str] = ()) -> Plan:
    """The plan of the images at a path; CIFAKE, Tiny ImageNet and folders called real or fake are known by themselves.

    Raises:
        UserError: its labels are not known.
    """
    name = "".join(c if c.isalnum() or c in "._-" else "-" for c in location.resolve().name.split(".")[0]) or "images"
    name = name if name[0].isalnum() else f"images-{name.strip('._-') or 'here'}"
    with open_archive(location) as archive:
        source = _declared(label, labels) or _known(archive)
    return Plan(
        name,
        f"Audit of {name}",
        (Place(name, source, location.resolve()),),
        Image(),
        ((name, (name,)),),
    )


def _declared(label: str | None, labels: Sequence[str]) -> Source | None:
    if label is not None and labels:
        raise UserError(f"--label {label} is of all images and --labels {labels[0]} of a folder's; give one of them")
    if label is not None:
        return Source(kind="images", label=_label("--label", label))
    mapped: dict[str, LabelName] = {}
    for word in labels:
        folder, _, value = word.rpartition("=")
        if not folder:
            raise UserError(f"--labels {word}: no label; give FOLDER=real or FOLDER=synthetic")
        mapped[folder] = _label(f"--labels {word}", value)
    return Source(kind="images", labels=mapped) if mapped else None


def _label(key: str, word: str) -> LabelName:
    for known in LABELS:
        if word == known:
            return known
    raise UserError(f"{key}: the label `{word}` is not known; give real or synthetic")


def _known(archive: Archive) -> Source:
    """The source that an archive's own names declare."""
    if archive.tabular:
        own = set(archive.labels or ())
        if own and own <= set(CIFAKE_LABELS):
            return Source(kind="cifake", reencode=False)
        return Source(kind="images", labels=_meanings(archive, own))
    folders = {tuple(member.split("/")[:-1]) for member in archive.images}
    if folders and all(len(f) >= 2 and f[-2] in PARTS and f[-1] in CIFAKE_LABELS for f in folders):
        return Source(kind="cifake", reencode=False)
    if all(member.rsplit("/", 1)[-1].startswith("val_") for member in archive.images):
        return Source(kind="tiny-imagenet")
    return Source(kind="images", labels=_meanings(archive, {name for folder in folders for name in folder}))


def _meanings(archive: Archive, names: set[str]) -> dict[str, LabelName]:
    found = {name: MEANING[name.lower()] for name in sorted(names) if name.lower() in MEANING}
    if not found:
        listed = ", ".join(show(name) for name in sorted(names)[:5]) or "none"
        raise UserError(
            f"{archive.location}: which images are real and which synthetic cannot be told from its names ({listed}); "
            "give --label real, --label synthetic, or --labels FOLDER=real --labels FOLDER=synthetic"
        )
    return found


def _refuse(given: bool, word: str, keys: str, why: str) -> None:
    if given:
        raise UserError(f"{word}: {keys} cannot be given here, {why}; leave them out")
