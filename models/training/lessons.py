"""What the encoder is taught of a labelled note, as it is and as other hands might have written it."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from models.classifier import CLASSES
from models.training.dataset import LabelledNote
from models.training.perturb import perturbed
from models.training.tagger import gold_candidates, group_labels, labelled_events, tag_labels, token_range
from nlp.context import Context
from nlp.document import STATUSES
from nlp.encoder import READ_ELEMENTS, ROLES
from nlp.tagging import LABELS
from nlp.tokens import Tokens, kept_tokens

NO_LABEL = -100
_SLIPS = 0.03  # share of long words mistyped in training
_LONG_WORD = 4
_RELAID = ("lines joined", "lines broken", "headings removed")  # kinds of `models.training.perturb`, besides slips
_DIFFERS = {
    "status": "tag",
    "purpose": "code",
    "minutes": "role",
}  # the head that has to tell a pair apart, by its family
# What a word of a task left undone, and one of such a pair for its head, count against others.
_UNDONE, _TOLD = 3.0, 5.0
_ROLE_OF = {
    "B": "B", "I": "I", "J": "I", "O": "O", "Q": "O", "D-B": "D", "D-I": "D", "P-B": "P", "P-I": "P", "S": "S",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lesson:
    """The kept words of a note with what each head should say of them; -100 where it says nothing."""

    words: list[str]
    tags: list[int]
    roles: list[int]
    codes: list[int]
    statuses: list[int]
    weights: dict[str, list[float]]  # what each word counts in a head's loss; 1 where the head is not named
    services: frozenset[int]  # words of service names and codes
    elements: tuple[int, ...]


def lesson(note: LabelledNote) -> Lesson:
    """What the encoder should learn from a note."""
    context = Context(Tokens.of(note.text))
    tokens = context.tokens
    kept = kept_tokens(tokens)
    place = {token: position for position, token in enumerate(kept)}
    tags = tag_labels(note, tokens)
    roles, codes, statuses = ([NO_LABEL] * len(kept) for _ in range(3))
    events, belongs, parts = labelled_events(note, context, gold_candidates(note, tokens))
    services = set()
    for event, label in zip(events, group_labels(events, belongs, parts), strict=True):
        roles[place[event.start]] = ROLES.index(_ROLE_OF[label])
        if event.kind == "svc":
            services |= {place[i] for i in range(event.start, event.end) if i in place}

    def put(rows: list[int], start: int, end: int, value: int) -> None:
        for index in range(*token_range(tokens, start, end)):
            if index in place:
                rows[place[index]] = value

    for service in note.services:
        if len(service.accept) == 1:
            for activity in service.activities:
                put(codes, activity.start, activity.end, CLASSES.index(service.code))
    for mention in note.mentions:
        if mention.status is not None:
            put(statuses, mention.start, mention.end, STATUSES.index(mention.status))
    differs = "" if note.pair is None else _DIFFERS[note.pair.family]
    told = _TOLD if differs == "tag" else 1.0
    weight = {"ACT": told, "NOT": max(told, _UNDONE)}
    weights = {"tag": [weight.get(tags[index][2:], 1.0) for index in kept]}
    if differs in ("code", "role"):
        weights[differs] = [_TOLD] * len(kept)
    return Lesson(
        [tokens.words[index] for index in kept],
        [LABELS.index(tags[index]) for index in kept],
        roles,
        codes,
        statuses,
        weights,
        frozenset(services),
        tuple(int(note.elements[name]) for name in READ_ELEMENTS),
    )


def _mistyped(word: str, dice: random.Random) -> str:
    at = dice.randrange(1, len(word) - 1)
    kind = dice.randrange(3)
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + word[at] + word[at:]


def disturbed(taught: Lesson, dice: random.Random) -> Lesson:
    """The lesson as a sloppier hand would have typed it, with slips of the keyboard."""
    words = [
        _mistyped(word, dice) if len(word) > _LONG_WORD and word.isalpha() and dice.random() < _SLIPS else word
        for word in taught.words
    ]
    return replace(taught, words=words)


def relaid(note: LabelledNote) -> list[Lesson]:
    """The lessons of a note that another hand, or an export, laid out otherwise; none where that changes nothing."""
    changed = [perturbed(note, kind) for kind in _RELAID]
    return [lesson(other) for other in changed if other.text != note.text]


@dataclass(frozen=True, slots=True)
class Taught:
    """A note's lessons: as it is, and laid out otherwise."""

    plain: Lesson
    relaid: tuple[Lesson, ...]
    unit: str  # what stands in one step of training: the note, or both notes of a pair
