from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import results
from analysis.build import build_summary
from analysis.errors import InputError
from analysis.results import TABLES, read_results, results_schema, table_frame, write_results, write_tables
from analysis.summary import Estimate, SeedValue, Summary

Study = Callable[..., dict[str, Any]]


@pytest.fixture
def summary(small_study: Study) -> Summary:
    return build_summary(**small_study())


def test_what_is_written_is_read_back(summary: Summary, tmp_path: Path) -> None:
    """Every number survives the way through JSON to the last bit."""
    write_results(summary, tmp_path / "results.json")
    assert read_results(tmp_path / "results.json") == summary


def test_the_same_summary_gives_the_same_bytes(small_study: Study, tmp_path: Path) -> None:
    """Files of two builds are equal, end in a newline and hold no NaN."""
    for name in ("a.json", "b.json"):
        write_results(build_summary(**small_study()), tmp_path / name)
    text = (tmp_path / "a.json").read_bytes()
    assert text == (tmp_path / "b.json").read_bytes()
    assert text.endswith(b"}\n")
    assert b"NaN" not in text
    assert b"Infinity" not in text


def test_nothing_but_the_file_is_left(summary: Summary, tmp_path: Path) -> None:
    """Folders are made, and no temporary file stays."""
    write_results(summary, tmp_path / "deep" / "results.json")
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["results.json"]


def test_a_failed_write_leaves_the_old_file(summary: Summary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk gives one line and neither a half file nor a lost one."""
    path = tmp_path / "results.json"
    path.write_text("old")

    def full(_: int) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left on device"):
        write_results(summary, path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]


def test_the_old_file_stands_until_the_new_one_is_whole(
    summary: Summary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to the rename nothing of the old file is touched."""
    path = tmp_path / "results.json"
    path.write_text("old")

    def refused(*_: object) -> NoReturn:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(InputError, match="Permission denied"):
        write_results(summary, path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]


def test_nan_is_never_written(summary: Summary, tmp_path: Path) -> None:
    """A NaN that went round the model's checks is a defect, and no file."""
    broken = summary.model_copy(update={"confidence": float("nan")})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_results(broken, tmp_path / "results.json")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_is_refused(summary: Summary, tmp_path: Path) -> None:
    """A path that cannot be a file gets one line."""
    (tmp_path / "results.json").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_results(summary, tmp_path / "results.json")


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[str], str]:
    def edit(text: str) -> str:
        data = json.loads(text)
        change(data)
        return json.dumps(data)

    return edit


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda text: "", "is not valid JSON"),
        (lambda text: text[: len(text) // 2], "is not valid JSON"),
        (lambda text: "[" * 200_000, "results.json"),
        (lambda text: "[]", "schema version None"),
        (lambda text: text.replace('"confidence": 0.95', '"confidence": NaN'), "NaN is no JSON number"),
        (edited(lambda d: d.update(schema_version=2)), "schema version 2, this program reads 1"),
        (edited(lambda d: d.update(schema_version=True)), "schema version True"),
        (edited(lambda d: d.pop("schema_version")), "schema version None"),
        (edited(lambda d: d.pop("metrics")), "metrics: Field required"),
        (edited(lambda d: d.update(mood="good")), "mood: Extra inputs"),
        (edited(lambda d: d["metrics"][3].update(estimate="high")), "metrics.3.estimate"),
        (edited(lambda d: d["metrics"][3].update(n_seeds=2.5)), "metrics.3.n_seeds"),
        (lambda text: text.replace('"confidence": 0.95', '"confidence": 1e999'), "confidence"),
    ],
)
def test_a_damaged_file_is_refused(summary: Summary, tmp_path: Path, edit: Callable[[str], str], words: str) -> None:
    """Whatever is wrong with the file gets one line with its path, the place and the remedy."""
    path = tmp_path / "results.json"
    write_results(summary, path)
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_results(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """A binary file gets the same one line."""
    (tmp_path / "results.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not valid JSON"):
        read_results(tmp_path / "results.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A path that is not there gets one line."""
    with pytest.raises(InputError, match=r"nothing\.json: cannot be read \(No such file"):
        read_results(tmp_path / "nothing.json")


def test_schema_names_every_part(summary: Summary) -> None:
    """The JSON Schema is JSON, closed, and requires what a summary holds."""
    schema = json.loads(json.dumps(results_schema()))
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert set(schema["properties"]) == set(summary.model_dump())
    assert schema["additionalProperties"] is False
    assert set(schema["$defs"]["Estimate"]["properties"]) == set(Estimate.model_fields)


def test_tables_hold_the_summarys_rows(summary: Summary, tmp_path: Path) -> None:
    """CSV and Parquet have a row per estimate or seed value, with its id, all fields, and unrounded numbers."""
    written = write_tables(summary, tmp_path / "tables")
    assert {p.name for p in written} == {f"{name}.{kind}" for name in TABLES for kind in ("csv", "parquet")}
    assert {p.name for p in (tmp_path / "tables").iterdir()} == {p.name for p in written}
    for name in TABLES:
        rows = getattr(summary, name)
        parquet = pd.read_parquet(tmp_path / "tables" / f"{name}.parquet")
        with (tmp_path / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        assert len(parquet) == len(lines) == len(rows)
        assert parquet["id"].is_unique
        assert list(parquet.columns) == list(lines[0]) == ["id", *type(rows[0]).model_fields]
        value = "value" if name == "seed_values" else "estimate"
        expected = [getattr(row, value) for row in rows]
        assert [None if pd.isna(x) else x for x in parquet[value]] == expected
        assert [float(line[value]) if line[value] else None for line in lines] == expected
        assert [None if pd.isna(x) else x for x in parquet["source"]] == [row.source for row in rows]
    contrasts = pd.read_parquet(tmp_path / "tables" / "contrasts.parquet")
    assert contrasts["id"].tolist() == [row.id for row in summary.contrasts]


def test_tables_are_the_same_bytes_again(summary: Summary, tmp_path: Path) -> None:
    """Writing the tables twice gives equal files."""
    for one, two in zip(write_tables(summary, tmp_path / "a"), write_tables(summary, tmp_path / "b"), strict=True):
        assert one.read_bytes() == two.read_bytes()


def test_an_empty_table_has_typed_columns() -> None:
    """A table without rows has the columns and types of one with rows."""
    row = Estimate(
        quantity="recall", variant="v", test_set="t", path="none", estimate=None, n_seeds=1, n_images=0, reason="why"
    )
    assert table_frame([], Estimate).dtypes.equals(table_frame([row], Estimate).dtypes)
    assert table_frame([], Estimate)["p"].dtype == "float64"
    assert table_frame([], SeedValue)["seed"].dtype == "int64"


finite = st.floats(allow_nan=False, allow_infinity=False)
names = st.text(min_size=1, max_size=8)


@given(
    st.builds(
        Estimate,
        quantity=names,
        variant=names,
        versus=st.none() | names,
        test_set=names,
        source=st.none() | names,
        path=names,
        estimate=st.none() | finite,
        low=st.none() | finite,
        high=st.none() | finite,
        df=st.none() | finite,
        p=st.none() | finite,
        var_seed=st.none() | finite,
        var_image=st.none() | finite,
        var_residual=st.none() | finite,
        n_seeds=st.integers(0, 2**40),
        n_images=st.integers(0, 2**40),
        reason=st.none() | names,
    )
)
def test_any_estimate_survives_json(row: Estimate) -> None:
    """Any text and any finite number come back as they were."""
    text = json.dumps(row.model_dump(mode="json"), allow_nan=False, ensure_ascii=False)
    assert Estimate.model_validate_json(text) == row


def test_constants_of_javascript_are_refused() -> None:
    """NaN and infinities have no place in the file."""
    for name in ("NaN", "Infinity", "-Infinity"):
        with pytest.raises(ValueError, match=name):
            results._refuse_constant(name)
