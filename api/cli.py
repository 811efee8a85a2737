"""The command line. Light to start: whatever reads notes is imported inside the command that needs it."""

from __future__ import annotations

import errno
import io
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer
from rich.console import Console

from api.commands.audit import audit as audit_commands
from api.commands.calculator import units as units_command
from api.commands.clinics import clinics as clinic_commands
from api.commands.copied import copied as copied_command
from api.commands.database import db as database_commands
from api.commands.keys import keys as key_commands
from api.commands.models import models as model_commands
from api.commands.models import retrain
from api.commands.people import people as people_commands
from api.commands.rules import (
    DateOption,
    PayerOption,
    RulesOption,
    SecondaryOption,
    given,
    loaded,
    rules_path,
    rules_told,
)
from api.commands.rules import rules as rule_commands
from api.data import data as data_commands
from api.exits import DONE, MODEL_REFUSED, SOME_FAILED
from api.exits import TOLD as _EXIT_CODES
from api.exits import fail as _fail
from models.note import USUAL_RISK, Discipline, Policy, Profile, Risk

if TYPE_CHECKING:
    from api.settings import Settings
    from models.coder import Coder
    from models.note import Note

# A character takes at most four bytes in UTF-8; the reader counts characters (`nlp.pipeline.MAX_CHARACTERS`), but is
# not imported before there is a note to read.
MAX_BYTES = 4 * 250_000

app = typer.Typer(
    name="therapy-coder",
    help="Reads a treatment note and suggests what it bills. Nothing is billed, nothing leaves this computer.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    # A traceback with local variables would print the note.
    pretty_exceptions_enable=False,
)
app.add_typer(data_commands, name="data")
app.add_typer(database_commands, name="db")
app.add_typer(clinic_commands, name="clinics")
app.add_typer(people_commands, name="people")
app.add_typer(key_commands, name="keys")
app.add_typer(audit_commands, name="audit")
app.add_typer(rule_commands, name="rules")
app.command(epilog=_EXIT_CODES)(units_command)
app.command(epilog=_EXIT_CODES)(copied_command)
app.add_typer(model_commands, name="models")
app.command(epilog=_EXIT_CODES)(retrain)

PolicyOption = Annotated[
    Policy | None, typer.Option(help="How minutes become units; without it, the payer's policy, else full_15.")
]
ProfileOption = Annotated[Profile, typer.Option(help="Which reader: accurate or fast.")]
ModelOption = Annotated[
    Path | None, typer.Option(help="Folder of a model version; without it, the one that came with the program.")
]
_RiskWord = Literal["1", "2", "5"]
_USUAL = cast(_RiskWord, str(USUAL_RISK))
RiskOption = Annotated[
    _RiskWord,
    typer.Option(help="How many in 100 of the notes that pass unflagged may have a wrong code; less flags more."),
]


@app.command(epilog=_EXIT_CODES)
def code(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="Text file with one note; - reads standard input.")],
    json: Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")] = False,
    policy: PolicyOption = None,
    profile: ProfileOption = "accurate",
    discipline: Annotated[Discipline | None, typer.Option(help="PT or OT, where known.")] = None,
    note_id: Annotated[str | None, typer.Option(help="Your own name for the note; comes back in the result.")] = None,
    risk: RiskOption = _USUAL,
    date_of_service: DateOption = None,
    payer: PayerOption = None,
    secondary_payer: SecondaryOption = None,
    rules: RulesOption = None,
    model: ModelOption = None,
) -> None:
    """Code one note and print a summary of what it bills."""
    note = _note(
        file, policy=policy, date_of_service=date_of_service, payer=payer, secondary_payer=secondary_payer,
        profile=profile, discipline=discipline, note_id=note_id,
    )  # fmt: skip
    with _note_told():
        result = _load(model, risk, rules, alone=profile).code(note)
    if json:
        # The result is UTF-8 whatever the terminal's encoding is.
        sys.stdout.buffer.write(result.model_dump_json(indent=2).encode("utf-8") + b"\n")
        sys.stdout.buffer.flush()
        return
    from api.summary import show

    show(_console(), result)


@app.command(epilog=_EXIT_CODES)
def explain(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="Text file with one note; - reads standard input.")],
    json: Annotated[bool, typer.Option("--json", help="Print the explanation as JSON.")] = False,
    policy: PolicyOption = None,
    profile: ProfileOption = "accurate",
    discipline: Annotated[Discipline | None, typer.Option(help="PT or OT, where known.")] = None,
    date_of_service: DateOption = None,
    payer: PayerOption = None,
    secondary_payer: SecondaryOption = None,
    rules: RulesOption = None,
    model: ModelOption = None,
) -> None:
    """Say why a note bills what it bills: words, code, minutes, unit and flags of each block, with rule and source."""
    from api.explanation import as_json, show_explanation

    note = _note(
        file, policy=policy, date_of_service=date_of_service, payer=payer, secondary_payer=secondary_payer,
        profile=profile, discipline=discipline,
    )  # fmt: skip
    with _note_told():
        told = _load(model, "5", rules, alone=profile).explain(note)
    if json:
        sys.stdout.buffer.write(as_json(told).encode("utf-8") + b"\n")
        sys.stdout.buffer.flush()
        return
    show_explanation(_console(), told)


@app.command(epilog=_EXIT_CODES)
def document(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="Text file with one note; - reads standard input.")],
    json: Annotated[bool, typer.Option("--json", help="Print the audit as JSON.")] = False,
    profile: ProfileOption = "accurate",
    policy: PolicyOption = None,
    discipline: Annotated[Discipline | None, typer.Option(help="PT or OT, where known.")] = None,
    date_of_service: DateOption = None,
    payer: PayerOption = None,
    rules: RulesOption = None,
    model: ModelOption = None,
) -> None:
    """Audit a note's documentation: what is there, what is missing and what would satisfy it, vague goals, a score."""
    from api.documentation import as_json, show_audit

    note = _note(
        file, policy=policy, date_of_service=date_of_service, payer=payer, profile=profile, discipline=discipline
    )
    with _note_told():
        audit = _load(model, "5", rules, alone=profile).audit(note)
    if json:
        sys.stdout.buffer.write(as_json(audit).encode("utf-8") + b"\n")
        sys.stdout.buffer.flush()
        return
    show_audit(_console(), audit)


@app.command(epilog=_EXIT_CODES)
def batch(
    source: Annotated[
        Path, typer.Argument(metavar="IN.jsonl", help='One note a line: {"note_id", "text", "policy"?, ...}.')
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT.jsonl", help="One result or error a line, in the same order.")],
    policy: Annotated[
        Policy | None, typer.Option(help="Policy for lines that name none; without it, the payer's, else full_15.")
    ] = None,
    profile: Annotated[Profile, typer.Option(help="Reader for lines that name none.")] = "accurate",
    risk: RiskOption = _USUAL,
    payer: Annotated[str | None, typer.Option(help="Primary payer for lines that name none.")] = None,
    rules: RulesOption = None,
    model: ModelOption = None,
    submit: Annotated[
        str | None,
        typer.Option(metavar="CLINIC", help="Also keep the notes for review by this clinic; run it again to go on."),
    ] = None,
) -> None:
    """Code a file of notes; a line that cannot be coded gives an error line and costs no other."""
    from contextlib import ExitStack

    from rich.progress import Progress

    from api.batch import local
    from api.batch.records import code_values
    from api.commands.common import chosen_clinic, opened

    if not source.is_file():
        _fail(f"{source} is not a file that can be read.")
    if target.exists() and source.samefile(target):
        _fail("IN and OUT are the same file.")
    console = Console(stderr=True, highlight=False)
    defaults = {**given(policy=policy, payer=payer), "profile": profile}
    try:
        with ExitStack() as open_now:
            # A database that cannot be used is told before the model is loaded.
            database = None if submit is None else open_now.enter_context(opened())
            coding = partial(code_values, defaults=defaults)
            if database is not None:
                from api.queue.submit import submit_values

                with database.reading() as session:
                    clinic_id = chosen_clinic(session, submit).id
                coding = partial(submit_values, database=database, clinic_id=clinic_id, defaults=defaults)
            coder = _load(model, risk, rules)
            bar = open_now.enter_context(Progress(console=console, disable=not console.is_terminal, transient=True))
            task = bar.add_task("Coding", total=source.stat().st_size)
            counts = local.run(
                source,
                target,
                lambda values: coding(values, coder=coder),
                progress=lambda done: bar.update(task, completed=done),
            )
    except OSError as error:
        _fail(f"{error.filename or target}: {error.strerror or error}.")
    done = counts.lines - counts.errors
    console.print(f"{counts.lines} lines: {done} coded, {counts.errors} errors.", markup=False, soft_wrap=True)
    raise typer.Exit(SOME_FAILED if counts.errors else DONE)


@app.command(epilog=_EXIT_CODES)
def claims(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="CHECK.csv", help="A billed line a row: note_id, text or file, code, units, modifiers, ..."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="REPORT.csv", help="File to write: a row a finding.")],
    html: Annotated[
        Path | None, typer.Option(metavar="REPORT.html", help="The same to read, as one HTML file.")
    ] = None,
    payer: Annotated[str, typer.Option(help="Payer of the rows that name none.")] = "medicare",
    secondary_payer: Annotated[
        str | None, typer.Option(help="Secondary payer of the rows that name none; what it counts is told too.")
    ] = None,
    rules: RulesOption = None,
    risk: RiskOption = _USUAL,
    model: ModelOption = None,
) -> None:
    """Hold what was billed against the notes: too much, too little, wrong form; status 1 where somebody must look."""
    from rich.progress import Progress

    from api.claims import ClaimsError, as_csv, as_html, check_claims, read_claims, totals
    from models.training.formats import write_whole

    if any(path is not None and path.exists() and source.exists() and source.samefile(path) for path in (out, html)):
        _fail("CHECK.csv would be overwritten by the report.")
    try:
        found = read_claims(source, loaded(rules), payer=payer, secondary=secondary_payer)
    except ClaimsError as error:
        for row, reason in error.problems:
            typer.echo(f"{error.file}, row {row or '-'}: {reason}", err=True)
        _fail(f"{len(error.problems)} rows were refused; nothing is written.")
    except OSError as error:
        _fail(f"{source} cannot be read: {(error.strerror or 'unknown reason').lower()}.")
    coder = _load(model, risk, rules)
    console = Console(stderr=True, highlight=False)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("Checking", total=len(found))
        checked = list(check_claims(found, coder, progress=lambda done: bar.update(task, completed=done)))
    try:
        write_whole(out, as_csv(checked))
        if html is not None:
            write_whole(html, as_html(checked, coder.rules.version))
    except OSError as error:
        _fail(f"{error.filename or out}: {error.strerror or error}.")
    counted = totals(checked)
    typer.echo(
        f"{counted['claims']} claims: {counted['supported']} supported, {counted['differs']} to look at, "
        f"{counted['unreadable']} unreadable. Units: {counted['units_billed']} billed, {counted['over_units']} not supported, "
        f"{counted['under_units']} supported and not billed.",
        err=True,
    )
    raise typer.Exit(SOME_FAILED if counted["supported"] < counted["claims"] else DONE)


@app.command(epilog=_EXIT_CODES)
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (127.0.0.1).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on (8000); 0 takes a free one.")
    ] = None,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Let other computers in; needs TLS and accounts.")
    ] = False,
) -> None:
    """Serve the pages and the API on this computer, or with TLS and accounts to others."""
    from pydantic import ValidationError

    from api.settings import Settings, is_loopback, told

    told_here: dict[str, Any] = given(host=host, port=port)
    try:
        settings = Settings(**told_here)
    except ValidationError as error:
        _fail(told(error))
    if not allow_remote and not is_loopback(settings.host):
        _fail(f"{settings.host} lets other computers in. Use 127.0.0.1, or add --allow-remote if you mean it.")
    if settings.exposed and not settings.tls:
        _fail(
            f"{settings.host} lets other computers in, and without TLS notes and passwords could be read on the way. Set "
            "THERAPY_CODER_TLS_CERT and THERAPY_CODER_TLS_KEY, or THERAPY_CODER_TLS_PROXY to the proxy that ends TLS."
        )
    _check_certificate(settings)
    with _listen(settings.host, settings.port) as listening:
        # Everything heavy comes after the port is ours.
        import uvicorn

        from api.commands.common import errors_told
        from api.main import create_app
        from api.start import accounts, first_link, open_database, server_address, sign_in_address

        coder = _coder_to_serve(settings)
        with errors_told():
            database = open_database(settings)
            if settings.exposed and (database is None or accounts(database) == "none"):
                _fail(
                    "Other computers are let in only where people sign in, and there is no account yet. Run: "
                    "therapy-coder clinics add main; therapy-coder people add LOGIN --role admin"
                )
            # Who reads this program's output owns the database; where others could read it too, nobody is let in by it.
            secret = None if database is None or settings.exposed else first_link(database)
        bound: int = listening.getsockname()[1]
        application = create_app(settings, coder=coder, database=database)

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                if not self.started:
                    return
                print(f"Therapy Coder: {server_address(settings, bound)}", flush=True)
                if database is None and settings.database_url is not None:
                    sys.stderr.write("There is no place for a database: notes can be coded, nobody can sign in.\n")
                if secret is not None:
                    address = sign_in_address(settings, bound, secret)
                    sys.stderr.write(f"No account was opened yet. Open the first one, within 24 hours: {address}\n")
                sys.stderr.flush()

        config = uvicorn.Config(
            application,
            # Lines about single requests would hold addresses as clients wrote them.
            log_level="warning",
            access_log=False,
            server_header=False,
            ssl_certfile=settings.tls_cert,
            ssl_keyfile=settings.tls_key,
            proxy_headers=bool(settings.tls_proxy),
            forwarded_allow_ips=list(settings.tls_proxy),
        )
        try:
            Server(config).run([listening])
        finally:
            if database is not None:
                database.close()


@app.command(epilog=_EXIT_CODES)
def train(
    data: Annotated[Path, typer.Option(help="Folder with notes/ and splits.csv.")] = Path("training_data"),
    out: Annotated[
        Path | None, typer.Option(help="Folder to write the version to; without it, the shipped model's.")
    ] = None,
    encoder: Annotated[
        Path | None,
        typer.Option(
            help="Folder that models.training.encoder wrote; without it, the version has the fast profile only."
        ),
    ] = None,
) -> None:
    """Rebuild the model from labelled notes."""
    from models.errors import DatasetError, UntrustedModel
    from models.registry import shipped
    from models.training import train as training

    if not data.is_dir():
        _fail(f"{data} is not a folder.")
    try:
        manifest = training.run(data, shipped() if out is None else out, encoder=encoder)
    except (DatasetError, UntrustedModel) as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or data}: {error.strerror or error}.")
    print(f"version {manifest.version}: {manifest.notes} notes")


@app.command(epilog=_EXIT_CODES)
def evaluate(
    data: Annotated[Path, typer.Option(help="Folder with notes/ and splits.csv.")] = Path("training_data"),
    split: Annotated[Literal["train", "development"], typer.Option(help="Which notes.")] = "development",
    sealed: Annotated[
        bool, typer.Option("--sealed", help="The sealed notes instead. Each opening is written down.")
    ] = False,
    reason: Annotated[str | None, typer.Option(help="Who opens the sealed notes, and why; with --sealed only.")] = None,
    writer: Annotated[
        list[str] | None,
        typer.Option(
            help="A writer whose sealed notes alone are opened, the others stay shut; may be repeated; with --sealed only."
        ),
    ] = None,
    model: ModelOption = None,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder to write report.html and model_card.md to.")
    ] = None,
    write_baseline: Annotated[
        bool, typer.Option("--write-baseline", help="Take these figures as those that must not fall (development).")
    ] = False,
) -> None:
    """Measure the model on labelled notes, with 95 % bootstrap intervals."""
    from api.figures import show_figures
    from models.errors import DatasetError, UntrustedModel
    from models.training import baseline
    from models.training import evaluate as evaluation

    if not data.is_dir():
        _fail(f"{data} is not a folder.")
    if sealed and not (reason or "").strip():
        _fail("--sealed needs --reason: who opens the sealed notes, and why.")
    if reason is not None and not sealed:
        _fail("--reason goes with --sealed.")
    if writer and not sealed:
        _fail("--writer goes with --sealed.")
    if write_baseline and (sealed or split != baseline.SPLIT):
        _fail(f"The baseline is measured on the {baseline.SPLIT} notes: leave out --sealed and --split.")
    try:
        if reason is not None:
            measured = evaluation.run_sealed(data, reason=reason, model=model, writers=writer or ())
        else:
            measured = evaluation.run(data, split, model=model)
    except DatasetError as error:
        _fail(str(error))
    except UntrustedModel as error:
        _fail(str(error), MODEL_REFUSED)
    except OSError as error:
        _fail(f"{error.filename or data}: {error.strerror or error}.")
    show_figures(Console(highlight=False), measured)
    if report is not None:
        from models.training import report as reporting

        try:
            written = reporting.run(measured, report, data=data, model=model)
        except OSError as error:
            _fail(f"{error.filename or report}: {error.strerror or error}.")
        print(f"Written: {', '.join(str(path) for path in written)}")
    if write_baseline:
        baseline.write(measured)
        print(f"Written: {baseline.BASELINE}")


def _load(model: Path | None, risk: str | Risk, rules: Path | None = None, *, alone: Profile | None = None) -> Coder:
    """Return the coder; ``alone`` is the one profile that is needed, ``None`` where notes may name theirs."""
    from models.coder import Coder
    from models.errors import UntrustedModel

    try:
        with rules_told():
            return Coder.load(
                model,
                profile=alone or "accurate",
                alone=alone is not None,
                risk=cast("Risk", int(risk)),
                rules=rules_path(rules),
            )
    except UntrustedModel as error:
        _fail(str(error), MODEL_REFUSED)


def _note(file: str, **options: Any) -> Note:
    """Return the note of a file with its options; ends the program where it is none."""
    from pydantic import ValidationError

    from api.validation import sentence
    from models.note import Note

    try:
        return Note.model_validate({"text": _read_note(file), **given(**options)})
    except ValidationError as error:
        _fail(sentence(error.errors()))


@contextmanager
def _note_told() -> Iterator[None]:
    """End the program in one line where a note cannot be coded."""
    from models.billing.errors import UnknownPayer
    from nlp.errors import NoteTooLong, UnreadableText

    try:
        yield
    except (NoteTooLong, UnreadableText, UnknownPayer) as error:
        _fail(str(error))


def _console() -> Console:
    """Return a console on which letters that the terminal's encoding lacks appear as question marks."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return Console(highlight=False, width=None if sys.stdout.isatty() else 80)


def _coder_to_serve(settings: Settings) -> Coder | None:
    """Return the coder, ``None`` where the version that should serve cannot be used: the server waits for it, and says so."""
    from models.coder import Coder
    from models.errors import UnknownVersion, UntrustedModel
    from models.versions import Versions

    if settings.model_path is not None:
        return _load(settings.model_path, settings.risk, settings.rules)
    try:
        with rules_told():
            path = Versions(settings.models_folder).current_path()
            return Coder.load(path, risk=settings.risk, rules=rules_path(settings.rules))
    except (UnknownVersion, UntrustedModel) as error:
        sys.stderr.write(f"{error} No note is coded until it can be used; to go back: therapy-coder models rollback\n")
        return None


def _read_note(file: str) -> str:
    """Return the text of a file or of standard input exactly as it is; ends the program where it is no text."""
    try:
        if file == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(file).open("rb") as reading:
                data = reading.read(MAX_BYTES + 1)
    except OSError as error:
        _fail(f"{file} cannot be read: {(error.strerror or 'unknown reason').lower()}.")
    name = "standard input" if file == "-" else file
    if not data:
        _fail(f"{name} is empty.")
    if len(data) > MAX_BYTES:
        _fail(f"{name} is too long for one note.")
    if b"\0" in data:
        _fail(f"{name} is not a text file.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        _fail(f"{name} is not UTF-8 text (byte {error.start}). Save it as UTF-8.")


def _check_certificate(settings: Settings) -> None:
    """End the program where certificate and key cannot be used together."""
    if settings.tls_cert is None or settings.tls_key is None:
        return
    import ssl

    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(settings.tls_cert, settings.tls_key)
    except ssl.SSLError:
        _fail(f"{settings.tls_cert} and {settings.tls_key} are no certificate and its key, both as PEM.")
    except OSError as error:
        _fail(
            f"{settings.tls_cert} or {settings.tls_key} cannot be read: {(error.strerror or 'unknown reason').lower()}."
        )


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens, so that a taken port is told before the model is loaded."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror:
        _fail(f"{host} is no address of this computer.")
    listening = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen()
    except OSError as error:
        listening.close()
        taken = error.errno == errno.EADDRINUSE
        _fail(
            f"Port {port} is taken. Choose another with --port."
            if taken
            else f"{host}:{port}: {(error.strerror or 'refused').lower()}."
        )
    return listening
