"""Reading a study file, overriding parts of it from the command line, and writing it out resolved."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import tomli_w
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from isitcap.errors import UserError
from isitcap.study.models import IN_SAMPLE_SET, NAME_PATTERN, Study, VariantName

SHIPPED = ("demo", "poster", "poster-protocol")
"""Studies that come with the program, by name."""

FAMILIES = ("diversity", "diversity-demo")
"""Diversity studies that come with it (`isitcap.study.family`)."""


@dataclass(frozen=True)
class Locations:
    """Where the images lie, as given on the command line: by source name, and folders to look in."""

    by_name: Mapping[str, Path] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()


def load_study(name_or_path: str) -> tuple[Study, Path | None]:
    """Read a shipped study by name, or a TOML file by path; the file's folder is where its relative paths start.

    Of a diversity study it is the one with all its sources and test sets.

    Raises:
        UserError: no such study, not TOML, or a key or value that a study cannot have.
    """
    from isitcap.study.family import family_text, parse_family

    if (found := family_text(name_or_path)) is not None:
        text, folder = found
        return parse_family(text, f"{name_or_path}.toml" if folder is None else name_or_path).whole(), folder
    if name_or_path in SHIPPED:
        text = resources.files("isitcap.study").joinpath(f"{name_or_path}.toml").read_text("utf-8")
        return parse_study(text, f"{name_or_path}.toml"), None
    path = Path(name_or_path)
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        shipped = ", ".join((*SHIPPED, *FAMILIES))
        raise UserError(f"{name_or_path}: no such study; give a TOML file or one of: {shipped}") from None
    except IsADirectoryError:
        inside = path / "study.toml"
        such = f", such as {inside}" if inside.is_file() else ""
        raise UserError(f"{name_or_path}: is a folder; give a TOML file{such}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{name_or_path}: cannot be read as a study ({error}); give a TOML file in UTF-8") from None
    return parse_study(text, str(path)), path.parent


def parse_study(text: str, file: str) -> Study:
    """Validate the text of a study file; `file` names it in errors.

    Raises:
        UserError: one line with file, key, value and remedy for the first thing that is wrong.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{file}: not valid TOML: {error}; mend that line") from None
    if "generators" in data:
        raise UserError(
            f"{file}: a diversity study, which stands for many; give one of its mixtures where a single one is wanted"
        )
    try:
        # Through JSON, since strict validation of JSON still takes a list for a tuple, but no `true` for a number.
        return Study.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        raise UserError(f"{file}: {explain_errors(error.errors(), Study)}") from None


def resolve(
    study: Study,
    *,
    seeds: Sequence[int] | None = None,
    variants: Sequence[VariantName] | None = None,
    without: Iterable[str] = (),
    file: str = "--without",
) -> Study:
    """The study with other seeds or variants, and without some sources (a test set left with one class goes).

    Claims about what is no longer there go with it.

    Raises:
        UserError: `without` names a source that the study does not have or cannot do without.
    """
    data = study.model_dump(exclude_none=True)
    if seeds is not None:
        data["seeds"] = tuple(seeds)
    if variants is not None:
        data["variants"] = tuple(variants)
    for name in without:
        if name not in study.sources:
            raise UserError(f"{file} {name}: the study `{study.name}` has no such source; {_known(study.sources)}")
        if name in study.split.sources:
            raise UserError(f"{file} {name}: the study `{study.name}` trains on it; choose another source or study")
        del data["sources"][name]
        for test_set in data["test_sets"]:
            for side in ("real", "fake"):
                test_set[side] = tuple(n for n in test_set[side] if n != name)
    gone = [t["name"] for t in data["test_sets"] if not (t["real"] and t["fake"])]
    data["test_sets"] = tuple(t for t in data["test_sets"] if t["name"] not in gone)
    _without_controls(data)
    if gone:
        data["notes"] = (*data["notes"], f"Left out for want of images of both classes: {', '.join(gone)}.")
        used = {n for t in data["test_sets"] for n in (*t["real"], *t["fake"])} | set(study.split.sources)
        data["sources"] = {name: source for name, source in data["sources"].items() if name in used}
    data["claims"] = ()
    less = Study.model_validate(data)
    kept = tuple(claim for claim in study.claims if less.claim_problem(claim) is None)
    if lost := [claim.id for claim in study.claims if claim not in kept]:
        data["notes"] = (*data["notes"], f"Claims left out, since what they are about was: {', '.join(lost)}.")
    return Study.model_validate(data | {"claims": tuple(claim.model_dump(exclude_none=True) for claim in kept)})


def _without_controls(data: dict[str, Any]) -> None:
    """Take out of controls and robustness what is no longer in the study, with a note."""
    lost: list[str] = []
    if controls := data.get("controls"):
        fakes = {name for test_set in data["test_sets"] for name in test_set["fake"]}
        same = controls["same_generator"]
        controls["same_generator"] = tuple(name for name in same if name.partition("/")[0] in fakes)
        lost += [name for name in same if name not in controls["same_generator"]]
        inside = set(data["split"]["sources"])
        outside = {name for test_set in data["test_sets"] for name in (*test_set["real"], *test_set["fake"])}
        classes = {
            label: tuple(name for name in names if name.partition("/")[0] in inside | outside)
            for label, names in controls["classes"].items()
        }
        controls["classes"] = {
            label: names
            for label, names in classes.items()
            if all(any(name.partition("/")[0] in side for name in names) for side in (inside, outside))
        }
        lost += [f"class {label}" for label in classes if label not in controls["classes"]]
        if not data["test_sets"]:
            del data["controls"]
            lost.append("controls")
    if (robustness := data.get("robustness")) and robustness["test_sets"]:
        known = {IN_SAMPLE_SET, *(test_set["name"] for test_set in data["test_sets"])}
        named = robustness["test_sets"]
        robustness["test_sets"] = tuple(name for name in named if name in known)
        lost += [f"robustness on {name}" for name in named if name not in known]
        if not robustness["test_sets"]:
            del data["robustness"]
    if lost:
        data["notes"] = (*data["notes"], f"Controls left out, since what they are about was: {', '.join(lost)}.")


def locate(study: Study, base: Path | None, locations: Locations) -> dict[str, Path]:
    """Where each source's images lie: `--data NAME=PATH`, the study's own path, then `--data FOLDER`.

    Raises:
        UserError: a name that is no source, a path that does not exist, or a source without a place.
    """
    for name in locations.by_name:
        if name not in study.sources:
            raise UserError(f"--data {name}=…: the study `{study.name}` has no such source; {_known(study.sources)}")
    found: dict[str, Path] = {}
    for name, source in study.sources.items():
        if source.kind == "embedded":
            continue
        if name in locations.by_name:
            path, key = locations.by_name[name], f"--data {name}={locations.by_name[name]}"
        elif source.path is not None:
            path = (base or Path()) / Path(source.path).expanduser()
            key = f"sources.{name}.path = {source.path}"
        else:
            leaves = (f"{name}.zip", name, *(f"{name}{suffix}" for suffix in (".tar", ".tar.gz", ".tgz", ".parquet")))
            options = [folder / leaf for folder in locations.folders for leaf in leaves]
            path = next((option for option in options if option.exists()), Path())
            if path == Path():
                looked = f" (not in {', '.join(map(str, locations.folders))})" if locations.folders else ""
                raise UserError(
                    f"study `{study.name}`: sources.{name}: no images given{looked}; "
                    f"give --data {name}=PATH to a zip or folder"
                    + ("" if name in study.split.sources else f", or leave it out with --without {name}")
                )
            key = str(path)
        if not path.exists():
            raise UserError(f"{key}: no such file or folder; give an existing zip or folder of images")
        if _is_empty(path):
            raise UserError(f"{key}: an empty folder; give the zip or folder that holds the images")
        found[name] = path.resolve()
    return found


def _is_empty(path: Path) -> bool:
    try:
        return path.is_dir() and next(path.iterdir(), None) is None
    except OSError:
        return False  # told by whoever reads it


def dump_study(study: Study, places: Mapping[str, Path] | None = None) -> str:
    """The study as TOML with every default written out and, if given, every source's place."""
    data = study.model_dump(mode="json", exclude_none=True)
    for name, path in (places or {}).items():
        data["sources"][name]["path"] = str(path)
    return dump_data(data)


def dump_data(data: dict[str, Any]) -> str:
    """The data of a study, or of a diversity study, as TOML."""
    for source in data["sources"].values():
        if not source["labels"]:
            del source["labels"]  # an empty table each would only make the file longer
    text = tomli_w.dumps(data)
    # tomli-w gives every item of an array a line of its own; short arrays are easier to read on one
    joined = re.sub(r"\[\n((?: {4}[^\n\[\]]+,\n)+)\]", lambda m: f"[{' '.join(m[1].split())[:-1]}]", text)
    return joined if tomllib.loads(joined) == data else text


def parse_variants(text: str) -> tuple[VariantName, ...]:
    """`baseline,autoencoder,blur` → those, in this order.

    Raises:
        UserError: a name is of no variant or stands twice, or `baseline`, which all are compared with, is not there.
    """
    known: tuple[VariantName, ...] = get_args(VariantName)
    found: list[VariantName] = []
    for name in text.split(","):
        variant = next((each for each in known if each == name.strip()), None)
        if variant is None:
            raise UserError(f"--variants {text}: no variant is called `{name.strip()}`; known: {', '.join(known)}")
        if variant in found:
            raise UserError(f"--variants {text}: {variant} stands twice; give it once")
        found.append(variant)
    if "baseline" not in found:
        raise UserError(f"--variants {text}: all variants are compared with `baseline`; add it")
    return tuple(found)


def parse_seeds(text: str) -> tuple[int, ...]:
    """`8` → seeds 0 … 7; `0,3,5` → those; `10-14` → 10 … 14.

    Raises:
        UserError: anything else, no seed at all, or a seed given twice.
    """
    remedy = "give a number of seeds (8), a list (0,3,5) or a range (10-14)"
    if re.fullmatch(r"\d{1,4}", text):
        seeds = tuple(range(int(text)))
    elif match := re.fullmatch(r"(\d{1,9})-(\d{1,9})", text):
        first, last = int(match[1]), int(match[2])
        if last - first > 9999:
            raise UserError(f"--seeds {text}: more than 10,000 seeds; {remedy}")
        seeds = tuple(range(first, last + 1))
    elif re.fullmatch(r"\d{1,9}(,\d{1,9})+,?|\d{1,9},", text):
        seeds = tuple(int(part) for part in text.split(",") if part)
    else:
        raise UserError(f"--seeds {text}: not a list of seeds; {remedy}")
    if not seeds:
        raise UserError(f"--seeds {text}: no seed at all; {remedy}")
    if len(set(seeds)) != len(seeds):
        raise UserError(f"--seeds {text}: a seed stands twice; {remedy}")
    return seeds


def parse_data(items: Iterable[str]) -> Locations:
    """`NAME=PATH` gives one source's place, a plain `FOLDER` a place to look in.

    Raises:
        UserError: a name given twice, or a folder that does not exist.
    """
    by_name: dict[str, Path] = {}
    folders: list[Path] = []
    for item in items:
        name, equals, path = item.partition("=")
        if equals and not Path(item).exists():
            if name in by_name:
                raise UserError(f"--data {item}: `{name}` is given twice; give it once")
            by_name[name] = Path(path).expanduser()
        else:
            folder = Path(item).expanduser()
            if not folder.is_dir():
                raise UserError(f"--data {item}: no such folder; give an existing folder, or NAME=PATH")
            folders.append(folder)
    return Locations(by_name, tuple(folders))


def _known(names: Iterable[str]) -> str:
    return f"known: {', '.join(names)}"


_KEY = "[key]"
"""What pydantic puts behind the place of a table whose name is wrong."""

_SAID = {
    ("string_pattern_mismatch", NAME_PATTERN): (
        "use letters a–z and A–Z, digits, `.`, `_` and `-`, beginning with a letter or digit, at most 100 characters"
    ),
    ("literal_error", "'real' or 'synthetic'"): "the labels are `real` and `synthetic`; give one of them",
}
"""What pydantic's words are replaced by: type of error, what of its context tells it apart, and ours."""


def explain_errors(errors: Sequence[ErrorDetails], model: type[BaseModel]) -> str:
    """One line from pydantic's error records of a model, about the first of them."""
    unknown = [error for error in errors if error["type"] == "extra_forbidden"]
    missing = [error for error in errors if error["type"] == "missing"]
    # A required key that is misspelt is two records, and one mistake: it is told by the word that stands there.
    misspelt = {}
    for error in unknown:
        beside = [one["loc"][-1] for one in missing if one["loc"][:-1] == error["loc"][:-1]]
        if close := _close(error["loc"][-1], beside):
            misspelt[error["loc"]] = close
    count = len(errors) - len(misspelt)
    more = f" (and {count - 1} more)" if count > 1 else ""
    if misspelt:
        place, meant = next(iter(misspelt.items()))
        return f"{_dotted(list(map(str, place)))}: no such key; did you mean `{meant}`?{more}"
    error = errors[0]
    location = [str(part) for part in error["loc"]]
    key = _dotted(location)
    if error["type"] == "extra_forbidden":
        around = _model_around(error["loc"], model)
        known = list(around.model_fields) if around else []
        close = _close(location[-1], known)
        if around and isinstance(error["input"], dict):
            homes = _tables_of(error["input"], around)
            if homes and close not in {table for tables in homes for table in tables}:
                return f"{key}: no such table; {_belonging(homes, location[:-1])}{more}"
        remedy = f"did you mean `{close}`?" if close else f"known here: {', '.join(known)}"
        return f"{key}: no such key; {remedy}{more}"
    if error["type"] == "missing":
        beside = [one["loc"][-1] for one in unknown if one["loc"][:-1] == error["loc"][:-1]]
        strange = f", perhaps in place of `{beside[0]}`, which is no key" if beside else ""
        more = f" (and {count - 2} more)" if beside and count > 2 else "" if beside else more
        return f"{key}: missing; add it{strange}{more}"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":  # our own validators, whose messages carry value and remedy
        return f"{key}: {message}{more}" if key else f"{message}{more}"
    value = repr(error["input"])
    value = value if len(value) <= 60 else value[:57] + "…"
    context = error.get("ctx", {}).values()
    for (kind, told_by), words in _SAID.items():
        if error["type"] == kind and told_by in context:
            return f"{key}: {words}{more}" if location[-1] == _KEY else f"{key} = {value}: {words}{more}"
    return f"{key} = {value}: {message[0].lower()}{message[1:]}; correct the value{more}"


def _dotted(location: Sequence[str]) -> str:
    key = ""
    for part in location:
        if part == _KEY:
            continue
        key += f"[{part}]" if part.isdigit() else f".{part}" if key else part
    return key


def _close(word: str | int, known: Iterable[str | int]) -> str | None:
    """The known word that was probably meant."""
    return next(iter(difflib.get_close_matches(str(word), list(map(str, known)), n=1)), None)


def _model_around(location: Sequence[str | int], model: type[BaseModel]) -> type[BaseModel] | None:
    """The model whose key the last part of `location` would be."""
    kind: Any = model
    for part in location[:-1]:
        kind = _bare(kind)
        if _is_model(kind):
            kind = kind.model_fields[str(part)].annotation
        else:  # a list's index or a table's name: go on to what it holds
            kind = next(argument for argument in reversed(get_args(kind)) if argument is not Ellipsis)
    kind = _bare(kind)
    return kind if _is_model(kind) else None


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _tables_of(keys: Iterable[str], model: type[BaseModel]) -> dict[tuple[str, ...], list[str]]:
    """The tables of a model that have keys of such names, and the keys that they have."""
    kinds = {name: _bare(field.annotation) for name, field in model.model_fields.items()}
    found: dict[tuple[str, ...], list[str]] = {}
    for key in keys:
        tables = tuple(name for name, kind in kinds.items() if _is_model(kind) and key in kind.model_fields)
        if tables:
            found.setdefault(tables, []).append(key)
    return found


def _belonging(homes: Mapping[tuple[str, ...], Sequence[str]], around: Sequence[str]) -> str:
    """Which keys are of which tables, in words."""
    parts = []
    for tables, keys in homes.items():
        named = " and ".join(f"`[{_dotted([*around, table])}]`" for table in tables)
        parts.append(
            f"{', '.join(f'`{key}`' for key in keys)} {'are keys' if len(keys) > 1 else 'is a key'} of {named}"
        )
    return ", ".join(parts)


def _bare(kind: Any) -> Any:
    """A type without what is noted beside it, and without None."""
    while get_origin(kind) in (Annotated, Union, UnionType):
        kind = next(argument for argument in get_args(kind) if argument is not type(None))
    return kind
