"""Which status cue reaches an activity. A cue's scope ends where its clause or sentence does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nlp.context import Context
from nlp.document import STATUSES
from nlp.encoder import COLUMNS
from nlp.lexicon import Match
from nlp.terms import HINTS, listed

# Why work under a heading was not done today.
SECTION_STATUS = {
    "plan": "planned",
    "home_program": "home_program",
    "not_today": "held",
    "previous": "past",
    "history": "history",
    "subjective": "reported",
    "goals": "planned",
}
_FALLBACK = "planned"
# In log-odds, what a rule's word counts against the encoder's (cross-validated on the training writers).
CUE_WORTH = 1.0
SECTION_WORTH = 0.5
_REACH = 80  # tokens; a cue further off says nothing
_YIELD_REACH = 3  # words between a cue and the one in front that it yields to: "declined to try"
_BRACKET = 15  # tokens between a cue and the brackets around it
_OUT_OF_BRACKETS = frozenset(("past", "home_program"))  # what a bracket in front says of the work behind it
_ALONE = frozenset(("refused", "held"))  # what a cue says that is a sentence of its own
_PARTING = frozenset(",;|")
_AROUND = 12  # words between an activity and a cue that one behind the activity yields to


@dataclass(frozen=True, slots=True)
class Finding:
    """A status and the tokens ``[start, end)`` of its cue (``start == end``: no cue, the section or the tagger says so)."""

    status: str
    start: int
    end: int


def find_status(context: Context, start: int, end: int) -> Finding | None:
    """The cue whose scope reaches the activity at tokens ``[start, end)``; ``None`` where no cue does.

    The nearest cue counts, unless it yields to one of another status that reaches too: "declined to try the stairs". Where
    none does, the empty check box in front says *held*, and a log's earlier date *past*.
    """
    reaching = sorted(_reaching(context, start, end), key=lambda item: item[0])
    if not reaching:
        box, date = context.unticked.get(start), context.earlier.get(start)
        if date is not None:
            return Finding("past", *date)
        return None if box is None else Finding("held", *box)
    best = reaching[0][1]
    for distance, cue in reaching[1:]:
        near = word_count(context, cue.end, best.start) <= _YIELD_REACH if best.start < start else distance <= _AROUND
        if cue.entry.data["status"] in best.entry.data["yields"] and near:
            best = cue
            break
    return _finding(best)


def bracket_of(context: Context, cue: Match) -> tuple[int, int] | None:
    """The tokens of the brackets around a cue, ``(open, close)``, within its line; ``None`` where it stands in none."""
    words = context.tokens.words
    first, last = context.tokens.lines[context.tokens.line_of[cue.start]]
    first, last = max(first, cue.start - _BRACKET), min(last, cue.end + _BRACKET)
    opened = next((at for at in range(cue.start - 1, first - 1, -1) if words[at] in "()"), None)
    closed = next((at for at in range(cue.end, last) if words[at] in "()"), None)
    if opened is None or closed is None or words[opened] != "(" or words[closed] != ")":
        return None
    return opened, closed


def said_apart(context: Context, end: int) -> Match | None:
    """The cue that stands alone right behind an activity's last token, in brackets or as a sentence of its own.

    ``clamshells (refused), heel slides``, ``Car transfers. Refused.``
    """
    words = context.tokens.words
    if words[end : end + 1] != ["("]:
        return _sentence_alone(context, end)
    for cue in context.window(context.cues_backward.get(context.sentence_of[end], []), end + 1, end + 2):
        if words[cue.end : cue.end + 1] == [")"] and cue.entry.data["status"] != "past":
            return cue
    return None


def _sentence_alone(context: Context, end: int) -> Match | None:
    """The cue of work refused or held that is the whole sentence behind the full stop at token ``end``, on its line."""
    words = context.tokens.words
    behind = range(end + 1, min(end + 3, len(words))) if words[end : end + 1] == ["."] else ()
    at = next((i for i in behind if not words[i].isspace()), None)
    if at is None or context.tokens.line_of[at] != context.tokens.line_of[end]:
        return None
    for cue in context.window(context.cues_backward.get(context.sentence_of[at], []), at, at + 1):
        closed = cue.end >= len(words) or words[cue.end] == "." or words[cue.end][0] in "\r\n"
        # "Hamstring stretch. Held." may say how it was done.
        if closed and cue.entry.data["status"] in _ALONE and cue.term.lower() not in listed("hold_word"):
            return cue
    return None


def _leaves(context: Context, cue: Match, start: int, end: int) -> bool:
    """Whether a cue reaches out of its brackets, if it stands in any, to the activity at tokens ``[start, end)``.

    What a bracket says is said of what stands right before it, up to the comma: "bridges, clamshells (refused), heel slides".
    Of earlier days it tells how things were then: "stairs (mod A last week)".
    """
    around = bracket_of(context, cue)
    if around is None or around[0] <= start < around[1]:
        return True
    status = cue.entry.data["status"]
    if around[1] < start:
        return status in _OUT_OF_BRACKETS
    return status != "past" and not any(word in _PARTING for word in context.tokens.words[end : around[0]])


def _reaching(context: Context, start: int, end: int) -> Iterator[tuple[int, Match]]:
    """Cues with their distance from the activity in words."""
    words = context.tokens.words
    sentence = context.sentence_of[start]
    for cue in context.window(context.cues_forward.get(sentence, []), start - _REACH, start):
        if cue.end <= start:
            between = words[cue.end : start]
            if _reaches(cue, between) and _leaves(context, cue, start, end):
                yield sum(1 for word in between if word.isalnum()), cue
    for cue in context.window(context.cues_backward.get(context.sentence_of[end - 1], []), end, end + _REACH):
        if end <= cue.start:
            between = words[end : cue.start]
            if not _leaves(context, cue, start, end):
                continue
            if _reaches(cue, between) and (cue.entry.data["scope"] != "alone" or _alone(context, cue, between)):
                # Of equally near cues the one in front counts.
                yield sum(1 for word in between if word.isalnum()) + 1, cue
    apart = _sentence_alone(context, end)
    if apart is not None and context.sentence_of[apart.start] != context.sentence_of[end - 1]:
        yield 1, apart


def _reaches(cue: Match, between: list[str]) -> bool:
    if cue.entry.data["status"] in ("history", "reported") and ":" in between[1:]:
        return False  # "what she used to do: she folded towels"
    return cue.entry.data["scope"] != "clause" or not any(word in (",", "(", ")") for word in between)


def _alone(context: Context, cue: Match, between: list[str]) -> bool:
    """Whether only marks and numbers stand between an activity and its cue, and the cue closes its clause: "stairs - no."."""
    words = context.tokens.words
    if any(word.isalpha() for word in between) or not any(not word.isalnum() for word in between):
        return False
    return cue.end >= len(words) or not words[cue.end].isalnum()


def status_of(context: Context, start: int, end: int) -> Finding:
    """Status of an activity that was not done today: nearest cue, else its section, else what hints at one, else *planned*."""
    section = SECTION_STATUS.get(context.sections[start])
    cue = find_status(context, start, end)
    told = cue is not None and cue.status == "home_program" and (section == "reported" or _told(context, start, end))
    if told:
        return Finding("reported", start, start)
    if section in ("home_program", "past"):
        return cue if cue is not None and cue.status == section else Finding(section, start, start)
    if section == "planned" and cue is not None and cue.status == "past":
        return Finding(section, start, start)
    if cue is not None:
        return cue
    hint = _hinted(context, start, end)
    if section is not None and not (section == "planned" and hint is not None and hint.status == "held"):
        return Finding(section, start, start)
    return hint or Finding(_FALLBACK, start, start)


def _told(context: Context, start: int, end: int) -> bool:
    """Whether an activity with a home programme's cue is told as done: "ran the loop on his own", "did pendulums at home"."""
    return any(
        match.entry.data["status"] == "reported" and (name != "hint_after" or match.term == "says")
        for name, _, match in _hints(context, start, end)
        if name != "hint_before"
    )


def _hinted(context: Context, start: int, end: int) -> Finding | None:
    """The nearest word that hints at why something was not done."""
    found = list(_hints(context, start, end))
    return _finding(min(found, key=lambda item: item[1])[2]) if found else None


def _hints(context: Context, start: int, end: int) -> Iterator[tuple[str, int, Match]]:
    """Hints in the activity's sentence: their kind, their distance in tokens, and where they stand."""
    sentence = context.sentence_of[start]
    for name in HINTS:
        for match in context.found[name]:
            if context.sentence_of[match.start] != sentence:
                continue
            if name == "hint_inside":
                if match.start == start:
                    yield name, 0, match
            elif name == "hint_after":
                if match.start >= end:
                    yield name, match.start - end, match
            elif match.end <= start and (name == "hint_before" or start - match.end <= _YIELD_REACH):
                yield name, start - match.end, match


def word_count(context: Context, start: int, end: int) -> int:
    """Words and numbers in a half-open token range."""
    return sum(1 for word in context.tokens.words[start:end] if word.isalnum())


def _finding(match: Match) -> Finding:
    return Finding(match.entry.data["status"], match.start, match.end)


def weighed(context: Context, start: int, end: int, found: Finding) -> Finding:
    """What the rules found, unless the encoder is surer of another status than a cue or a section is worth."""
    chances = context.encoded_rows(start, end)[:, COLUMNS["status"]].mean(axis=0)
    own = STATUSES.index(found.status)
    best = int(chances.argmax())
    worth = CUE_WORTH if found.start < found.end else SECTION_WORTH
    return found if chances[best] <= chances[own] + worth else Finding(STATUSES[best], start, start)


def without_cues(context: Context, start: int, end: int) -> int:
    """Where the activity at tokens ``[start, end)`` begins when status cues in front are no part of it ("refused pulleys")."""
    words = context.tokens.words
    first = start
    for cue in context.window(context.cues_forward.get(context.sentence_of[start], []), start, end):
        if cue.start == first:
            after = next((at for at in range(cue.end, end) if words[at].isalnum()), None)
            if after is not None:
                first = after
    return first
