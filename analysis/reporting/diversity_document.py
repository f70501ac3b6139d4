"""The document `diversity`: whether training on more generators helps on generators that were not seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from analysis.diversity_summary import PLAIN, Diversity
from analysis.errors import InputError
from analysis.reporting.blocks import Block, Document, Paragraph, Section
from analysis.reporting.composition import numbered, present, provenance
from analysis.reporting.diversity_figures import figure_gains, figure_generators, figure_means
from analysis.reporting.diversity_tables import (
    table_contrasts,
    table_generators,
    table_levels,
    table_mixtures,
    table_quantities,
    table_sources,
)
from analysis.reporting.files import write_atomically
from analysis.reporting.index import FORMATS
from analysis.reporting.page import draw_page
from analysis.reporting.pdf import draw_pdf
from analysis.reporting.quantities import NBSP

NAME = "diversity"


def build_diversity_report(diversity: Diversity, out_dir: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write `diversity.html` and `diversity.pdf` into `out_dir`; the same findings give the same bytes.

    Raises:
        InputError: A format is unknown.
        MissingLibraryError: The PDF's system library is missing; the HTML is there.
    """
    if unknown := [each for each in formats if each not in FORMATS]:
        raise InputError(f"report format {unknown[0]!r}: not known; choose from {', '.join(FORMATS)}")
    document = diversity_document(diversity)
    written = []
    for made in (each for each in FORMATS if each in formats):
        page = draw_page(document, None, "screen" if made == "html" else "print")
        data = page.encode("utf-8") if made == "html" else draw_pdf(page)
        written.append(write_atomically(Path(out_dir) / f"{NAME}.{made}", data))
    return written


def diversity_document(found: Diversity) -> Document:
    """A diversity study as numbered parts: verdict and figure, evidence, method, data, provenance."""
    study = found.study
    verdict: list[Block] = [Paragraph((line,), lead=True) for line in found.verdict.sentences]
    sections = [
        Section("verdict", "Verdict", 2, (*verdict, *present(figure_means(found)))),
        Section("evidence", "Evidence", 2, ()),
        Section("gains", "Gains", 3, tuple(present(figure_gains(found), table_contrasts(found)))),
        Section(
            "generators", "By held-out generator", 3, tuple(present(figure_generators(found), table_levels(found)))
        ),
        Section("quantities", "Recall, specificity and AUC", 3, tuple(present(table_quantities(found)))),
        Section("mixtures", "By mixture", 3, tuple(present(table_mixtures(found)))),
        Section("sources", "By source of the shared sets", 3, tuple(present(table_sources(found)))),
        Section("method", "Method", 2, tuple(Paragraph((text,)) for text in _method(found))),
        Section("data", "Data", 2, tuple(_data(found))),
        provenance(found),
    ]
    kept = [section for section in sections if section.blocks or section.id == "evidence"]
    return Document(NAME, "Diversity", study.title, study.question, study.demo, numbered(kept))


def _method(found: Diversity) -> Iterator[str]:
    count, sizes = len(found.study.generators), sorted({len(each.generators) for each in found.study.mixtures})
    level = f"{found.confidence * 100:g}{NBSP}%"
    yield (
        f"There are {count} generators, each with a corpus of real images of its own. Every mixture of k = "
        f"{', '.join(map(str, sizes))} of them is trained on, {len(found.study.mixtures)} in all, each with "
        f"{found.study.mixtures[0].n_train:,} images, half of them synthetic, in equal shares of its generators: more "
        "generators mean fewer images of each, so that the number of images is not the cause. A variant’s "
        "preprocessing, its autoencoder included, is trained on the same mixture."
    )
    yield (
        "Each mixture is tested on held-out images of every generator that it leaves out, synthetic ones and real ones "
        "of that generator’s corpus. They are the same for all mixtures and seeds, and none of them is a training "
        "image of a mixture that is tested on it. For a variant and a k, a decision’s correctness is averaged over the "
        "mixtures of k generators that leave the image’s generator out. Balanced accuracy is half the mean over its "
        "real images and half that over its synthetic ones, and the mean over held-out generators gives each the same "
        "weight. At each k, every other generator is in as many of these mixtures as any other: on held-out generators "
        "k is not confounded with which generators they are."
    )
    yield (
        f"Intervals are crossed {level} intervals over seeds and images (Obuchowski and Rockette 1995; Hillis 2007, "
        "with seeds as readers), each label of each generator a stratum; differences are paired by seed and image. The "
        "half-width quoted is never below that of the images alone. What is not in them: generators and corpora are "
        "few and were chosen, not drawn, and their mixtures are all there are. An interval says what other seeds and "
        "other images of these generators would show, nothing of other generators."
    )
    yield (
        f"An outcome is judged against a margin of {found.margin * 100:g} points: *helps* where the gain is larger, "
        "*does not help* where it is smaller, a loss included, else *undecided*; each by a one-sided test whose p is "
        f"doubled and adjusted by Holm’s method within its family, at α = {found.alpha:g}. Families, at each test set "
        "and at their mean: all variants and k (diversity), all preprocessing on one generator (preprocessing), and "
        "the differences of the two gains (instead), which are tested against zero. Intervals are not adjusted."
    ).replace("*", "")
    if plain := [card.name.removesuffix(PLAIN) for card in found.study.variants if card.name.endswith(PLAIN)]:
        yield (
            "A variant is tested along its own path, as in the poster’s study: what is augmented in training is "
            f"augmented in the test, too, and a crop or blur spoils test images. So {' and '.join(plain)} also stand "
            f"as {' and '.join(name + PLAIN for name in plain)}: the same classifiers, tested on images that are not "
            "augmented."
        )
    if found.study.shared:
        yield (
            "The shared sets are of other photographs and generators, as in the poster’s study; all mixtures of a size "
            "are averaged there. Where one of their sources is by a generator of some mixtures, it is not unseen to "
            "these, and a larger share of mixtures has it at larger k, so that a gain there may come from that alone; "
            "the tables by mixture and by source show which."
        )


def _data(found: Diversity) -> Iterator[Block]:
    yield from present(table_generators(found))
    for card in found.study.shared:
        n = f"{card.n_real:,} real and {card.n_synthetic:,} synthetic images"
        yield Paragraph((f"{card.name}: {n} of {', '.join(card.sources)}; {card.pipeline}.",))
    for note in found.study.notes:
        yield Paragraph((note,))
