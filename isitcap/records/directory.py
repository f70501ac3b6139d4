"""Where things stand in a run directory, which stages of which runs are done, and the lock that keeps one writer.

A *stage* writes some files and then `<stage>.done.json`: the identity it was made under and the hash of each file it
vouches for. It counts as done while both still hold. Everything that bears on a stage's result is in its identity,
nothing else; so a cosmetic edit makes nothing again, and `--explain` can say which part of an identity changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from isitcap.errors import UserError
from isitcap.records.atomic import PART, sha256, write_json, writing

SCHEMA_VERSION = 1
"""Of the run directory: raised when files written by one version can no longer be read by the next."""

Identity = Mapping[str, Any]

TRAINED = "trained"
"""The state of the classifier that maps are usually of."""


def map_name(test_set: str, method: str, point: str, state: str = TRAINED) -> str:
    """How the maps of a test set by one method at one point are called; of another state, with `~<state>` behind."""
    return f"{test_set}.{method}.{point}" + ("" if state == TRAINED else f"~{state}")


def parse_map_name(name: str) -> tuple[str, str, str, str] | None:
    """Test set, method, point and state of a name that `map_name` gave; `None` for another."""
    match = re.fullmatch(r"(.+)\.([a-z_]+)\.([a-z_]+)(?:~([a-z0-9-]+))?", name)
    return None if match is None else (match[1], match[2], match[3], match[4] or TRAINED)


@dataclass(frozen=True)
class RunDirectory:
    """The layout; it opens and writes nothing by itself."""

    root: Path

    @property
    def study(self) -> Path:
        """The study as resolved."""
        return self.root / "study.toml"

    @property
    def manifest(self) -> Path:
        """Versions, command, device, data hashes, wall times."""
        return self.root / "manifest.json"

    @property
    def results(self) -> Path:
        """The summary."""
        return self.root / "results.json"

    @property
    def results_mark(self) -> Path:
        """Which records the summary was computed from, see `isitcap.records.freshness`."""
        return self.root / "results.done.json"

    @property
    def tables(self) -> Path:
        """The summary's tables."""
        return self.root / "tables"

    @property
    def reports(self) -> Path:
        """The documents."""
        return self.root / "reports"

    def images(self, test_set: str) -> Path:
        """The index of a test set's images."""
        return self.root / "images" / f"{test_set}.parquet"

    def examples(self, test_set: str) -> Path:
        """Pixels of the images that reports show."""
        return self.root / "examples" / f"{test_set}.safetensors"

    def autoencoder(self, seed: int) -> Path:
        """The folder of a seed's autoencoder."""
        return self.root / "autoencoders" / f"seed-{seed}"

    def run(self, variant: str, seed: int) -> Path:
        """The folder of a run."""
        return self.root / "runs" / variant / f"seed-{seed}"

    def maps(self, variant: str, seed: int, test_set: str, method: str, point: str, state: str = TRAINED) -> Path:
        """Maps of a run, without suffix: `.safetensors` holds arrays, `.parquet` the measures of every map."""
        return self.run(variant, seed) / "maps" / map_name(test_set, method, point, state)

    def faithfulness(self, variant: str, seed: int) -> Path:
        """The folder of a run's deletion and insertion areas."""
        return self.run(variant, seed) / "faithfulness"

    @contextmanager
    def sole_writer(self, out: Path | None = None) -> Iterator[None]:
        """Keep every other process from writing into a run directory that is there while a command works on it.

        What is written elsewhere, to `out`, needs no lock, and the directory may be read-only then; it is refused while
        another process writes here. A folder that is not there is told by whoever opens it.

        Raises:
            UserError: another process writes here, or the folder cannot be written to and should be.
        """
        if not self.root.is_dir():
            yield
        elif out is None or not self.results.exists() or out.resolve().is_relative_to(self.root.resolve()):
            with self.lock(remedy="wait for it"):
                yield
        else:
            self._refuse_writer()
            yield

    def _refuse_writer(self) -> None:
        path = self.root / ".lock"
        if not path.exists():
            return
        try:
            with FileLock(path, timeout=0):
                pass
        except Timeout:
            raise self._taken("wait for it") from None
        except OSError:
            return  # nobody writes where the lock file itself cannot be opened for writing

    def _taken(self, remedy: str) -> UserError:
        return UserError(f"{self.root}: another isitcap is writing there; {remedy}")

    @contextmanager
    def lock(self, *, remedy: str = "wait for it, or choose another folder with --out") -> Iterator[None]:
        """Keep every other process from writing here; the lock goes with the process, however it ends.

        Its holder clears what a killed process left half written. Where nothing was written under the lock, neither
        the lock file nor folders made for it stay.

        Args:
            remedy: what to do while another process holds it.

        Raises:
            UserError: another process holds it, or the folder cannot be made.
        """
        path = self.root / ".lock"
        lock = FileLock(path, timeout=0)
        made = [folder for folder in (self.root, *self.root.parents) if not folder.exists()]
        first = not path.exists()
        try:
            with writing(self.root):
                self.root.mkdir(parents=True, exist_ok=True)
                before = {entry.name for entry in self.root.iterdir()} | {path.name}
                lock.acquire()
        except Timeout:
            raise self._taken(remedy) from None
        try:
            for left in self.root.rglob(f".*{PART}"):
                left.unlink(missing_ok=True)
            yield
        finally:
            unused = first and self.root.exists() and {entry.name for entry in self.root.iterdir()} <= before
            if unused:  # removed while it is held: who opened it before notices and tries again
                path.unlink(missing_ok=True)
            lock.release()
            if unused:
                _remove_empty(made)


@dataclass(frozen=True)
class Stage:
    """One stage of one run: the folder it writes into, its name, and the identity it must be made under."""

    folder: Path
    name: str
    identity: Identity

    @property
    def mark(self) -> Path:
        """The file that vouches for the stage."""
        return self.folder / f"{self.name}.done.json"

    def why(
        self, tell: Callable[[Sequence[Change]], Sequence[str]] | None = None, *, hashed: bool = True
    ) -> str | None:
        """Why the stage must be made (again), or `None` when it is done.

        Args:
            tell: puts changes into words.
            hashed: whether its files are read and their hashes compared, or their sizes alone.
        """
        if not self.mark.exists():
            return "not made yet"
        try:
            identity, files = _read_mark(self.mark)
        except (ValueError, KeyError, TypeError):
            return f"{self.mark.name} is damaged"
        if changed := differences(identity, self.identity):
            words = list(tell(changed)) if tell is not None else [*map(str, changed)]
            return "; ".join(words[:3]) + (f" (and {len(words) - 3} more)" if len(words) > 3 else "")
        return _damage(self.folder, files, hashed=hashed)

    def changed(self) -> tuple[Change, ...]:
        """What of the identity is not as the stage was made under; nothing where there is no readable mark."""
        try:
            return differences(_read_mark(self.mark)[0], self.identity)
        except (OSError, ValueError, KeyError, TypeError):
            return ()

    def finish(self, files: Sequence[Path], **facts: object) -> None:
        """Vouch for `files` (within the folder); `facts` such as wall times are kept beside them."""
        write_json(
            self.mark,
            {
                "schema_version": SCHEMA_VERSION,
                "identity": dict(self.identity),
                "files": {
                    path.relative_to(self.folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256(path)}
                    for path in files
                },
                **facts,
            },
        )

    def facts(self) -> dict[str, Any]:
        """What `finish` wrote."""
        facts: dict[str, Any] = json.loads(self.mark.read_text("utf-8"))
        return facts


def damage(mark: Path) -> str | None:
    """What is wrong with a mark or with the files that it vouches for, whatever its identity; `None` if nothing."""
    try:
        return _damage(mark.parent, _read_mark(mark)[1])
    except (OSError, ValueError, KeyError, TypeError):
        return f"{mark.name} is damaged"


def _read_mark(mark: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Identity and files of a mark; ValueError, KeyError or TypeError where it is damaged."""
    content = json.loads(mark.read_text("utf-8"))
    return dict(content["identity"]), dict(content["files"])


def _damage(folder: Path, files: Mapping[str, Any], *, hashed: bool = True) -> str | None:
    for name, vouched in files.items():
        path = folder / name
        if not path.exists():
            return f"{name} is missing"
        if path.stat().st_size != vouched["bytes"] or (hashed and sha256(path) != vouched["sha256"]):
            return f"{name} is not what was written"
    return None


def _remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders, innermost first, up to one that is in use."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


ABSENT = "absent"
"""What a part of an identity is called that one of two identities lacks."""


@dataclass(frozen=True)
class Change:
    """A part of an identity that differs: its dotted key, what it was and what it is."""

    key: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.key}: {short(self.old)} → {short(self.new)}"


def differences(old: Any, new: Any, key: str = "") -> tuple[Change, ...]:
    """What differs between two identities, sorted by key; what one of them lacks is `ABSENT`."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        found: list[Change] = []
        for name in sorted({*old, *new}):
            found += differences(old.get(name, ABSENT), new.get(name, ABSENT), f"{key}.{name}" if key else name)
        return tuple(found)
    # identities that were stored came back from JSON, where a tuple is a list
    same = json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)
    return () if same else (Change(key, old, new),)


def short(value: Any) -> str:
    """A value, cut where it is long."""
    text = str(value)
    return text if len(text) <= 24 else text[:12] + "…"
