"""The commands on model versions: list, show, gate, promote, rollback, drift; and ``retrain``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.common import ClinicOption, JsonOption, chosen_clinic, group, opened, settings, trainer
from api.exits import DONE, MODEL_REFUSED, SOME_FAILED, TOLD, fail

if TYPE_CHECKING:
    from models.gate import Verdict
    from models.versions import Versions

models = group("Versions of the model: judge a candidate, let it serve, go back.")

VersionArgument = Annotated[str, typer.Argument(metavar="VERSION", help="A version of: therapy-coder models list.")]
ByOption = Annotated[str, typer.Option(metavar="LOGIN", help="The trainer who answers for it.")]


def retrain(
    by: ByOption,
    clinic: ClinicOption = None,
    encoder: Annotated[
        bool | None,
        typer.Option(
            "--encoder/--keep-encoder",
            help="Train the encoder of accurate anew too: about half an hour of two cores in place of minutes. Without either, "
            "where its packages are installed.",
        ),
    ] = None,
) -> None:
    """Fit a candidate from the program's notes and the clinic's reviewed ones, and judge it; nothing else serves by that.

    Status 1 where the gate refused it or the job did not end.
    """
    from api import jobs
    from api.audit import Actor
    from api.db import learning

    chosen = settings()
    with opened() as database:
        with database.reading() as session:
            clinic_id = chosen_clinic(session, clinic).id
            person = trainer(session, clinic_id, by)
        job = jobs.ask(database, chosen, clinic_id, by=Actor("person", person.id), encoder=encoder)
        typer.echo(f"job {job.id}", err=True)
        try:
            state = jobs.work(database, chosen, clinic_id, job.id, told=typer.echo)
        except KeyboardInterrupt:
            state = jobs.give_up(database, clinic_id, job.id)
        ended = jobs.look(database, clinic_id, job.id)
        if state != "done":
            fail(
                f"The job is {state}{f' ({ended.failure})' if ended.failure else ''}; the version that serves goes on.",
                SOME_FAILED,
            )
        with database.reading() as session:
            verdict = learning.verdict_of_job(session, clinic_id, job.id)
    raise typer.Exit(DONE if verdict is not None and verdict.outcome == "pass" else SOME_FAILED)


@models.command("list", epilog=TOLD)
def list_(clinic: ClinicOption = None) -> None:
    """List the versions of this machine: which serves, and what the gate said of each."""
    from api.db import learning

    versions = _versions()
    with opened() as database, _model_told(), database.reading() as session:
        clinic_id = chosen_clinic(session, clinic).id
        current = versions.current()
        for each in versions.all():
            verdict = learning.verdict_on(session, clinic_id, each.manifest_sha256)
            marks = [
                "serves" if each == current else "",
                "shipped" if each == versions.shipped else "",
                "not judged" if verdict is None else f"gate: {verdict.outcome} against {verdict.current}",
            ]
            typer.echo("\t".join([each.version, ", ".join(mark for mark in marks if mark)]))


@models.command(epilog=TOLD)
def show(version: VersionArgument, clinic: ClinicOption = None, as_json: JsonOption = False) -> None:
    """Show a version: what it was made from, and every criterion of the gate's last verdict on it."""
    from api.db import learning
    from models.gate import Verdict
    from models.registry import read_manifest
    from models.versions import known

    with opened() as database, _model_told(), database.reading() as session:
        path = _versions().path(version)
        manifest = read_manifest(path)
        clinic_id = chosen_clinic(session, clinic).id
        found = learning.verdict_on(session, clinic_id, known(path).manifest_sha256)
    verdict = None
    if found is not None:
        criteria = found.criteria["criteria"]
        names = {name: getattr(found, name) for name in ("candidate", "current", "manifest_sha256")}
        verdict = Verdict.of_dict({**names, "criteria": criteria})
    if as_json:
        told = {"manifest": manifest.model_dump(), "verdict": None if verdict is None else verdict.as_dict()}
        typer.echo(json.dumps(told, indent=1))
        return
    typer.echo(f"version {manifest.version}: {manifest.notes} notes, scikit-learn {manifest.scikit_learn}")
    for name, value in sorted(manifest.scores.items()):
        typer.echo(f"{name}\t{value:g}")
    if verdict is None:
        typer.echo("The gate has not judged it.")
    else:
        _show(verdict)


@models.command(epilog=TOLD)
def gate(candidate: VersionArgument, clinic: ClinicOption = None, as_json: JsonOption = False) -> None:
    """Judge a version against the one that serves; status 1: refused.

    It is measured on the development notes, and on those of the latest reviewed notes that the guard does not hold and that neither
    version learnt from.
    """
    from api import jobs
    from api.audit import SYSTEM
    from models.coder import Coder
    from models.gate import judge_candidate
    from models.learning import parted
    from models.registry import shipped, stated
    from models.training.counting import vocabulary
    from models.training.dataset import read_corpus, read_splits, select
    from models.training.retrain import screened

    chosen = settings()
    versions = _versions()
    with opened() as database:
        with _model_told():
            path = versions.path(candidate)
            current = Coder.load(versions.current_path())
        with database.reading() as session:
            clinic_id = chosen_clinic(session, clinic).id
        folder = jobs.corpus_folder(chosen)
        notes, splits = read_corpus(folder), read_splits(folder)
        corpus = select(notes, splits, "train")
        kept, _ = screened(jobs.reviewed_documents(database, clinic_id), corpus, shipped())
        with _model_told():
            seen = {*current.manifest.learnt, *stated(path).learnt}
            verdict = judge_candidate(
                path,
                current,
                select(notes, splits, "development"),
                [note for note in parted(kept)[1] if note.id not in seen],
                vocabulary(corpus),
            )
        with database.writing() as session:
            jobs.keep_verdict(session, clinic_id, verdict.as_dict(), by=SYSTEM)
    if as_json:
        typer.echo(json.dumps(verdict.as_dict(), indent=1))
    else:
        _show(verdict)
    raise typer.Exit(DONE if verdict.outcome == "pass" else SOME_FAILED)


@models.command(epilog=TOLD)
def promote(version: VersionArgument, by: ByOption, clinic: ClinicOption = None) -> None:
    """Let a version serve that the gate let pass; running servers take it over within seconds."""
    from api.audit import Actor
    from api.promotion import promote as change

    with opened() as database:
        with database.reading() as session:
            clinic_id = chosen_clinic(session, clinic).id
            person = trainer(session, clinic_id, by)
        with _model_told():
            pointer = change(database, _versions(), clinic_id, version, by=Actor("person", person.id))
    typer.echo(f"{pointer.current.version} serves; before: {pointer.before[-1].version}")


@models.command(epilog=TOLD)
def rollback(clinic: ClinicOption = None) -> None:
    """Let the version serve again that served before the current one."""
    from api.audit import SYSTEM
    from api.promotion import rollback as change

    with opened() as database:
        with database.reading() as session:
            clinic_id = chosen_clinic(session, clinic).id
        with _model_told():
            pointer = change(database, _versions(), clinic_id, by=SYSTEM)
    typer.echo(f"{pointer.current.version} serves")


@models.command(epilog=TOLD)
def drift(
    clinic: Annotated[str | None, typer.Argument(metavar="[CLINIC]", help="Not needed where there is one.")] = None,
    days: Annotated[int, typer.Option(min=1, help="How far back.")] = 30,
) -> None:
    """Tell whether a clinic's notes and decisions still look like those that the model was made for; status 1 where not."""
    from api.audit import SYSTEM
    from api.drift import measured

    with opened() as database, _model_told():
        with database.reading() as session:
            clinic_id = chosen_clinic(session, clinic).id
        signals = measured(database, clinic_id, _versions().current_path(), days, by=SYSTEM)
    for each in signals:
        typer.echo("\t".join([each.state.replace("_", " "), each.id, each.sentence]))
    raise typer.Exit(SOME_FAILED if any(each.state == "drift" for each in signals) else DONE)


def _versions() -> Versions:
    from models.versions import Versions

    return Versions(settings().models_folder)


@contextmanager
def _model_told() -> Iterator[None]:
    """End the program with the status of a refused model; other errors go on."""
    from models.errors import UntrustedModel

    try:
        yield
    except UntrustedModel as error:
        fail(str(error), MODEL_REFUSED)


def _show(verdict: Verdict) -> None:
    """Print every criterion on a line, what failed or does not apply with its reason, and the outcome."""
    for each in verdict.criteria:
        figures = [f"{value:.3f}" for value in (each.current, each.candidate) if value is not None]
        words = [each.outcome.replace("_", " "), each.profile, each.name, " -> ".join(figures), each.reason]
        typer.echo("\t".join(words).rstrip())
    typer.echo(f"{verdict.candidate} against {verdict.current}: {verdict.outcome}")
