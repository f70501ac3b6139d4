"""Whether a mixture's records are of the diversity study that it is analysed with: a study changed half way is not one.

A run of the program that makes mixtures over with other settings and is stopped leaves some as they were; each of them
is a finished record.
"""

from __future__ import annotations

from typing import Any

from isitcap.errors import UserError
from isitcap.records.agreement import told_change, unlike_runs
from isitcap.records.directory import RunDirectory, differences
from isitcap.study.family import Family, Mixture, told_by_family
from isitcap.study.models import Study

MAY_DIFFER = frozenset(
    (
        "schema_version",
        "name",
        "title",
        "question",
        "demo",
        "notes",
        "seeds",  # a mixture may have more of them
        "variants",
        "tested_through",  # as may the paths: those that are wanting are told when decisions are read
        "attribution",
        "analysis",
        "output",
        "controls",
        "robustness",
        "claims",
    )
)
"""What a mixture's own study may say otherwise: no decision along a variant's own path depends on it."""

OF_SOURCES = frozenset(("path", "description", "max_broken"))
"""The same of its sources: the images' hashes tell whether they are the same, wherever they lie."""


def refuse_unlike(directory: RunDirectory, made: Study, family: Family, mixture: Mixture) -> None:
    """Refuse a mixture whose records were not, or not all, made under the family's settings.

    Args:
        directory: the mixture's.
        made: the study that it was last made with.
        family: what it is analysed with.
        mixture: the same of the family.

    Raises:
        UserError: naming the mixture, the first setting or run, and both values.
    """
    wanting = (set(family.seeds) - set(made.seeds)) or (set(family.variants) - set(made.variants))
    if wanting:
        raise UserError(
            f"{directory.root}: has no runs of {', '.join(map(str, sorted(wanting, key=str)))}; "
            "finish them with `isitcap run`"
        )
    changes = differences(_settings(made), _settings(mixture.study))
    told = list(dict.fromkeys(told_change(change, told_by_family) for change in changes))
    told = told or list(dict.fromkeys(unlike_runs(directory, mixture.study, told_by_family)))
    if told:
        more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
        raise UserError(f"{directory.root}: {told[0]}{more}; finish with `isitcap run`")


def _settings(study: Study) -> dict[str, Any]:
    data = study.model_dump(mode="json", exclude=set(MAY_DIFFER))
    data["sources"] = {
        name: {key: value for key, value in source.items() if key not in OF_SOURCES}
        for name, source in data["sources"].items()
    }
    data["test_sets"] = {each["name"]: each for each in data["test_sets"]}
    return data
