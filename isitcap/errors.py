"""The exceptions that end a command with what the user can mend, and exit code 2."""

from __future__ import annotations

from collections.abc import Sequence


class UserError(Exception):
    """Something the user can mend: one line that says what, where, which value and what to do."""


class ListedUserError(UserError):
    """Several such things, each one line."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = tuple(lines)
