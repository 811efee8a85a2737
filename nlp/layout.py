"""What the place of minutes and names in a note tells of whose they are, before anything is weighed.

Everything here looks at the events of one note in text order (`nlp.events`) and gives their numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import groupby, pairwise

from nlp.clock import duration_words, is_blank
from nlp.context import Context
from nlp.cues import find_status
from nlp.events import BESIDE, Event, in_sentences, marks_between, on_lines
from nlp.lexicon import Match
from nlp.terms import listed
from nlp.totals import total_kind

_CACHE = "against minutes"
HABIT = 2  # lines or codes written alike that make a habit
# Sections in which no work of today stands.
NO_WORK = frozenset(("plan", "home_program", "goals", "not_today", "previous", "history", "subjective", "education"))
PLAIN_FORMS = frozenset(("unit", "tick", "letter", "bare", "bracket", "lead", "column", "range", "hours"))
_UNIT_REACH = 6  # tokens behind a service's name in which its units stand
_UNIT_MARKS = frozenset(("x", "×", "(", ")", "-", "–", "—", ":", "="))
_LONGEST = 60  # events of one service's list
_INCLUDED = 6  # tokens behind minutes in which stands what they include
_NEAR_CUE = 3  # tokens between minutes and words that say "in all"


def totals_of_parts(context: Context, events: list[Event]) -> set[int]:
    """Numbers of the minutes that are the sum of those beside two services' names or more, right before or behind on their line.

    ``45 min total: there-ex 15', there-act 15', gait 15'``
    """
    out: set[int] = set()
    for line in on_lines(context, events):
        timed = [n for n in line if events[n].kind == "dur"]
        named = {
            n
            for n in timed
            if any(line[0] <= m <= line[-1] and events[m].code and events[m].kind == "svc" for m in (n - 1, n + 1))
        }
        for place, number in enumerate(timed):
            for side in (timed[place + 1 :], timed[:place][::-1]):
                parts = 0
                for count, other in enumerate(side, 1):
                    if other not in named:
                        break
                    parts += events[other].minutes
                    if parts == events[number].minutes and count > 1:
                        # A service with its own work beside others with theirs is as long as these by chance.
                        own = number in named and _leads(events, number)
                        if not (own and any(_leads(events, n) for n in side[:count])):
                            out.add(number)
                    if parts >= events[number].minutes:
                        break
    return out


def _leads(events: list[Event], number: int) -> bool:
    """Whether work that was done comes right behind some minutes: ``TA 16 min: car transfers``."""
    return any(event.kind == "act" and event.tag == "ACT" for event in events[number + 1 : number + 2])


def spoken_against(context: Context, event: Event, *, in_tasks: bool = True) -> bool:
    """Whether a word in the sentence of some minutes says that they are a total or no treatment: ``rested 5 min``.

    What stands in another column of a table is said of something else. Without ``in_tasks`` words of a task's name do not count:
    the "stand" of "sit to stand" says nothing of how long somebody stands.
    """
    words, line_of = context.tokens.words, context.tokens.line_of
    for m, in_task in _against(context).get((context.sentence_of[event.start], line_of[event.start]), ()):
        between = words[event.end : m.start] if event.end <= m.start else words[m.end : event.start]
        if (in_tasks or not in_task) and not any(w == "|" or is_blank(w) for w in between):
            return True
    return False


def _against(context: Context) -> dict[tuple[int, int], list[tuple[Match, bool]]]:
    """Words of a total or of no treatment by sentence and line, each with whether it stands in a task's name; made once a note."""
    found = context.cache.get(_CACHE)
    if found is None:
        tasks = {index for a in context.found["activities"] for index in range(a.start, a.end)}
        found = context.cache[_CACHE] = {}
        for m in (*context.found["total"], *context.found["not_treatment"]):
            place = context.sentence_of[m.start], context.tokens.line_of[m.start]
            found.setdefault(place, []).append((m, tasks.issuperset(range(m.start, m.end))))
    return found


def right_behind_name(context: Context, events: list[Event], number: int) -> bool:
    """Whether an event is minutes that stand right behind a service's name: ``97110, 28 min start to finish``.

    Not where the note says that they were not given today ("TE 15 min next visit").
    """
    name, timed = events[number - 1], events[number]
    if number == 0 or name.kind != "svc" or not name.code or timed.form not in PLAIN_FORMS:
        return False
    marks = marks_between(context, name, timed)
    if marks is None or any(w.isalnum() and w not in listed("copula") for w in marks):
        return False
    return find_status(context, timed.start, timed.end) is None


def behind_task(context: Context, events: list[Event], number: int) -> bool:
    """Whether minutes stand right behind a task, and what speaks against them only tells of the surroundings.

    ``quad sets 14 min with RN present``, ``heel slides 14 min during dressing change``
    """
    task, timed = events[number - 1], events[number]
    if number == 0 or task.kind != "act" or task.tag != "ACT" or timed.form not in PLAIN_FORMS:
        return False
    tokens, sentence = context.tokens, context.sentence_of[timed.start]
    near = range(task.start, timed.end)
    spoken = any(
        m.start in near or m.end - 1 in near
        for m, in_task in _against(context).get((sentence, tokens.line_of[timed.start]), ())
        if not in_task
    )
    beside = context.sentence_of[task.start] == sentence and timed.start - task.end <= HABIT
    return beside and not spoken and not listed("surroundings").isdisjoint(tokens.lower[timed.end : timed.end + 2])


def ends_list(context: Context, events: Sequence[Event]) -> list[int]:
    """Numbers of last tasks of lists that read as not done only because the next sentence says so of a task of its own.

    ``TE 8 min: SLR, bridges. Gait deferred.`` The others of the list read as done, and no word of its sentence says otherwise.
    """
    words, sentence_of = context.tokens.words, context.sentence_of
    cues = {*context.cues_forward, *context.cues_backward}
    out = []
    for members in in_sentences(context, events):
        acts = [n for n in members if events[n].kind == "act"]
        sentence = sentence_of[events[members[0]].start]
        if len(acts) < HABIT or sentence in cues or not any(events[n].kind != "act" for n in members if n < acts[0]):
            continue
        last, before = events[acts[-1]], events[acts[-2]]
        parted = [w for w in words[before.end : last.start] if not w.isspace()]
        listing = [events[n].tag for n in acts] == ["ACT"] * (len(acts) - 1) + ["NOT"]
        after = events[members[-1] + 1 : members[-1] + 2]
        own = [e for e in after if e.kind == "act" and sentence_of[e.start] == sentence + 1 and sentence + 1 in cues]
        ends = words[last.end : last.end + 1] == ["."]
        if listing and ends and own and parted in ([","], [",", "and"], ["and"]):
            out += acts[-1:] if find_status(context, last.start, last.end) is None else []
    return out


def at_home(context: Context, event: Event) -> bool:
    """Whether minutes are of a home programme that their sentence opens with: ``HEP squats, walking 15 min``."""
    found = find_status(context, event.start, event.end)
    if found is None or context.tokens.span(found.start, found.end).lower() not in listed("home_program"):
        return False
    before = found.start - 1
    return before < 0 or context.sentence_of[before] != context.sentence_of[event.start]


def of_another_day(context: Context, event: Event) -> bool:
    """Whether minutes or a name stand in a sentence that opens with words of another visit: ``Next visit 60 min FCE``.

    One word alone may count what was done today: "Next 15 minutes on stairs".
    """
    found = find_status(context, event.start, event.end)
    if found is None or found.status not in ("planned", "past") or found.end - found.start < HABIT:
        return False
    before = found.start - 1
    if listed("visit_word").isdisjoint(context.tokens.lower[found.start : found.end]):
        return False  # "this morning, 20 minutes: ..." is today's
    opens = before < 0 or context.sentence_of[before] != context.sentence_of[found.start]
    return opens and found.end <= event.start and context.sentence_of[found.start] == context.sentence_of[event.start]


def is_rest(context: Context, event: Event) -> bool:
    """Whether minutes are the next part of a whole: ``the second half hour on functional tasks``."""
    before = context.tokens.lower[max(0, event.start - 1) : event.start]
    return event.form in ("words", "hours") and not listed("next_part").isdisjoint(before)


class Surroundings:
    """Minutes beside a service's name, or that say *in all*, with the work around them that they are of."""

    def __init__(self, context: Context, events: list[Event], labels: list[str]) -> None:
        self.context, self.events, self.labels = context, events, labels
        self.own = context.found["own"]

    @cached_property
    def totals(self) -> set[int]:
        """Numbers of the minutes that are the sum of others (`totals_of_parts`)."""
        return totals_of_parts(self.context, self.events)

    def same(self, one: int, other: int) -> bool:
        """Whether two events stand in one sentence."""
        sentence_of = self.context.sentence_of
        return sentence_of[self.events[one].start] == sentence_of[self.events[other].start]

    def listed(self, one: int, other: int) -> bool:
        """Whether two events stand in one sentence, or in several of one line that semicolons alone part."""
        first, second = sorted((self.events[one].start, self.events[other].start))
        sentence_of, words = self.context.sentence_of, self.context.tokens.words
        return {words[at] for at in range(first, second) if sentence_of[at] != sentence_of[at + 1]} <= {";"}

    def name(self, number: int, step: int) -> int | None:
        """The service's name beside minutes, ahead (-1) or behind (1)."""
        at = number + step
        if not 0 <= at < len(self.events):
            return None
        event = self.events[at]
        near = event.kind == "svc" and event.code and self.same(at, number)
        return at if near and marks_between(self.context, event, self.events[number]) is not None else None

    def closes(self, name: int) -> bool:
        """Whether nothing of a service follows its name: no colon, no minutes."""
        tokens = self.context.tokens
        after = tokens.words[self.events[name].end : self.events[name].end + 1]
        timed = name + 1 < len(self.events) and self.events[name + 1].kind == "dur" and self.same(name, name + 1)
        return not timed and (not after or after[0][0] in ".;,)\r\n")

    def leads(self, number: int) -> bool:
        """Whether a colon behind minutes opens what they were spent on: ``Exercise quota 25 min: bike 8 min, bridges``."""
        words, end = self.context.tokens.words, self.events[number].end
        return words[end : end + 1] == [":"] or words[end : end + 2] == [")", ":"]

    def points(self, name: int) -> bool:
        """Whether an arrow or a sign leads from the work to its service: ``curls 2x10 -> TE 18 min``."""
        return self.context.tokens.words[self.events[name].start - 1] in (">", "→", "=")

    def in_all(self, number: int) -> bool:
        """Whether the words beside minutes call them those of everything: ``twenty-two minutes in all``."""
        event = self.events[number]
        first = self.name(number, -1)
        start = event.start if first is None else self.events[first].start
        return any(
            (start - _NEAR_CUE <= m.end <= start or event.end <= m.start <= event.end + _NEAR_CUE)
            and self.context.sentence_of[m.start] == self.context.sentence_of[event.start]
            for m in self.own
        )

    def includes(self, number: int) -> list[int]:
        """Events of the line of work above that minutes say they include: ``bike 8 min``, then ``TE 30 min incl. warm-up``."""
        event, tokens = self.events[number], self.context.tokens
        sentence = self.context.sentence_of[event.start]
        said = any(
            word in listed("includes") and self.context.sentence_of[at] == sentence
            for at, word in enumerate(tokens.lower[event.end : event.end + _INCLUDED], event.end)
        )
        ahead = self.name(number, -1)
        last = (number if ahead is None else ahead) - 1
        if not said or last < 1 or self.events[last].kind != "dur" or self.events[last].minutes >= event.minutes:
            return []
        line = tokens.line_of[self.events[last].start]
        if not 0 <= tokens.line_of[event.start] - line <= BESIDE or self.name(last, -1) is not None:
            return []
        return [n for n in range(last + 1) if tokens.line_of[self.events[n].start] == line]

    def added(self, number: int) -> bool:
        """Whether minutes come on top of others: ``20 min plus 6 min``."""
        start = self.events[number].start
        return bool(listed("on_top").intersection(self.context.tokens.lower[max(0, start - 1) : start]))

    def part(self, scope: Sequence[int], number: int) -> tuple[list[int], list[int]]:
        """Work and minutes of a scope; both empty where these are no part of the minutes that stand apart."""
        timed = [n for n in scope if self.events[n].kind == "dur"]
        if any(self.events[n].clock or self.added(n) for n in (*timed, number)):
            return [], []
        acts = [n for n in scope if self.events[n].kind == "act" and self.labels[n] in ("B", "I", "J")]
        most = self.events[number].minutes
        minutes = [self.events[n].minutes for n in timed]
        if not timed or not acts or sum(minutes) > most or max(minutes) >= most:
            return [], []
        return acts, timed

    def heads(self, number: int) -> bool:
        """Whether a line opens with a sentence that is but a service's name and its minutes: ``Ther ex: 30 min. NuStep 10 min``."""
        if self.name(number, -1) is None:
            return False
        line_of = self.context.tokens.line_of
        line = line_of[self.events[number].start]
        first = number == 1 or line_of[self.events[number - 2].start] != line
        more = number + 1 < len(self.events) and line_of[self.events[number + 1].start] == line
        return first and more and not self.same(number, number + 1)

    def scope(self, number: int, step: int) -> list[int]:
        """The events from some minutes on, up to another service's name or a full stop; one sentence more behind a heading one."""
        out: list[int] = []
        at = number + step
        if step > 0 and self.heads(number):
            if self.events[at].kind != "act":
                return []
            out.append(at)
            at += step
        while 0 <= at < len(self.events) and len(out) < _LONGEST and self.listed(at, at - step):
            event = self.events[at]
            named = event.kind == "dur" and (self.name(at, -1) is not None or self.name(at, 1) is not None)
            if named or (event.kind == "svc" and event.code):
                break
            out.append(at)
            at += step
        return out


def lone_minutes(context: Context, events: list[Event]) -> Iterator[tuple[int, list[int], bool, bool]]:
    """Every duration that is its sentence's only one and stands before or behind all its work.

    Yields the duration's number, the numbers of the work, whether a service's name stands before it, and whether the
    minutes lead.
    """
    for members in in_sentences(context, events):
        timed = [n for n in members if events[n].kind == "dur"]
        acts = [n for n in members if events[n].kind == "act" and events[n].tag == "ACT"]
        if len(timed) != 1 or not acts:
            continue
        named = any(events[n].kind == "svc" for n in members if n < timed[0])
        if timed[0] < acts[0]:
            yield timed[0], acts, named, True
        elif timed[0] > acts[-1]:
            yield timed[0], acts, named, False


def opening_names(context: Context, events: list[Event]) -> list[int]:
    """Numbers of the names and headings that are their line's first event and have work behind them on it."""
    out = []
    for members in on_lines(context, events):
        if events[members[0]].kind == "svc" and any(events[n].kind == "act" for n in members):
            out.append(members[0])
    return out


def visit_alone(context: Context, events: list[Event]) -> list[int]:
    """The only minutes of a note that names two services or more, where they stand with neither a service nor work.

    ``Ther ex: rows. Ther act: car transfer. Total 50 min``: of the visit, and no one service's.
    """
    timed = [number for number, event in enumerate(events) if event.kind == "dur"]
    codes = {event.code for event in events if event.kind == "svc" and event.code}
    if len(timed) != 1 or len(codes) < HABIT:
        return []
    sentence_of, line_of = context.sentence_of, context.tokens.line_of
    place = events[timed[0]].start
    beside = (e for n, e in enumerate(events) if n != timed[0] and sentence_of[e.start] == sentence_of[place])
    return [] if any(line_of[e.start] == line_of[place] for e in beside) else timed


def heading_totals(context: Context, events: list[Event]) -> list[int]:
    """Numbers of the minutes of a line that announces all below it, which has minutes by service: ``Treatment (45 min total):``."""
    tokens = context.tokens
    out: list[int] = []
    for line in on_lines(context, events):
        number = line[0]
        first, last = tokens.lines[tokens.line_of[events[number].start]]
        solid = [w for w in tokens.words[first:last] if not w.isspace()]
        if (
            len(line) == 1
            and events[number].kind == "dur"
            and solid[-1:] == [":"]
            and total_kind(context, events[number])
        ):
            named = (
                right_behind_name(context, events, n) for n in range(number + 1, len(events)) if events[n].kind == "dur"
            )
            out += [number] if any(named) else []
    return out


def closing_lines(context: Context, events: list[Event]) -> list[list[int]]:
    """Numbers of the events of each line that gives the work above it a code and minutes: ``19 min, 97542``.

    A note writes so where two lines or more hold nothing but these, work of no code stands above the first of them, and none
    below the last; or where one does, and the work below it has a code and minutes on its own line.
    """
    line_of = context.tokens.line_of
    lines = list(on_lines(context, events))
    closing = [place for place, line in enumerate(lines) if _charged(events, line)]
    if not closing:
        return []

    def worked(between: Sequence[list[int]]) -> bool:
        return any(events[n].tag == "ACT" for line in between for n in line)

    def charged(line: Sequence[int]) -> bool:
        return {"svc", "dur"} <= {events[n].kind for n in line if events[n].kind != "svc" or events[n].code}

    coded = any(events[n].kind == "svc" and events[n].code for line in lines[: closing[0]] for n in line)
    last = line_of[events[lines[closing[-1]][0]].start]
    below = [line for line in lines[closing[-1] + 1 :] if line_of[events[line[0]].start] == last + 1]
    if len(closing) < HABIT:
        timed = any(events[n].kind == "dur" for line in lines[: closing[0]] for n in line)
        alone = worked(lines[: closing[0]]) and not coded and not timed
        return [lines[closing[0]]] if alone and worked(below) and all(map(charged, below)) else []
    each = all(worked(lines[first + 1 : second]) for first, second in pairwise((-1, *closing)))
    return [lines[place] for place in closing] if each and not coded and not worked(below) else []


def closing_pairs(context: Context, events: list[Event]) -> list[list[int]]:
    """Numbers of each name and minutes that end a sentence and give the work before them a code: ``SLR. 97110 15 min. Stairs``.

    A note writes so where two or more do, every code of the note stands in one, work that may be of its code stands before each
    and behind the one ahead of it, and none behind the last on its line or the next.
    """
    line_of, sentence_of = context.tokens.line_of, context.sentence_of
    named = [n for n, event in enumerate(events) if event.kind == "svc" and event.code]
    seen = Surroundings(context, events, [])
    pairs: list[list[int]] = []
    for name in named:
        around = (n for n in (name + 1, name - 1) if 0 <= n < len(events) and events[n].kind == "dur")
        timed = next((n for n in around if seen.name(n, name - n) is not None), None)
        last = max(name, name if timed is None else timed)
        ends = last + 1 == len(events) or sentence_of[events[last + 1].start] != sentence_of[events[last].start]
        if timed is None or not ends or (pairs and min(name, timed) <= pairs[-1][-1]):
            return []
        pairs.append(sorted((name, timed)))
    if len(pairs) < HABIT:
        return []

    def worked(first: int, pair: Sequence[int]) -> bool:
        """Whether work stands before a pair, and none that is of another code by its name."""
        code = next(events[n].code for n in pair if events[n].kind == "svc")
        work = [event for event in events[first : pair[0]] if event.kind == "act"]
        return any(e.tag == "ACT" for e in work) and all(e.code in ("", code) for e in work)

    each = all(worked(before[-1] + 1, pair) for before, pair in pairwise(([-1], *pairs)))
    end = pairs[-1][-1]
    line = line_of[events[end].start]
    behind = any(event.tag == "ACT" and line_of[event.start] <= line + 1 for event in events[end + 1 :])
    return pairs if each and not behind else []


def closing_names(context: Context, events: list[Event]) -> list[int]:
    """Numbers of the names behind minutes that end the work before them: ``rocks, reaches - 25 min ther ex. Then``."""
    seen = Surroundings(context, events, [])
    out = []
    for number, event in enumerate(events):
        name = seen.name(number, 1) if event.kind == "dur" else None
        if name is None or not seen.closes(name) or seen.name(number, -1) is not None:
            continue
        before = seen.scope(number, -1)
        if any(events[n].kind == "act" for n in before) and not any(events[n].kind == "dur" for n in before):
            out.append(name)
    return out


def trailing_brackets(context: Context, events: list[Event]) -> list[int]:
    """Numbers of bracketed minutes behind the full stop of their work: ``Tub transfer, Min A. (11 mins) Scap rows. (9 mins)``."""
    words, line_of = context.tokens.words, context.tokens.line_of
    out = []
    for number, event in enumerate(events):
        if event.kind != "dur" or words[max(0, event.start - 2) : event.start] != [".", "("]:
            continue
        if words[event.end : event.end + 1] != [")"] or words[event.end + 1 : event.end + 2] == [":"]:
            continue
        before = events[number - 1] if number else None
        if before is not None and before.kind == "act" and line_of[before.start] == line_of[event.start]:
            out.append(number)
    led = _led_by_brackets(context, events) if out else set()
    return [number for number in out if number not in led]


def _led_by_brackets(context: Context, events: Sequence[Event]) -> set[int]:
    """Numbers of the events of lines that open with bracketed minutes and end with work: ``(15 min) Rows. (30 min) Stairs``."""
    words = context.tokens.words
    out: set[int] = set()
    for line in on_lines(context, events):
        first = events[line[0]]
        opened = first.kind == "dur" and words[first.start - 1 : first.start] == ["("]
        if opened and events[line[-1]].kind == "act":
            out |= {*line[1:]}
    return out


def timed_lines(context: Context, events: list[Event]) -> list[list[int]]:
    """Numbers of the events of lines that each end with the minutes of their own work, three or more below one another."""
    line_of = context.tokens.line_of
    runs: list[list[list[int]]] = [[]]
    last, headed_by = -1, False
    for own in on_lines(context, events):
        line = line_of[events[own[0]].start]
        kinds = [events[n].kind for n in own]
        work = {events[n].tag for n in own[:-1]} == {"ACT"} and not any(
            events[n].start in context.unticked for n in own
        )
        fits = (
            kinds[-1] == "dur" and set(kinds[:-1]) == {"act"} and work and not spoken_against(context, events[own[-1]])
        )
        if not fits or line != last + 1:
            # Under a heading with minutes of its own these are parts of them.
            headed_by = kinds[0] == "svc" and "act" not in kinds
            runs.append([])
        if fits and not headed_by:
            runs[-1].append(own)
        last = line
    return [line for run in runs if len(run) > HABIT for line in run]


def charged_apart(context: Context, events: list[Event]) -> list[int]:
    """Numbers of the activities that begin a block because minutes by code stand before them, apart from all work.

    ``97530: 8; 97110: 10.``, then the tasks: the last code is not theirs.
    """
    line_of, sentence_of = context.tokens.line_of, context.sentence_of
    out = []
    number = 0
    for is_work, members in groupby(range(len(events)), key=lambda n: events[n].kind == "act"):
        run = list(members)
        number = run[-1] + 1
        if is_work or number == len(events):
            continue
        run = _charges(run, line_of, events)
        codes = {events[n].code for n in run if events[n].kind == "svc" and events[n].code}
        timed = sum(events[n].kind == "dur" for n in run)
        if events[number].tag != "ACT":
            continue
        if min(len(codes), timed) >= HABIT and sentence_of[events[run[-1]].start] != sentence_of[events[number].start]:
            out.append(number)
    return out


def unit_charges(context: Context, events: list[Event]) -> list[list[int]]:
    """Numbers of the names of each sentence that only charges units of two codes or more: ``97110 x2 units, 97530 x1 unit``.

    None where no work is named: then these names are all that there is of it.
    """
    if not any(event.tag == "ACT" for event in events):
        return []
    out = []
    for sentence in in_sentences(context, events):
        codes = {events[n].code for n in sentence if events[n].kind == "svc" and events[n].code}
        if len(codes) < HABIT or len(codes) < len(sentence):
            continue
        if all(_counts_units(context, events[n]) for n in sentence):
            out.append(sentence)
    return out


def _counts_units(context: Context, event: Event) -> bool:
    """Whether a name is followed by units: ``97110 x2 units``."""
    words = context.tokens.lower[event.end : event.end + _UNIT_REACH]
    solid = [word for word in words if not word.isspace() and word not in _UNIT_MARKS][:HABIT]
    return len(solid) == HABIT and len(solid[0]) == 1 and solid[0].isdecimal() and solid[1] in listed("unit")


def _charges(run: Sequence[int], line_of: Sequence[int], events: Sequence[Event]) -> list[int]:
    """The events of a run's last line, and of the lines right above it that hold a name and minutes each, as it does."""
    lines = [(line, list(own)) for line, own in groupby(run, key=lambda n: line_of[events[n].start])]
    out: list[int] = []
    below = None
    for line, own in reversed(lines):
        pair = sorted(events[n].kind for n in own) == ["dur", "svc"]
        if below is not None and not (pair and line == below - 1):
            break
        out = [*own, *out]
        if not pair:
            break
        below = line
    return out


def _charged(events: Sequence[Event], line: Sequence[int]) -> str:
    """The code of a line that is but a service's name and minutes; empty for any other."""
    if sorted(events[n].kind for n in line) != ["dur", "svc"]:
        return ""
    return next(events[n].code for n in line if events[n].kind == "svc")


def _pairs(context: Context, events: Sequence[Event], line: Sequence[int]) -> list[list[int]]:
    """Each service's name with its minutes, of a line that is nothing else but perhaps their sum; empty for any other."""
    if _charged(events, line):
        return [list(line)]
    timed = [n for n in line if events[n].kind == "dur"]
    rest = list(line)
    for end in (0, -1):
        parts = [n for n in timed if n != line[end]]
        if len(rest) % 2 and line[end] in timed and events[line[end]].minutes == sum(events[n].minutes for n in parts):
            rest.remove(line[end])
    pairs = [rest[at : at + 2] for at in range(0, len(rest), 2)]
    kinds = [[events[n].kind for n in pair] for pair in pairs]
    told = len(pairs) >= HABIT and kinds[0] in (["svc", "dur"], ["dur", "svc"]) and all(k == kinds[0] for k in kinds)
    near = told and all(marks_between(context, *(events[n] for n in pair)) is not None for pair in pairs)
    return pairs if near and all(events[n].code for n in rest if events[n].kind == "svc") else []


def charge_lines(context: Context, events: list[Event]) -> list[list[int]]:
    """Numbers of each service's name and its minutes in lines right below one another that hold nothing else: ``TE min | 15 | 18``.

    Two or more, each of another code, below work and with none of it right below them: whoever did the work charged it so. Several
    may stand on one line: ``TE 2u (25') TA 1u (15')``.
    """
    line_of = context.tokens.line_of
    lines = list(on_lines(context, events))
    charged = [_pairs(context, events, line) for line in lines]
    out: list[list[int]] = []
    first = next((at for at, line in enumerate(lines) if any(events[n].tag == "ACT" for n in line)), len(lines))
    place = first + 1
    while place < len(lines):
        end = place
        while end < len(lines) and charged[end] and (end == place or _right_below(line_of, events, lines, end)):
            end += 1
        run = [pair for pairs in charged[place:end] for pair in pairs]
        codes = {_charged(events, pair) for pair in run}
        heads = (
            end < len(lines)
            and _right_below(line_of, events, lines, end)
            and any(events[n].kind == "act" for n in lines[end])
        )
        if not heads and len(run) == len(codes) >= HABIT:
            out += run
        place = max(end, place + 1)
    return out


def announced(context: Context, event: Event) -> bool:
    """Whether an event's line opens by saying that its numbers are minutes, whatever stands above: ``Min: 97110-14 / 97530-16``."""
    tokens = context.tokens
    first, last = tokens.lines[tokens.line_of[event.start]]
    solid = [word for word in tokens.lower[first:last] if not word.isspace()][:2]
    return solid[1:] == [":"] and solid[0] in duration_words().minute


def _right_below(line_of: Sequence[int], events: Sequence[Event], lines: Sequence[list[int]], place: int) -> bool:
    """Whether no line stands between that of a place and the one of events before it."""
    return place > 0 and line_of[events[lines[place][0]].start] == line_of[events[lines[place - 1][0]].start] + 1


def own_rows(context: Context, events: list[Event]) -> list[list[int]]:
    """Numbers of the events from a heading without minutes to the row that gives its work minutes, all below one another.

    ``Therex (97110)``, ``NuStep 10 min``, ``Rows 3x10``, ``Minutes 26``. A row that says *total* is one only where each of
    several headings has such a row: else it may be the whole visit's.
    """
    tokens = context.tokens

    def line_at(line: Sequence[int]) -> int:
        return tokens.line_of[events[line[0]].start]

    def named(line: Sequence[int]) -> set[str]:
        """The words of a line that is such a row; none where it is not."""
        first, last = tokens.lines[line_at(line)]
        words = {w for w in tokens.lower[first:last] if w.isalpha()}
        lone = len(line) == 1 and events[line[0]].kind == "dur" and not events[line[0]].clock
        return words if lone and words <= listed("own_row") else set()

    lines = list(on_lines(context, events))
    found: list[tuple[bool, list[int]]] = []
    for place, line in enumerate(lines):
        words = named(line)
        members: list[int] = line
        for above in reversed(lines[:place] if words else []):
            if line_at(members) - line_at(above) > 1 or named(above):
                break
            members = [*above, *members]
            if events[above[0]].kind == "svc" and events[above[0]].code:
                if len(above) == 1 and any(events[n].tag == "ACT" for n in members):
                    found.append((not words.isdisjoint(listed("total_row")), members))
                break
    several = sum(is_total for is_total, _ in found) >= HABIT
    return [members for is_total, members in found if several or not is_total]


def begun_below(context: Context, events: list[Event], closing: Sequence[list[int]]) -> list[int]:
    """Numbers of the activities that begin a block because a closing line ends the one before."""
    out = []
    for line in closing:
        acts = (n for n in range(line[-1], len(events)) if events[n].tag == "ACT")
        out += [n for n in acts if events[n].start not in context.unticked][:1]
    return out
