"""All rules together: those that ship, those that a clinic adds or puts in their place, and which of them hold on a day.

Examples
--------
>>> from datetime import date
>>> rules = load_rules()
>>> [edit.rule.id for edit in rules.edits({"97116", "97530"}, date(2026, 1, 5), ("ncci",))]
['97530-97116.2020-10']
>>> rules.edits({"97116", "97530"}, date(2020, 5, 1), ("ncci",))
()
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from itertools import pairwise
from os.path import basename
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from models.billing import data
from models.billing.codes import CODES, Code, codes_of
from models.billing.errors import UnknownRule
from models.billing.rows import FAMILIES, FILES, KINDS, NUMBER, Rule, parse_rows
from models.billing.units import POLICIES
from nlp.errors import LexiconError

if TYPE_CHECKING:
    # At run time it would take as long to load as all rules.
    from pathlib import Path

_ALWAYS, _FOR_EVER = date.min, date.max
# Limits of no table of their own are Medicare's.
USUAL_LIMITS = ""


class Edit(NamedTuple):
    """A pair of codes that a table edits: ``paid`` stands in column 1, ``denied`` in column 2."""

    rule: Rule
    paid: str
    denied: str

    @property
    def sure(self) -> bool:
        """Whether pair, indicator and period are confirmed; which code is column 1 may still not be."""
        return self.rule.sure("indicator", "from", "until")


class Rules:
    """Rules by id.

    ``version`` names exactly these rows; ``codes`` is their code list; ``first`` and ``last`` are the days between which they
    have something to say.
    """

    def __init__(self, rows: Iterable[Rule], version: str) -> None:
        self.rows: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in rows})
        self.version = version
        kinds: dict[str, list[Rule]] = {kind: [] for kind in KINDS}
        for rule in self.rows.values():
            kinds[rule.kind].append(rule)
        self._kinds = {kind: tuple(rules) for kind, rules in kinds.items()}
        self._periods: dict[tuple[str, str], list[Rule]] = {}
        for rule in self.rows.values():
            self._periods.setdefault((rule.kind, rule.subject), []).append(rule)
        self.codes: Mapping[str, Code] = codes_of(self.of_kind("code"))
        starts = [rule.start for rule in self.rows.values() if rule.start is not None]
        ends = [rule.end for rule in self.rows.values() if rule.end is not None and rule.sure("until")]
        # Yearly amounts end with their year: beyond the last one that is known, nobody has looked.
        self.first, self.last = min(starts), max(ends)

    def of_kind(self, kind: str) -> tuple[Rule, ...]:
        """Return the rows of one kind, whatever their dates."""
        return self._kinds[kind]

    def on(self, kind: str, day: date | None) -> tuple[Rule, ...]:
        """Return the rows of one kind that hold on a day; without one, those that are open at their end."""
        return tuple(rule for rule in self.of_kind(kind) if rule.holds(day))

    def periods(self, kind: str, subject: str) -> tuple[Rule, ...]:
        """Return the rows that speak of one thing, whatever their dates: of a payer, a code, a modifier, ..."""
        return tuple(self._periods.get((kind, subject), ()))

    def of(self, kind: str, subject: str, day: date | None) -> Rule | None:
        """Return the row that speaks of one thing on a day, ``None`` where none does."""
        return next((rule for rule in self.periods(kind, subject) if rule.holds(day)), None)

    def row_of(self, kind: str, subject: str, day: date | None) -> Rule | None:
        """Return the row that speaks of one thing on a day, else the last that ever did."""
        rows = self.periods(kind, subject)
        return self.of(kind, subject, day) or (rows[-1] if rows else None)

    def get(self, id: str) -> Rule:
        """Return the row of an id.

        Raises
        ------
        UnknownRule
            There is none; the error names those that look like it.
        """
        if id not in self.rows:
            from difflib import get_close_matches

            near = [each for each in self.rows if each.startswith(id)] or get_close_matches(id, self.rows)
            raise UnknownRule(id, near[:5])
        return self.rows[id]

    def edits(self, codes: Collection[str], day: date | None, tables: Collection[str]) -> tuple[Edit, ...]:
        """Return the pairs among ``codes`` that these tables edit on a day, whatever a modifier may do about it."""
        return tuple(
            Edit(rule, paid, denied)
            for rule in self.on("pair", day)
            if rule.text("table") in tables and rule.number("indicator") != _NO_EDIT and not rule.yes("disputed")
            for paid in rule.texts("column_1")
            for denied in rule.texts("column_2")
            if paid in codes and denied in codes
        )

    def limit(self, code: str, day: date | None, tables: Collection[str] = (USUAL_LIMITS,)) -> Rule | None:
        """Return the daily limit of a code in the first of these tables that has one, ``None`` where none is known for the day."""
        found = {rule.text("table"): rule for rule in self.on("limit", day) if rule.text("code") == code}
        return next((found[table] for table in tables if table in found), None)

    def modifiers(self, family: str, discipline: str | None, day: date | None) -> tuple[str, ...]:
        """Return the modifiers of a family on a day: those of one discipline, or of every one where it is not known."""
        return tuple(
            rule.subject
            for rule in self.on("modifier", day)
            if rule.text("family") == family and (discipline is None or rule.text("discipline") in ("", discipline))
        )

    def bills(self, code: str, day: date | None) -> bool:
        """Return whether a code of the list may be billed on a day.

        A code that no list has is not judged.
        """
        return code not in self.codes or self.of("code", code, day) is not None

    def outside(self, day: date | None) -> bool:
        """Return whether a day lies before the first or after the last one of which the rules say something."""
        return day is not None and not self.first <= day <= self.last

    def of_code(self, code: str, day: date | None) -> Rule:
        """Return the row of a code of the list on a day, the last one of all where none holds then."""
        row = self.row_of("code", code, day)
        assert row is not None, "it is a code of the list"
        return row

    def assistant_share(self, day: date | None) -> Rule | None:
        """Return the rule that says from which share of the minutes a service counts as an assistant's."""
        return self.of("share", _SHARE, day)

    def last_unit(self, day: date | None) -> Rule | None:
        """Return the rule that spares a last unit the assistant's modifier, ``None`` where none holds on the day."""
        return self.of("share", _LAST_UNIT, day)


_NO_EDIT = 9
_SHARE, _LAST_UNIT = "assistant.share", "assistant.last_unit"
# What the arithmetic takes from a code.
_SHAPE = ("timed", "unit_minutes", "group", "headline", "add_on_to", "max_units_day")
# Shares that are nothing without their number; the others are rules in words.
_PERCENT = (_SHARE, "assistant.paid_at")
_THERAPY = "97"  # how the numbers of physical medicine begin


def assistant_marked(assistant: int, minutes: int, rule: Rule) -> bool:
    """Return whether an assistant gave more of a service's minutes than the share that needs no modifier.

    Parameters
    ----------
    assistant : int
        Minutes that the assistant gave apart from the therapist.
    minutes : int
        All minutes of the service.
    rule : Rule
        The rule with the share (`Rules.assistant_share`).

    Examples
    --------
    >>> share = load_rules().get("assistant.share")
    >>> assistant_marked(3, 30, share), assistant_marked(4, 30, share)
    (False, True)
    """
    return minutes * rule.number("percent") < assistant * 100


@cache
def load_rules(path: str | Path | None = None) -> Rules:
    """Return the rules that ship, with the rows of a clinic's file added or put in their place by id.

    Parameters
    ----------
    path : str | Path | None
        The clinic's file (TOML); without it, the shipped rules alone. A file is read once in a process.

    Raises
    ------
    LexiconError
        A file cannot be used; the error names the file, the row and the reason.
    OSError
        The clinic's file cannot be read.
    """
    if path is None:
        rows, texts = _shipped()
        return _checked(rows, f"{max(rule.checked for rule in rows)}-{_digest(texts)}")
    base = load_rules()
    text = _decoded(path)
    rows, problems, version = _own(text, basename(path), base)
    if problems:
        raise problems[0]
    return _checked(_merged(base, rows), f"{base.version}+{version}-{_digest([text])}")


def problems_of(path: Path | None) -> tuple[LexiconError, ...]:
    """Return everything that is wrong with a clinic's rule file, or with the shipped ones.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    try:
        if path is None:
            rows, _ = _shipped()
            return (*_crossed(rows, CODES), *_overlapping(rows))
        base = load_rules()
        rows, problems, _ = _own(_decoded(path), path.name, base)
        return (*problems, *_overlapping(_merged(base, rows)))
    except LexiconError as error:
        return (error,)


def _shipped() -> tuple[tuple[Rule, ...], list[str]]:
    rows: list[Rule] = []
    texts: list[str] = []
    for file in FILES:
        texts.append(data.read(file))
        kinds = [kind for kind, form in KINDS.items() if form.file == file]
        rows += parse_rows(data.parse(texts[-1], file).closed(kinds, ("sources", "constants")), kinds)
    return tuple(rows), texts


def _decoded(path: str | Path) -> str:
    try:
        with open(path, "rb") as file:
            return file.read().decode()
    except UnicodeDecodeError as error:
        raise LexiconError(basename(path), "", f"not UTF-8 text (byte {error.start})") from None


def _own(text: str, file: str, base: Rules) -> tuple[tuple[Rule, ...], list[LexiconError], str]:
    """Return a clinic's rows, what is wrong with single ones, and the version that its header names."""
    root = data.parse(text, file).closed((), ("sources", *KINDS))
    problems: list[LexiconError] = []
    rows = parse_rows(root, KINDS, problems, partial=True)
    if not rows and not problems:
        raise root.error(f"there is no row; write tables [[{']], [['.join(KINDS)}]]")
    seen: set[str] = set()
    for rule in rows:
        if rule.id in seen:
            problems.append(LexiconError(file, rule.id, "another kind of row has the same id"))
        elif rule.id in base.rows and base.rows[rule.id].kind != rule.kind:
            problems.append(LexiconError(file, rule.id, f"this is the id of a {base.rows[rule.id].kind} row"))
        seen.add(rule.id)
    try:
        codes = {**base.codes, **codes_of(rule for rule in rows if rule.kind == "code")}
    except LexiconError as error:
        return rows, [*problems, error], ""
    problems += _fixed(rows, base)
    problems += _crossed(rows, codes, known=base.rows.values())
    version = data.header(text, file).get("version", str)
    return rows, problems, version


def _fixed(rows: Iterable[Rule], base: Rules) -> Iterator[LexiconError]:
    """Yield what a clinic may not change: what the arithmetic is made of."""
    for rule in rows:
        if rule.kind == "policy" and rule.id not in POLICIES:
            yield LexiconError(rule.file, rule.id, f"the policies are {', '.join(POLICIES)}; a payer names one of them")
        elif rule.kind == "share" and not base.periods("share", rule.subject):
            known = ", ".join(each.subject for each in base.of_kind("share"))
            yield LexiconError(
                rule.file, rule.id, f"nothing reads such a share; its id, or its of, must be one of {known}"
            )
        elif rule.kind == "code" and rule.yes("headline") and rule.subject not in base.codes:
            yield LexiconError(rule.file, rule.id, "a headline code is one that the model was trained for")
        elif rule.kind == "code" and rule.subject in base.codes:
            old, new = base.codes[rule.subject], codes_of((rule,))[rule.subject]
            if any(getattr(old, field) != getattr(new, field) for field in _SHAPE):
                yield LexiconError(rule.file, rule.id, f"of a shipped code {', '.join(_SHAPE)} cannot be changed")


def _merged(base: Rules, rows: Sequence[Rule]) -> tuple[Rule, ...]:
    return tuple({**base.rows, **{rule.id: rule for rule in rows}}.values())


def _checked(rows: Sequence[Rule], version: str) -> Rules:
    for problem in (*_crossed(rows, codes_of(rule for rule in rows if rule.kind == "code")), *_overlapping(rows)):
        raise problem
    return Rules(rows, version)


def _crossed(rows: Sequence[Rule], codes: Mapping[str, Code], known: Iterable[Rule] = ()) -> Iterator[LexiconError]:
    """Yield references of rows to what is not there."""
    every = (*known, *rows)
    tables = {rule.text("table") for rule in every if rule.kind in ("pair", "limit")}
    payers = {rule.subject for rule in every if rule.kind == "payer"}
    kinds = {rule.id: rule.kind for rule in every}
    subjects = [rule.subject for rule in {rule.id: rule for rule in every}.values()]
    for rule in rows:
        if kinds.get(rule.subject, rule.kind) != rule.kind:
            yield LexiconError(rule.file, rule.id, f"of names a {kinds[rule.subject]} row")
        elif "of" in rule.values and subjects.count(rule.subject) == 1:
            yield LexiconError(rule.file, rule.id, f"of names {rule.subject}, of which there is no other row")
        for reason in (*_references(rule, codes, tables), *_code_references(rule, codes, payers)):
            yield LexiconError(rule.file, rule.id, reason)


def _code_references(rule: Rule, codes: Mapping[str, Code], payers: set[str]) -> Iterator[str]:
    if rule.kind != "code":
        return
    for field in ("add_on_to", "instead"):
        if field in rule.values and rule.text(field) not in codes:
            yield f"{field}: the code list has no {rule.text(field)}"
    if unknown := sorted(set(rule.texts("not_for")) - payers):
        yield f"not_for: there is no payer {', '.join(unknown)}"


def _references(rule: Rule, codes: Mapping[str, Code], tables: set[str]) -> Iterator[str]:
    if rule.kind == "pair":
        yield from _wrong_pair(rule, codes)
    elif rule.kind == "limit":
        if rule.text("code") not in codes:
            yield f"the code list has no {rule.text('code')}"
        if rule.number("units") < 1:
            yield "units must be 1 or more"
    elif rule.kind == "threshold":
        if rule.number("dollars") < 1:
            yield "dollars must be 1 or more"
    elif rule.kind == "share":
        if rule.subject in _PERCENT and "percent" not in rule.values:
            yield "percent is missing"
        elif "percent" in rule.values and not 1 <= rule.number("percent") <= 100:
            yield "percent must lie in [1, 100]"
    elif rule.kind == "payer":
        if rule.text("policy") not in POLICIES:
            yield f"policy must be one of {', '.join(POLICIES)}"
        if unknown := sorted(set(rule.texts("tables")) - tables):
            yield f"no pair and no limit stands in a table {', '.join(unknown)}"
        if unknown := sorted(set(rule.texts("modifiers")) - set(FAMILIES)):
            yield f"modifiers must be families: {', '.join(FAMILIES)}"


def _wrong_pair(rule: Rule, codes: Mapping[str, Code]) -> Iterator[str]:
    columns = (rule.texts("column_1"), rule.texts("column_2"))
    named = [code for column in columns for code in column]
    if not all(columns) or not all(NUMBER.fullmatch(code) for code in named):
        yield "column_1 and column_2 must be lists of code numbers"
        return
    if twice := sorted({code for code in named if named.count(code) > 1}):
        yield f"{', '.join(twice)} stands twice in column_1 and column_2; a pair is two codes"
    unknown = {code for code in named if code not in codes}
    # The other column may hold codes of other providers, which the code list leaves out. Therapy's own numbers are slips.
    if all(unknown.intersection(column) for column in columns):
        slips = unknown
    else:
        slips = {code for code in unknown if code.startswith(_THERAPY)}
    if slips:
        yield f"the code list has no {', '.join(sorted(slips))}; where it is right, add a [[code]] row"


def _overlapping(rows: Iterable[Rule]) -> Iterator[LexiconError]:
    """Yield rows that speak of the same thing on the same day, and ids that stand twice."""
    places: dict[tuple[str, ...], list[Rule]] = {}
    ids: dict[str, Rule] = {}
    for rule in rows:
        if rule.id in ids:
            yield LexiconError(rule.file, rule.id, f"{ids[rule.id].file} has a row of the same id")
        ids[rule.id] = rule
        for place in _places(rule):
            places.setdefault(place, []).append(rule)
    told: set[tuple[str, str]] = set()
    for same in places.values():
        ordered = sorted(same, key=lambda rule: rule.start or _ALWAYS)
        for earlier, later in pairwise(ordered):
            if (later.start or _ALWAYS) <= (earlier.end or _FOR_EVER) and (earlier.id, later.id) not in told:
                told.add((earlier.id, later.id))
                # A clinic's row is the one to mend, wherever it stands.
                wrong, other = (
                    (earlier, later) if later.file in FILES and earlier.file not in FILES else (later, earlier)
                )
                yield LexiconError(wrong.file, wrong.id, f"its dates overlap those of {other.id}")


def _places(rule: Rule) -> Iterable[tuple[str, ...]]:
    """Return what a row speaks of; two rows may not speak of the same on one day."""
    if rule.kind == "pair":
        return {
            ("pair", rule.text("table"), *sorted((paid, denied)))
            for paid in rule.texts("column_1")
            for denied in rule.texts("column_2")
        }
    if rule.kind == "limit":
        return [("limit", rule.text("table"), rule.text("code"))]
    if rule.kind == "threshold":
        return [("threshold", rule.text("name"))]
    return [(rule.kind, rule.subject)]


def _digest(texts: Iterable[str]) -> str:
    """Return eight digits that tell texts apart. Eight of a stronger hash would tell no more, and load OpenSSL (3 ms and up)."""
    return f"{crc32(chr(0).join(texts).encode()):08x}"
