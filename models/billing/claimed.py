"""A claim with its note: its lines, what the note documents and supports, and the words of the findings (``claims.toml``).

Examples
--------
>>> Line("97110", 2, ("GP",)).assistant_minutes is None
True
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from models.billing import data
from models.billing.codes import HEADLINE, Code, first_code, further_code
from models.billing.flags import named
from models.billing.payers import Payer, Terms, not_paid, payer_minutes
from models.billing.rows import Rule
from models.billing.rules import Edit
from models.billing.units import POLICY_NAMES, POOLED, counts, service_units, shared_out
from models.billing.written import Tally

if TYPE_CHECKING:
    from models.service import Service
    from nlp.document import Document, NoticeKind

DIRECTIONS = ("over", "under", "form", "unknown")
GRADES = ("warning", "info")
_FIELDS = frozenset(
    ("code", "content", "billed", "supported", "minutes", "policy", "paid", "denied", "payer", "rule", "modifier", "percent",
     "day", "first", "last", "further", "needed", "marked", "total", "therapist", "assistant", "instead", "note", "secondary",
     "second")
)  # fmt: skip
_WORD_KEYS = ("with_further", "unconfirmed")


class Line(NamedTuple):
    """One line of a claim.

    ``assistant_minutes`` are the minutes that an assistant gave apart from the therapist, ``None`` where not known.
    """

    code: str
    units: int
    modifiers: tuple[str, ...] = ()
    assistant_minutes: int | None = None


class ClaimFinding(NamedTuple):
    """One difference; ``units`` is how many it concerns, ``rule`` the id of the rule behind it (``""``: none)."""

    id: str
    direction: str
    severity: str
    code: str
    units: int
    message: str
    action: str
    source: str
    rule: str


class Kind(NamedTuple):
    """A finding as its file has it; ``messages`` are templates by variant, ``""`` the usual one."""

    direction: str
    severity: str
    messages: Mapping[str, str]
    action: str
    source: str


class Kinds(NamedTuple):
    """The findings by id, and words that their messages share."""

    findings: Mapping[str, Kind]
    words: Mapping[str, str]


def parse_findings(text: str, file: str = "claims.toml") -> Kinds:
    """Return the findings of a data file.

    Raises
    ------
    LexiconError
        The file cannot be used: a missing or unknown key, a direction or severity that there is not, a message or an action
        that asks for a value which no finding has.
    """
    kinds: dict[str, Kind] = {}
    root = data.parse(text, file).closed(("words", "finding"))
    for entry in root.tables("finding", "id"):
        entry.closed(("id", "direction", "severity", "message", "action", "source"), ("variants",))
        messages = {"": entry.get("message", str)}
        if "variants" in entry.values:
            variants = entry.table("variants")
            messages |= {key: variants.get(key, str) for key in variants.values}
        action = entry.get("action", str)
        for key, said in (*(("message", message) for message in messages.values()), ("action", action)):
            if not set(data.asked(said)) <= _FIELDS:
                raise entry.error(f"{key} may ask for {', '.join(sorted(_FIELDS))}")
        direction, severity = entry.get("direction", str), entry.get("severity", str)
        if direction not in DIRECTIONS:
            raise entry.error(f"direction must be one of {', '.join(DIRECTIONS)}")
        if severity not in GRADES:
            raise entry.error(f"severity must be one of {', '.join(GRADES)}")
        kinds[entry.name] = Kind(direction, severity, MappingProxyType(messages), action, entry.get("source", str))
    words = root.table("words").closed(_WORD_KEYS)
    return Kinds(MappingProxyType(kinds), {key: words.get(key, str) for key in _WORD_KEYS})


@cache
def _list() -> Kinds:
    return parse_findings(data.read("claims.toml"))


KINDS: Mapping[str, Kind] = data.Lazy(lambda: _list().findings)
_WORDS: Mapping[str, str] = data.Lazy(lambda: _list().words)


class Claim:
    """A claim with its note, and what the note supports.

    A first code and its add-on are one service here, under the first code (`models.billing.codes.first_code`).
    """

    def __init__(
        self,
        lines: tuple[Line, ...],
        billed: Mapping[str, int],
        document: Document,
        services: Sequence[Service],
        terms: Terms,
        policy: str,
    ) -> None:
        self.lines, self.billed, self.document, self.terms = lines, billed, document, terms
        self.payer: Payer | None = terms.payers[0] if terms.payers else None
        self.rules, self.codes = terms.rules, terms.rules.codes
        self.policy = policy if self.payer is None else self.payer.policy
        self.documented = {self.service(code) for each in services if (code := code_of(each)) is not None}
        self.swapped = dict(self._swaps())
        self.spent: Mapping[str, int] = {}
        self.tally = self._tally(services)
        self.total = self._total(services)

    def _swaps(self) -> Iterator[tuple[str, str]]:
        """Yield a headline code that is billed for the other's work, with that other."""
        for code in HEADLINE:
            for other in HEADLINE:
                alone = code not in self.documented and other not in self.billed
                if code != other and code in self.billed and other in self.documented and alone:
                    yield code, other

    def _tally(self, services: Sequence[Service]) -> Tally:
        spent: dict[str, int] = {}
        missing: set[str] = set()
        complete = True
        for service in services:
            code = code_of(service)
            if code is None or code not in self.codes:
                complete = False
            elif service.block.skilled_minutes is None:
                complete = complete and not counts(code, self.codes)
                missing.add(self.service(code))
            else:
                spent[self.service(code)] = spent.get(self.service(code), 0) + service.block.skilled_minutes
        self.spent = {code: value for code, value in spent.items() if code not in missing}
        counted = payer_minutes(self.spent, self.payer, self.codes)
        # Minutes below a payer's least are there, and earn nothing.
        known = {code: counted.get(code, 0) for code in self.spent if counts(code, self.codes)}
        return Tally(known, {code for code in missing if counts(code, self.codes)}, complete, untimed=0)

    def _total(self, services: Sequence[Service]) -> int | None:
        """Return the timed minutes in all where single services have none and the policy asks for no more, else ``None``."""
        if self.policy != POOLED or not self.tally.missing or (self.payer is not None and self.payer.minimum_15):
            return None
        written = {total.minutes for total in self.document.totals if total.kind == "timed"}
        if len(written) > 1:
            return None
        total = written.pop() if written else _shared_total(services, self.codes)
        return None if total is None or total < sum(self.tally.minutes.values()) else total

    @property
    def supported(self) -> dict[str, int]:
        """The units per code that the note's minutes give."""
        return shared_out(service_units(self.tally.minutes, self.policy, codes=self.codes), self.codes)

    def service(self, code: str) -> str:
        """Return the code under which the work of a code is counted."""
        return first_code(code, self.codes)

    def units_of(self, code: str) -> int:
        """Units that are billed for the work of a documented code, under whatever headline code and with its add-on."""
        return sum(
            number for billed, number in self.billed.items() if self.service(self.swapped.get(billed, billed)) == code
        )

    def documents(self, code: str) -> bool:
        """Return whether the note holds the work of a code: under it, the one that a payer takes in its place, or its first."""
        names = {*self.alike(code), self.codes[code].add_on_to}
        return any(self.service(each) in self.documented for each in names)

    def alike(self, code: str) -> set[str]:
        """Return the codes of the same work: the code itself, and those of which one is billed instead of the other."""
        instead = self.row(code).text("instead")
        others = {other for other in self.codes if self.row(other).text("instead") == code}
        return {code, *others, *([instead] if instead else [])}

    def row(self, code: str) -> Rule:
        """Return the row of a code on the day."""
        return self.rules.of_code(code, self.terms.day)

    def modifier_row(self, modifier: str) -> str:
        """Return the id of a modifier's row on the day, ``""`` where none holds."""
        row = self.rules.of("modifier", modifier, self.terms.day)
        return "" if row is None else row.id

    def sure(self, code: str, *fields: str) -> bool:
        """Return whether the row of a code is confirmed, and these fields of it."""
        return not code or self.row(code).sure(*fields)

    def modifiers(self, code: str) -> set[str]:
        """Return the modifiers on any line of a code."""
        return {modifier for line in self.lines if line.code == code for modifier in line.modifiers}

    def notices(self, kind: NoticeKind) -> bool:
        """Return whether the note says so of the visit."""
        return any(notice.kind == kind for notice in self.document.notices)

    def edits(self) -> tuple[Edit, ...]:
        """Return the pairs that the payer edits."""
        if self.payer is None:
            return ()
        return self.rules.edits(self.billed.keys(), self.terms.day, self.payer.tables)

    def not_for(self, code: str) -> Rule | None:
        """Return the row of a code that the payer does not pay, ``None`` where nothing says so."""
        return None if self.payer is None else not_paid(self.terms, self.payer, code)

    def named(self, code: str) -> str:
        """Return how messages call the work of a code."""
        further = further_code(code, self.codes)
        if further is None:
            return named(code) if code else ""
        return _WORDS["with_further"].format(code=named(code), further=further)

    def find(
        self,
        id: str,
        code: str,
        values: Mapping[str, int | str | None] = MappingProxyType({}),
        *,
        units: int = 0,
        variant: str = "",
        rule: str = "",
        sure: bool = True,
    ) -> ClaimFinding:
        """Return a finding in words; what nobody has confirmed (not ``sure``) is an advice, and says so."""
        kind = KINDS[id]
        said: dict[str, int | str | None] = {
            "code": named(code), "policy": POLICY_NAMES[self.policy], "rule": rule, **values
        }  # fmt: skip
        if self.payer is not None:
            said["payer"] = self.payer.name
        message = kind.messages[variant].format(**said)
        message = message[0].upper() + message[1:]
        # Where it is written that the rule is so, behind what kind of finding it is.
        row = self.rules.rows.get(rule)
        source = kind.source if row is None else f"{kind.source}; {row.source}"
        return ClaimFinding(
            id=id,
            direction="under" if variant == "under" else kind.direction,
            severity=kind.severity if sure else "info",
            code=code,
            units=units,
            message=message if sure else _WORDS["unconfirmed"].format(message=message),
            action=kind.action.format(**said),
            source=source,
            rule=rule,
        )

    def over(self, code: str, more: int) -> str:
        """Return on which code of a service too many units stand: on its add-on, where it has as many."""
        further = further_code(code, self.codes)
        return further if further is not None and self.billed.get(further, 0) >= more else code


def code_of(service: Service) -> str | None:
    """Return the code of a block's work; where both headline codes remain possible, the one that the note states."""
    stated = service.block.stated
    if stated is not None and stated.code in HEADLINE and all(code in service.possible for code in HEADLINE):
        return stated.code
    return service.billed_code


def _shared_total(services: Iterable[Service], codes: Mapping[str, Code]) -> int | None:
    """Return the minutes of all timed services where each has its own or shares some with timed ones alone."""
    parts: dict[tuple[int, int], int] = {}
    for service in services:
        code, block = code_of(service), service.block
        if code is None or code not in codes:
            return None
        shared = block.duration if block.duration is not None and block.duration.kind == "shared" else None
        if not counts(code, codes):
            if shared is not None:
                return None
        elif shared is not None:
            parts[(shared.start, shared.end)] = shared.minutes
        elif block.skilled_minutes is None:
            return None
        else:
            parts[(block.start, block.end)] = block.skilled_minutes
    return sum(parts.values())
