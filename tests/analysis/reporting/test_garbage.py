"""No search for garbage while a document is made."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from analysis.reporting.garbage import uncollected


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    """Whether Python looks for garbage is of the whole process: it is as before after each test."""
    before = gc.isenabled()
    yield
    (gc.enable if before else gc.disable)()


def test_nothing_is_collected_inside_and_as_before_afterwards() -> None:
    """Also where something fails."""
    gc.enable()
    seen = []

    def build() -> None:
        with uncollected():
            seen.append(gc.isenabled())
            raise KeyError

    with pytest.raises(KeyError):
        build()
    assert seen == [False]
    assert gc.isenabled()


def test_what_was_off_stays_off() -> None:
    """A caller who has turned it off finds it off, and one inside another ends with the outer one."""
    gc.disable()
    with uncollected():
        pass
    assert not gc.isenabled()
    gc.enable()
    with uncollected():
        with uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
