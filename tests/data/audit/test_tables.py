"""The tables of an audit, in the order of reading."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn")

from dataclasses import replace

from isitcap.data.audit.material import Material
from isitcap.data.audit.tables import SECTIONS, tables_of

pytestmark = pytest.mark.slow


def test_tables_stand_in_their_sections_and_none_is_empty(planted: tuple[dict[str, bytes], Material]) -> None:
    """Every table has rows and a section that there is; without broken files there is no table of them."""
    _, material = planted
    tables = tables_of(material)
    assert {table.section for table in tables} == {section for section, _ in SECTIONS}
    assert all(table.rows for table in tables)
    assert len({table.id for table in tables}) == len(tables)
    assert tables[-1].id == "table-broken"
    whole = replace(material, images=replace(material.images, broken=()))
    assert [table.id for table in tables_of(whole)] == [table.id for table in tables[:-1]]
