from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.errors import InputError
from analysis.frames import index_images
from analysis.map_frames import MapCell, index_maps

Study = Callable[..., dict[str, Any]]
VARIANTS = ("baseline", "augment", "autoencoder")


def index(inputs: dict[str, Any], maps: pd.DataFrame) -> tuple[MapCell, ...]:
    return index_maps(maps, index_images(inputs["images"]), variants=VARIANTS, seeds=(0, 1, 2))


def test_cells_hold_the_frames_numbers(small_study: Study) -> None:
    """Each cell is pandas' pivot of its rows, whatever the order and type of the rows."""
    inputs = small_study()
    maps = inputs["maps"]
    shuffled = maps.sample(frac=1, random_state=1).astype({"variant": "category", "image_id": "category"})
    cells = index(inputs, shuffled)
    images = index_images(inputs["images"])
    assert len(cells) == maps.groupby(["test_set", "method", "point", "variant"]).ngroups
    for cell in cells:
        keys = {"variant": cell.variant, "test_set": cell.test_set, "method": cell.method, "point": cell.point}
        rows = maps[(maps[list(keys)] == pd.Series(keys)).all(axis=1)]
        for name in ("gini", "entropy"):
            table = rows.pivot_table(index="seed", columns="image_id", values=name, aggfunc="first")
            np.testing.assert_array_equal(cell.measures[name], table.to_numpy())
        assert images.image_ids[cell.image_rows].tolist() == table.columns.tolist()
        assert cell.seeds == (0, 1, 2)
        assert (cell.total, cell.excluded) == (table.size, 0)


def test_excluded_maps_are_counted_and_have_no_value(small_study: Study) -> None:
    """A map with a reason is NaN, whatever stands in its columns."""
    inputs = small_study()
    maps = inputs["maps"].copy()
    maps.loc[maps.index[[0, 2]], "excluded"] = "all zero"
    maps.loc[maps.index[0], "gini"] = math.nan
    cell = next(c for c in index(inputs, maps) if c.variant == "baseline" and c.test_set == maps["test_set"].iloc[0])
    assert cell.excluded == 2
    assert np.isnan(cell.measures["gini"]).sum() == np.isnan(cell.measures["entropy"]).sum() == 2


def test_a_method_may_have_fewer_seeds_when_all_variants_have_them(small_study: Study) -> None:
    """Costly methods are run on some seeds."""
    inputs = small_study()
    cells = index(inputs, inputs["maps"].query("seed != 1"))
    assert {cell.seeds for cell in cells} == {(0, 2)}


def test_further_measures_are_used_where_they_are(small_study: Study) -> None:
    """A known measure beside Gini and entropy is read, an unknown column is not."""
    inputs = small_study()
    cells = index(inputs, inputs["maps"].assign(hoyer=0.5, mood="good"))
    assert list(cells[0].measures) == ["gini", "entropy", "hoyer"]


def test_no_maps_give_no_cells(small_study: Study) -> None:
    """An empty frame is a study without maps."""
    inputs = small_study()
    assert index(inputs, inputs["maps"].iloc[:0]) == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.drop(columns="gini"), "column 'gini' is missing"),
        (lambda m: m.drop(columns="excluded"), "column 'excluded' is missing"),
        (lambda m: pd.concat([m, m.iloc[[4]]]), "occurs twice"),
        (lambda m: m.assign(gini=m["gini"].where(m.index != 3)), "has gini nan and is not excluded"),
        (lambda m: m.assign(entropy=m["entropy"].where(m.index != 3, math.inf)), "has entropy inf"),
        (lambda m: m[m["variant"] != "augment"], "variant 'augment' has no maps"),
        (lambda m: m[(m["variant"] != "augment") | (m["seed"] != 1)], "seed 1 has no maps"),
        (lambda m: m.drop(index=3), "of 12 images (not"),
        (lambda m: m.assign(seed=m["seed"] + 7), "seed 7 is not of the study"),
        (lambda m: m.assign(variant="ghost"), "variant 'ghost' is not of the study"),
        (lambda m: m.assign(test_set="nowhere"), "test set 'nowhere' is not in the image table"),
        (lambda m: m.assign(image_id="ghost.png"), "image 'ghost.png'"),
        (lambda m: m.assign(point=None), "column 'point' has no value in row 0"),
        (lambda m: m.assign(seed=m["seed"].astype(float)), "must hold integers"),
    ],
)
def test_bad_maps_are_refused(small_study: Study, change: Callable[[pd.DataFrame], pd.DataFrame], words: str) -> None:
    """Each defect of the frame of maps gets one line that names the place."""
    inputs = small_study()
    with pytest.raises(InputError) as caught:
        index(inputs, change(inputs["maps"]))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_states_are_cells_of_their_own(small_study: Study) -> None:
    """A null has its own sample and seeds, need not be there for every variant, and alone has a similarity."""
    inputs = small_study()
    maps = inputs["maps"]
    some = maps[(maps["variant"] == "augment") & (maps["seed"] < 2) & (maps["test_set"] == "inside")]
    some = some[some["image_id"] != some["image_id"].iloc[0]]
    nulls = some.assign(state="randomised-fc", gini=0.2, similarity=0.1)
    together = pd.concat([nulls, maps.assign(state="trained")], ignore_index=True)
    before, after = index(inputs, maps), index(inputs, together)
    trained = [cell for cell in after if cell.state == "trained"]
    assert len(trained) == len(before)
    for a, b in zip(before, trained, strict=True):
        assert (a.variant, a.test_set, a.place, a.seeds) == (b.variant, b.test_set, b.place, b.seeds)
        assert list(a.measures) == list(b.measures) == ["gini", "entropy"]
        np.testing.assert_array_equal(a.measures["gini"], b.measures["gini"])
    (null,) = (cell for cell in after if cell.state != "trained")
    assert (null.variant, null.place, null.seeds) == ("augment", "image~randomised-fc", (0, 1))
    assert len(null.image_rows) == 11
    assert (null.measures["gini"] == 0.2).all()
    assert (null.measures["similarity"] == 0.1).all()


def test_nulls_are_checked_like_other_maps(small_study: Study) -> None:
    """A null that is missing for one image of one seed, or occurs twice, is refused with its state named."""
    inputs = small_study()
    maps = inputs["maps"]
    nulls = maps[maps["variant"] == "augment"].assign(state="untrained")
    both = [maps.assign(state="trained"), nulls]
    with pytest.raises(InputError, match="augment inside saliency image~untrained, seed"):
        index(inputs, pd.concat([both[0], nulls.drop(index=nulls.index[0])], ignore_index=True))
    with pytest.raises(InputError, match="state untrained occurs twice"):
        index(inputs, pd.concat([*both, nulls.iloc[:1]], ignore_index=True))
    with pytest.raises(InputError, match="column 'state' has no value"):
        index(inputs, pd.concat([both[0], nulls.assign(state=None)], ignore_index=True))


def test_a_constant_map_has_no_regions_and_is_not_excluded(small_study: Study) -> None:
    """Regions may be null where the other measures stand, but must be numbers."""
    inputs = small_study()
    maps = inputs["maps"].assign(regions=3.0, region_share=0.2)
    maps.loc[maps.index[0], ["regions", "region_share"]] = np.nan
    cells = index(inputs, maps)
    assert sum(int(np.isnan(cell.measures["regions"]).sum()) for cell in cells) == 1
    assert sum(cell.excluded for cell in cells) == 0
    with pytest.raises(InputError, match="has regions inf and is not excluded"):
        index(inputs, maps.assign(regions=np.inf))
