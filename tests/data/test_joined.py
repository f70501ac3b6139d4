from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from isitcap.data.joined import Joined


class InMemory(Joined):
    """Pieces of bytes."""

    def __init__(self, pieces: list[bytes]) -> None:
        super().__init__(map(len, pieces))
        self._pieces = pieces

    def read_piece(self, number: int, inside: int, buffer: memoryview) -> int:
        data = self._pieces[number][inside : inside + len(buffer)]
        buffer[: len(data)] = data
        return len(data)


@given(
    st.lists(st.binary(max_size=9), min_size=1, max_size=6),
    st.integers(0, 60),
    st.integers(1, 60),
)
def test_pieces_read_as_their_concatenation(pieces: list[bytes], at: int, length: int) -> None:
    """From any place on, beyond the end too, the bytes are those of the whole; empty pieces are passed over."""
    whole = io.BytesIO(b"".join(pieces))
    with InMemory(pieces) as joined, io.BufferedReader(joined) as reader:
        assert joined.size == len(whole.getvalue())
        assert reader.seek(at) == whole.seek(at)
        assert reader.read(length) == whole.read(length)
        assert reader.tell() == whole.tell()
        assert reader.seek(0, io.SEEK_END) == joined.size
