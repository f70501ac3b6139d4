"""Install what Debian has and PyPI has not, where it is missing and that is allowed: `system.py pango chromium`.

Never fails. Without Pango the HTML is built all the same, and the report says in one line what to install; without
Chromium the tests that need it are skipped, or fail in continuous integration, and say the same.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

APT_GET = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]


def pango_is_here() -> bool:
    """Whether WeasyPrint finds its libraries; of HarfBuzz-Subset it only warns, and a warning fails the tests."""
    probe = [sys.executable, "-W", "error:HarfBuzz-Subset:DeprecationWarning", "-c", "import weasyprint"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0  # noqa: S603


def chromium_is_here() -> bool:
    """Whether the tests find a browser, and what drives it starts: Playwright's own Node.js wants libatomic."""
    probe = [sys.executable, "-m", "playwright", "--version"]
    driven = subprocess.run(probe, capture_output=True, check=False).returncode == 0  # noqa: S603
    return driven and shutil.which("chromium") is not None


FONTS = ["fonts-dejavu-core", "fonts-liberation"]
NEEDS = {
    "pango": (pango_is_here, ["libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", *FONTS]),
    "chromium": (chromium_is_here, ["chromium", "libatomic1", *FONTS]),
}
"""Name of an argument → whether it is here, and Debian's packages."""


def apt_get(*arguments: str) -> bool:
    """Whether apt-get succeeds; it speaks only of a failure."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    command = [*APT_GET, *arguments]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        sys.stderr.buffer.write(done.stderr)
    return done.returncode == 0


def main(names: list[str]) -> None:
    """Look, and install."""
    missing = [name for name in names if not NEEDS[name][0]()]
    if missing and sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get"):
        sys.stderr.write(f"Installing {' and '.join(missing)} with apt-get.\n")
        packages = sorted({package for name in missing for package in NEEDS[name][1]})
        _ = apt_get("update") and apt_get("install", "-y", "--no-install-recommends", *packages)


if __name__ == "__main__":
    main(sys.argv[1:])
