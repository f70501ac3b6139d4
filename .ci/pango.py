"""Install the shared libraries that WeasyPrint draws PDF with, where they are missing and that is allowed.

Never fails: without them the HTML is built all the same, and the report says in one line what to install.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

PACKAGES = ["libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", "fonts-dejavu-core", "fonts-liberation"]
APT_GET = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]


def pango_is_here() -> bool:
    """Whether WeasyPrint finds its libraries; of HarfBuzz-Subset it only warns, and a warning fails the tests."""
    probe = [sys.executable, "-W", "error:HarfBuzz-Subset:DeprecationWarning", "-c", "import weasyprint"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0  # noqa: S603


def apt_get(*arguments: str) -> bool:
    """Whether apt-get succeeds; it speaks only of a failure."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    command = [*APT_GET, *arguments]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        sys.stderr.buffer.write(done.stderr)
    return done.returncode == 0


def main() -> None:
    """Look, and install."""
    if pango_is_here():
        return
    if sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get"):
        sys.stderr.write("Installing WeasyPrint's libraries with apt-get.\n")
        _ = apt_get("update") and apt_get("install", "-y", "--no-install-recommends", *PACKAGES)


if __name__ == "__main__":
    main()
