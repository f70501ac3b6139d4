"""HTML to PDF: tagged, with bookmarks, and the same to the byte each time."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator

from analysis.errors import MissingLibraryError
from analysis.reporting.garbage import uncollected

EPOCH = 946_684_800
"""2000-01-01 UTC: the date that subset fonts carry. The report's own dates stand in its provenance."""

MISSING = (
    "PDF: WeasyPrint cannot load Pango ({error}); install it (Debian: apt-get install libpango-1.0-0 "
    "libpangoft2-1.0-0 libharfbuzz-subset0) or ask for HTML alone"
)


@contextlib.contextmanager
def fixed_epoch(epoch: int = EPOCH) -> Iterator[None]:
    """SOURCE_DATE_EPOCH for the time of a build: fontTools stamps subset fonts with the clock otherwise."""
    before = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("SOURCE_DATE_EPOCH", None)
        else:
            os.environ["SOURCE_DATE_EPOCH"] = before


def draw_pdf(html: str) -> bytes:
    """A print page as PDF/UA-1; it may refer to `data:` addresses alone.

    Raises:
        MissingLibraryError: WeasyPrint's system library is missing.
    """
    try:
        # Without Pango, WeasyPrint prints a banner of several lines before it raises.
        with contextlib.redirect_stdout(io.StringIO()):
            import weasyprint
            from weasyprint.urls import URLFetcher
    except OSError as error:
        raise MissingLibraryError(MISSING.format(error=str(error).splitlines()[0])) from error
    fetcher = URLFetcher(allowed_protocols=("data",), fail_on_errors=True)
    with fixed_epoch(), uncollected():
        document = weasyprint.HTML(string=html, url_fetcher=fetcher)
        made: bytes = document.write_pdf(pdf_variant="pdf/ua-1", pdf_identifier=b"isitcap-report")
    return made
