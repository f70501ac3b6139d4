"""Several files read as one stream: what a place in the whole is, whatever its pieces are."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import Any


class Joined(io.RawIOBase):
    """A seekable stream of pieces with known sizes, one after another; `size` is theirs together, in bytes."""

    def __init__(self, sizes: Iterable[int]) -> None:
        self._starts = list(accumulate(sizes, initial=0))
        self.size = self._starts[-1]
        self._at = 0

    def read_piece(self, number: int, inside: int, buffer: memoryview) -> int:
        """Fill `buffer`, or a part of it, with a piece's bytes from `inside` on; how many there were."""
        raise NotImplementedError

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Bytes from the start."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of any stream; a place beyond the end is allowed."""
        self._at = max(0, offset + (0, self._at, self.size)[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Some of the next bytes, of one piece; 0 at the end."""
        if self._at >= self.size:
            return 0
        number = bisect_right(self._starts, self._at) - 1
        room = memoryview(buffer)[: self._starts[number + 1] - self._at]
        read = self.read_piece(number, self._at - self._starts[number], room)
        self._at += read
        return read
