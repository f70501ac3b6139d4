"""The one exception that `analysis` raises for input its caller can mend."""

from __future__ import annotations


class InputError(ValueError):
    """Input that cannot be analysed: one line that says what, where, which value and what to do."""


class MissingLibraryError(InputError):
    """A system library that an optional output needs is not installed; the line says what to install."""
