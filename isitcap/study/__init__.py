"""TOML files become validated, frozen studies."""

from isitcap.study.load import (
    FAMILIES,
    SHIPPED,
    Locations,
    dump_study,
    load_study,
    locate,
    parse_data,
    parse_seeds,
    parse_variants,
    resolve,
)
from isitcap.study.models import Image, Source, Split, Study, TestSet

__all__ = [
    "FAMILIES",
    "SHIPPED",
    "Image",
    "Locations",
    "Source",
    "Split",
    "Study",
    "TestSet",
    "dump_study",
    "load_study",
    "locate",
    "parse_data",
    "parse_seeds",
    "parse_variants",
    "resolve",
]
