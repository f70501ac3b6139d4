"""A diversity study's findings on disk."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `diversity_study`

from diversity_study import diversity_of

from analysis.diversity_results import read_diversity, write_diversity, write_diversity_tables
from analysis.errors import InputError


def test_findings_survive_the_disk(tmp_path: Path) -> None:
    """Written and read they are the same, and written again the same bytes."""
    found = diversity_of()
    for name in ("a.json", "b.json"):
        write_diversity(found, tmp_path / name)
    assert read_diversity(tmp_path / "a.json") == found
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert "NaN" not in (tmp_path / "a.json").read_text("utf-8")


def test_tables_hold_every_row(tmp_path: Path) -> None:
    """CSV and Parquet of levels, mixtures, contrasts and seeds' values, with unique ids."""
    found = diversity_of()
    written = write_diversity_tables(found, tmp_path)
    assert {path.name for path in written} == {
        f"{name}.{suffix}"
        for name in ("levels", "mixtures", "contrasts", "seed_values")
        for suffix in ("csv", "parquet")
    }
    for name in ("levels", "mixtures", "contrasts"):
        rows = getattr(found, name)
        frame = pd.read_csv(tmp_path / f"{name}.csv")
        assert list(frame["id"]) == [row.id for row in rows]
        assert frame["estimate"].tolist() == pytest.approx([row.estimate for row in rows])
        assert len(pd.read_parquet(tmp_path / f"{name}.parquet")) == len(rows)
    seeds = pd.read_csv(tmp_path / "seed_values.csv")
    assert len(seeds) == 3 * (len(found.levels) + len(found.mixtures))
    means = seeds.groupby("id", sort=False)["value"].mean()
    assert means.loc[found.levels[0].id] == pytest.approx(found.levels[0].estimate)


@pytest.mark.parametrize("text", ["", "{}", '{"schema_version": 1}', "[1]"])
def test_what_is_no_diversity_study_is_refused(tmp_path: Path, text: str) -> None:
    """One line with the path and what to do."""
    (tmp_path / "results.json").write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"results\.json: .*isitcap analyze"):
        read_diversity(tmp_path / "results.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_diversity(tmp_path / "none.json")


def test_numbers_are_json_of_full_precision(tmp_path: Path) -> None:
    """What is read by other programs is unrounded."""
    found = diversity_of()
    write_diversity(found, tmp_path / "results.json")
    data = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert data["kind"] == "diversity"
    assert data["contrasts"][0]["estimate"] == found.contrasts[0].estimate
