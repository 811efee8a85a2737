"""A month's claims against their notes: a CSV of billed lines in, a report as CSV and HTML out.

The report holds note ids, codes, units and findings, and no word of a note.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment
from pydantic import ValidationError

from api.validation import sentence
from models.billing.claims import ClaimCheck, Line
from models.billing.errors import InvalidUnits, UnknownCode, UnknownPayer
from models.billing.payers import payer_named
from models.billing.reasons import amounts
from models.billing.rules import Rules
from models.coder import Coder
from models.note import Note
from models.result import Result
from nlp.errors import NoteTooLong, TherapyCoderError, UnreadableText

REQUIRED = ("note_id", "code", "units")
OPTIONAL = (
    "text",
    "file",
    "modifiers",
    "assistant_minutes",
    "date_of_service",
    "payer",
    "secondary_payer",
    "discipline",
)
COLUMNS = (
    "note_id", "date_of_service", "payer", "note_status", "verdict", "code", "billed", "supported", "finding", "direction",
    "severity", "units", "message", "action", "rule", "source", "secondary_payer", "rules",
)  # fmt: skip
_ABOUT = ("date_of_service", "payer", "secondary_payer", "discipline")
# The most of one field; a note may have 250,000 characters.
_MAX_FIELD = 1_000_000


class ClaimsError(TherapyCoderError):
    """A file of claims cannot be used; ``problems`` names every row and reason."""

    def __init__(self, file: str, problems: Sequence[tuple[int, str]]) -> None:
        self.file, self.problems = file, tuple(problems)
        row, reason = problems[0]
        super().__init__(f"{file}, row {row}: {reason}" if row else f"{file}: {reason}")


@dataclass(frozen=True, slots=True)
class Claim:
    """One note with the lines that were billed for it; ``row`` is the row of the file where it begins."""

    row: int
    note: Note
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """A claim held against its note; ``check`` is ``None`` where the note could not be read, and ``error`` says why.

    ``rules`` is the version of the rules.
    """

    claim: Claim
    check: ClaimCheck | None
    result: Result | None
    rules: str
    error: str = ""

    @property
    def verdict(self) -> str:
        """What became of it: supported, differs, or unreadable."""
        if self.check is None:
            return "unreadable"
        return "supported" if self.check.agrees else "differs"


def read_claims(
    path: Path, rules: Rules, *, payer: str | None = None, secondary: str | None = None
) -> tuple[Claim, ...]:
    """Return the claims of a CSV file: a row a billed line, rows of one ``note_id`` together.

    Parameters
    ----------
    path : Path
        The file. ``text`` holds the note, or ``file`` names it, beside the CSV; the first row of a note that has it is
        enough. The columns of `OPTIONAL` may be missing.
    rules : Rules
        Their code list is what a code must be in.
    payer, secondary : str | None
        The payer of notes that name none, and the one that is billed after it.

    Raises
    ------
    ClaimsError
        The file cannot be used; every bad row is named.
    OSError
        It cannot be read.
    """
    return parse_claims(path.read_bytes(), path.name, rules, payer=payer, secondary=secondary, folder=path.parent)


def parse_claims(
    content: bytes,
    name: str,
    rules: Rules,
    *,
    payer: str | None = None,
    secondary: str | None = None,
    folder: Path | None = None,
) -> tuple[Claim, ...]:
    """Return the claims of a CSV document called ``name`` in errors; as for `read_claims`.

    Without a ``folder`` notes come as text alone: whoever sends a document may not have files of this computer read.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ClaimsError(name, [(0, f"not UTF-8 text (byte {error.start})")]) from None
    csv.field_size_limit(_MAX_FIELD)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    problems: list[tuple[int, str]] = []
    groups: dict[str, list[tuple[int, dict[str, str]]]] = {}
    try:
        columns = reader.fieldnames or ()
        _check_columns(name, columns, with_files=folder is not None)
        for row, values in enumerate(reader, start=2):
            if None in values or None in values.values():
                problems.append((row, f"it has other columns than the first row, which has {len(columns)}"))
                continue
            cells = {key: value.strip() if key != "text" else value for key, value in values.items()}
            if not cells["note_id"]:
                problems.append((row, "note_id is empty"))
                continue
            groups.setdefault(cells["note_id"], []).append((row, cells))
    except csv.Error as error:
        raise ClaimsError(name, [(reader.line_num, f"not valid CSV: {error}")]) from None
    claims: list[Claim] = []
    usual = {key: value for key, value in (("payer", payer), ("secondary_payer", secondary)) if value}
    for note_id, rows in groups.items():
        claim = _claim(note_id, rows, folder, rules, usual, problems)
        if claim is not None:
            claims.append(claim)
    if problems or not claims:
        raise ClaimsError(name, sorted(problems) or [(0, "it holds no claim")])
    return tuple(claims)


def _check_columns(file: str, columns: Sequence[str], *, with_files: bool) -> None:
    for column in REQUIRED:
        if column not in columns:
            raise ClaimsError(file, [(1, f"there is no column {column}")])
    if not {"text", "file"} & set(columns):
        raise ClaimsError(file, [(1, "there must be a column text (the note) or file (its name)")])
    if not with_files and "file" in columns:
        raise ClaimsError(file, [(1, "files are read by the command alone; give each note in a column text")])
    for at, column in enumerate(columns, start=1):
        if column not in (*REQUIRED, *OPTIONAL):
            # A document that is no such CSV may begin with words of a note: the name is not repeated.
            raise ClaimsError(file, [(1, f"column {at} is unknown; use {', '.join((*REQUIRED, *OPTIONAL))}")])


def _claim(
    note_id: str,
    rows: Sequence[tuple[int, dict[str, str]]],
    folder: Path | None,
    rules: Rules,
    usual: Mapping[str, str],
    problems: list[tuple[int, str]],
) -> Claim | None:
    first = rows[0][0]
    before = len(problems)
    lines = [line for row, cells in rows if (line := _line(row, cells, rules, problems)) is not None]
    said: dict[str, str] = {}
    for row, cells in rows:
        for column in ("text", "file", *_ABOUT):
            value = cells.get(column, "")
            if value and said.setdefault(column, value) != value:
                problems.append((row, f"{column} differs from that of an earlier row of this note"))
    fields: dict[str, Any] = {"note_id": note_id, "text": said.get("text", "")}
    if folder is not None and "file" in said and "text" not in said:
        try:
            fields["text"] = (folder / said["file"]).read_bytes().decode("utf-8")
        except OSError as error:
            problems.append((first, f"file cannot be read: {(error.strerror or 'unknown reason').lower()}"))
        except UnicodeDecodeError:
            problems.append((first, "file is not UTF-8 text"))
    if not fields["text"].strip() and len(problems) == before:
        problems.append((first, "there is no note: give its text or its file"))
    fields |= {**usual, **{key: said[key] for key in _ABOUT if key in said}}
    try:
        note = Note.model_validate(fields)
        for named in (note.payer, note.secondary_payer):
            if named is not None:
                payer_named(rules, named, note.date_of_service)
    except ValidationError as error:
        problems.append((first, sentence(error.errors())))
        return None
    except UnknownPayer as error:
        problems.append((first, str(error)))
        return None
    return Claim(first, note, tuple(lines)) if len(problems) == before else None


def _line(row: int, cells: Mapping[str, str], rules: Rules, problems: list[tuple[int, str]]) -> Line | None:
    code, units = cells["code"].upper(), cells["units"]
    if code not in rules.codes:
        problems.append((row, "code is not in the code list"))
        return None
    if not units.isascii() or not units.isdecimal() or int(units) < 1:
        problems.append((row, "units must be a whole number, 1 or more"))
        return None
    assistant = cells.get("assistant_minutes", "")
    if assistant and not (assistant.isascii() and assistant.isdecimal()):
        problems.append((row, "assistant_minutes must be a whole number, 0 or more"))
        return None
    modifiers = tuple(cells.get("modifiers", "").upper().replace(",", " ").split())
    return Line(code, int(units), modifiers, int(assistant) if assistant else None)


def check_claims(
    claims: Sequence[Claim], coder: Coder, *, progress: Callable[[int], None] | None = None
) -> Iterator[Checked]:
    """Yield each claim held against its note, in order; a note that cannot be read costs no other.

    Parameters
    ----------
    claims : Sequence[Claim]
        The claims.
    coder : Coder
        Codes their notes.
    progress : Callable[[int], None] | None
        Called after each claim with the number of those done.
    """
    for done, claim in enumerate(claims, start=1):
        try:
            check, result = coder.check_claim(claim.note, claim.lines)
            yield Checked(claim, check, result, check.rules)
        except (NoteTooLong, UnreadableText, UnknownCode, InvalidUnits) as error:
            yield Checked(claim, None, None, coder.rules.version, str(error))
        if progress is not None:
            progress(done)


def as_csv(checked: Sequence[Checked]) -> str:
    """Return the report as CSV: a row a finding, and one for each claim that has none."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in checked:
        for row in report_rows(each):
            writer.writerow([_cell(row.get(column, "")) for column in COLUMNS])
    return out.getvalue()


def report_rows(each: Checked) -> Iterator[dict[str, object]]:
    """Yield a claim's rows of the report, by the names in `COLUMNS`: one a finding, or one that holds none."""
    note = each.claim.note
    about: dict[str, object] = {
        "note_id": note.note_id,
        "date_of_service": "" if note.date_of_service is None else note.date_of_service.isoformat(),
        "payer": note.payer or "",
        "note_status": "" if each.result is None else each.result.proposal.status,
        "verdict": each.verdict,
        "secondary_payer": note.secondary_payer or "",
        "rules": each.rules,
    }
    if each.check is None:
        yield {**about, "message": each.error}
        return
    if not each.check.findings:
        yield about
    for finding in each.check.findings:
        yield {
            **about,
            "code": finding.code,
            "billed": each.check.billed.get(finding.code, 0),
            "supported": each.check.supported.get(finding.code, ""),
            "finding": finding.id,
            "direction": finding.direction,
            "severity": finding.severity,
            "units": finding.units,
            "message": finding.message,
            "action": finding.action,
            "rule": finding.rule,
            "source": finding.source,
        }


def _cell(value: object) -> object:
    """Return a cell that a spreadsheet does not take for a formula: note ids come from elsewhere."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def totals(checked: Sequence[Checked]) -> dict[str, int]:
    """Return how many claims there are of each verdict, and the units billed too much and too little."""
    checks = [each.check for each in checked if each.check is not None]
    verdicts = [each.verdict for each in checked]
    return {
        "claims": len(checked),
        **{verdict: verdicts.count(verdict) for verdict in ("supported", "differs", "unreadable")},
        "units_billed": sum(sum(check.billed.values()) for check in checks),
        "over_units": sum(check.over_units for check in checks),
        "under_units": sum(check.under_units for check in checks),
    }


@cache
def _environment() -> Environment:
    return Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)


def as_html(checked: Sequence[Checked], rules: str) -> str:
    """Return the report as one HTML file that asks nothing of other hosts.

    Parameters
    ----------
    checked : Sequence[Checked]
        The claims.
    rules : str
        The version of the rules.
    """
    template = files("api").joinpath("claims.html.jinja").read_text(encoding="utf-8")
    return (
        _environment()
        .from_string(template)
        .render(checked=checked, totals=totals(checked), rules=rules, amounts=amounts)
    )
