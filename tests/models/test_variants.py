from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest

from isitcap.models.variants import PATHS, VARIANTS, PathName
from isitcap.study.models import VariantName


@pytest.mark.parametrize(
    ("variant", "path", "augments", "autoencodes"),
    [
        ("baseline", "none", False, False),
        ("augment", "augment", True, False),
        ("autoencoder", "autoencode", False, True),
        ("both", "both", True, True),
    ],
)
def test_each_variant_has_its_own_path(variant: str, path: str, augments: bool, autoencodes: bool) -> None:
    """A variant is trained through the path of its name."""
    found = VARIANTS[variant].path
    assert found is PATHS[path]
    assert (found.augment, found.autoencode) == (augments, autoencodes)


def test_names_are_those_of_studies() -> None:
    """Variants and paths are registered under their own names, and a study may name exactly these variants."""
    assert all(key == variant.name for key, variant in VARIANTS.items())
    assert all(key == path.name for key, path in PATHS.items())
    assert tuple(VARIANTS) == get_args(VariantName)
    assert tuple(PATHS) == get_args(PathName)


def test_names_need_no_torch() -> None:
    """The names can be had where torch is not installed."""
    code = "import sys, isitcap.models.variants; raise SystemExit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
