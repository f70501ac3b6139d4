"""The built wheel, looked at from an empty folder: nothing may be found by luck in the checkout."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement

import analysis
import isitcap

CHECKOUT = Path(__file__).parents[2]
# tox names the package that it has built and installed.
WHEEL = os.environ.get("TOX_PACKAGE", "")
pytestmark = pytest.mark.skipif(not WHEEL.endswith(".whl"), reason="runs under tox, on the wheel that it has built")

TRAINING_ONLY = ("torch", "torchvision", "captum", "sklearn")
# A finder that stands first and refuses: what is blocked is absent, as where the extra was not installed.
BLOCK = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""


def run_python(folder: Path, *arguments: str) -> str:
    """The standard output of a Python that sees neither the checkout nor the caller's variables for Python."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    result = subprocess.run(
        [sys.executable, "-P", "-W", "error", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def names_in_wheel() -> set[str]:
    with zipfile.ZipFile(WHEEL) as archive:
        return set(archive.namelist())


def files_of_checkout(folder: str) -> set[str]:
    root = CHECKOUT / folder
    found = (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(PurePosixPath(folder, *path.relative_to(root).parts)) for path in found}


def test_what_runs_under_tox_is_the_installed_wheel() -> None:
    """Both packages are imported from the environment, not from the checkout."""
    for package in (isitcap, analysis):
        assert package.__file__ is not None
        assert Path(package.__file__).is_relative_to(sys.prefix)
    assert CHECKOUT not in [Path(entry).resolve() for entry in sys.path]
    assert importlib.metadata.version("isitcap") == isitcap.__version__


def test_the_wheel_holds_both_packages_and_the_templates_and_nothing_else() -> None:
    """Every file of the checkout's packages is in the wheel, and no test, study result or stray file beside them."""
    templates = {f"analysis/{name}" for name in files_of_checkout("templates")}
    expected = files_of_checkout("isitcap") | files_of_checkout("analysis") | templates
    present = {name for name in names_in_wheel() if ".dist-info/" not in name}
    assert present == expected


def test_the_wheel_holds_what_is_no_python_module() -> None:
    """Type markers, shipped studies, templates and style sheets, and the licence travel along."""
    names = names_in_wheel()
    assert {"isitcap/py.typed", "analysis/py.typed"} <= names
    studies = ("demo", "poster", "diversity", "diversity-demo")
    assert {f"isitcap/study/{name}.toml" for name in studies} <= names
    assert {"analysis/templates/base.html.j2", "analysis/templates/style/print.css"} <= names
    assert f"isitcap-{isitcap.__version__}.dist-info/licenses/LICENSE" in names


def test_only_the_extra_asks_for_torch() -> None:
    """The base wheel names nothing that training alone needs; the extra names torch with its torchvision."""
    with zipfile.ZipFile(WHEEL) as archive:
        metadata = message_from_bytes(archive.read(f"isitcap-{isitcap.__version__}.dist-info/METADATA"))
    requirements = [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
    base = {r.name for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})}
    extra = {r.name for r in requirements if r.marker is not None and r.marker.evaluate({"extra": "train"})} - base
    assert {"torch", "torchvision", "captum"} <= extra
    assert base.isdisjoint({"torch", "torchvision", "captum", "scikit-learn"})


@pytest.mark.parametrize("command", [("-m", "isitcap"), (str(Path(sys.executable).with_name("isitcap")),)])
def test_the_command_line_starts_in_an_empty_folder(tmp_path: Path, command: tuple[str, ...]) -> None:
    """`python -m isitcap` and the script `isitcap` both give their help."""
    assert "usage: isitcap" in run_python(tmp_path, *command, "--help")


def test_help_needs_no_torch(tmp_path: Path) -> None:
    """The command line starts without what only training needs."""
    script = BLOCK.format(blocked=TRAINING_ONLY) + (
        "import runpy\nsys.argv = ['isitcap', '--help']\nrunpy.run_module('isitcap', run_name='__main__')"
    )
    assert "usage: isitcap" in run_python(tmp_path, "-c", script)


def test_analysis_is_importable_alone(tmp_path: Path) -> None:
    """Every module of `analysis` is imported where torch, captum and `isitcap` are absent."""
    script = BLOCK.format(blocked=(*TRAINING_ONLY, "isitcap")) + (
        "import importlib, pkgutil, analysis\n"
        "names = [m.name for m in pkgutil.walk_packages(analysis.__path__, 'analysis.')]\n"
        "for name in names: importlib.import_module(name)\n"
        "print(*names, sep='\\n')"
    )
    imported = run_python(tmp_path, "-c", script).split()
    assert {"analysis.summary", "analysis.reporting"} <= set(imported)


def test_the_templates_load_from_the_wheel(tmp_path: Path) -> None:
    """Reports find every template of the checkout in the installed package, with the same text, and compile it."""
    script = BLOCK.format(blocked=(*TRAINING_ONLY, "isitcap")) + (
        "import analysis.reporting.page as page\n"
        "print(page.template_folder())\n"
        "for name in page.environment().list_templates():\n"
        "    if name.endswith('.j2'): page.environment().get_template(name)\n"
        "    print(name)"
    )
    folder, *loaded = run_python(tmp_path, "-c", script).splitlines()
    assert Path(folder).is_relative_to(sys.prefix)
    assert {f"templates/{name}" for name in loaded} == files_of_checkout("templates")
    with zipfile.ZipFile(WHEEL) as archive:
        for name in loaded:
            assert archive.read(f"analysis/templates/{name}") == (CHECKOUT / "templates" / name).read_bytes()
