"""No search for garbage while a document is made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Python looks for no cycles of garbage inside, and does as before afterwards.

    A document is some hundred thousand objects that live until it is written. Looking through them again and again
    takes a fifth of the time and frees next to nothing.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
