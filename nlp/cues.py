"""Which status cue reaches an activity. A cue's scope ends where its clause or sentence does."""

from __future__ import annotations

from dataclasses import dataclass

from nlp.context import Context
from nlp.document import STATUSES
from nlp.encoder import COLUMNS
from nlp.lexicon import Match

_SECTION_STATUS = {
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


@dataclass(frozen=True, slots=True)
class Finding:
    """A status and the tokens ``[start, end)`` of its cue (``start == end``: no cue, the section or the tagger says so)."""

    status: str
    start: int
    end: int


def find_status(context: Context, start: int, end: int) -> Finding | None:
    """The nearest cue whose scope reaches the activity at tokens ``[start, end)``; ``None`` where no cue does."""
    words = context.tokens.words
    sentence = context.sentence_of[start]
    best: tuple[int, Match] | None = None
    for cue in context.window(context.cues_forward.get(sentence, []), start - _REACH, start):
        if cue.end <= start:
            between = words[cue.end : start]
            if _reaches(cue, between):
                distance = sum(1 for word in between if word.isalnum())
                if best is None or distance < best[0]:
                    best = (distance, cue)
    for cue in context.window(context.cues_backward.get(context.sentence_of[end - 1], []), end, end + _REACH):
        if end <= cue.start:
            between = words[end : cue.start]
            if _reaches(cue, between):
                # Of equally near cues the one in front counts.
                distance = sum(1 for word in between if word.isalnum()) + 1
                if best is None or distance < best[0]:
                    best = (distance, cue)
    if best is None:
        return None
    return Finding(best[1].entry.data["status"], best[1].start, best[1].end)


def _reaches(cue: Match, between: list[str]) -> bool:
    return cue.entry.data["scope"] != "clause" or not any(word in (",", "(", ")") for word in between)


def status_of(context: Context, start: int, end: int) -> Finding:
    """Status of an activity that was not done today: nearest cue, else its section, else *planned*."""
    section = _SECTION_STATUS.get(context.sections[start])
    cue = find_status(context, start, end)
    if section in ("home_program", "past") or (
        section == "planned" and cue is not None and cue.status in ("past", "held")
    ):
        return cue if cue is not None and cue.status == section else Finding(section, start, start)
    if cue is not None:
        return cue
    if section is not None:
        return Finding(section, start, start)
    return Finding(_FALLBACK, start, start)


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
