"""The tables of what tells the label, against scikit-learn."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn")

from planted import cells, measure
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from isitcap.data.audit.material import Material
from isitcap.data.audit.probes import SUSPECT
from isitcap.data.audit.tables_label import classifiers_table, label_measures, suspects_table

pytestmark = pytest.mark.slow

Planted = tuple[dict[str, bytes], Material]


def test_every_classifier_has_its_row(planted: Planted) -> None:
    """Container, name, both, colour: the warm fakes are told by colour alone, and its p is the least possible."""
    _, material = planted
    table = classifiers_table(material)
    found = cells(table)
    assert [heads[1] for heads in found] == ["container", "file name", "container and name", "colour and sharpness"]
    n = len(material.compared[0].comparison.rows)
    assert {row[3] for row in found.values()} == {n}
    assert found["main", "colour and sharpness"][2] == "≤ 0.01 (99)"
    assert measure(table, "label/main/colour-and-sharpness").low > 0.5  # type: ignore[operator]
    assert measure(table, "label/main/container").value < 0.6  # type: ignore[operator]


def test_the_colour_classifier_is_scored_as_scikit_learn_does(planted: Planted) -> None:
    """Balanced accuracy is that of the probabilities cut at one half; the AUC is near the pooled one."""
    _, material = planted
    each = material.compared[0]
    assert each.probes is not None
    scores, labels = each.probes.figures.scores, each.comparison.labels(material.images)
    assert scores is not None
    auc, balanced, *_ = cells(classifiers_table(material))["main", "colour and sharpness"]
    assert balanced == pytest.approx(balanced_accuracy_score(labels, scores > 0.5))
    assert auc == pytest.approx(roc_auc_score(labels, scores), abs=0.06)
    assert dict(label_measures(each))["colour and sharpness"].value == auc


def test_suspects_are_those_of_little_probability(planted: Planted) -> None:
    """Every image whose own label has a probability below the bound, the least first."""
    _, material = planted
    each = material.compared[0]
    assert each.probes is not None
    scores, labels = each.probes.figures.scores, each.comparison.labels(material.images)
    assert scores is not None
    own = {
        name: p if label else 1 - p
        for name, label, p in zip(material.frame["image_id"][each.comparison.rows], labels, scores, strict=True)
    }
    expected = sorted((p, name) for name, p in own.items() if p < SUSPECT)
    shown = [(row[1], heads[1]) for heads, row in cells(suspects_table(material)).items()]
    assert shown == [(pytest.approx(p), name) for p, name in expected]
    assert shown
