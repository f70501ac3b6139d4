"""Seconds from a zip of JPEGs to prepared images, of a second start, and the memory of a source of a million images.

    python benchmarks/reading.py [--scale F] [--zip FILE]

Prints one JSON object a line: `name`, `peer`, `ours`, `ratio`, `bar`, `n` (images), `machine`. The peer is Pillow in
one thread over the same zip, turn about. Without `--zip FILE`, such as the published CIFAKE archive, the images are
noise made here: 32 × 32 JPEGs of quality 75, as CIFAKE's are. Memory is the whole of a process of its own.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from isitcap.data.packs import prepare
from isitcap.records.manifest import machine
from isitcap.study.models import Image, Source

IMAGES, MANY, SIZE, KINDS, TURNS = 120_000, 1_000_000, 32, 512, 3
SECONDS, MEBIBYTES = 20.0, 1024.0
"""At most: for `IMAGES` images on two cores, and for a source of `MANY`."""

PREPARE = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from reading import made
made(Path(sys.argv[1]), Path(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def write_zip(path: Path, count: int) -> None:
    """`count` JPEGs, stored, of `KINDS` different images in turn, real and synthetic in folders of their own."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(40, 210, (KINDS, 8, 8, 3)).repeat(4, axis=1).repeat(4, axis=2)
    pixels = (coarse + rng.normal(0, 12, (KINDS, SIZE, SIZE, 3))).clip(0, 255).astype(np.uint8)
    files = []
    for each in pixels:
        buffer = io.BytesIO()
        PillowImage.fromarray(each).save(buffer, "JPEG", quality=75)
        files.append(buffer.getvalue())
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            archive.writestr(f"{('real', 'fake')[number % 2]}/{number:07}.jpg", files[number % KINDS])


MADE = Source(kind="images", labels={"real": "real", "fake": "synthetic"})
"""What `write_zip` writes."""


def source_of(path: Path) -> Source:
    """CIFAKE's own layout, or that of made images; never asked where memory is taken, since names have their own."""
    with zipfile.ZipFile(path) as archive:
        published = any("/REAL/" in f"/{name}" for name in archive.namelist())
    return Source(kind="cifake") if published else MADE


def made(path: Path, cache: Path, source: Source = MADE) -> int:
    """Prepare the images of a zip; how many there are."""
    pack = prepare(
        "images", source, path, Image(size=SIZE), kernel="bilinear", reencode=False, seed=0, cache=cache, progress=False
    )
    return len(pack.index)


def plain(path: Path) -> int:
    """Every image of the zip decoded by Pillow in one thread."""
    count = 0
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.lower().endswith((".jpg", ".jpeg")):
                with PillowImage.open(io.BytesIO(archive.read(name))) as image:
                    np.asarray(image.convert("RGB"))
                count += 1
    return count


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scale", type=float, default=1.0, help="times the number of images (default 1)")
    parser.add_argument("--zip", type=Path, help="an archive of images instead of made ones")
    given = parser.parse_args()
    about = machine()
    where = f"{about['processor']}, {about['cores']} cores"

    def show(name: str, ours: float, bar: float | None, n: int, peer: float | None = None) -> None:
        ratio = None if peer is None else ours / peer
        row = {"name": name, "peer": peer, "ours": ours, "ratio": ratio, "bar": bar, "n": n, "machine": where}
        print(json.dumps(row), flush=True)

    with tempfile.TemporaryDirectory() as folder:
        place = given.zip or Path(folder) / "images.zip"
        if given.zip is None:
            write_zip(place, max(1_000, round(IMAGES * given.scale)))
        source = source_of(place)
        ours, again, theirs = [], [], []
        for turn in range(TURNS):
            cache = Path(folder) / f"cache-{turn}"
            for taken, work in ((theirs, lambda: plain(place)), (ours, lambda c=cache: made(place, c, source))):
                start = time.perf_counter()
                n = work()
                taken.append(time.perf_counter() - start)
            start = time.perf_counter()
            made(place, cache, source)
            again.append(time.perf_counter() - start)
        show("zip to pack, s", statistics.median(ours), SECONDS * n / IMAGES, n, statistics.median(theirs))
        show("second start, s", statistics.median(again), None, n)
        many = Path(folder) / "many.zip"
        count = max(1_000, round(MANY * given.scale))
        write_zip(many, count)
        code = PREPARE.format(here=str(Path(__file__).resolve().parent))
        command = [sys.executable, "-c", code, str(many), str(Path(folder) / "cache-many")]
        peak = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        show("peak memory of a process that prepares a source, MiB", peak, MEBIBYTES, count)


if __name__ == "__main__":
    main()
