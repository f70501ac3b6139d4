from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import jsonschema  # type: ignore[import-untyped]
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import results
from analysis.build import build_summary
from analysis.errors import InputError
from analysis.results import (
    TABLES,
    Row,
    curve_points,
    read_results,
    results_schema,
    row_id,
    table_frame,
    table_rows,
    verdict_rows,
    write_results,
    write_tables,
)
from analysis.sentences import judged_of
from analysis.summary import Contrast, Curve, Estimate, ModelRow, RunInterval, RunTest, SeedValue, SpreadRow, Summary
from analysis.verdicts import Verdict, VerdictPart

Study = Callable[..., dict[str, Any]]


@pytest.fixture
def summary(small_summary: Summary) -> Summary:
    return small_summary


def test_what_is_written_is_read_back(full_summary: Summary, tmp_path: Path) -> None:
    """Every number of a summary in which nothing is empty survives the way through JSON to the last bit."""
    assert all(getattr(full_summary, name) for name in Summary.model_fields)
    write_results(full_summary, tmp_path / "results.json")
    assert read_results(tmp_path / "results.json") == full_summary


def test_results_are_valid_under_the_published_schema(full_summary: Summary, summary: Summary, tmp_path: Path) -> None:
    """A JSON Schema validator that knows nothing of this program accepts results, and refuses what is spoilt."""
    schema = results_schema()
    kind: Any = jsonschema.Draft202012Validator
    kind.check_schema(schema)
    validator = kind(schema)
    for one in (full_summary, summary):
        write_results(one, tmp_path / "results.json")
        data = json.loads((tmp_path / "results.json").read_text("utf-8"))
        assert not list(validator.iter_errors(data))
    spoils: list[Callable[[dict[str, Any]], object]] = [
        lambda d: d["verdicts"][0].update(outcome="likely"),
        lambda d: d["contrasts"][0].update(p="small"),
        lambda d: d["run_tests"][0].pop("p"),
        lambda d: d["model_checks"][0].update(mood="good"),
        lambda d: d.update(schema_version=1),
    ]
    for spoil in spoils:
        write_results(full_summary, tmp_path / "results.json")
        data = json.loads((tmp_path / "results.json").read_text("utf-8"))
        spoil(data)
        assert list(validator.iter_errors(data))


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


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", [None, "contrasts", "run_intervals", "verdicts"])
def test_nan_is_never_written(full_summary: Summary, tmp_path: Path, name: str | None, value: float) -> None:
    """A NaN or infinity that went round the model's checks is a defect, and no file."""
    if name is None:
        broken = full_summary.model_copy(update={"confidence": value})
    else:
        field = {"contrasts": "p_holm", "run_intervals": "wilson_low", "verdicts": "p_support"}[name]
        rows = getattr(full_summary, name)
        broken = full_summary.model_copy(update={name: (rows[0].model_copy(update={field: value}), *rows[1:])})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_results(broken, tmp_path / "results.json")
    assert list(tmp_path.iterdir()) == []


def test_words_that_look_like_nan_are_only_words(summary: Summary, tmp_path: Path) -> None:
    """A title may hold NaN, quotes and line breaks."""
    title = 'x\n "p": NaN,\nInfinity'
    named = summary.model_copy(update={"study": summary.study.model_copy(update={"title": title})})
    write_results(named, tmp_path / "results.json")
    assert read_results(tmp_path / "results.json").study.title == title


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
        (edited(lambda d: d.update(schema_version=1)), "schema version 1, this program reads 2"),
        (edited(lambda d: d.update(schema_version=True)), "schema version True"),
        (edited(lambda d: d.pop("schema_version")), "schema version None"),
        (edited(lambda d: d.pop("metrics")), "metrics: Field required"),
        (edited(lambda d: d.update(mood="good")), "mood: Extra inputs"),
        (edited(lambda d: d["metrics"][3].update(estimate="high")), "metrics.3.estimate"),
        (edited(lambda d: d["metrics"][3].update(n_seeds=2.5)), "metrics.3.n_seeds"),
        (edited(lambda d: d["contrasts"][5].update(p_holm="low")), "contrasts.5.p_holm"),
        (edited(lambda d: d["run_tests"][0].update(test="sign")), "run_tests.0.test"),
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
    for kind in (Estimate, Contrast, SeedValue, RunInterval, RunTest, ModelRow, SpreadRow, Curve, Verdict, VerdictPart):
        assert set(schema["$defs"][kind.__name__]["properties"]) == set(kind.model_fields)
        assert schema["$defs"][kind.__name__]["additionalProperties"] is False


def rows_of(summary: Summary, name: str) -> Sequence[Row]:
    return list(table_rows(summary, name))


VALUES = {
    "seed_values": "value",
    "run_intervals": "value",
    "run_tests": "statistic",
    "seed_spread": "ratio",
    "curves": "mean",
    "control_sets": "level",
}
"""The number of a table's row that is no `estimate`."""


def test_tables_hold_the_summarys_rows(full_summary: Summary, tmp_path: Path) -> None:
    """CSV and Parquet have a row per row of the summary, with its unique id, all fields, and unrounded numbers."""
    written = write_tables(full_summary, tmp_path / "tables")
    assert {p.name for p in written} == {f"{name}.{kind}" for name in TABLES for kind in ("csv", "parquet")}
    assert {p.name for p in (tmp_path / "tables").iterdir()} == {p.name for p in written}
    for name in TABLES:
        rows = rows_of(full_summary, name)
        assert rows
        parquet = pd.read_parquet(tmp_path / "tables" / f"{name}.parquet")
        with (tmp_path / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        assert len(parquet) == len(lines) == len(rows)
        assert parquet["id"].is_unique
        assert list(parquet.columns) == list(lines[0]) == ["id", *type(rows[0]).model_fields]
        value = VALUES.get(name, "estimate")
        expected = [getattr(row, value) for row in rows]
        assert [None if pd.isna(x) else x for x in parquet[value]] == expected
        assert [float(line[value]) if line[value] else None for line in lines] == expected
        for column in set(parquet.columns) - {"id"}:
            told = [getattr(row, column) for row in rows]
            assert [None if pd.isna(x) else x for x in parquet[column]] == told, f"{name}.{column}"
    contrasts = pd.read_parquet(tmp_path / "tables" / "contrasts.parquet")
    assert contrasts["id"].tolist() == [row.id for row in full_summary.contrasts]


def test_ids_name_the_row(full_summary: Summary) -> None:
    """An id says which quantity, of whom, where and through which path, for every kind of row."""
    wanted = {
        "metrics": "auc/both/outside:mixture/both",
        "contrasts": "auc/both-vs-augment/inside/own",
        "factorial": "recall/factorial-interaction/outside:painter/own",
        "dispersion": "gini/both/inside/saliency.classifier_input",
        "dispersion_contrasts": "entropy/both-vs-baseline/outside/saliency.image",
        "dispersion_parts": "gini/augment/outside~synthetic/saliency.image",
        "agreement": "variant_agreement/augment-vs-baseline/inside/saliency.image",
        "faithfulness": "insertion_over_random/both/inside/saliency.classifier_input",
        "seed_values": "mcc/augment/inside:camera/augment/seed-2",
        "run_intervals": "auc/baseline/outside/own/seed-0",
        "run_tests": "mcnemar/both-vs-autoencoder/inside/own/seed-1",
        "model_checks": "mixed model, REML/accuracy/factorial-augmentation/outside/own",
        "seed_spread": "seed-spread/autoencoder/inside",
        "curves": "roc/augment/outside/augment/100",
        "control_sets": "outside~blur-1",
        "control_metrics": "recall/augment/outside@nearest:painter/augment",
        "control_contrasts": "balanced_accuracy/both/outside~blur-1-vs-outside/both",
        "shift": "shift-pipeline/specificity/both-vs-baseline/outside@nearest/own",
        "subsets": "subset-fall/specificity/both-vs-baseline/outside~difference/own",
        "verdicts": "claim/falls/autoencoder/outside-vs-inside/own",
    }
    assert set(wanted) == set(TABLES)
    for name, expected in wanted.items():
        ids = [row_id(row) for row in rows_of(full_summary, name)]
        assert expected in ids
        assert len(set(ids)) == len(ids), name
    assert "cochran_q/all/outside/own/seed-2" in [row_id(row) for row in full_summary.run_tests]
    assert "claim/photos/baseline/outside:photos/own" in [row_id(r) for r in verdict_rows(full_summary.verdicts)]


def test_verdict_rows_stand_for_every_cell_of_every_claim(full_summary: Summary) -> None:
    """Each row has its own cell's numbers, and beside them the verdict, p and sentence of the whole claim."""
    rows = verdict_rows(full_summary.verdicts)
    assert [row.claim for row in rows] == ["preserved", "preserved", "photos", "falls", "falls", "dispersed"]
    by_claim = {verdict.id: verdict for verdict in full_summary.verdicts}
    for row in rows:
        verdict = by_claim[row.claim]
        part = next(p for p in verdict.parts if p.variant == row.variant)
        assert {name: getattr(row, name) for name in VerdictPart.model_fields} == part.model_dump()
        same = ("says", "quantity", "kind", "outcome", "family", "alpha", "bound", "margin", "margin_declared")
        for name in (*same, "changed", "p_support_adjusted", "p_contradict_adjusted", "sentence"):
            assert getattr(row, name) == getattr(verdict, name)
        assert row.judged == judged_of(verdict)
        assert (row.claim_p_support, row.claim_p_contradict) == (verdict.p_support, verdict.p_contradict)
    assert rows[0].changed == "margin 0.1 when the runs began, 0.2 now"
    assert rows[0].judged == "judged at a margin of 20\u00a0points instead of the declared 10\u00a0points"


def test_a_curve_is_a_row_for_every_position(full_summary: Summary) -> None:
    """Positions are counted from 0; a curve that is not defined is one row with its reason."""
    curve = full_summary.curves[0]
    gone = curve.model_copy(update={"x": (), "mean": (), "low": (), "high": (), "reason": "one class"})
    points = curve_points([curve, gone])
    assert [point.position for point in points] == [*range(len(curve.x)), 0]
    assert [(p.x, p.mean, p.low, p.high) for p in points[:-1]] == list(
        zip(curve.x, curve.mean, curve.low, curve.high, strict=True)
    )
    assert (points[-1].mean, points[-1].reason, points[-1].n_images) == (None, "one class", curve.n_images)


def nulls(part: Any, at: str = "") -> Iterator[tuple[str, str, Any]]:
    """The nulls in parsed JSON: where, which key, and the object that it stands in."""
    children = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, value in children:
        if value is None:
            yield at, str(key), part
        yield from nulls(value, f"{at}/{key}" if isinstance(part, dict) else at)


def test_nothing_is_null_without_need_or_reason(full_summary: Summary, tmp_path: Path) -> None:
    """What may be absent is not written as null, except beside a reason, which stands with all that it is about."""
    write_results(full_summary, tmp_path / "results.json")
    data = json.loads((tmp_path / "results.json").read_text("utf-8"))
    required = {"estimate", "value", "statistic", "p", "p_support", "p_contradict", "p_support_adjusted"}
    required |= {"p_contradict_adjusted", "sd", "calibrated", "ratio", "low", "high"}
    found = list(nulls(data))
    assert any(key == "estimate" and holder["reason"] for _, key, holder in found)
    for at, key, holder in found:
        reasons = [holder.get(name) for name in ("reason", "seeds_reason")]
        assert any(reasons) or key in required, f"{at}/{key}"
    row = next(row for row in full_summary.contrasts if row.reason)
    written = next(each for each in data["contrasts"] if each.get("reason") == row.reason)
    assert written.keys() == Contrast.model_fields.keys()
    whole = next(row for row in data["contrasts"] if "reason" not in row and row["test_set"] == "inside")
    assert "source" not in whole or whole["source"], "not restricted to a source"
    assert whole["family"]


def test_results_that_spell_every_null_are_read(full_summary: Summary, tmp_path: Path) -> None:
    """Results of an earlier version have every key, and are the same results."""
    path = tmp_path / "results.json"
    path.write_text(full_summary.model_dump_json(indent=1), encoding="utf-8")
    assert read_results(path) == full_summary
    validator: Any = jsonschema.Draft202012Validator(results_schema())
    assert not list(validator.iter_errors(json.loads(path.read_text("utf-8"))))
    spelt = path.stat().st_size
    write_results(full_summary, path)
    assert path.stat().st_size < 0.9 * spelt


def test_results_without_curves_are_read(full_summary: Summary, tmp_path: Path) -> None:
    """Results of an earlier version, which knew no curves, are read as results that have none."""
    path = tmp_path / "results.json"
    write_results(full_summary, path)
    path.write_text(edited(lambda data: data.pop("curves"))(path.read_text("utf-8")), encoding="utf-8")
    assert read_results(path) == full_summary.model_copy(update={"curves": ()})


def test_tables_are_the_same_bytes_again(full_summary: Summary, tmp_path: Path) -> None:
    """Writing the tables twice gives equal files."""
    first, second = (write_tables(full_summary, tmp_path / name) for name in ("a", "b"))
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes()


def test_tables_without_rows_have_the_same_columns(full_summary: Summary, summary: Summary, tmp_path: Path) -> None:
    """A study of three variants and no claims writes every table, with the columns and types of a full one."""
    assert (summary.factorial, summary.verdicts, summary.agreement, summary.faithfulness) == ((), (), (), ())
    write_tables(summary, tmp_path / "few")
    write_tables(full_summary, tmp_path / "all")
    for name in TABLES:
        few, full = (pd.read_parquet(tmp_path / folder / f"{name}.parquet") for folder in ("few", "all"))
        assert few.dtypes.equals(full.dtypes), name
        assert (tmp_path / "few" / f"{name}.csv").read_text("utf-8").startswith(",".join(full.columns) + "\n")


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
