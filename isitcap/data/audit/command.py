"""`isitcap data audit`: of a source, of a study, or of a run with its headline."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from isitcap.errors import UserError
from isitcap.progress import say
from isitcap.records.directory import RunDirectory

if TYPE_CHECKING:
    from isitcap.data.audit.material import Plan
    from isitcap.findings import Finished


def add_audit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `audit` to the commands under `data`."""
    audit = commands.add_parser(
        "audit", help="say what could tell the label of images, or spoil a test: duplicates, formats, sharpness, order"
    )
    audit.add_argument(
        "wanted",
        metavar="SOURCE|STUDY|RUN_DIR",
        help="a folder or archive of images, a study, a source of poster, or a run directory (its headline with and "
        "without duplicates)",
    )
    audit.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="NAME=PATH|FOLDER",
        help="archive or folder of a source, or a folder that holds NAME.zip or NAME/ (repeatable)",
    )
    audit.add_argument(
        "--source", action="append", default=[], metavar="NAME", help="of a study, audit this source alone (repeatable)"
    )
    audit.add_argument("--label", metavar="real|synthetic", help="of a folder or archive: the label of all its images")
    audit.add_argument(
        "--labels",
        action="append",
        default=[],
        metavar="FOLDER=LABEL",
        help="of a folder or archive: the label of the images in a folder (repeatable)",
    )
    audit.add_argument("--audit", type=Path, metavar="DIR", help="of a run: take the duplicates of this audit")
    audit.add_argument("--out", type=Path, help="where to (default: audits/NAME, or RUN_DIR/audit)")
    audit.add_argument("--cache", type=Path, help="where prepared images are kept (default: ~/.cache/isitcap)")
    audit.add_argument("--quiet", action="store_true", help="no progress")
    audit.set_defaults(command=_audit)


def _audit(given: argparse.Namespace) -> None:
    from isitcap.data.audit.asked import plan_for
    from isitcap.data.audit.material import gather
    from isitcap.data.audit.running import audit_of, write_audit
    from isitcap.data.cache import cache_folder
    from isitcap.records.atomic import check_folder

    show = not given.quiet
    if (Path(given.wanted) / "manifest.json").is_file():
        for key, value in (("--label", given.label), ("--labels", given.labels), ("--source", given.source)):
            if value:
                raise UserError(f"{given.wanted}: {key} cannot be given for a run directory; leave it out")
        with RunDirectory(Path(given.wanted)).sole_writer(given.out):
            _audit_run(given)
        return
    if given.audit is not None:
        raise UserError(f"--audit {given.audit} is of a run directory, which {given.wanted} is not; leave it out")
    plan = plan_for(given.wanted, data=given.data, sources=given.source, label=given.label, labels=given.labels)
    out = given.out or Path("audits") / plan.name
    check_folder(out)
    material = gather(plan, cache=cache_folder(given.cache), show=show)
    audit = audit_of(material, _command(given))
    written = write_audit(material, audit, out, show=show)
    for line in audit.verdict:
        sys.stdout.write(f"{line}\n")
    sys.stdout.write("".join(f"{path}\n" for path in written[:2]))


def _audit_run(given: argparse.Namespace) -> None:
    """The audit of a run's images, and its headline with and without copies."""
    from isitcap.data.audit.headline import (
        dropped_images,
        headline,
        headline_table,
        headline_text,
        read_dropped,
        recorded_copies,
        with_headline,
    )
    from isitcap.data.audit.material import gather
    from isitcap.data.audit.running import audit_of, duplicate_rows, write_audit
    from isitcap.data.cache import cache_folder
    from isitcap.findings import open_run
    from isitcap.records.atomic import check_folder, write_json

    run = open_run(Path(given.wanted))
    out = given.out or run.directory.root / "audit"
    check_folder(out)
    plan = None if given.audit is not None else _plan_of_run(run, given)
    if plan is None:
        dropped = read_dropped(given.audit) if given.audit is not None else recorded_copies(run)
        table = headline_table(headline(run, dropped), dropped)
        write_json(out / "headline.json", table.model_dump())
        sys.stdout.write(f"{headline_text(table)}\n{out / 'headline.json'}\n")
        return
    material = gather(plan, cache=cache_folder(given.cache), show=not given.quiet)
    dropped = dropped_images(duplicate_rows(material))
    table = headline_table(headline(run, dropped), dropped)
    audit = with_headline(audit_of(material, _command(given)), table, material)
    written = write_audit(material, audit, out, show=not given.quiet)
    sys.stdout.write(f"{headline_text(table)}\n")
    sys.stdout.write("".join(f"{path}\n" for path in written[:2]))


def _plan_of_run(run: Finished, given: argparse.Namespace) -> Plan | None:
    from isitcap.data.audit.asked import study_plan

    try:
        return study_plan(run.study, None, given.data)
    except UserError as error:
        if given.data:
            raise
        say(
            f"{error}. Only byte-identical test images are left out, for the training images are not there.",
            show=not given.quiet,
        )
        return None


def _command(given: argparse.Namespace) -> str:
    words = getattr(given, "words", None) or ["data", "audit", given.wanted]
    return " ".join(["isitcap", *map(shlex.quote, words)])
