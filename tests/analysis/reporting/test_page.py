"""Templates: where they are found, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import jinja2
import pytest

import analysis
from analysis.errors import InputError
from analysis.reporting import page


def test_undefined_names_in_templates_are_errors() -> None:
    """A template that names what is not there fails instead of leaving a gap."""
    with pytest.raises(jinja2.UndefinedError):
        page.environment().from_string("{{ nothing }}").render()


def test_everything_is_escaped_whatever_the_template_is_called() -> None:
    """Text from data is escaped in every template."""
    assert page.environment().from_string("{{ name }}").render(name="<b>&") == "&lt;b&gt;&amp;"


def test_json_cannot_end_its_script() -> None:
    """No `<`, `>` or `&` is left in JSON, and it reads back as it was."""
    value = {"name": "</script><!-- & \u2028"}
    text = str(page.script_json(value))
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == value


def test_json_refuses_nan() -> None:
    """NaN is no JSON, and no number of a report."""
    with pytest.raises(ValueError, match="Out of range"):
        page.script_json({"value": float("nan")})


def test_package_data_come_before_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates inside the package win over a folder beside it; without either, one line says so."""
    package = tmp_path / "analysis"
    package.mkdir()
    monkeypatch.setattr(analysis, "__file__", str(package / "__init__.py"))
    with pytest.raises(InputError, match="report templates: not found"):
        page.template_folder()
    for folder in (tmp_path / "templates", package / "templates"):
        folder.mkdir()
        (folder / "base.html.j2").touch()
        assert page.template_folder() == folder
