"""What a block of treatment is grouped from: activities, minutes and service names in text order, with their features.

A linear-chain model (`nlp.chain`) labels each event: an activity or service name begins a block (``B``) or goes on in the
open one (``I``; ``J`` once that block has its minutes); a duration is the block's own (``D-B``, ``D-I``), one of several that
add up (``P-B``, ``P-I``), shared by several blocks (``S``), or none of these (``O``; ``Q`` once the open block has its minutes).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby, pairwise
from typing import Literal

from nlp.chain import Trait, names
from nlp.clock import duration_words
from nlp.context import Context
from nlp.cues import find_status
from nlp.headings import line_opening
from nlp.lexicon import Match
from nlp.minutes.reading import Candidate as Duration
from nlp.tagging import shape
from nlp.terms import entries, listed, short_names
from nlp.tokens import Tokens, is_code

_SHORT = 3  # letters of a service's short name
BEGINS = ("B", "D-B", "P-B")
EVENT_LABELS = ("B", "I", "J", "O", "Q", "D-B", "D-I", "P-B", "P-I", "S")
EventKind = Literal["act", "dur", "svc"]

# How far features look, in signs of the folded note, tokens of a gap, tokens of a clause, and events.
_AROUND = 6
_GAP = 40
_CLAUSE = 40
_EARLIER = 30
_ITEM_MARKS = frozenset("-*•·–—")
_LIST = 12  # lines below a service's name that are its list
LISTED_MARGIN = -1.0  # what stands in the word list alone is believed less than what the tagger saw
BESIDE = 2  # words and marks between a service's name and minutes, or another name, that stand beside it

_SIGNS = {"act": "a", "not": "n", "svc": "s", "svc0": "h", "clock": "c", "amount": "d"}
_GAP_MARKS = frozenset(".;,|:/-–+&()")
_CLAUSE_STARTS = frozenset(".;,|(")
_CLAUSE_ENDS = frozenset(".;,|)")
_MINUTE_BUCKETS = ((3, "<3"), (5, "3-4"), (8, "5-7"), (15, "8-14"), (31, "15-30"), (45, "31-44"), (61, "45-60"))


@dataclass(frozen=True, slots=True)
class Event:
    """Tokens ``[start, end)`` of one kind.

    ``code`` is the number a service name stands for (``""`` for a heading that states none), ``names_task`` whether that name
    is a task's too, ``label`` the lexicon label
    and ``entry`` the lexicon entry of an activity, ``tag`` (``ACT`` or ``NOT``) and ``score`` what the tagger made of it,
    ``minutes`` and ``form`` those of a duration.
    """

    kind: EventKind
    start: int
    end: int
    code: str = ""
    label: str = ""
    entry: str = ""
    names_task: bool = False
    tag: str = ""
    score: float = 0.0
    minutes: int = 0
    form: str = ""
    clock: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """An activity that the tagger saw at tokens ``[start, end)``: its tag (``ACT`` or ``NOT``) and by how much it beats *none*."""

    start: int
    end: int
    tag: str
    score: float = 0.0


@cache
def _task_codes() -> frozenset[str]:
    kinds = [(entry.data["code"], entry.data["names_task"]) for entry in entries("services")]
    return frozenset({code for code, is_task in kinds if is_task} - {code for code, is_task in kinds if not is_task})


def find_services(context: Context, timed: Collection[int] = ()) -> list[Event]:
    """Service names and code numbers; a number and a name side by side are one event.

    Head terms count only at the start of a line or clause with minutes, units, a colon or a dash behind them, or in front
    of a code. ``timed`` are the first tokens of durations.
    """
    tokens = context.tokens
    words, lower = tokens.words, tokens.lower
    found = context.found
    spans: list[tuple[int, int, str]] = [(m.start, m.end, m.entry.data["code"]) for m in found["services"]]
    taken = {i for s, e, _ in spans for i in range(s, e)}

    minute, tick = duration_words().minute, duration_words().tick
    # Where each name begins, and where minutes behind it would.
    heads = {m.start: (m.end, m.end + 1) for m in (*found["services"], *found["service_heads"])}
    joint = {m.start for m in found["shared"] if m.end + (words[m.end : m.end + 1] in ([":"], ["-"], ["="])) in timed}

    def clause_start(at: int, end: int) -> bool:
        if words[at].isupper() and (words[end : end + 1] == [":"] or end in timed):
            return True  # lines that a copy has joined: "kept her hips level TA: stairs"
        before = at - 1
        while before >= 0 and words[before][0] in " \t\xa0":
            if len(words[before]) >= 2:
                return True
            before -= 1
        return (
            before < 0
            or words[before][0] in "\n\r.;:,|-–—([*•+/&)]=>→"
            or lower[before] in ("and", "then", "plus")
            or words[before].isdecimal()
            or lower[before] in minute  # "38 min TE: bike", "minutes TE   16"
            or (lower[before] in tick and words[before - 1].isdecimal())
            or behind_minutes(at)
        )

    def behind_minutes(at: int) -> bool:
        """Whether a name stands right behind minutes: ``15 min TE``, ``15 min of TE``."""
        before = at - 1
        if before > 0 and lower[before] in listed("minutes_of"):
            before -= 1
        return before > 0 and lower[before] in minute and words[before - 1].isdecimal()

    def opened(start: int, end: int) -> bool:
        at = end
        while at < len(words) and words[at] in (" ",):
            at += 1
        if words[at : at + 2] == [".", "."]:
            return True  # "Gait......14 min"
        if at >= len(words) or words[at] in ".;" or (words[at] == "," and at + 1 not in timed):
            # "heel slides - 25' TE", but not "14 min massage"
            return start > 0 and words[start].isupper() and (lower[start - 1] in minute or lower[start - 1] in tick)
        word = words[at]
        if word in "([":
            if words[start].isupper() and behind_minutes(start):
                return True  # "15 min of TE (bridges, SLR)"
            at += 1
            word = words[at] if at < len(words) else "\n"
        if word.isdecimal() or lower[at] in minute:
            return True
        if word == ")" and words[end - 1] != ")":
            return True  # "(Self-care)"
        if word in ("x", "X", "×", "=", "@", "+", "&") and at + 1 < len(words):
            return True
        if (word == "," or lower[at] in listed("copula")) and at + 1 in timed:
            return True  # "Group, 45 min", "TE was 20 min"
        short = end - start == 1 and len(words[start]) <= _SHORT and words[start].isupper()
        short = (
            short and line_opening(tokens, *tokens.lines[tokens.line_of[start]]) < start
        )  # a line of its own is a charge
        if short and lower[at] in listed("whole_time"):
            return (
                at + 1 + (words[at + 1 : at + 2] in ([":"], ["-"], ["="])) in timed
            )  # "TE total 30 min", "TA time: 31 min"
        if word == "/" and at + 1 in timed:
            return True  # "15 min TE / 30 min TA"
        if at in joint or (word == "/" and at + 1 in heads):
            return True  # "TE/TA 30 min", "TA combined 30 min"
        if lower[at] in listed("joint") and any(behind in timed or behind in joint for behind in heads.get(at + 1, ())):
            return True  # "TE and TA 30 min"
        if word[0] in "\n\r|":
            return True
        return word[0] in ":-–—" or (len(word) >= 2 and word[0] in " \t")

    def counted(start: int, end: int) -> bool:
        """Whether a word is followed by its number in a list, or by what it counts: ``curls x10, stairs 12 steps``."""
        if not words[end : end + 1] or not words[end].isdecimal() or end in timed:
            return False
        numbered = len(words[end]) == 1 and words[end + 1 : end + 2] == [":"]  # "Exercise 2: bridges"
        return numbered or (start > tokens.lines[tokens.line_of[start]][0] and words[start - 1] == ",")

    def ends_work(at: int, sign: str) -> bool:
        """Whether a short name and its minutes close work done: ``rows, bridges = 25 min te``, not ``refused 15 min ta``."""
        if sign[0] not in "\r\n.,;)(" or at < 2 or not {*lower[at - 2 : at]} & {*minute, *tick}:
            return False
        sentence = context.sentence_of[at]
        worked = any(context.sentence_of[m.start] == sentence and m.start < at for m in found["activities"])
        return worked and find_status(context, at - 1, at + 1) is None

    lists = _bracketed(context)
    for m in found["service_heads"]:
        if taken.intersection(range(m.start, m.end)) or not clause_start(m.start, m.end):
            continue
        if m.start not in lists and not opened(m.start, m.end):
            continue
        if m.end - m.start == 1 and len(words[m.start]) <= 3 and not words[m.start].isupper():
            near = [w for w in words[m.end : m.end + 4] if w.isdecimal() or w == ":"]
            if not near:
                continue
        spans.append((m.start, m.end, m.entry.data["code"]))
        taken.update(range(m.start, m.end))
    # Short names in a note that is written in small letters: "te - bike", "ta: stairs".
    for index, word in enumerate(words):
        if len(word) == 2 and word.islower() and word in short_names() and index not in taken:
            sign = words[index + 1] if index + 1 < len(words) else "\n"
            apart = index + 1 < len(words) and tokens.starts[index + 1] > tokens.ends[index]
            told = sign == ":" or (apart and (sign in "=-–—" or (sign.isdecimal() and len(sign) == 2)))
            if (told or ends_work(index, sign)) and clause_start(index, index + 1):
                spans.append((index, index + 1, short_names()[word]))
                taken.add(index)
    for m in found["headings"]:
        if taken.intersection(range(m.start, m.end)) or not clause_start(m.start, m.end) or not opened(m.start, m.end):
            continue
        if counted(m.start, m.end):
            continue
        spans.append((m.start, m.end, ""))
    for index, word in enumerate(words):
        if is_code(word) and index not in taken:
            if words[index - 1 : index] == ["$"]:
                continue
            spans.append((index, index + 1, word))
        elif (
            word in ("G", "g")
            and index + 1 < len(words)
            and words[index + 1].isdecimal()
            and len(words[index + 1]) == 4
            and tokens.ends[index] == tokens.starts[index + 1]
        ):
            spans.append((index, index + 2, "G" + words[index + 1]))
    spans.sort()
    merged: list[tuple[int, int, str]] = []
    for start, end, code in spans:
        if merged:
            last_start, last_end, last_code = merged[-1]
            between = [w for w in words[last_end:start] if not w.isspace()]
            numbered = is_code(words[start]) != is_code(words[last_start])
            if (
                start >= last_end
                and len(between) <= 2
                and all(w in "()-–—:[]/.=" for w in between)
                and numbered
                and "\n" not in words[last_end:start]
                and context.sentence_of[start] == context.sentence_of[last_start]
            ):
                number = code if is_code(words[start]) else last_code
                merged[-1] = (last_start, end + (1 if words[end : end + 1] == [")"] and "(" in between else 0), number)
                continue
        merged.append((start, end, code))
    tasks = _task_codes()
    named = {m.start for m in found["services"] if m.entry.data["names_task"]}
    return [
        Event("svc", start, end, code=code, names_task=code in tasks or start in named) for start, end, code in merged
    ]


def _bracketed(context: Context) -> set[int]:
    """Where short names stand in front of brackets of their work, two services or more in a sentence: ``TE (SLR) and TA (car)``."""
    words = context.tokens.words
    led: dict[int, list[Match]] = {}
    for m in context.found["service_heads"]:
        at = m.end + (words[m.end : m.end + 1] == [" "])
        if (
            words[at : at + 1] == ["("]
            and words[m.start].isupper()
            and words[at + 1 : at + 2]
            and words[at + 1].isalpha()
        ):
            led.setdefault(context.sentence_of[m.start], []).append(m)
    return {m.start for said in led.values() if len({m.entry.data["code"] for m in said}) > 1 for m in said}


def _without_names(tokens: Tokens, candidates: list[Candidate], services: list[Event]) -> list[Candidate]:
    """Candidates less the service names and codes in them that name no task; one that is nothing else is dropped."""
    named = {
        i
        for event in services
        for i in range(event.start, event.end)
        if not event.names_task or is_code(tokens.words[i])
    }
    out = []
    for c in candidates:
        if not any(i in named for i in range(c.start, c.end)):
            out.append(c)
            continue
        # The longest run of its tokens outside the name.
        runs: list[tuple[int, int]] = []
        begin = c.start
        for i in range(c.start, c.end + 1):
            if i == c.end or i in named:
                if begin < i:
                    runs.append((begin, i))
                begin = i + 1
        runs = [(s, e) for s, e in runs if sum(1 for w in tokens.words[s:e] if w.isalpha() and len(w) > 1) >= 1]
        if runs:
            start, end = max(runs, key=lambda run: run[1] - run[0])
            while start < end and not tokens.words[start].isalnum():
                start += 1
            while start < end and (tokens.words[end - 1].isspace() or tokens.words[end - 1] in "-–—:(,;/"):
                end -= 1
            if start < end:
                out.append(replace(c, start=start, end=end))
    return out


def _promised(tokens: Tokens, durations: Iterable[Duration]) -> set[int]:
    """Tokens of minutes that were set beforehand, with a bracket that divides them: ``planned 60 min (30 TA, 30 TE)``."""
    words, lower = tokens.words, tokens.lower
    out: set[int] = set()
    for c in durations:
        if not listed("promised").intersection((*lower[max(0, c.start - 1) : c.start], *lower[c.end : c.end + 1])):
            continue
        end = c.end
        if words[end : end + 1] == ["("] and ")" in words[end : tokens.lines[tokens.line_of[c.start]][1]]:
            end = words.index(")", end)
        out.update(range(c.start, end))
    return out


def _part_of_task(tokens: Tokens, event: Event, candidates: Iterable[Candidate]) -> bool:
    """Whether a heading's word is one of several of a task: ``up and down 6 stairs (14 min)``, ``stairs 12 x 2``."""
    if (event.code and not event.names_task) or tokens.words[event.end : event.end + 1] == [":"]:
        return False
    around = [c for c in candidates if c.start <= event.start and event.end <= c.end]
    if event.code and not listed("with_aid").isdisjoint(tokens.lower[event.end : event.end + 1]):
        around = [c for c in around if c.start < event.start]  # "gait training with RW" names the service all the same
    return any(
        any(w.isalnum() for w in (*tokens.words[c.start : event.start], *tokens.words[event.end : c.end]))
        for c in around
    )


def _under_names(context: Context, events: Sequence[Event], durations: Iterable[Duration]) -> set[int]:
    """First tokens of names that are but a task of the service that leads their sentence: ``Ther Act x 15 min: stair training``.

    So is what opens an item of the list below it: ``Ther Act x 15 min``, ``1. Stair training``. Not a name that has minutes right
    beside it.
    """
    tokens = context.tokens
    words, sentence_of, line_of = tokens.words, context.sentence_of, tokens.line_of
    behind = {c.start - step for c in durations for step in (0, 1)}
    ahead = {c.end for c in durations}
    out: set[int] = set()
    leading: Event | None = None
    for event in events:
        if not event.names_task:
            leading = event if event.code else leading
        elif leading is not None and not (event.end in behind or event.start in ahead):
            led = sentence_of[leading.start] == sentence_of[event.start] and ":" in words[leading.end : event.start]
            lines = range(line_of[leading.start] + 1, line_of[event.start] + 1)
            listed_below = 0 < len(lines) <= _LIST and all(_is_item(tokens, line) for line in lines)
            if led or (
                listed_below
                and not is_code(words[event.start])
                and line_opening(tokens, *tokens.lines[lines[-1]]) == event.start
            ):
                out.add(event.start)
    return out


def _is_item(tokens: Tokens, line: int) -> bool:
    """Whether a line is an item of a list: a dash, a dot or a number stands before what it opens with, no cell's edge."""
    first, last = tokens.lines[line]
    marks = [word for word in tokens.words[first : line_opening(tokens, first, last)] if not word.isspace()]
    return bool(marks) and (marks[0] in _ITEM_MARKS or (marks[0].isdecimal() and marks[1:2] in ([")"], ["."])))


def _task_alone(context: Context, event: Event, candidates: Iterable[Candidate]) -> bool:
    """Whether a heading's word is a task with none under it: ``Bed mobility, 30 min (97530). NuStep, 15 min``.

    None in what is left of its sentence, nor on the line below where its sentence ends its line. So it is behind a ticked box.
    """
    tokens, sentence_of = context.tokens, context.sentence_of
    line = tokens.line_of[event.start]
    if event.code or tokens.words[event.end : event.end + 1] == [":"]:
        return False
    if event.start in context.ticked:
        return any(c.start <= event.start < c.end for c in candidates)
    ends_line = sentence_of[tokens.lines[line][1] - 1] == sentence_of[event.start]
    seen = False
    for c in candidates:
        if c.start <= event.start and event.end <= c.end:
            seen = c.tag == "ACT"
        elif c.start >= event.end and (
            sentence_of[c.start] == sentence_of[event.start] or (ends_line and tokens.line_of[c.start] == line + 1)
        ):
            return False
    return seen


def make_events(context: Context, activities: list[Candidate], durations: list[Duration]) -> list[Event]:
    """Events of one note in text order.

    A service's name that names a task too ("ultrasound") stays inside the activity it is; any other is cut out of it.
    """
    promised = _promised(context.tokens, durations)
    promised |= context.quoted
    durations = [c for c in durations if c.start not in promised]
    named = find_services(context, {c.start for c in durations})
    tasks = _under_names(context, named, durations)
    covered = {index for c in activities for index in range(c.start, c.end)}
    unseen = [
        Candidate(e.start, e.end, "ACT", LISTED_MARGIN) for e in named if e.start in tasks and e.start not in covered
    ]
    activities = sorted([*activities, *unseen], key=lambda c: c.start)
    services = [
        event
        for event in named
        if event.start not in promised
        and event.start not in tasks
        and not _part_of_task(context.tokens, event, activities)
        and not _task_alone(context, event, activities)
    ]
    activities = _without_names(context.tokens, activities, services)
    inside: dict[int, int] = {}
    for number, candidate in enumerate(activities):
        for index in range(candidate.start, candidate.end):
            inside[index] = number
    lexical: dict[int, tuple[str, str, str, int]] = {}
    for m in context.found["activities"]:
        number = next((inside[i] for i in range(m.start, m.end) if i in inside), None)
        if number is None:
            continue
        length = m.end - m.start
        if number not in lexical or lexical[number][3] < length:
            lexical[number] = (m.entry.data["label"], m.entry.id, m.entry.data["code"], length)
    events: list[Event] = list(services)
    for number, candidate in enumerate(activities):
        label, entry, code, _ = lexical.get(number, ("", "", "", 0))
        events.append(
            Event(
                "act",
                candidate.start,
                candidate.end,
                code=code,
                label=label,
                entry=entry,
                tag=candidate.tag,
                score=candidate.score,
            )
        )
    events += [Event("dur", c.start, c.end, minutes=c.minutes, form=c.form, clock=c.clock) for c in durations]
    # Of a name and an activity that begin together the name comes first.
    events.sort(key=lambda e: (e.start, e.kind != "svc", e.end))
    return events


def headed(context: Context, events: list[Event]) -> list[bool]:
    """For each event whether it is an activity under a heading line that holds a service name and no activity.

    Such an activity goes on in the heading's block; it cannot begin one.
    """
    line_of = context.tokens.line_of
    out = []
    above: list[Event] = []  # the events of the nearest line above that has any
    here: list[Event] = []
    line = -1
    for event in events:
        if line_of[event.start] != line:
            above, here, line = here, [], line_of[event.start]
        here.append(event)
        if event.kind != "act" or len(here) > 1 or not above or line - line_of[above[0].start] > 2:
            out.append(False)
            continue
        codes = {e.code for e in above if e.kind == "svc" and e.code}
        out.append(len(codes) == 1 and above[0].kind != "act" and all(e.kind != "act" for e in above))
    return out


def on_lines(context: Context, events: Sequence[Event]) -> Iterator[list[int]]:
    """Numbers of the events of each line that holds any."""
    line_of = context.tokens.line_of
    for _, members in groupby(range(len(events)), key=lambda n: line_of[events[n].start]):
        yield list(members)


def in_sentences(context: Context, events: Sequence[Event]) -> Iterator[list[int]]:
    """Numbers of the events of each sentence that holds any."""
    sentence_of = context.sentence_of
    for _, members in groupby(range(len(events)), key=lambda n: sentence_of[events[n].start]):
        yield list(members)


def begun_blocks(labels: Sequence[str]) -> Iterator[range]:
    """Numbers of the events from each that begins a block up to the next that does."""
    begins = [n for n, label in enumerate(labels) if label in BEGINS]
    for begin, end in pairwise((*begins, len(labels))):
        yield range(begin, end)


def marks_between(context: Context, one: Event, other: Event) -> list[str] | None:
    """The words and marks between two events side by side on a line, at most `BESIDE`; ``None`` where they are further apart.

    Units do not count: "97110 2 units (27 min)".
    """
    words, lower, line_of = context.tokens.words, context.tokens.lower, context.tokens.line_of
    left, right = sorted((one, other), key=lambda e: e.start)
    solid = [at for at in range(left.end, right.start) if not words[at].isspace()]
    for number, unit in pairwise(solid):
        if words[number].isdecimal() and lower[unit] in listed("unit"):
            solid = [at for at in solid if at not in (number, unit)]
            break
    return [words[at] for at in solid] if line_of[left.start] == line_of[right.start] and len(solid) <= BESIDE else None


def shared_by_names(context: Context, events: list[Event]) -> dict[int, tuple[int, int]]:
    """Durations given to two service names at once, by number, with the numbers of the names.

    ``TE + TA = 38 min``, ``25 minutes combined TherEx/TherAct``.
    """

    def between(one: int, other: int) -> list[str] | None:
        return None if one < 0 or other == len(events) else marks_between(context, events[one], events[other])

    out: dict[int, tuple[int, int]] = {}
    for first, second in pairwise(range(len(events))):
        codes = [event.code for event in events[first : second + 1] if event.kind == "svc" and event.code]
        joint = between(first, second)
        if len(set(codes)) < 2 or not joint or not all(w in listed("joint") for w in joint):
            continue
        lead, close = between(first - 1, first), between(second, second + 1)
        ahead = lead is not None and events[first - 1].kind == "dur" and all(w.isalpha() or w in "(-:" for w in lead)
        behind = close is not None and events[second + 1].kind == "dur"
        # With minutes on either side each name has its own: "15 min TE / TA 20 min".
        if ahead is not behind:
            out[first - 1 if ahead else second + 1] = first, second
    return out


def shared_by_words(context: Context, events: list[Event]) -> list[bool]:
    """For each event whether it is a duration whose clause says that it is for two: ``23 min both parts``.

    "For both" says so only where nothing follows that it could mean ("10 min for both shoulders").
    """
    tokens = context.tokens
    words = tokens.words
    sure = [(m.start, m.end) for m in context.found["shared_sure"]]
    sure += [
        (m.start, m.end)
        for m in context.found["shared"]
        if m.term == "for both" and not (m.end < len(words) and words[m.end].isalnum())
    ]
    out = [False] * len(events)
    for start, end in sure:
        sentence = context.sentence_of[start]
        near = [
            (max(start - e.end, e.start - end), number)
            for number, e in enumerate(events)
            if e.kind == "dur" and context.sentence_of[e.start] == sentence
        ]
        if near:
            out[min(near)[1]] = True
    return out


def _minutes_bucket(minutes: int) -> str:
    for bound, label in _MINUTE_BUCKETS:
        if minutes < bound:
            return label
    return "61+"


def _name(event: Event | None) -> str:
    if event is None:
        return "-"
    if event.kind == "dur":
        return "clock" if event.clock else "amount"
    if event.kind == "svc":
        return "svc" if event.code else "svc0"
    return "not" if event.tag == "NOT" else "act"


# Groups of features (`nlp.chain.Group`) of one event; ``kind`` is its name in `_SIGNS`.


def _of_note(kind: str, section: str, habit: str, service_lines: int) -> list[str]:
    return [f"k={kind}", f"{kind}|sec={section}", f"{kind}|habit={habit}", f"{kind}|svclines={service_lines}"]


def _of_neighbours(kind: str, before: str, after: str, gap: str, habit: str) -> list[str]:
    return [
        f"{kind}|p={before}",
        f"{kind}|n={after}",
        f"{kind}|p={before}|gap={gap}",
        f"{kind}|p={before}|gap={gap}|n={after}",
        f"{kind}|p={before}|gap={gap}|habit={habit}",
        f"{kind}|gap={gap}",
    ]


def _of_opening(kind: str, joiner: str, opening: bool, marker: str, closing: bool, far: int) -> list[str]:
    return [
        f"{kind}|join={joiner}",
        f"{kind}|open={opening}|mark={marker}",
        f"{kind}|last={closing}",
        f"{kind}|far={far}",
    ]


def _of_behind(kind: str, behind: tuple[str, ...]) -> list[str]:
    return [f"{kind}|<{''.join(behind[:2])}", f"{kind}|<{''.join(behind[:4])}", f"{kind}|<{''.join(behind)}"]


def _of_coming(kind: str, coming: tuple[str, ...]) -> list[str]:
    return [f"{kind}|>{''.join(coming[:2])}", f"{kind}|>{''.join(coming[:4])}"]


def _of_around(kind: str, behind: tuple[str, ...], coming: tuple[str, ...], gap: str) -> list[str]:
    near = f"{kind}|<{''.join(behind[:2])}>{''.join(coming[:2])}"
    return [f"{kind}|<{''.join(behind)}>{''.join(coming)}", near, f"{near}|{gap}"]


def _of_lines(kind: str, above: str, here: str, below: str, opening: bool, breaks: str) -> list[str]:
    return [
        f"{kind}|lb={above}|l={here}|open={opening}|{breaks}",
        f"{kind}|l={here}|la={below}|open={opening}",
        f"{kind}|lb={above}|l={here}|la={below}|open={opening}",
    ]


def _of_place(kind: str, acts_before: int, acts_after: int, durs_before: int, durs_after: int) -> list[str]:
    return [f"{kind}|a={acts_before}{acts_after}", f"{kind}|d={durs_before}{durs_after}"]


def _of_tag(tag: str, score: int) -> list[str]:
    return [f"tag={tag}|score={score}"]


def _of_listing(tag: str, section: str, label: str) -> list[str]:
    return [f"tag={tag}|sec={section}", f"tag={tag}|sec={section}|lab={label}", f"tag={tag}|lab={label}"]


def _of_extent(tag: str, words: int, in_goal: bool) -> list[str]:
    return [f"tag={tag}|words={words}", f"tag={tag}|goal={in_goal}"]


def _of_cue(tag: str, status: str, far: int, term: str) -> list[str]:
    return [f"tag={tag}|cue={status}", f"tag={tag}|cue={status}|far={far}", f"tag={tag}|cueterm={term}"]


def _of_last_activity(label: str, last: str, same: bool, gap: str) -> list[str]:
    return [f"lab={label}|plab={last}", f"same={same}|svc={label == 'service'}", f"lab={label}|plab={last}|gap={gap}"]


def _of_others(ahead: str, behind: str, gap: str, habit: str) -> list[str]:
    return [f"ahead={ahead}|behind={behind}", f"ahead={ahead}|behind={behind}|gap={gap}|habit={habit}"]


def _of_form(form: str, section: str) -> list[str]:
    return [f"form={form}", f"form={form}|sec={section}"]


class _Scene:
    """What the features of a note's events are read from, each list parallel to the events and filled in one pass."""

    def __init__(self, context: Context, events: list[Event], goals: list[tuple[int, int]]) -> None:
        self.context = context
        self.events = events
        tokens = context.tokens
        self.words, self.lower, self.lines, line_of = tokens.words, tokens.lower, tokens.lines, tokens.line_of
        self.names = [_name(event) for event in events]
        self.line = [line_of[event.start] for event in events]
        count = len(events)
        by_line: dict[int, list[int]] = {}
        for number, line in enumerate(self.line):
            by_line.setdefault(line, []).append(number)
        self.by_line = by_line
        self.line_names = {
            line: "".join(sorted({_SIGNS[self.names[m]] for m in members})) for line, members in by_line.items()
        }
        ordered = list(by_line)
        self.line_above = {line: self.line_names[ordered[k - 1]] if k else "^" for k, line in enumerate(ordered)}
        self.line_below = {
            line: self.line_names[ordered[k + 1]] if k + 1 < len(ordered) else "$" for k, line in enumerate(ordered)
        }
        # The note as a string of signs, runs folded, with its line breaks: what stands around an event.
        self.breaks = [self._break(number) for number in range(count)]
        self.behind = self._around(range(count), -1)
        self.coming = self._around(range(count - 1, -1, -1), 1)
        self.coming.reverse()
        # How this note places its minutes: before or after the activities of a line.
        leads = trails = 0
        for members in by_line.values():
            kinds = [events[m].kind for m in members]
            if "dur" in kinds and "act" in kinds:
                if kinds.index("dur") < kinds.index("act"):
                    leads += 1
                else:
                    trails += 1
        self.habit = "lead" if leads > trails else "trail" if trails > leads else "even" if leads else "none"
        self.sentences = self._sentences()
        self.sums = self._sums()
        self.biggest = max((event.minutes for event in events), default=0)
        self.service_lines = min(2, sum(1 for members in by_line.values() if events[members[0]].kind == "svc"))
        self.has_work = any(event.kind == "act" for event in events)
        self.clocks = min(3, sum(event.clock for event in events))
        self.inside_goal = {i for start, end in goals for i in range(start, end)}
        self.goal_lines = {line_of[start] for start, _ in goals}
        not_done = [event for event in events if event.tag == "NOT"]
        self.inside_not = {i for event in not_done for i in range(event.start, event.end)}
        self.not_lines = {line_of[event.start] for event in not_done}
        self.work = {i for event in events if event.kind == "act" for i in range(event.start, event.end)}
        self.flags = {
            role: {i for m in context.found[role] for i in range(m.start, m.end)}
            for role in ("total", "not_treatment", "own", "shared")
        }
        # Nearest events of a kind before and after.
        self.last_act, self.last_other = self._nearest(range(count))
        self.next_act, self.next_other = self._nearest(range(count - 1, -1, -1))
        self.next_act.reverse()
        self.next_other.reverse()

    def _sentences(self) -> list[tuple[str, int]]:
        """For each event the signs of its sentence's events, runs of one sign folded, and its place among them."""
        out: list[tuple[str, int]] = []
        sentence_of = self.context.sentence_of
        count = len(self.events)
        first = 0
        while first < count:
            last = first
            sentence = sentence_of[self.events[first].start]
            while last < count and sentence_of[self.events[last].start] == sentence:
                last += 1
            pattern, places = "", []
            for number in range(first, last):
                sign = _SIGNS[self.names[number]]
                if not pattern.endswith(sign):
                    pattern += sign
                places.append(len(pattern) - 1)
            out += [(pattern, place) for place in places]
            first = last
        return out

    def _sums(self) -> list[str]:
        """For each event whether its minutes are the sum of two or more before it, or after it: then it is a total."""
        minutes = [event.minutes if event.kind == "dur" else 0 for event in self.events]
        out = []
        for number, wanted in enumerate(minutes):
            sides = (minutes[:number][::-1], minutes[number + 1 :]) if wanted else ()
            found = ""
            for side, values in zip("<>", sides, strict=False):
                total = 0
                for place, value in enumerate(v for v in values if v):
                    total += value
                    if total >= wanted:
                        found += side if total == wanted and place else ""
                        break
            out.append(found or "-")
        return out

    def _break(self, number: int) -> str:
        if number == 0:
            return "/"
        above, line = self.line[number - 1], self.line[number]
        if line == above:
            return ""
        blank = any(self.lines[k][0] >= self.lines[k][1] for k in range(above + 1, min(line, above + 3)))
        return "//" if blank or line - above > 2 else "/"

    def _around(self, order: Iterable[int], step: int) -> list[tuple[str, ...]]:
        """For each event the folded signs before it (``step`` -1) or after it (1), nearest first."""
        out: list[tuple[str, ...]] = []
        signs: tuple[str, ...] = ()
        for number in order:
            mark = self.breaks[number] if step < 0 else self.breaks[number + 1] if number + 1 < len(self.events) else ""
            seen = signs
            if signs and mark:
                seen = (mark, *signs)
            out.append(seen[:_AROUND])
            sign = _SIGNS[self.names[number]]
            signs = seen[:_AROUND] if seen and seen[0] == sign else (sign, *seen)[:_AROUND]
        return out

    def _nearest(self, order: Iterable[int]) -> tuple[list[Event | None], list[Event | None]]:
        acts: list[Event | None] = []
        others: list[Event | None] = []
        act: Event | None = None
        other: Event | None = None
        for number in order:
            acts.append(act)
            others.append(other)
            if self.events[number].kind == "act":
                act = self.events[number]
            else:
                other = self.events[number]
        return acts, others

    def rows(self) -> list[list[Trait]]:
        """Features of every event."""
        out: list[list[Trait]] = []
        for line, members in self.by_line.items():
            kinds = [self.events[m].kind for m in members]
            acts, durs = kinds.count("act"), kinds.count("dur")
            codes = min(3, sum(1 for m in members if self.events[m].kind == "svc" and self.events[m].code))
            acts_before = durs_before = 0
            start = self.lines[line][0]
            head = start
            while head < self.events[members[0]].start and self.words[head].isspace():
                head += 1
            for place, number in enumerate(members):
                event = self.events[number]
                act, dur = event.kind == "act", event.kind == "dur"
                acts_after, durs_after = acts - acts_before - act, durs - durs_before - dur
                row = self._shared(number, place == 0, place == len(members) - 1, head, codes)
                kind = self.names[number]
                row.append(
                    (
                        _of_place,
                        (kind, min(acts_before, 2), min(acts_after, 2), min(durs_before, 2), min(durs_after, 2)),
                    )
                )
                if act:
                    self._activity(row, number, place == 0, head)
                elif dur:
                    self._duration(row, number, acts_before + acts_after)
                else:
                    self._service(row, number, place == 0)
                acts_before += act
                durs_before += dur
                out.append(row)
        return out

    def _gap(self, number: int) -> tuple[str, list[int]]:
        """What parts an event from the one before it, and the tokens between (at most `_GAP`, the nearest)."""
        previous = self.events[number - 1] if number else None
        start = self.events[number].start
        first = max(previous.end if previous else 0, start - _GAP)
        between = list(range(first, start))
        breaks = self.breaks[number]
        if previous is None:
            return ".", between
        if breaks:
            return ("nl2" if breaks == "//" else "nl"), between
        words = self.words
        marks = [words[i] for i in between if words[i] in _GAP_MARKS]
        for mark in (".", ";", "|", ","):
            if mark in marks:
                return mark, between
        if marks:
            return marks[-1], between
        return ("wide" if any(len(words[i]) > 1 and words[i][0] in " \t" for i in between) else "_"), between

    def _edges(self, number: int) -> tuple[int, int]:
        """Words between an event and the start and the end of its sentence, at most 3."""
        sentence_of, words = self.context.sentence_of, self.words
        event = self.events[number]
        sentence = sentence_of[event.start]
        lead = trail = 0
        at = event.start - 1
        while lead < 3 and at >= 0 and sentence_of[at] == sentence:
            lead += words[at].isalnum()
            at -= 1
        at = event.end
        while trail < 3 and at < len(words) and sentence_of[at] == sentence:
            trail += words[at].isalnum()
            at += 1
        return lead, trail

    def _shared(self, number: int, opening: bool, closing: bool, head: int, codes: int) -> list[Trait]:
        events, names = self.events, self.names
        event = events[number]
        kind = names[number]
        before = names[number - 1] if number else "-"
        after = names[number + 1] if number + 1 < len(events) else "-"
        section = self.context.sections[event.start]
        gap, between = self._gap(number)
        words, lower = self.words, self.lower
        joiner = next((lower[i] for i in reversed(between) if lower[i] in listed("joiner")), "")
        marker = shape(words[head]) if opening and head < event.start else ""
        solid = sum(1 for i in between if not words[i].isspace())
        lettered = sum(1 for i in between if words[i].isalpha())
        behind, coming = self.behind[number], self.coming[number]
        line = self.line[number]
        line_names, above, below = self.line_names[line], self.line_above[line], self.line_below[line]
        row: list[Trait] = [
            (_of_note, (kind, section, self.habit, self.service_lines)),
            (_of_neighbours, (kind, before, after, gap, self.habit)),
            (_of_opening, (kind, joiner, opening, marker, closing, min(5, lettered // 4))),
            (_of_behind, (kind, behind)),
            (_of_coming, (kind, coming[:4])),
            (_of_around, (kind, behind[:3], coming[:3], gap)),
            (_of_lines, (kind, above, line_names, below, opening, self.breaks[number])),
            f"{kind}|svcs={codes}",
        ]
        lead, trail = self._edges(number)
        row.append(f"{kind}|lead={lead}|trail={trail}")
        row.append(f"{kind}|lead={lead}|p={before}")
        row.append(f"{kind}|trail={trail}|n={after}")
        pattern, place = self.sentences[number]
        row.append(f"{kind}|sent={pattern[max(0, place - 3) : place]}^{pattern[place : place + 4]}")
        row.append(f"{kind}|sent={pattern[max(0, place - 1) : place]}^{pattern[place : place + 2]}")
        if not self.breaks[number]:
            row.append(f"{kind}|p={before}|apart={min(3, solid)}")
        if number + 1 < len(events):
            following = events[number + 1]
            next_line = self.line[number + 1] != line
            gap_after = sum(1 for i in range(event.end, min(following.start, event.end + 8)) if not words[i].isspace())
            row.append(f"{kind}|n={after}|apart={min(3, gap_after)}|nl={next_line}")
        if number and self.context.sections[events[number - 1].start] != section:
            row.append(f"{kind}|secchange")
        return row

    def _activity(self, row: list[Trait], number: int, opening: bool, head: int) -> None:
        event = self.events[number]
        tag, label = event.tag, event.label
        section = self.context.sections[event.start]
        cue = find_status(self.context, event.start, event.end)
        row += [
            (_of_tag, (tag, max(-4, min(6, math.floor(event.score * 2))))),
            (_of_listing, (tag, section, label)),
            (_of_extent, (tag, min(6, event.end - event.start), event.start in self.inside_goal)),
        ]
        if cue is None:
            row.append(f"tag={tag}|cue=-")
        else:
            away = event.start - cue.end if cue.end <= event.start else cue.start - event.end
            row.append((_of_cue, (tag, cue.status, min(3, away // 3), self.lower[cue.start])))
        line = self.line[number]
        neighbours = [
            self.events[m].tag
            for m in (number - 1, number + 1)
            if 0 <= m < len(self.events) and self.events[m].kind == "act" and self.line[m] == line
        ]
        row.append(f"tag={tag}|near={'+'.join(neighbours)}")
        gap = self._gap(number)[0]
        last, coming = self.last_act[number], self.next_act[number]
        if last is not None:
            row.append((_of_last_activity, (label, last.label, last.code == event.code, gap)))
        if coming is not None:
            row.append(f"lab={label}|nlab={coming.label}")
        row.append(f"first={self.lower[event.start][-3:]}")
        row.append(f"lw={self.lower[head]}|open={opening}")
        ahead, back = _name(self.next_other[number]), _name(self.last_other[number])
        row.append((_of_others, (ahead, back, gap, self.habit)))

    def _duration(self, row: list[Trait], number: int, acts: int) -> None:
        event = self.events[number]
        words, lower, forms = self.words, self.lower, self.context.forms
        line = self.line[number]
        start, end = self.lines[line]
        section = self.context.sections[event.start]
        before = self.names[number - 1] if number else "-"
        gap = self._gap(number)[0]
        row += [
            (_of_form, (event.form, section)),
            f"size={_minutes_bucket(event.minutes)}",
            f"form={event.form}|p={before}|gap={gap}",
            f"durs={self.clocks}|{event.clock}",
            f"hasact={self.has_work}",
        ]
        left = [i for i in range(max(start, event.start - 8), event.start) if not words[i].isspace()]
        right = [i for i in range(event.end, min(end, event.end + 6)) if not words[i].isspace()]
        for offset in range(1, 4):
            if offset > len(left):
                row.append(f"l{offset}=^")
                break
            at = left[-offset]
            row.append(f"l{offset}={'0' if words[at].isdecimal() else forms[at]}")
        for offset in range(1, 3):
            if offset > len(right):
                row.append(f"r{offset}=$")
                break
            at = right[offset - 1]
            row.append(f"r{offset}={'0' if words[at].isdecimal() else forms[at]}")
        # Cues in the duration's own clause, and further left in its line.
        first, last = event.start, event.end
        floor, ceiling = max(start, event.start - _CLAUSE), min(end, event.end + _CLAUSE)
        while first > floor and lower[first - 1] not in _CLAUSE_STARTS:
            first -= 1
        while last < ceiling and lower[last] not in _CLAUSE_ENDS:
            last += 1
        for role, where in self.flags.items():
            if not where:
                continue
            if any(i in where for i in range(first, event.start)):
                row += [f"cueL={role}", f"cueL={role}|form={event.form}"]
            if any(i in where for i in range(event.end, last)):
                row.append(f"cueR={role}")
            if any(i in where for i in range(floor, event.start)):
                row.append(f"cueline={role}")
        if event.start in self.inside_goal:
            row.append("ingoal")
        if event.start in self.inside_not:
            row.append("innot")
        if event.start in self.work:
            row.append("inact")
        row.append(f"near={line in self.not_lines}{line in self.goal_lines}|acts={acts > 0}")
        row += [f"sums={self.sums[number]}", f"sums={self.sums[number]}|biggest={event.minutes == self.biggest}"]
        nearby = self.events[max(0, number - 3) : number + 4]
        row.append(f"biggernear={any(e.kind == 'dur' and e.minutes > event.minutes for e in nearby)}")

    def _service(self, row: list[Trait], number: int, opening: bool) -> None:
        event = self.events[number]
        words = self.words
        section = self.context.sections[event.start]
        following = shape(words[event.end]) if event.end < len(words) else "$"
        row += [f"svccode={bool(event.code)}|open={opening}", f"svc|after={following}|open={opening}"]
        coming = [w for w in self.lower[event.end : event.end + 5] if not w.isspace()]
        counted = len(coming) > 1 and coming[0] in ("x", "×") and coming[1].isdecimal() and int(coming[1]) < 5
        units = counted or any(w in listed("unit") for w in coming[:3])
        row += [f"svc|units={units}|sec={section}", f"svc|first={self.context.forms[event.start]}"]
        if event.start in self.inside_not:
            row.append("svc|innot")
        earlier = self.events[max(0, number - _EARLIER) : number]
        row.append(f"svc|again={any(e.kind == 'svc' and e.code == event.code for e in earlier)}")


def event_traits(context: Context, events: list[Event], goals: list[tuple[int, int]]) -> list[list[Trait]]:
    """Features of every event, those made of the same values as groups; ``goals`` are half-open token ranges."""
    return _Scene(context, events, goals).rows()


def event_features(context: Context, events: list[Event], goals: list[tuple[int, int]]) -> list[list[str]]:
    """`event_traits` by name, as training reads them."""
    return [names(row) for row in event_traits(context, events, goals)]
