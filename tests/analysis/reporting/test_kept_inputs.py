"""What documents are made from, kept as a small folder."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np
import pytest

from analysis.errors import InputError
from analysis.reporting import Examples, build_report, kept_inputs
from analysis.reporting.inputs import ExampleSet
from analysis.reporting.kept_inputs import (
    is_kept,
    keep_digests,
    keep_inputs,
    made_with,
    read_inputs,
    text_digest,
)
from analysis.summary import Summary


def same(one: Examples, two: Examples) -> None:
    assert (one.seed, one.rule, len(one.sets), len(one.means)) == (two.seed, two.rule, len(two.sets), len(two.means))
    for first, second in zip((*one.sets, *one.means), (*two.sets, *two.means), strict=True):
        assert first.test_set == second.test_set
        assert list(first.maps) == list(second.maps)
        for key, values in first.maps.items():
            assert values.dtype == second.maps[key].dtype
            np.testing.assert_array_equal(values, second.maps[key])
    for first_set, second_set in zip(one.sets, two.sets, strict=True):
        for name in ("image_ids", "labels", "sources"):
            assert getattr(first_set, name) == getattr(second_set, name)
        np.testing.assert_array_equal(first_set.pixels, second_set.pixels)
        assert list(first_set.logits) == list(second_set.logits)
        for variant, values in first_set.logits.items():
            np.testing.assert_array_equal(values, second_set.logits[variant])


def test_what_is_kept_is_read_back(summary: Summary, examples: Examples, tmp_path: Path) -> None:
    """Every number and every array comes back as it was, in its own type and order."""
    assert not is_kept(tmp_path)
    keep_inputs(summary, examples, tmp_path)
    assert is_kept(tmp_path)
    again, shown = read_inputs(tmp_path)
    assert again == summary
    same(shown, examples)


def test_the_same_inputs_give_the_same_bytes(summary: Summary, examples: Examples, tmp_path: Path) -> None:
    """Also when they have been kept and read before, and the arrays' small type does not show."""
    first = keep_inputs(summary, examples, tmp_path / "one")
    second = keep_inputs(*read_inputs(tmp_path / "one"), tmp_path / "two")
    for name, path in first.items():
        assert path.read_bytes() == second[name].read_bytes(), name


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_the_smallest_exact_type_is_stored(kind: str, summary: Summary, tmp_path: Path) -> None:
    """Values that half precision holds take two bytes each, others what they need, and none is rounded."""
    half = np.array([[[0.25, 1.0], [0.5, np.nan]]]).astype(kind)
    exact = np.array([[[1 / 3, 1.0], [0.1, 0.7]]]).astype(kind)
    each = ExampleSet(
        test_set="test",
        pixels=np.zeros((1, 2, 2, 3), np.uint8),
        image_ids=("a/é <b>.png",),
        labels=(1,),
        sources=("a",),
        maps={("both", "saliency", "image"): half, ("both", "saliency", "classifier_input"): exact},
    )
    shown = Examples(seed=3, sets=(each,), rule="„one“")
    keep_inputs(summary, shown, tmp_path)
    data = lzma.decompress((tmp_path / "examples.safetensors.xz").read_bytes())
    head = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert head["sets/0/maps/0"]["dtype"] == "F16"
    assert head["sets/0/maps/1"]["dtype"] == {"float16": "F16", "float32": "F32", "float64": "F64"}[kind]
    same(read_inputs(tmp_path)[1], shown)


@pytest.mark.slow
def test_documents_are_made_again_to_the_byte(
    summary: Summary, examples: Examples, report_files: dict[str, Path], tmp_path: Path
) -> None:
    """Documents of what was kept are those of what was given."""
    keep_inputs(summary, examples, tmp_path / "inputs")
    written = build_report(*read_inputs(tmp_path / "inputs"), tmp_path, ("html",))
    for name, path in written.items():
        if name != "index.html":  # it lists the PDFs that lie beside it
            assert path.read_bytes() == report_files[name].read_bytes(), name


def test_digests_name_bytes_and_text(tmp_path: Path) -> None:
    """A page has a digest of its bytes and one without charts and scripts, a PDF one of its bytes."""
    page, other = tmp_path / "a.html", tmp_path / "b.pdf"
    page.write_bytes(b"<p>1</p><svg><path d='1'/></svg><script>x</script>")
    other.write_bytes(b"%PDF")
    told = json.loads(keep_digests({"a.html": page, "b.pdf": other}, tmp_path / "in").read_text("utf-8"))
    assert set(told["documents"]["a.html"]) == {"sha256", "text_sha256"}
    assert set(told["documents"]["b.pdf"]) == {"sha256"}
    assert told["made_with"] == made_with()
    assert text_digest(b"<p>1</p><svg>other</svg><script>y</script>") == told["documents"]["a.html"]["text_sha256"]
    assert text_digest(b"<p>2</p>") != told["documents"]["a.html"]["text_sha256"]


def test_only_fonts_bear_on_the_digest_of_fonts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What else lies among the fonts, such as Poppler's character maps, is no reason to skip a comparison of PDFs."""
    monkeypatch.setattr(kept_inputs, "FONT_FOLDERS", (tmp_path, tmp_path / "absent"))
    (tmp_path / "one.ttf").write_bytes(b"1")
    before = made_with()["fonts"]
    (tmp_path / "cmap").mkdir()
    (tmp_path / "cmap" / "Identity-H").write_bytes(b"%!PS")
    assert made_with()["fonts"] == before
    (tmp_path / "cmap" / "two.TTF").write_bytes(b"2")
    assert made_with()["fonts"] != before


def test_damage_gets_one_line(summary: Summary, examples: Examples, tmp_path: Path) -> None:
    """A missing, cut or foreign file is named, with what to do."""
    keep_inputs(summary, examples, tmp_path)
    for name, spoil, words in (
        ("results.json.xz", lambda data: data[:-9], "no whole xz file"),
        ("results.json.xz", lambda data: lzma.compress(b"{}"), "schema version None"),
        ("examples.safetensors.xz", lambda data: b"no", "no whole xz file"),
        ("examples.safetensors.xz", lambda data: lzma.compress(b"\x00" * 30), "do not belong together"),
        ("examples.json", lambda data: data.replace(b'"array"', b'"arrays"'), "do not belong together"),
        ("examples.json", lambda data: data.replace(b'"schema_version": 1', b'"schema_version": 9'), "reads 1"),
        ("examples.json", lambda data: b"[]", "do not belong together"),
    ):
        path = tmp_path / name
        before = path.read_bytes()
        path.write_bytes(spoil(before))
        with pytest.raises(InputError, match=words) as caught:
            read_inputs(tmp_path)
        assert "\n" not in str(caught.value)
        assert str(tmp_path) in str(caught.value)
        path.write_bytes(before)
    (tmp_path / "examples.safetensors.xz").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        read_inputs(tmp_path)
