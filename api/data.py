"""The commands that work on labelled notes: validate, stats, export, import, agreement."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from api.commands.common import ClinicOption, JsonOption, chosen_clinic, group
from api.exits import DONE, SOME_FAILED, TOLD, fail
from models.note import Discipline
from models.training.dataset import Format

if TYPE_CHECKING:
    from models.training.dataset import LabelledNote
    from models.training.formats import Imported

data = group("Check and count labelled notes, take them to a labelling tool and back, compare two labellings.")


@data.command(epilog=TOLD)
def validate(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files of labelled notes, or folders; taken together.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Tell all that is wrong with labelled notes: errors refuse them, warnings ask for a look."""
    from models.training.checks import check_paths

    with _readable():
        problems = check_paths(paths)
    errors = sum(problem.severity == "error" for problem in problems)
    if as_json:
        _print_json([asdict(problem) for problem in problems])
    else:
        for problem in problems:
            typer.echo(str(problem))
        typer.echo(f"{errors} errors, {len(problems) - errors} warnings.", err=True)
    raise typer.Exit(SOME_FAILED if errors else DONE)


@data.command(epilog=TOLD)
def stats(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Folder with notes/ and splits.csv, another folder, or a file.")
    ] = Path("training_data"),
    as_json: JsonOption = False,
) -> None:
    """Count what a corpus holds, split by split; of sealed notes only what their headers tell."""
    from models.training.stats import count

    with _readable():
        counted = count(folder)
    if as_json:
        _print_json(counted.model_dump())
        return
    from api.tables import show_stats

    show_stats(_console(), counted)


@data.command(epilog=TOLD)
def export(
    source: Annotated[
        Path | None, typer.Argument(metavar="[IN]", help="File of labelled notes (JSONL), or a folder of them.")
    ] = None,
    target: Annotated[Path | None, typer.Argument(metavar="[OUT]", help="File to write.")] = None,
    to: Annotated[Format | None, typer.Option(help="For which tool; jsonl is our own format.")] = None,
    reviewed: Annotated[
        str | None,
        typer.Option(
            metavar="CLINIC",
            help="The reviewed notes of this clinic, as JSONL: to the one file named, or, with --about, to standard output.",
        ),
    ] = None,
    about: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --reviewed: who decided when, after which guide (OUT.about.jsonl)."),
    ] = None,
) -> None:
    """Write labelled notes for a labelling tool (for Label Studio its configuration too, as OUT.xml), or reviewed notes."""
    from models.training.checks import note_files
    from models.training.formats import dump, label_studio_config, read, write_whole

    if reviewed is not None:
        if target is not None or to is not None:
            fail("--reviewed goes with one file to write, and without --to.")
        if source is None and about is None:
            fail("Name OUT, or with --about FILE where it is to be written who decided when.")
        _export_reviewed(reviewed, source, about)
    if about is not None:
        fail("--about goes with --reviewed.")
    if source is None or target is None or to is None:
        fail("Name IN, OUT and --to, or --reviewed CLINIC.")
    notes: list[LabelledNote] = []
    with _readable():
        files = note_files(source)
        for file in files:
            _not_the_same(file, target)
        imported = [read(file, "jsonl") for file in files]
    _stop_at_refusals(files, imported, "line")
    for file in imported:
        notes += file.notes
    with _readable():
        if to == "label-studio":
            write_whole(target.with_name(f"{target.name}.xml"), label_studio_config())
        write_whole(target, dump(notes, to))
    typer.echo(f"{len(notes)} notes written.", err=True)


def _export_reviewed(clinic: str, target: Path | None, about: Path | None) -> NoReturn:
    """Write a clinic's reviewed notes and end the program; status 1 where some made no labels."""
    from api.audit import SYSTEM
    from api.commands.common import opened
    from api.db import repository
    from api.export import export as exported_of
    from models.registry import shipped
    from models.training.formats import dump, write_whole
    from nlp.pipeline import load

    read = load(shipped(), encoder=False).read
    with opened() as database:
        with database.reading() as session:
            clinic_id = repository.clinic_named(session, clinic).id
        exported = exported_of(database, clinic_id, read, by=SYSTEM)
    lines = dump(exported.notes, "jsonl")
    with _readable():
        if target is None:
            sys.stdout.buffer.write(lines.encode("utf-8"))
            sys.stdout.buffer.flush()
        else:
            write_whole(target, lines)
            about = target.with_name(f"{target.name}.about.jsonl") if about is None else about
        if about is not None:
            write_whole(about, exported.about_lines())
    for refusal in exported.refused:
        typer.echo(f"note {refusal.note}, review {refusal.review}: {refusal.reason}", err=True)
    counts = exported.counts()
    typer.echo(
        f"{counts['notes']} notes written; left out: {counts['refused']} refused, {counts['purged']} purged, "
        f"{counts['contested']} waiting for an adjudication, {counts['open']} without a decision.",
        err=True,
    )
    raise typer.Exit(SOME_FAILED if exported.refused else DONE)


@data.command(epilog=TOLD)
def release(
    review: Annotated[str, typer.Argument(metavar="REVIEW", help="Id of the review whose label was held.")],
    by: Annotated[str, typer.Option(metavar="LOGIN", help="The trainer who looked at it.")],
    clinic: ClinicOption = None,
) -> None:
    """Let a label that the guard held train after all; who did so is written down."""
    import uuid

    from api.audit import Actor
    from api.commands.common import opened, trainer
    from api.db import learning

    try:
        review_id = uuid.UUID(review)
    except ValueError:
        fail("REVIEW is no id.")
    with opened() as database, database.writing() as session:
        clinic_id = chosen_clinic(session, clinic).id
        person = trainer(session, clinic_id, by)
        learning.release_label(session, clinic_id, review_id, by=Actor("person", person.id))


@data.command("import", epilog=TOLD)
def import_(
    source: Annotated[Path, typer.Argument(metavar="IN", help="File that the tool exported.")],
    target: Annotated[Path, typer.Argument(metavar="OUT.jsonl", help="File of labelled notes to write.")],
    form: Annotated[Format, typer.Option("--from", help="From which tool; jsonl is our own format.")],
    writer: Annotated[str, typer.Option(help="Who wrote the notes that do not say.")] = "imported",
    layout: Annotated[str, typer.Option(help="The layout of notes that do not say.")] = "imported",
    setting: Annotated[str, typer.Option(help="The setting of notes that do not say.")] = "unknown",
    discipline: Annotated[Discipline | None, typer.Option(help="The discipline of notes that do not say.")] = None,
) -> None:
    """Read notes that were labelled in a tool; one that makes no note refuses the whole file."""
    from models.training.checks import note_files
    from models.training.formats import dump, read, write_whole
    from models.training.spans import Defaults

    if source.is_dir():
        fail(f"{source} is a folder; name the file that the tool exported.")
    defaults = Defaults(writer=writer, layout=layout, setting=setting, discipline=discipline)
    with _readable():
        [file] = note_files(source)
        _not_the_same(file, target)
        imported = read(file, form, defaults=defaults)
    _stop_at_refusals([file], [imported], "task" if form == "label-studio" else "line")
    with _readable():
        write_whole(target, dump(imported.notes, "jsonl"))
    skipped = f", {imported.skipped} passed over by their labeller" if imported.skipped else ""
    typer.echo(f"{len(imported.notes)} notes written{skipped}. Check them: therapy-coder data validate", err=True)


@data.command(epilog=TOLD)
def agreement(
    first: Annotated[Path, typer.Argument(metavar="FIRST", help="One labelling: a file, or a folder of files.")],
    second: Annotated[Path, typer.Argument(metavar="SECOND", help="Another labelling of the same notes.")],
    as_json: JsonOption = False,
) -> None:
    """Measure how far two labellings of the same notes agree, and list every difference."""
    from models.training.agreement import agree
    from models.training.checks import note_files
    from models.training.dataset import read_notes

    with _readable():
        one, other = ([note for file in note_files(path) for note in read_notes(file)] for path in (first, second))
        agreed = agree(one, other)
    if as_json:
        _print_json(asdict(agreed))
        return
    from api.tables import show_agreement

    show_agreement(_console(), agreed)


@contextmanager
def _readable() -> Iterator[None]:
    """End the program in one line where a file cannot be used, read or written."""
    from models.errors import DatasetError

    try:
        yield
    except DatasetError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}." if error.filename and error.strerror else f"{error}.")


def _not_the_same(source: Path, target: Path) -> None:
    if target.exists() and source.exists() and source.samefile(target):
        fail("IN and OUT are the same file.")


def _stop_at_refusals(files: list[Path], imported: list[Imported], unit: str) -> None:
    """Tell every refusal and end the program, where there are any: nothing is written."""
    refusals = [(file, refusal) for file, read in zip(files, imported, strict=True) for refusal in read.refused]
    for file, refusal in refusals:
        where = f", {unit} {refusal.number}" if refusal.number else ""
        typer.echo(f"{file.name}{where}: {refusal.reason}", err=True)
    if refusals:
        fail(f"{len(refusals)} notes were refused; nothing is written.", SOME_FAILED)


def _console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else 100)


def _print_json(value: Any) -> None:
    """Print JSON as UTF-8, whatever the terminal's encoding is."""
    sys.stdout.buffer.write(json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8") + b"\n")
    sys.stdout.buffer.flush()
