"""The section on subsets: every number is the summary's, words say how many images, and nothing where nothing is."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from control_study import HOME, make
from summary_numbers import numbers_of

from analysis.build import build_summary
from analysis.reporting import Examples
from analysis.reporting.benchmark_document import build_benchmark
from analysis.reporting.blocks import Paragraph, Section, Table
from analysis.reporting.lookup import Lookup
from analysis.reporting.page import draw_page
from analysis.reporting.quantities import Number, plain
from analysis.reporting.subset_sections import subset_section
from analysis.subsets import Subsets
from analysis.summary import Summary

CLASSES = {"thing": ("inside/thing", "photos/thing")}


@pytest.fixture(scope="module")
def summary() -> Summary:
    made = make(np.random.default_rng(1))
    images = made["images"].copy()
    number = images["image_id"].str.extract(r"(\d+)\.png$")[0].astype(int)
    real = images["label"] == 0
    images.loc[real & (number % 3 == 0), "group"] = "thing"
    grey = images.loc[number < 4, ["test_set", "image_id"]]
    return build_summary(**made | {"images": images, "subsets": Subsets(grey, CLASSES)})


@pytest.fixture(scope="module")
def section(summary: Summary) -> Section:
    return subset_section(Lookup(summary))


def table(section: Section, name: str) -> Table:
    return next(block for block in section.blocks if isinstance(block, Table) and block.id.startswith(name))


def test_every_number_is_the_summarys(summary: Summary, section: Section) -> None:
    """By its id, to the last digit."""
    known = numbers_of(summary)
    texts = [part for b in section.blocks if isinstance(b, Paragraph) for part in b.text]
    cells = [c.content for b in section.blocks if isinstance(b, Table) for row in b.rows for c in row.cells]
    found = [each for each in (*texts, *cells) if isinstance(each, Number)]
    assert len(found) == 3 + 2 * 2 * 6 + 2 * 3 * 3
    for each in found:
        assert each.raw == pytest.approx(known[each.id]), each.id


def test_the_caption_counts_greyscale_images(section: Section) -> None:
    """Of each test set, real and synthetic apart."""
    words = plain(table(section, "table-greyscale").caption)
    assert "4 real and 4 synthetic of test; 4 real and 8 synthetic of far" in words


def test_a_row_of_each_kind_of_image(section: Section) -> None:
    """All, shared classes and the difference of each variant; the last in points throughout."""
    found = table(section, "table-shared-classes")
    assert [row.heads[1:] for row in found.rows] == [
        (variant, label) for variant in ("baseline", "autoencoder") for label in ("all", "shared classes", "difference")
    ]
    kinds = [[cell.content.kind for cell in row.cells if isinstance(cell.content, Number)] for row in found.rows]
    assert kinds[0] == kinds[1] == ["percent", "percent", "points"]
    assert kinds[2] == ["points"] * 3
    assert "n = 4 seeds × 17 images" in plain(found.caption)
    assert "of real images, in-sample and out of sample, thing (20 and 17)" in plain(found.caption)


def test_the_sentence_tells_the_fall_and_what_subjects_make(summary: Summary, section: Section) -> None:
    """The baseline's, of the quantity that has shared classes."""
    words = [str(block) for block in section.blocks if isinstance(block, Paragraph)]
    fall = next(row for row in summary.subsets if row.id == f"subset-fall/specificity/baseline/{HOME}~classes/none")
    assert fall.estimate is not None
    assert "From in-sample images to far, the specificity of baseline falls by" in words[1]
    assert f"{100 * fall.estimate:.1f}" in words[1].replace("−", "-")


def test_nothing_without_subsets(summary: Summary) -> None:
    """Results of before have no such section; with subsets the page has it."""
    bare = summary.model_copy(update={"subsets": ()})
    assert not subset_section(Lookup(bare)).blocks
    for each, there in ((bare, False), (summary, True)):
        page = draw_page(build_benchmark(each, Examples(seed=0, sets=(), rule="")), each, "screen")
        assert ('id="subsets"' in page) is there


def test_no_greyscale_images_are_told_from_nobody_having_looked() -> None:
    """A set in which there are none has its line, and the caption says so."""
    made = make(np.random.default_rng(1))
    subsets = Subsets(pd.DataFrame({"test_set": [], "image_id": []}, dtype=str), {"all": ("inside", "photos")})
    found = subset_section(Lookup(build_summary(**made | {"subsets": subsets})))
    assert "Greyscale are 0 real and 0 synthetic of test; 0 real and 0 synthetic of far" in plain(
        table(found, "table-greyscale").caption
    )
