"""Tasks that their own item of a list, or the words that open the list, say were left out.

``SLR x10, planks held, rows x12``: the planks alone. ``Exercises deferred today: rows, presses``: all of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from nlp.context import Context
from nlp.events import Event, in_sentences
from nlp.terms import listed
from nlp.tokens import Tokens

_ITEM = 10  # tokens of a dose between a task and the word that says that it was left out
_OPENING = 14  # tokens of a sentence up to the mark behind which its list stands
_MARKS = frozenset((":", "-", "–", "—"))


def left_out_items(context: Context, events: Sequence[Event]) -> tuple[set[int], set[int]]:
    """Numbers of tasks whose item ends with a word that says so, and of the others of such sentences, where no word is of these.

    ``bridges 2x10, planks held, rows``: the planks, and bridges and rows.
    """
    left: set[int] = set()
    beside: set[int] = set()
    for sentence in in_sentences(context, events):
        acts = [n for n in sentence if events[n].kind == "act"]
        said = {n: at for n in acts if (at := _says(context.tokens, events[n])) is not None}
        if not said:
            continue
        left |= {*said}
        number = context.sentence_of[events[sentence[0]].start]
        cues = {m.start for m in (*context.cues_forward.get(number, ()), *context.cues_backward.get(number, ()))}
        if cues <= {*said.values()}:
            beside |= {n for n in acts if n not in said}
    return left, beside


def _says(tokens: Tokens, task: Event) -> int | None:
    """The word at the end of a task's item that says that it was left out, by its token; *held* may say how it was done."""
    lower, end = tokens.lower, task.end
    for at in range(end, min(end + _ITEM, len(lower))):
        word = lower[at]
        if word in listed("item_left_out") and not (word in listed("hold_word") and task.tag == "ACT"):
            solid = [w for w in lower[at + 1 : at + 4] if w.strip(" \t") != ""]
            ends = not solid or not solid[0].isalnum() or solid[0] in listed("left_out_reason")
            return at if ends and (not solid or solid[0] not in ("-", "/", "x")) else None
        if word in ",;.)" or word[0] in "\r\n" or (word.isalpha() and word not in listed("dose")):
            return None
    return None


def left_out_lists(context: Context, events: Sequence[Event]) -> set[int]:
    """Numbers of the tasks behind a colon or dash whose sentence opens by saying that all exercises were left out."""
    tokens = context.tokens
    out: set[int] = set()
    for sentence in in_sentences(context, events):
        acts = [n for n in sentence if events[n].kind == "act"]
        if not acts:
            continue
        number = context.sentence_of[events[acts[0]].start]
        first = events[acts[0]].start
        start = bisect_left(context.sentence_of, number)
        mark = next((at for at in range(first - 1, start, -1) if not tokens.words[at].isspace()), start)
        opening = [word for word in tokens.lower[start:mark] if not word.isspace()]
        if tokens.words[mark] not in _MARKS or len(opening) > _OPENING:
            continue
        said = not listed("item_left_out").isdisjoint(opening) or "none" in opening
        if said and not listed("everything").isdisjoint(opening) and listed("not_left_out").isdisjoint(opening):
            out |= {*acts}
    return out
