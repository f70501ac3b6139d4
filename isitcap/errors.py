"""The one exception that ends a command with a single line and exit code 2."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can mend: one line that says what, where, which value and what to do."""
