"""Every branch of the verdict's sentences."""

from __future__ import annotations

import pytest

from analysis.reporting.lookup import Lookup
from analysis.reporting.quantities import Number, plain
from analysis.reporting.verdict import holm_note, sentence_accuracy, sentence_dispersion, sentences
from analysis.summary import Margin, Summary

WHERE = ("test", None, "own")
SIDES = {
    "above": (0.02, 0.01),
    "below": (-0.02, 0.01),
    "open": (0.002, 0.01),
    "weak": (-0.0105, 0.0103),
    "undefined": (None, None),
}


def with_sides(summary: Summary, sides: dict[str, str]) -> Lookup:
    """The summary with the in-sample accuracy contrasts put on the given sides."""
    rows = []
    for row in summary.contrasts:
        if (row.quantity, row.test_set, row.source) == ("accuracy", "test", None):
            value, half = SIDES[sides[row.variant]]
            bounds = (None, None) if value is None or half is None else (value - half, value + half)
            rows.append(
                row.model_copy(
                    update={
                        "estimate": value,
                        "low": bounds[0],
                        "high": bounds[1],
                        "p_holm": {"open": 0.6, "weak": 0.071, "undefined": None}.get(sides[row.variant], 0.001),
                        "reason": "no variation",
                    }
                )
            )
        else:
            rows.append(row)
    return Lookup(summary.model_copy(update={"contrasts": tuple(rows)}))


@pytest.mark.parametrize(
    ("sides", "expected", "unexpected"),
    [
        (("above", "above", "above"), ["augment (", "are better"], ["worse", "no variant", "zero"]),
        (("above", "below", "open"), ["is better", "is worse", "the interval includes zero"], ["no variant"]),
        (("below", "below", "below"), ["no variant is shown to be better", "are worse"], ["are better", "zero"]),
        (
            ("below", "open", "open"),
            ["no variant is shown to be better", "their intervals include zero"],
            ["is better"],
        ),
        (("open", "open", "open"), ["no variant is shown to differ", "cannot be told"], ["worse", "is better"]),
        (
            ("below", "weak", "open"),
            ["augment (−2.0", "is worse", "autoencoder (−1.05\u00a0points [−2.08, −0.02], adjusted p 0.071) and both"],
            ["are worse", "zero"],
        ),
        (
            ("undefined", "undefined", "undefined"),
            ["the difference is not defined for augment, autoencoder and both (no variation)"],
            ["no variant", "better", "worse", "zero"],
        ),
        (("undefined", "below", "below"), ["are worse", "not defined for augment"], ["no variant"]),
        (("above", "undefined", "open"), ["is better", "not defined for autoencoder"], ["no variant", "worse"]),
    ],
)
def test_sentence_follows_the_sides(
    summary: Summary, sides: tuple[str, str, str], expected: list[str], unexpected: list[str]
) -> None:
    """The sentence says what the intervals say, and nothing that they do not."""
    lookup = with_sides(summary, dict(zip(("augment", "autoencoder", "both"), sides, strict=True)))
    text = plain(sentence_accuracy(lookup, lookup.test_sets("in_sample")[0]))
    for part in expected:
        assert part in text
    for part in unexpected:
        assert part not in text


def test_sentence_out_of_sample_sets_the_classes_apart(summary: Summary) -> None:
    """Out of sample, balanced accuracy is quoted, with recall and specificity beside it."""
    lookup = Lookup(summary)
    text = sentence_accuracy(lookup, lookup.test_sets("out_of_sample")[0])
    assert "balanced accuracy" in plain(text)
    quoted = [part.id.split("/")[0] for part in text if isinstance(part, Number)]
    assert {"balanced_accuracy", "recall", "specificity", "auc"} <= set(quoted)


def test_the_sources_of_least_and_most_recall_stand_beside_the_mean(summary: Summary) -> None:
    """One mean over generators may hide that one alone is recognised; with one synthetic source there is no range."""
    lookup = Lookup(summary)
    card = lookup.test_sets("out_of_sample")[0]
    names = [source.name for source in card.sources]
    shares = dict(zip(names, (0.8, 0.05, 0.3, 0.4, 0.5), strict=False))
    rows = tuple(
        row.model_copy(update={"estimate": shares[row.source]})
        if (row.quantity, row.variant, row.test_set) == ("recall", lookup.baseline, card.name) and row.source in shares
        else row
        for row in summary.metrics
    )
    held = [
        r for r in rows if (r.quantity, r.variant, r.test_set) == ("recall", lookup.baseline, card.name) and r.source
    ]
    text = plain(sentence_accuracy(Lookup(summary.model_copy(update={"metrics": rows})), card)).replace("\u00a0", " ")
    if len(held) > 1:
        least, most = (pick(held, key=lambda row: row.estimate) for pick in (min, max))
        assert f"; by source recall is {least.estimate * 100:.1f} % ({least.source}) to" in text
        assert f"{most.estimate * 100:.1f} % ({most.source}))" in text
    one = tuple(row for row in rows if row not in held[1:])
    assert "by source" not in plain(sentence_accuracy(Lookup(summary.model_copy(update={"metrics": one})), card))


def test_undefined_baseline_is_said_with_its_reason(summary: Summary) -> None:
    """Without a baseline there is no comparison, only the reason."""
    metrics = tuple(
        row.model_copy(update={"estimate": None, "low": None, "high": None, "reason": "no real images"})
        for row in summary.metrics
    )
    lookup = Lookup(summary.model_copy(update={"metrics": metrics}))
    text = plain(sentence_accuracy(lookup, lookup.test_sets("in_sample")[0]))
    assert text == "In sample (test) the accuracy of baseline is not defined: no real images."


def test_dispersion_names_both_points_and_the_direction(summary: Summary) -> None:
    """A lower Gini is more dispersed, and each attribution point has its own answer."""
    text = plain(sentence_dispersion(Lookup(summary)))
    image, _, rest = text.partition("at the classifier’s input")
    assert "more dispersed for augment (" in image
    assert "not told apart for both" in rest
    assert rest.endswith("Entropy does not say the same of autoencoder at the classifier’s input.")


def test_entropy_agrees_when_it_mirrors_gini(summary: Summary) -> None:
    """Entropy rises where Gini falls; when it does so everywhere, the sentence says so."""
    rows = []
    for row in summary.dispersion_contrasts:
        gini = row.quantity == "gini"
        rows.append(
            row.model_copy(
                update={
                    "estimate": -0.01 if gini else 0.01,
                    "low": -0.02 if gini else 0.005,
                    "high": -0.005 if gini else 0.02,
                    "p_holm": 0.01,
                }
            )
        )
    text = plain(sentence_dispersion(Lookup(summary.model_copy(update={"dispersion_contrasts": tuple(rows)}))))
    assert text.endswith("Entropy says the same in every case.")
    assert "not told apart" not in text


def test_more_concentrated_is_said_as_such(summary: Summary) -> None:
    """A higher Gini is more concentrated."""
    rows = tuple(
        row.model_copy(update={"estimate": 0.01, "low": 0.005, "high": 0.02, "p_holm": 0.01})
        for row in summary.dispersion_contrasts
    )
    text = plain(sentence_dispersion(Lookup(summary.model_copy(update={"dispersion_contrasts": rows}))))
    assert "more concentrated for augment" in text
    assert "more dispersed" not in text


def test_what_the_study_lacks_is_said(summary: Summary) -> None:
    """No out-of-sample set and no maps are sentences, not gaps."""
    study = summary.study.model_copy(
        update={"test_sets": tuple(card for card in summary.study.test_sets if card.role != "out_of_sample")}
    )
    bare = summary.model_copy(update={"study": study, "dispersion": (), "dispersion_contrasts": ()})
    texts = [plain(text) for text in sentences(Lookup(bare))]
    assert len(texts) == 5
    assert texts[1:3] == ["The study has no out-of-sample test set.", "No saliency map was measured."]


def test_the_main_method_speaks_for_the_maps(summary: Summary) -> None:
    """Occlusion comes first by name, and the study's main method is told all the same."""
    first = tuple(sorted(summary.dispersion, key=lambda row: row.path))
    assert first[0].path.startswith("occlusion")
    text = plain(sentence_dispersion(Lookup(summary.model_copy(update={"dispersion": first}))))
    assert text.startswith("Saliency maps (test; saliency) against baseline")


def test_entropy_says_nothing_where_no_case_is_defined(summary: Summary) -> None:
    """Without an interval in any case there is nothing to agree on."""
    gone = {"estimate": None, "low": None, "high": None, "p_holm": None, "reason": "fewer than three seeds"}
    rows = tuple(row.model_copy(update=gone) for row in summary.dispersion_contrasts)
    text = plain(sentence_dispersion(Lookup(summary.model_copy(update={"dispersion_contrasts": rows}))))
    assert "not defined for" in text
    assert "ntropy" not in text


def test_what_decides_the_words_is_said(summary: Summary) -> None:
    """The level, the correction and that intervals are not adjusted stand behind the sentences."""
    texts = [plain(text) for text in sentences(Lookup(summary))]
    said = "p is below α = 0.05 after Holm’s correction over all pairs of variants; the intervals are not adjusted."
    assert sum(text.endswith(said) for text in texts) == 1


def test_of_maps_alone_no_word_of_accuracy_is_explained(summary: Summary) -> None:
    """Where dispersion alone is spoken of, its words and its rows alone count."""
    assert plain(holm_note(Lookup(summary), of_maps=True)).startswith("Dispersed and concentrated go by Holm’s p")
    bare = summary.model_copy(update={"dispersion_contrasts": ()})
    assert holm_note(Lookup(bare), of_maps=True) == ()
    assert plain(holm_note(Lookup(bare))).startswith("Better, worse, dispersed and concentrated are said where p is ")


def test_what_is_not_as_declared_is_said(summary: Summary) -> None:
    """Changed levels, margins of equivalence and claims stand on the first page; nothing does where nothing changed."""
    margins = (Margin(role="in_sample", margin=0.2, declared=0.01), Margin(role="out_of_sample", margin=0.05))
    levels = {"alpha": 0.1, "alpha_declared": 0.05, "confidence": 0.9, "confidence_declared": 0.95}
    changed = summary.model_copy(update=levels | {"margins": margins})
    assert plain(sentences(Lookup(changed))[-1]).replace("\u00a0", " ") == (
        "Not as declared: tests are at α = 0.1 instead of 0.05; intervals are at 90 % instead of 95 %; the margin of "
        "equivalence in sample is 20 points instead of 1 point; judged at another margin or bound: preserved."
    )
    same = summary.model_copy(update={"verdicts": ()})
    assert not any("Not as declared" in plain(text) for text in sentences(Lookup(same)))
