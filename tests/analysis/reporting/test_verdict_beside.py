"""What stands beside the verdict on accuracy comes from rows, and is absent where there are none."""

from __future__ import annotations

from analysis.reporting.lookup import Lookup
from analysis.reporting.quantities import plain
from analysis.reporting.verdict_beside import sentence_beside
from analysis.summary import Contrast, Summary, VariantCard


def told(summary: Summary) -> str:
    lookup = Lookup(summary)
    return plain(sentence_beside(lookup, lookup.test_sets("in_sample")[0])).replace("\u00a0", " ")


def equivalent(summary: Summary, **p: float | None) -> Summary:
    """The summary with another TOST p of some variants' in-sample accuracy against the baseline."""
    rows = tuple(
        row.model_copy(update={"tost_p": p.get(row.variant), "margin": 0.01})
        if (row.quantity, row.test_set, row.source, row.versus) == ("accuracy", "test", None, "baseline")
        else row
        for row in summary.contrasts
    )
    return summary.model_copy(update={"contrasts": rows})


def test_plain_images_stand_beside_augmented_ones(summary: Summary) -> None:
    """The augmenting variants' classifiers along the path without augmentation, as their rows have it."""
    lookup = Lookup(summary)
    values = {v: lookup.metric("accuracy", v, "test", path=p) for v, p in (("augment", "none"), ("both", "autoencode"))}
    text = told(summary)
    assert text.startswith("In sample (test; accuracy). The test images of augment and both are augmented, too, which")
    for variant, row in values.items():
        assert row is not None
        assert row.estimate is not None
        assert f"{row.estimate * 100:.1f} %" in text
        assert f"with the classifiers of {variant}" in text


def test_what_was_not_tested_is_said(summary: Summary) -> None:
    """Without rows of plain images the sentence says so; without augmentation there is none."""
    own = {card.name: card.path for card in summary.study.variants}
    rows = tuple(row for row in summary.metrics if row.path == own.get(row.variant))
    assert "on plain ones they were not." in told(summary.model_copy(update={"metrics": rows}))
    cards = tuple(card for card in summary.study.variants if card.path in ("none", "autoencode"))
    study = summary.study.model_copy(update={"variants": cards})
    assert "augmented" not in told(summary.model_copy(update={"study": study}))


def test_variants_within_the_margin_are_named(summary: Summary) -> None:
    """Those whose test of equivalence is below α, at the margin that was tested."""
    text = told(equivalent(summary, augment=0.01, autoencoder=0.2, both=0.04))
    assert "Equivalent to baseline at a margin of 1.0 points: augment and both." in text
    assert "Equivalent" not in told(equivalent(summary, augment=0.2, autoencoder=None, both=0.9))


def test_controls_are_set_against_the_autoencoder(summary: Summary) -> None:
    """A blur of its PSNR in its place: by how much, and whether that is told apart."""
    card = VariantCard(name="blur", path="blur", description="Control.")
    study = summary.study.model_copy(update={"variants": (*summary.study.variants, card)})
    row = Contrast(
        quantity="accuracy",
        variant="blur",
        versus="autoencoder",
        test_set="test",
        path="own",
        estimate=0.012,
        low=0.004,
        high=0.02,
        p=0.01,
        p_holm=0.03,
        family="accuracy, test",
        n_seeds=3,
        n_images=100,
    )
    better = summary.model_copy(update={"study": study, "contrasts": (*summary.contrasts, row)})
    text = told(better)
    assert "Of the autoencoder’s PSNR and in its place, against it: a blur 1.20 points [0.40, 2.00] (better)." in text
    open_row = row.model_copy(update={"p_holm": 0.2})
    assert "(not told apart)" in told(better.model_copy(update={"contrasts": (*summary.contrasts, open_row)}))
    assert "in its place" not in told(summary)
