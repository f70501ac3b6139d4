"""Findings about copies: across parts, inside them, between sources, and under both labels."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.audit import Finding, Severity
from isitcap.data.audit.duplicates import beyond_first, copies_in
from isitcap.data.audit.hashes import CORRELATION
from isitcap.data.audit.material import Mask, Material
from isitcap.data.audit.measures import WORDS, count


def duplicates(material: Material) -> Iterator[Finding]:
    """Copies across and inside the parts of a source, between sources, and after the split."""
    for place in material.plan.places:
        here = material.where("source", place.name)
        train, test = here & material.where("part", "train"), here & material.where("part", "test")
        by_bytes = copies_in(material.groups("bytes"), test, train)
        # What the study's own split does of them is known where it draws from this source.
        is_split = _is_split(material, place.name)
        out = is_split and not (by_bytes & (material.side != "")).any()
        yield from _copies(
            "duplicates-across-parts",
            f"{place.name}/bytes",
            "note" if out else "leak",
            by_bytes,
            test,
            f"{int(by_bytes.sum()):,} of {int(test.sum()):,} test images of {place.name} are byte-identical to "
            f"training images ({_by_label(material, by_bytes)})"
            + ("; the study's split has left all of them out." if out else "."),
            "Nothing: they stand in neither validation nor test."
            if out
            else "Leave them out of the test side before it is drawn; `isitcap run` does.",
        )
        near = copies_in(material.groups("near"), test, train) & ~by_bytes
        kept = int((copies_in(material.groups("near"), material.side == "test", material.side == "train") & near).sum())
        yield from _copies(
            "duplicates-across-parts",
            f"{place.name}/near",
            "note" if is_split else "leak",
            near,
            test,
            f"{int(near.sum()):,} more test images of {place.name} are nearly identical to a training image "
            f"({_by_label(material, near)}; thumbnails correlate by {CORRELATION} or more)"
            + (f"; of them the study tests with {kept:,} whose copy it trains on." if is_split else "."),
            ("See duplicates-after-split/near." if kept else "Nothing.")
            if is_split
            else "Look at the pairs (pairs.csv), and quote the accuracy without them, too.",
        )
        for part in sorted(set(material.frame["part"][here])):
            inside = here & material.where("part", part)
            again = beyond_first(material.groups("bytes"), inside)
            name = f"{place.name} {part}".strip()
            yield from _copies(
                "duplicates-inside",
                f"{name.replace(' ', '-')}/bytes",
                "risk",
                again,
                inside,
                f"{int(again.sum()):,} of {int(inside.sum()):,} images of {name} are byte-identical to another of them "
                f"({_by_label(material, again)}).",
                "Keep one of each; copies weigh twice, and intervals take them for further evidence.",
            )
            nearly = beyond_first(material.groups("near"), inside) & ~again
            yield from _copies(
                "duplicates-inside",
                f"{name.replace(' ', '-')}/near",
                "note",
                nearly,
                inside,
                f"{int(nearly.sum()):,} more images of {name} are nearly identical to another of them.",
                "Look at the pairs (pairs.csv); keep one of each where they are copies.",
            )
    yield from _across_sources(material)
    if material.plan.split is not None and material.split_problem is None:
        train, test = material.side == "train", material.side == "test"
        left = copies_in(material.groups("near"), test, train)
        k, n = int(left.sum()), int(test.sum())
        yield from _copies(
            "duplicates-after-split",
            "near",
            "leak",
            left,
            test,
            f"{k:,} of the {n:,} in-sample test images that the study draws are still nearly identical to an image "
            f"that it trains on{_undrawn(material, k)}. They can change the accuracy by at most {100 * k / n:.2f} "
            "points.",
            "Compare the headline with and without them: isitcap data audit RUN_DIR.",
        )


def _across_sources(material: Material) -> Iterator[Finding]:
    names = [place.name for place in material.plan.places]
    training = set() if material.plan.split is None else set(material.plan.split.sources)
    for position, first in enumerate(names):
        for second in names[position + 1 :]:
            # What a study trains on comes first: its copies in the other are the leak.
            one, two = (second, first) if second in training and first not in training else (first, second)
            a, b = material.where("source", one), material.where("source", two)
            for kind in ("bytes", "near"):
                shared = copies_in(material.groups(kind), b, a)
                severity: Severity = "leak" if one in training and two not in training else "risk"
                if kind == "near":
                    shared &= ~copies_in(material.groups("bytes"), b, a)
                yield from _copies(
                    "duplicates-across-sources",
                    f"{one}-{two}/{kind}",
                    severity,
                    shared,
                    b,
                    f"{int(shared.sum()):,} of {int(b.sum()):,} images of {two} are {WORDS[kind]} to images of {one}.",
                    "Leave them out of one of the two.",
                )


def two_labels(material: Material) -> Iterator[Finding]:
    """One image under both labels: at least one is wrong, or synthetic images are made from the real ones."""
    real, fake = material.where("label", 0), material.where("label", 1)
    everything = real | fake
    groups = material.groups("bytes")
    exact = copies_in(groups, real, fake) | copies_in(groups, fake, real)
    example = material.frame["image_id"][exact].tolist()[:2]
    yield from _copies(
        "two-labels",
        "bytes",
        "leak",
        exact,
        everything,
        f"{int(exact.sum()):,} images are the same files under both labels ({', '.join(example)}).",
        "One of the labels is inverted: correct it, or remove the image from both.",
    )
    groups = material.groups("near")
    nearly = (copies_in(groups, real, fake) | copies_in(groups, fake, real)) & ~exact
    example = material.frame["image_id"][nearly].tolist()[:2]
    yield from _copies(
        "two-labels",
        "near",
        "risk",
        nearly,
        everything,
        f"{int(nearly.sum()):,} images are nearly identical to an image of the other label ({', '.join(example)}).",
        "If the synthetic ones are not made from the real ones, a label is inverted: look at the pairs.",
    )


def _is_split(material: Material, name: str) -> bool:
    """Whether a study's split draws from the source of that name."""
    split = material.plan.split
    return split is not None and material.split_problem is None and name in split.sources


def _undrawn(material: Material, k: int) -> str:
    """How many more test images are nearly identical to images that could have been trained on, and are not drawn."""
    train, test = material.side == "train", material.side == "test"
    rest = material.training & (material.where("part", "train") & (material.side == ""))
    more = int(copies_in(material.groups("near"), test, train | rest).sum()) - k
    if not more:
        return ""
    return (
        f" ({k + more:,} with the training images that it does not draw, {int(rest.sum()):,}; the table with and "
        "without copies leaves all of these out)"
    )


def _copies(
    check: str, where: str, severity: Severity, found: Mask, of: Mask, says: str, remedy: str
) -> Iterator[Finding]:
    if found.any():
        name = f"{check}/{where}"
        yield Finding(
            id=name,
            check=check,
            severity=severity,
            says=says,
            measure=count(name, int(found.sum()), int(of.sum())),
            remedy=remedy,
        )


def _by_label(material: Material, found: Mask) -> str:
    label = material.frame["label"].to_numpy()[found]
    real, fake = int((label == 0).sum()), int((label == 1).sum())
    return " and ".join(f"{n:,} {word}" for n, word in ((real, "real"), (fake, "synthetic")) if n) or "none"
