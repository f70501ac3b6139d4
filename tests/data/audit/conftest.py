"""Images that look like something, the plan and the audit of a few of them."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from analysis.audit import Audit
from isitcap.data.audit.asked import place_plan
from isitcap.data.audit.material import Material, Plan, gather
from isitcap.data.audit.reading import Place
from isitcap.data.audit.running import audit_of
from isitcap.study.models import Image, Source

sys.path.insert(0, str(Path(__file__).parent))  # for `planted`

from planted import N

Look = Callable[..., PillowImage.Image]
Save = Callable[..., bytes]


@pytest.fixture(scope="session", name="picture")
def picture_fixture() -> Look:
    """The function that makes an image with large and small structure."""
    return picture


@pytest.fixture(scope="session", name="saved")
def saved_fixture() -> Save:
    """The function that makes a file of an image."""
    return saved


@pytest.fixture
def audited(tmp_path: Path) -> Callable[..., tuple[Material, Audit]]:
    """The function that audits a folder of files."""

    def audit(files: Mapping[str, bytes], **given: Any) -> tuple[Material, Audit]:
        root = tmp_path / "set"
        for name, data in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
        material = gather(place_plan(root, **given), cache=tmp_path / "cache", show=False)
        return material, audit_of(material, "isitcap data audit set")

    return audit


@pytest.fixture
def clean(picture: Look, saved: Save) -> dict[str, bytes]:
    """Real and synthetic images in two parts that differ in nothing but their folder."""
    folders = [f"{part}/{label}" for part in ("train", "test") for label in ("real", "fake")]
    return {
        f"{folder}/{number:03}.jpg": saved(picture(1000 * position + number))
        for position, folder in enumerate(folders)
        for number in range(N)
    }


def picture(seed: int, size: int = 32, warm: float = 0.0, grain: float = 6.0) -> PillowImage.Image:
    """Random coarse colours, enlarged, with a little noise; `warm` adds to red what it takes from blue."""
    rng = np.random.default_rng([20240501, seed])
    coarse = PillowImage.fromarray(rng.integers(30, 226, (6, 6, 3), dtype=np.uint8))
    pixels = np.asarray(coarse.resize((size, size), PillowImage.Resampling.BICUBIC)).astype(float)
    pixels = pixels + rng.normal(0, grain, pixels.shape) + np.array([warm, 0, -warm])
    return PillowImage.fromarray(pixels.clip(0, 255).astype(np.uint8))


def saved(image: PillowImage.Image, form: str = "JPEG", **given: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=form, **given)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], Material]:
    """The files of a source of two parts and two classes and of a smoother real one, with defects, and what was read.

    In `main`: a training fake among the test fakes, another re-saved among them; six reals of training that are PNG,
    of them two stored in one channel; a wide fake; a file that is no image. In `other`: real images without grain.
    """
    root = tmp_path_factory.mktemp("planted")
    each = 24
    folders = [f"main/{part}/{label}" for part in ("train", "test") for label in ("real", "fake")]
    files = {
        f"{folder}/{number:03}.jpg": saved(picture(1000 * position + number, warm=12 if "fake" in folder else 0))
        for position, folder in enumerate(folders)
        for number in range(each)
    }
    files["main/test/fake/leak.jpg"] = files["main/train/fake/007.jpg"]
    files["main/test/fake/near.jpg"] = saved(picture(1009, warm=12), quality=60)
    for number in range(6):
        image = picture(number) if number > 1 else picture(number).convert("L")
        del files[f"main/train/real/{number:03}.jpg"]
        files[f"main/train/real/{number:03}.png"] = saved(image, "PNG")
    files["main/train/fake/wide.jpg"] = saved(picture(8000, warm=12).resize((48, 40)))
    files["main/train/fake/bad.jpg"] = b"not an image"
    files |= {f"other/{number:03}.jpg": saved(picture(9000 + number, grain=0.0)) for number in range(each)}
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    main = Source(kind="images", labels={"real": "real", "fake": "synthetic"}, max_broken=0.1)
    plan = Plan(
        "planted",
        "Audit of planted",
        (Place("main", main, root / "main"), Place("other", Source(kind="images", label="real"), root / "other")),
        Image(),
        (("main", ("main",)),),
    )
    return files, gather(plan, cache=root / "cache", show=False)
