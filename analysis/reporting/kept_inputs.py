"""What the documents are made from, as a small folder: they can be made again from it, equal to the byte.

results.json.xz            the summary
examples.json              what the example images and maps are
examples.safetensors.xz    their arrays
documents.json             digests of the documents made from them, and what they were made with
"""

from __future__ import annotations

import ctypes.util
import hashlib
import importlib.metadata
import json
import lzma
import platform
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from analysis.errors import InputError
from analysis.reporting.files import write_atomically
from analysis.reporting.inputs import Examples, ExampleSet, MapKey, MeanMaps
from analysis.results import read_results, write_results
from analysis.summary import Summary

RESULTS, EXAMPLES, ARRAYS, DOCUMENTS = (
    "results.json.xz",
    "examples.json",
    "examples.safetensors.xz",
    "documents.json",
)
SCHEMA_VERSION = 1
MADE_WITH = ("altair", "jinja2", "pillow", "numpy", "vl-convert-python", "weasyprint", "fonttools", "pydyf")
"""Packages whose version bears on the bytes of a document."""
FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
FONTS = frozenset((".ttf", ".otf", ".ttc", ".otc", ".pfb", ".pfa", ".woff", ".woff2"))
"""How the names of font files end."""

_CHARTS = re.compile(r"<svg\b.*?</svg>|<script\b.*?</script>|<meta http-equiv[^>]*>", re.DOTALL)
_Arrays = dict[str, NDArray[Any]]


def is_kept(folder: Path) -> bool:
    """Whether a folder holds inputs that `keep_inputs` wrote."""
    return (folder / RESULTS).is_file() and (folder / EXAMPLES).is_file()


def keep_inputs(summary: Summary, examples: Examples, folder: Path) -> dict[str, Path]:
    """Write the summary and the examples into `folder`, made if missing; the same inputs give the same bytes.

    Arrays are stored in the smallest type that holds them exactly, and come back in their own.

    Returns:
        Name of a file → where it was written.

    Raises:
        InputError: A file cannot be written.
    """
    arrays: _Arrays = {}
    told = {
        "schema_version": SCHEMA_VERSION,
        "seed": examples.seed,
        "rule": examples.rule,
        "sets": [_told_set(each, f"sets/{number}", arrays) for number, each in enumerate(examples.sets)],
        "means": [_told_means(each, f"means/{number}", arrays) for number, each in enumerate(examples.means)],
    }
    with tempfile.TemporaryDirectory() as place:
        write_results(summary, Path(place) / "results.json")
        results = (Path(place) / "results.json").read_bytes()
    text = json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"
    contents = {
        RESULTS: _pressed(results),
        EXAMPLES: text.encode("utf-8"),
        ARRAYS: _pressed(save(arrays)),
    }
    try:
        return {name: write_atomically(Path(folder) / name, data) for name, data in contents.items()}
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); free space or choose another folder"
        ) from error


def read_inputs(folder: Path) -> tuple[Summary, Examples]:
    """Read what `keep_inputs` wrote.

    Raises:
        InputError: A file is missing, damaged, or of another schema version.
    """
    folder = Path(folder)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "results.json"
        path.write_bytes(_unpressed(folder / RESULTS))
        try:
            summary = read_results(path)
        except InputError as error:
            raise InputError(str(error).replace(str(path), str(folder / RESULTS))) from error
    try:
        told = json.loads(_bytes(folder / EXAMPLES))
        version = told["schema_version"]
        if version != SCHEMA_VERSION:
            raise InputError(
                f"{folder / EXAMPLES}: schema version {version!r}, this program reads {SCHEMA_VERSION}; "
                "make it again with `isitcap report RUN_DIR --keep-inputs`"
            )
        arrays = load(_unpressed(folder / ARRAYS))
        return summary, Examples(
            seed=told["seed"],
            sets=tuple(_set(each, arrays) for each in told["sets"]),
            rule=told["rule"],
            means=tuple(_means(each, arrays) for each in told["means"]),
        )
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{folder}: {EXAMPLES} and {ARRAYS} do not belong together or are damaged ({error!r}); "
            "make them again with `isitcap report RUN_DIR --keep-inputs`"
        ) from error


def keep_digests(written: Mapping[str, Path], folder: Path) -> Path:
    """Write down the digests of documents beside their inputs, and the versions that they were made with.

    Of a page there are two: `sha256` of its bytes, and `text_sha256` of what is left without charts and scripts, which
    other versions of the chart libraries do not change.
    """
    documents: dict[str, dict[str, str]] = {}
    for name, path in sorted(written.items()):
        data = path.read_bytes()
        documents[name] = {"sha256": hashlib.sha256(data).hexdigest()}
        if name.endswith(".html"):
            documents[name]["text_sha256"] = text_digest(data)
    told = {"schema_version": SCHEMA_VERSION, "made_with": made_with(), "documents": documents}
    text = json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    return write_atomically(Path(folder) / DOCUMENTS, text.encode("utf-8"))


def text_digest(page: bytes) -> str:
    """SHA-256 of an HTML page without its charts, scripts and the policy that names the scripts."""
    return hashlib.sha256(_CHARTS.sub("", page.decode("utf-8")).encode("utf-8")).hexdigest()


def made_with() -> dict[str, str]:
    """What bears on the bytes of a document on this machine: versions, and for the PDF the system's Pango and fonts."""
    versions = {name: importlib.metadata.version(name) for name in MADE_WITH}
    return {"machine": platform.machine(), **versions, "pango": _pango(), "fonts": _fonts()}


def _pango() -> str:
    name = ctypes.util.find_library("pango-1.0")
    if name is None:
        return "none"
    library = ctypes.CDLL(name)
    library.pango_version_string.restype = ctypes.c_char_p
    return str(library.pango_version_string().decode("ascii"))


def _fonts() -> str:
    """A digest of the fonts that the style sheets may find: those where Debian installs fonts, by name and size.

    Other files lie there, too, such as Poppler's character maps, and bear on nothing.
    """
    everything = (path for root in FONT_FOLDERS if root.is_dir() for path in root.rglob("*"))
    files = sorted(path for path in everything if path.suffix.lower() in FONTS)
    listed = "\n".join(f"{path.name} {path.stat().st_size}" for path in files)
    return hashlib.sha256(listed.encode("utf-8")).hexdigest()[:16]


def _told_set(each: ExampleSet, prefix: str, arrays: _Arrays) -> dict[str, Any]:
    return {
        "test_set": each.test_set,
        "pixels": _put(arrays, f"{prefix}/pixels", each.pixels),
        "image_ids": list(each.image_ids),
        "labels": list(each.labels),
        "sources": list(each.sources),
        "maps": _put_maps(arrays, f"{prefix}/maps", each.maps),
        "logits": [
            {"variant": variant} | _put(arrays, f"{prefix}/logits/{number}", values)
            for number, (variant, values) in enumerate(each.logits.items())
        ],
    }


def _set(told: Mapping[str, Any], arrays: _Arrays) -> ExampleSet:
    return ExampleSet(
        test_set=told["test_set"],
        pixels=_take(arrays, told["pixels"]),
        image_ids=tuple(told["image_ids"]),
        labels=tuple(told["labels"]),
        sources=tuple(told["sources"]),
        maps=_take_maps(arrays, told["maps"]),
        logits={each["variant"]: _take(arrays, each) for each in told["logits"]},
    )


def _told_means(each: MeanMaps, prefix: str, arrays: _Arrays) -> dict[str, Any]:
    counts = {"test_set": each.test_set, "label": each.label, "n_seeds": each.n_seeds, "n_images": each.n_images}
    return counts | {"maps": _put_maps(arrays, prefix, each.maps)}


def _means(told: Mapping[str, Any], arrays: _Arrays) -> MeanMaps:
    counts = (told["test_set"], told["label"], told["n_seeds"], told["n_images"])
    return MeanMaps(*counts, _take_maps(arrays, told["maps"]))


def _put_maps(arrays: _Arrays, prefix: str, maps: Mapping[MapKey, NDArray[np.floating]]) -> list[dict[str, Any]]:
    return [
        {"key": list(key)} | _put(arrays, f"{prefix}/{number}", values)
        for number, (key, values) in enumerate(maps.items())
    ]


def _take_maps(arrays: _Arrays, told: list[dict[str, Any]]) -> dict[MapKey, NDArray[np.floating]]:
    found = {}
    for each in told:
        variant, method, point = each["key"]
        found[variant, method, point] = _take(arrays, each)
    return found


def _put(arrays: _Arrays, name: str, values: NDArray[Any]) -> dict[str, str]:
    values = np.ascontiguousarray(values)
    arrays[name] = values
    for smaller in (np.float16, np.float32):
        if values.dtype.kind == "f" and values.dtype.itemsize > np.dtype(smaller).itemsize:
            with np.errstate(over="ignore"):
                narrow = values.astype(smaller)
            if np.array_equal(narrow.astype(values.dtype), values, equal_nan=True):
                arrays[name] = narrow
                break
    return {"array": name, "dtype": str(values.dtype)}


def _take(arrays: _Arrays, told: Mapping[str, str]) -> NDArray[Any]:
    return arrays[told["array"]].astype(told["dtype"], copy=False)


def _pressed(data: bytes) -> bytes:
    return lzma.compress(data, format=lzma.FORMAT_XZ, preset=9 | lzma.PRESET_EXTREME)


def _unpressed(path: Path) -> bytes:
    try:
        return lzma.decompress(_bytes(path), format=lzma.FORMAT_XZ)
    except (lzma.LZMAError, EOFError) as error:
        raise InputError(
            f"{path}: is no whole xz file ({error}); make it again with `isitcap report RUN_DIR --keep-inputs`"
        ) from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a folder that holds kept inputs") from error
