"""The documentation audit: what a note holds of what its source document and Medicare's manuals ask for, and what it lacks.

What is looked for, how, and what would satisfy it stand in ``audit.toml``; who asks for it, since when and how sure that is, in
the rules (``documentation.toml``) or beside it. The finders below only look. To add an element, write its entry there; one
that needs more than words also needs a function here, put into `_FINDERS`.

Examples
--------
>>> from models.billing.payers import Terms
>>> from models.billing.rules import load_rules
>>> from nlp.document import Document
>>> [part.id for part in judge_goal("carry laundry up 12 steps with one rail in 4 wks").parts if part.span is None]
[]
>>> judge_goal("increase strength").vague, judge_goal("increase strength to carry 20 lb of laundry").vague
(True, False)
>>> [(item.id, item.example) for item in audit_note(Document(text=""), (), Terms(load_rules())).note][-1]
('note.signature', 'Sign with name and credentials, as in "[name], PT, DPT".')
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from models.billing import data
from models.billing.codes import HEADLINE
from models.billing.payers import Terms
from models.billing.reasons import outside_words
from models.billing.units import POOLED
from models.billing.written import contradictions
from nlp.document import Span

if TYPE_CHECKING:
    from models.service import Service
    from nlp.document import Document, Goal, Notice

State = Literal["present", "missing", "not_applicable"]

_FILE = "audit.toml"
_SCOPES = ("service", "note", "progress_report", "plan_of_care")
_ELEMENT_KEYS = ("id", "scope", "finder", "name", "example")
_ELEMENT_OPTIONAL = ("without", "first_day", "words", "requirement", "source", "level", "confirmed")
_SENTENCES = (
    "no_treatment", "untimed", "totals_enough", "headline_only", "no_units", "minutes_unknown", "no_goals",
    "not_linked", "not_this_document", "elsewhere", "from_request", "only_timed", "not_found", "empty_words", "pointer",
    "assistant", "contradicted", "half", "vague", "met", "formula", "no_score",
    "blank_goal", "blank_activity", "blank_service", "or_pointer",
    "skill_modality", "skill_evaluation", "skill_test", "skill_remote", "skill_slp",
    "progress_report", "plan_of_care",
)  # fmt: skip
_ELSEWHERE = "elsewhere"  # what one note cannot show
_NO_TREATMENT = frozenset({"cancelled", "evaluation_only"})
# Sections that say nothing of what was done today.
_OUTSIDE = frozenset({"goals", "plan", "home_program", "history", "previous", "not_today"})
_PERIOD_DATES = 2


@dataclass(frozen=True, slots=True)
class Item:
    """One element as a note has it.

    ``why`` says what ``state`` does not, ``example`` what would satisfy a missing element in this note's terms. ``rule`` is the
    row of the rules that asks for it, ``""`` where ``source`` alone does; ``confirmed`` whether that was read at its source.
    """

    id: str
    name: str
    state: State
    spans: tuple[Span, ...]
    why: str
    example: str
    level: str
    rule: str
    source: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class GoalPart:
    """One SMART part of a goal; ``span`` shows it, ``None`` where it is missing, and then ``add`` says what to add."""

    id: str
    name: str
    span: Span | None
    add: str


@dataclass(frozen=True, slots=True)
class GoalAudit:
    """A goal with its parts.

    ``vague``: an aim at a body function that lacks a measure or a task of daily life. ``met``: the words that say that it was
    reached. ``services`` are the blocks of today that work toward it.
    """

    start: int
    end: int
    text: str
    vague: bool
    parts: tuple[GoalPart, ...]
    met: Span | None = None
    services: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceAudit:
    """A block of treatment with what is asked of it; ``finding`` where it works toward a goal that is said to be met."""

    start: int
    end: int
    text: str
    code: str | None
    items: tuple[Item, ...]
    finding: str


@dataclass(frozen=True, slots=True)
class NoteAudit:
    """The audit of one note.

    ``score`` is in [0, 100], ``None`` where nothing applies; ``formula`` shows how it came about. ``documents`` are what is
    asked of progress reports and plans of care, not applicable where the note is none. ``empty_words`` show no skilled need.
    ``rules`` is the version of the rules, ``dates`` what they do not know of the day (``""``: nothing).
    """

    score: int | None
    formula: str
    services: tuple[ServiceAudit, ...]
    note: tuple[Item, ...]
    documents: tuple[Item, ...]
    goals: tuple[GoalAudit, ...]
    empty_words: tuple[Span, ...]
    rules: str
    dates: str

    @property
    def items(self) -> tuple[Item, ...]:
        """Every element, those of the blocks first."""
        return (*(item for service in self.services for item in service.items), *self.note, *self.documents)


class _Element(NamedTuple):
    id: str
    scope: str
    finder: str
    words: str
    name: str
    example: str
    without: str
    first_day: str
    requirement: str
    level: str
    source: str
    confirmed: bool


class _Part(NamedTuple):
    id: str
    name: str
    missing: str
    pattern: re.Pattern[str]


class _Book(NamedTuple):
    elements: tuple[_Element, ...]
    parts: tuple[_Part, ...]
    words: Mapping[str, re.Pattern[str]]
    like: Mapping[str, str]
    weights: Mapping[str, int]
    sentences: Mapping[str, str]


class _Found(NamedTuple):
    state: State
    spans: tuple[Span, ...] = ()
    why: str = ""


class _Case(NamedTuple):
    """All that a finder may look at; ``position`` is the number of the block, ``None`` where it is the whole note."""

    document: Document
    services: Sequence[Service]
    terms: Terms
    policy: str
    goals: tuple[GoalAudit, ...]
    element: _Element
    position: int | None = None

    @property
    def service(self) -> Service:
        assert self.position is not None, "only elements of a block ask for it"
        return self.services[self.position]


def audit_note(document: Document, services: Sequence[Service], terms: Terms, policy: str = "full_15") -> NoteAudit:
    """Hold a note against what its documentation should have.

    Parameters
    ----------
    document : Document
        The note as it was read.
    services : Sequence[Service]
        Its blocks with their codes, in its order.
    terms : Terms
        The rules, and the day and payers that choose among them.
    policy : str
        The chosen unit policy: where it pools minutes, those of each service are voluntary.
    """
    goals = _goals(document)
    elements = [element for element in _book().elements if _in_force(element, terms)]
    by_scope = {scope: [element for element in elements if element.scope == scope] for scope in _SCOPES}

    def items(scope: str, position: int | None = None) -> tuple[Item, ...]:
        return tuple(
            _item(_Case(document, services, terms, policy, goals, element, position)) for element in by_scope[scope]
        )

    audited = tuple(
        ServiceAudit(
            start=service.block.start,
            end=service.block.end,
            text=service.block.text,
            code=service.billed_code,
            items=items("service", position),
            finding=_say("met") if any(goal.met and position in goal.services for goal in goals) else "",
        )
        for position, service in enumerate(services)
    )
    note, documents = items("note"), (*items("progress_report"), *items("plan_of_care"))
    score, formula = _score((*(item for each in audited for item in each.items), *note, *documents))
    return NoteAudit(
        score=score,
        formula=formula,
        services=audited,
        note=note,
        documents=documents,
        goals=goals,
        empty_words=tuple(_all("shows_no_skill", document.text)),
        rules=terms.rules.version,
        dates=outside_words(terms),
    )


def judge_goal(text: str, start: int = 0) -> GoalAudit:
    """Say which SMART parts a goal has, and whether it is vague; ``start`` is where it begins in its note.

    Examples
    --------
    >>> [(part.id, part.span.text if part.span else "") for part in judge_goal("Dress alone by d/c").parts][:3]
    [('specific', 'Dress'), ('measurable', ''), ('achievable', 'alone')]
    """
    book = _book()
    parts = tuple(
        GoalPart(part.id, part.name, found, "" if found else part.missing)
        for part in book.parts
        for found in [next((_span(match, start) for match in part.pattern.finditer(text)), None)]
    )
    shown = {part.id for part in parts if part.span is not None}
    vague = book.words["vague"].search(text) is not None and not {"measurable", "relevant"} <= shown
    return GoalAudit(start, start + len(text), text, vague, parts)


def _score(items: Iterable[Item]) -> tuple[int | None, str]:
    weights = _book().weights
    applying = [item for item in items if item.state != "not_applicable"]
    points = sum(weights[item.level] for item in applying)
    if not points:
        return None, _say("no_score")
    got = sum(weights[item.level] for item in applying if item.state == "present")
    score = 100 * got // points
    return score, _say("formula", got=got, all=points, score=score)


def _in_force(element: _Element, terms: Terms) -> bool:
    return not element.requirement or terms.rules.of("requirement", element.requirement, terms.day) is not None


def _item(case: _Case) -> Item:
    element = case.element
    found = _applies(case) or _FINDERS[element.finder](case)
    rule = case.terms.rules.of("requirement", element.requirement, case.terms.day)
    missing = found.state == "missing"
    return Item(
        id=element.id,
        name=element.name,
        state=found.state,
        spans=found.spans,
        why=found.why or (_say("not_found") if missing else ""),
        example=_example(case) if missing else "",
        level=element.level if rule is None else rule.text("level"),
        rule="" if rule is None else rule.id,
        source=element.source if rule is None else rule.source,
        confirmed=element.confirmed if rule is None else rule.sure("text", "level"),
    )


def _applies(case: _Case) -> _Found | None:
    """Return why an element does not apply, ``None`` where it does."""
    scope = case.element.scope
    if not case.services and any(notice.kind in _NO_TREATMENT for notice in case.document.notices):
        return _Found("not_applicable", why=_say("no_treatment"))
    if scope in ("progress_report", "plan_of_care") and not _is_document(scope, case.document.text):
        why = _say("not_this_document", document=_say(scope))
        return _Found("not_applicable", why=why)
    if case.element.finder == _ELSEWHERE:
        return _Found("not_applicable", why=_say("elsewhere"))
    return None


def _is_document(scope: str, text: str) -> bool:
    # A report that is only announced is none.
    announced = _book().words["not_one"]
    return any(not announced.search(text, max(0, span.start - 40), span.start) for span in _all(f"is_{scope}", text))


def _example(case: _Case) -> str:
    """Return what would satisfy an element in this note's terms; what the note does not say stays blank."""
    element, own = case.element, _asked(case)
    service = _service_name(case, own or case.services)
    tasks = [task.text for each in own if each.code in HEADLINE for task in each.block.activities]
    # What was done to the patient, or tested, is no task: such a block goes by its service's name.
    unnamed = service if own and own[0].code not in HEADLINE else _say("blank_activity")
    # A block's own goal, where it has one that is no vague aim.
    goals = sorted((goal for goal in case.goals if not goal.vague), key=lambda goal: case.position not in goal.services)
    pointers = [] if case.position is None else _pointers(case)
    minutes = [each.block.minutes for each in case.services if _timed(each, case.terms)]
    known = [value for value in minutes if value is not None]
    vague = [goal.text for goal in case.goals if goal.vague]
    first = _book().words["first_day"]
    said = element.example if tasks or not element.without else element.without
    if element.first_day and any(first.search(each.billed_code or "") for each in case.services):
        said = element.first_day
    return said.format(
        activity=_flat(tasks[0]) if tasks else unnamed,
        goal=_flat(goals[0].text) if goals else _say("blank_goal"),
        like=_book().like.get(own[0].code, "") if own else "",
        service=service,
        pointer=_say("or_pointer", words=_flat(pointers[0].text)) if pointers else "",
        total=sum(known) if known and len(known) == len(minutes) else "___",
        vague=_flat(vague[0]) if vague else "",
    )


def _asked(case: _Case) -> Sequence[Service]:
    """Return the blocks whose tasks an example speaks of: the block itself, of a note those of the headline codes."""
    if case.position is not None:
        return [case.service]
    return [service for service in case.services if service.code in HEADLINE]


def _service_name(case: _Case, services: Sequence[Service]) -> str:
    code = case.terms.rules.codes.get((services[0].billed_code if services else None) or "")
    return _say("blank_service") if code is None else code.name


def _flat(text: str) -> str:
    return " ".join(text.split()).rstrip(".;,")


def _timed(service: Service, terms: Terms) -> bool:
    code = terms.rules.codes.get(service.billed_code or "")
    return code is not None and code.timed


# ---------------------------------------------------------------- goals


def _goals(document: Document) -> tuple[GoalAudit, ...]:
    """Return the goals that were read, and the vague ones under a goal's heading, which are no functional goals."""
    audits: list[GoalAudit] = []
    for number, goal in enumerate(document.goals):
        judged = _dated_by_heading(judge_goal(goal.text, goal.start), document.text)
        services = tuple(i for i, block in enumerate(document.blocks) if number in block.goals)
        audits.append(
            GoalAudit(
                goal.start, goal.end, goal.text, judged.vague, judged.parts, _met(goal, document), services
            )
        )  # fmt: skip
    taken = [(goal.start, goal.end) for goal in document.goals]
    for start, clause in _goal_clauses(document.text):
        end = start + len(clause)
        if all(end <= first or last <= start for first, last in taken) and _book().words["vague"].search(clause):
            taken.append((start, end))
            audits.append(judge_goal(clause, start))
    return tuple(sorted(audits, key=lambda goal: goal.start))


def _dated_by_heading(goal: GoalAudit, text: str) -> GoalAudit:
    """Return the goal with the time that stands in front of it: ``LTG 6 wks: lift 40 lb``."""
    line = text.rfind("\n", 0, goal.start) + 1
    [timed] = [part for part in _book().parts if part.id == "timed"]
    heads = [head.end for name in ("long_term", "short_term") for head in _all(name, text, line, goal.start)]
    found = next(
        (_span(match) for match in timed.pattern.finditer(text, max(heads, default=goal.start), goal.start)), None
    )
    if found is None:
        return goal
    parts = (
        GoalPart(each.id, each.name, found, "") if each.id == "timed" and each.span is None else each
        for each in goal.parts
    )
    return replace(goal, parts=tuple(parts))


def _goal_clauses(text: str) -> Iterator[tuple[int, str]]:
    for heading in _book().words["goal_heading"].finditer(text):
        aim = "goal" if heading["goal"] else "short"
        for clause in re.finditer(r"[^.;\n]+", heading[aim]):
            words = clause.group().strip()
            if words:
                yield heading.start(aim) + clause.start() + clause.group().index(words[0]), words


def _met(goal: Goal, document: Document) -> Span | None:
    """Return the words in the goal's own clause that say that it was met."""
    text = document.text
    others = [other.start for other in document.goals if goal.end <= other.start]
    before = max(text.rfind(mark, 0, goal.start) for mark in "\n.;")
    after = min([*(at for mark in "\n.;" if (at := text.find(mark, goal.end)) >= 0), *others, len(text)])
    if any(True for _ in _all("not_met", text, before + 1, after)):
        return None
    return next(_all("met", text, before + 1, after), None)


# ---------------------------------------------------------------- finders


def _of(spans: Iterable[Span], why: str = "") -> _Found:
    found = tuple(spans)
    return _Found("present", found) if found else _Found("missing", why=why)


def _activity(case: _Case) -> _Found:
    if case.service.code not in HEADLINE:
        return _Found("not_applicable", why=_say("headline_only"))
    block, pointers = case.service.block, _pointers(case)
    why = _say("pointer", words=_flat(pointers[0].text)) if pointers else ""
    return _of((Span(a.start, a.end, a.text) for a in block.activities if a.label or not pointers), why)


def _pointers(case: _Case) -> list[Notice]:
    """Return the words of a block that point elsewhere instead of naming tasks."""
    start, end = _reach(case)
    return [each for each in case.document.notices if each.kind == "unspecific" and start <= each.start < end]


def _dose(case: _Case) -> _Found:
    if case.service.code not in HEADLINE:
        return _Found("not_applicable", why=_say("headline_only"))
    block = case.service.block
    duration = block.duration
    found = _all("dose", case.document.text, *_reach(case))
    return _of(
        span
        for span in found
        if _today(case.document, span)
        and (duration is None or span.end <= duration.start or duration.end <= span.start)
    )


def _goal_link(case: _Case) -> _Found:
    if case.service.code not in HEADLINE:
        return _Found("not_applicable", why=_say("headline_only"))
    linked = [goal for goal in case.goals if case.position in goal.services]
    why = _say("not_linked") if any(not goal.vague for goal in case.goals) else ""
    if linked and all(goal.vague for goal in linked):
        why = _say("vague", goal=_flat(linked[0].text))
    return _of((Span(goal.start, goal.end, goal.text) for goal in linked if not goal.vague), why)


def _minutes(case: _Case) -> _Found:
    block = case.service.block
    if case.service.billed_code is not None and not _timed(case.service, case.terms):
        return _Found("not_applicable", why=_say("untimed"))
    if block.duration is not None and block.minutes is not None:
        return _of([Span(block.duration.start, block.duration.end, block.duration.text)])
    if case.policy == POOLED and _totals(case.document, "timed"):
        return _Found("not_applicable", why=_say("totals_enough"))
    return _Found("missing")


def _skill(case: _Case) -> _Found:
    code = case.terms.rules.codes.get(case.service.billed_code or "")
    if code is not None and f"skill_{code.group}" in _SENTENCES:
        return _Found("not_applicable", why=_say(f"skill_{code.group}"))
    text = case.document.text
    shown = [s for s in _all("shows_skill", text) if not _negated(text, s) and _today(case.document, s)]
    start, end = _reach(case)
    # Words about the only block may stand anywhere.
    spans = [span for span in shown if len(case.services) == 1 or start <= span.start < end]
    empty = next(_all("shows_no_skill", text), None)
    return _of(spans, "" if empty is None else _say("empty_words", words=_flat(empty.text)))


def _reach(case: _Case, service: Service | None = None) -> tuple[int, int]:
    """Return a block's stretch with the rest of its line, up to the next block."""
    block, text = (service or case.service).block, case.document.text
    end = text.find("\n", block.end)
    following = [each.block.start for each in case.services if block.end <= each.block.start]
    return block.start, min([len(text) if end < 0 else end, *following])


def _today(document: Document, span: Span) -> bool:
    return not any(s.label in _OUTSIDE and s.start <= span.start < s.end for s in document.sections)


def _goal(case: _Case) -> _Found:
    vague = next((goal for goal in case.goals if goal.vague), None)
    why = "" if vague is None else _say("vague", goal=_flat(vague.text))
    return _of((Span(goal.start, goal.end, goal.text) for goal in case.goals if not goal.vague), why)


def _smart_goals(case: _Case) -> _Found:
    if not case.goals:
        return _Found("not_applicable", why=_say("no_goals"))
    vague = [goal for goal in case.goals if goal.vague]
    if vague:
        return _Found("missing", why=_say("vague", goal=_flat(vague[0].text)))
    return _of(Span(goal.start, goal.end, goal.text) for goal in case.goals)


def _read_element(case: _Case) -> _Found:
    name = "progress" if case.element.finder == "progress" else "assessment"
    shown = (e.span for e in case.document.elements if e.name == name and e.span is not None)
    # What a goal wants is no finding: "decrease pain" assesses nobody.
    return _of(s for s in shown if not any(goal.start <= s.start and s.end <= goal.end for goal in case.goals))


def _intervention(case: _Case) -> _Found:
    blocks = [service.block for service in case.services]
    named = [b.stated or (b.activities[0] if b.activities else None) for b in blocks]
    if not named or None in named:
        return _Found("missing")
    return _of(Span(each.start, each.end, each.text) for each in named if each is not None)


def _timed_total(case: _Case) -> _Found:
    totals = _totals(case.document, "timed")
    if totals:
        return _of(totals)
    timed = [service.block for service in case.services if _timed(service, case.terms)]
    if case.services and not timed:
        return _Found("not_applicable", why=_say("untimed"))
    [duration] = [block.duration for block in timed] if len(timed) == 1 else [None]
    if duration is not None and duration.kind != "shared":
        return _Found("present", (Span(duration.start, duration.end, duration.text),), _say("only_timed"))
    return _Found("missing")


def _visit_total(case: _Case) -> _Found:
    return _of(_totals(case.document, "visit"))


def _totals(document: Document, kind: Literal["timed", "visit"]) -> list[Span]:
    return [Span(total.start, total.end, total.text) for total in document.totals if total.kind == kind]


def _all_minutes(case: _Case) -> _Found:
    timed = [service.block for service in case.services if _timed(service, case.terms)]
    if not timed:
        return _Found("not_applicable", why=_say("untimed"))
    if any(block.minutes is None for block in timed):
        return _Found("missing")
    return _of(Span(b.duration.start, b.duration.end, b.duration.text) for b in timed if b.duration is not None)


def _units(case: _Case) -> _Found:
    written = case.document.written_units
    if not written:
        return _Found("not_applicable", why=_say("no_units"))
    wrong = contradictions(written, case.services, case.terms.rules.codes)
    if wrong:
        why = _say("contradicted", units=wrong[0].written.units, minutes=wrong[0].minutes)
        return _Found("missing", tuple(Span(w.written.start, w.written.end, w.written.text) for w in wrong), why)
    if any(_timed(service, case.terms) and service.block.minutes is None for service in case.services):
        return _Found("not_applicable", why=_say("minutes_unknown"))
    return _of(Span(each.start, each.end, each.text) for each in written)


def _words(case: _Case) -> _Found:
    return _of(_all(case.element.words, case.document.text))


def _measures(case: _Case) -> _Found:
    # How far and how much the treatment went is no measure of its outcome.
    blocks = [_reach(case, service) for service in case.services]
    found = _all(case.element.words, case.document.text)
    measured = (s for s in found if _today(case.document, s) or _compared(case, s))
    return _of(s for s in measured if not any(b <= s.start < e for b, e in blocks))


def _compared(case: _Case, span: Span) -> bool:
    """Return whether a measure among the goals is one of the patient: ``Now 420 ft, was 250 ft`` behind the goal that it is of."""
    text = case.document.text
    start = max(text.rfind(mark, 0, span.start) for mark in "\n.;") + 1
    end = min([*(at for mark in "\n;" if (at := text.find(mark, span.end)) >= 0), len(text)])
    inside = any(goal.start < end and start < goal.end for goal in case.goals)
    return not inside and any(True for _ in _all("compared", text, start, end))


def _date(case: _Case) -> _Found:
    found = _words(case)
    if found.state == "missing" and case.terms.day is not None:
        return _Found("present", why=_say("from_request"))
    return found


def _clinician(case: _Case) -> _Found:
    signed = list(_all(case.element.words, case.document.text))
    by = [span for span in signed if not _book().words["assistant"].search(span.text)]
    return _of(by, _say("assistant") if signed else "")


def _period(case: _Case) -> _Found:
    dates = list(_all(case.element.words, case.document.text))
    if len({span.text for span in dates}) >= _PERIOD_DATES:
        return _of(dates)
    return _Found("missing", tuple(dates), _say("half") if dates else "")


def _frequency(case: _Case) -> _Found:
    both = [next(_all(name, case.document.text), None) for name in ("times_a_week", "for_weeks")]
    spans = tuple(span for span in both if span is not None)
    if len(spans) == len(both):
        return _of(spans)
    return _Found("missing", spans, _say("half") if spans else "")


_FINDERS: Mapping[str, Callable[[_Case], _Found]] = {
    "activity": _activity,
    "dose": _dose,
    "goal_link": _goal_link,
    "minutes": _minutes,
    "skill": _skill,
    "goal": _goal,
    "smart_goals": _smart_goals,
    "assessment": _read_element,
    "progress": _read_element,
    "intervention": _intervention,
    "timed_total": _timed_total,
    "visit_total": _visit_total,
    "all_minutes": _all_minutes,
    "units": _units,
    "words": _words,
    "measures": _measures,
    "date": _date,
    "clinician": _clinician,
    "period": _period,
    "frequency": _frequency,
}


# ---------------------------------------------------------------- words


def _say(key: str, **values: object) -> str:
    return _book().sentences[key].format(**values)


def _all(name: str, text: str, start: int = 0, end: int | None = None) -> Iterator[Span]:
    """Yield where a word list's expressions stand in ``[start, end)``."""
    for match in _book().words[name].finditer(text, start, len(text) if end is None else end):
        yield _span(match)


def _negated(text: str, span: Span) -> bool:
    return _book().words["negated"].search(text, max(0, span.start - 40), span.start) is not None


def _span(match: re.Match[str], offset: int = 0) -> Span:
    return Span(offset + match.start(), offset + match.end(), match.group())


@cache
def _book() -> _Book:
    """Return the data file, read when it is first needed: its expressions take longer than all other rules."""
    root = data.parse(data.read(_FILE), _FILE).closed(
        ("sources", "weights", "like", "element", "part", "words", "sentences")
    )  # fmt: skip
    sources = root.table("sources")
    like = root.table("like").closed(HEADLINE)
    words = root.table("words")
    lists = {name: words.table(name).closed(("patterns",), ("case",)) for name in words.values}
    weights = root.table("weights")
    sentences = root.table("sentences").closed(_SENTENCES)
    return _Book(
        elements=tuple(_element(entry, sources, lists) for entry in root.tables("element", "id")),
        parts=tuple(
            _Part(part.name, part.get("name", str), part.get("missing", str), _pattern(part))
            for part in (each.closed(("id", "name", "missing", "patterns")) for each in root.tables("part", "id"))
        ),
        words={name: _pattern(entry) for name, entry in lists.items()},
        like={code: like.get(code, str) for code in HEADLINE},
        weights={level: weights.get(level, int) for level in weights.values},
        sentences={key: sentences.get(key, str) for key in _SENTENCES},
    )


def _element(entry: data.Entry, sources: data.Entry, lists: Mapping[str, data.Entry]) -> _Element:
    entry.closed(_ELEMENT_KEYS, _ELEMENT_OPTIONAL)
    scope, finder = entry.get("scope", str), entry.get("finder", str)
    if scope not in _SCOPES:
        raise entry.error(f"scope must be one of {', '.join(_SCOPES)}")
    if finder not in (*_FINDERS, _ELSEWHERE):
        raise entry.error(f"finder must be one of {', '.join((*_FINDERS, _ELSEWHERE))}")
    named = entry.get("words", str) if "words" in entry.values else ""
    if named and named not in lists:
        raise entry.error(f"there is no word list {named}")
    required = "requirement" in entry.values
    return _Element(
        id=entry.name,
        scope=scope,
        finder=finder,
        words=named,
        name=entry.get("name", str),
        # What one note cannot show has no example.
        example="" if finder == _ELSEWHERE else entry.get("example", str),
        without=entry.get("without", str) if "without" in entry.values else "",
        first_day=entry.get("first_day", str) if "first_day" in entry.values else "",
        requirement=entry.get("requirement", str) if required else "",
        level="" if required else entry.get("level", str),
        source="" if required else sources.get(entry.get("source", str), str),
        confirmed=not required and entry.get("confirmed", bool),
    )


def _pattern(entry: data.Entry) -> re.Pattern[str]:
    flags = 0 if "case" in entry.values and entry.get("case", bool) else re.IGNORECASE
    try:
        return re.compile("|".join(entry.texts("patterns")), flags)
    except re.error as error:
        raise entry.error(f"no regular expression: {error}") from error
