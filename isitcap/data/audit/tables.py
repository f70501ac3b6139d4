"""The tables of an audit, from what was computed, in the order of reading."""

from __future__ import annotations

from analysis.audit import AuditTable
from isitcap.data.audit.material import Material
from isitcap.data.audit.tables_copies import copies_table, pairs_table
from isitcap.data.audit.tables_files import broken_table, classes_table, facts_table, sizes_table, values_table
from isitcap.data.audit.tables_label import classifiers_table, suspects_table
from isitcap.data.audit.tables_pixels import figures_table, grey_table, sharpness_table, sources_table

SECTIONS = (
    ("duplicates", "Copies"),
    ("label", "What tells the label"),
    ("container", "Files"),
    ("pixels", "Colour and sharpness"),
    ("sources", "Real images of different sources"),
    ("layout", "Classes and order"),
)


def tables_of(material: Material) -> tuple[AuditTable, ...]:
    """All tables in the order of reading; one without rows is left out."""
    found = [copies_table(material), pairs_table(material), classifiers_table(material)]
    found += [suspects_table(material)]
    for each in material.compared:
        found += [facts_table(each), values_table(material, each), sizes_table(material, each)]
    found += [grey_table(material)]
    found += [figures_table(material, each) for each in material.compared]
    found += [sharpness_table(material), sources_table(material), classes_table(material), broken_table(material)]
    return tuple(table for table in found if table.rows)
