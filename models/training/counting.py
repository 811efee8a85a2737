"""One note's labels against its result: everything that is counted, so that figures are sums over notes.

Spans are matched one to one by overlap, the largest overlap first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from models.billing.codes import HEADLINE
from models.billing.flags import FLAGS
from models.billing.units import POLICIES, units
from models.classifier import CLASSES
from models.result import Result, ServiceResult
from models.training.dataset import LabelledNote, LabelledService, headline_of, minutes_of
from models.training.figures import Counts, Judged, count_codes, count_judged, count_two
from nlp.lexicon import singular

WARNINGS = tuple(kind.id for kind in FLAGS.values() if kind.severity in ("warning", "error"))


class Stretch(Protocol):
    """Anything with a half-open stretch of the note."""

    @property
    def start(self) -> int:
        """First character."""
        ...

    @property
    def end(self) -> int:
        """Character after the last."""
        ...


def overlap(a: Stretch, b: Stretch) -> bool:
    """Whether two stretches share a character."""
    return a.start < b.end and b.start < a.end


def pair(found: Sequence[Stretch], wanted: Sequence[Stretch]) -> list[tuple[int, int]]:
    """Index pairs of overlapping spans, each span used once; the pair that overlaps most goes first."""
    candidates = []
    for i, a in enumerate(found):
        for j, b in enumerate(wanted):
            common = min(a.end, b.end) - max(a.start, b.start)
            if common > 0:
                candidates.append((-common, i, j))
    pairs, left, right = [], set(), set()
    for _, i, j in sorted(candidates):
        if i not in left and j not in right:
            left.add(i)
            right.add(j)
            pairs.append((i, j))
    return pairs


def vocabulary(notes: Iterable[LabelledNote]) -> set[str]:
    """Words of the activities of these notes, in singular."""
    return {singular(word) for note in notes for a in note.activities for word in a.text.split() if word.isalpha()}


def pair_blocks(note: LabelledNote, result: Result) -> list[tuple[ServiceResult, LabelledService]]:
    """Blocks as read with the labelled blocks that they are, by overlap; what is left over on either side is left out."""
    return [(result.services[i], note.services[j]) for i, j in pair(result.services, note.services)]


def hard_kinds(note: LabelledNote) -> tuple[str, ...]:
    """What makes a note hard by design; empty for an ordinary one, and where notes carry no such label."""
    return tuple(getattr(note, "hard", ()))


def twin_of(note: LabelledNote) -> tuple[str, str] | None:
    """Id and family of the minimal pair that a note belongs to; ``None``: none, or notes carry no such label."""
    twin = getattr(note, "pair", None)
    return None if twin is None else (twin.id, twin.family)


def unit_of(note: LabelledNote) -> str:
    """What a note is resampled with: its pair's id, else its own."""
    twin = twin_of(note)
    return f"note:{note.id}" if twin is None else f"pair:{twin[0]}"


def headline(minutes: Mapping[str, int]) -> dict[str, int]:
    """Only the entries of 97110 and 97530."""
    return {code: number for code, number in minutes.items() if code in HEADLINE}


def minutes_right(note: LabelledNote, result: Result) -> bool:
    """Whether the minutes of 97110 and 97530 are the labelled ones."""
    return headline(result.minutes) == headline(minutes_of(note))


def code_right(note: LabelledNote, result: Result) -> bool:
    """Whether the proposed code is the labelled one."""
    return result.proposal.code == headline_of(note)


def reading_right(note: LabelledNote, result: Result) -> bool:
    """Whether every labelled activity is found as done, and nothing that was not done today."""
    return all_read(note, [activity for service in result.services for activity in service.activities])


def all_read(note: LabelledNote, done: Sequence[Stretch]) -> bool:
    """`reading_right` of the activities that were read as done."""
    return len(pair(done, note.activities)) == len(note.activities) and not any(
        overlap(mention, activity) for mention in note.mentions for activity in done
    )


def is_unseen(text: str, known: Collection[str]) -> bool:
    """Whether an activity's words, of three letters or more, are all new: none is among ``known``."""
    words = [singular(word) for word in text.split() if word.isalpha() and len(word) > 2]
    return bool(words) and not any(word in known for word in words)


# What must be right on both notes of a minimal pair, by its family.
PAIR_RULES: Mapping[str, Callable[[LabelledNote, Result], bool]] = {
    "purpose": code_right,
    "status": reading_right,
    "minutes": minutes_right,
}


def count_pairs(notes: Sequence[LabelledNote], results: Sequence[Result], counts: Sequence[Counts]) -> None:
    """Add each minimal pair, right or not, to the counts of its first note; a note whose twin is not here counts nothing."""
    members: dict[tuple[str, str], list[int]] = {}
    for number, note in enumerate(notes):
        twin = twin_of(note)
        if twin is not None:
            members.setdefault(twin, []).append(number)
    for (_, family), numbers in members.items():
        if len(numbers) == 2:
            first = counts[numbers[0]]
            first[f"pair:{family}"] = 1.0
            first[f"pair:{family}:right"] = float(all(PAIR_RULES[family](notes[n], results[n]) for n in numbers))


def count_note(note: LabelledNote, result: Result, known: Collection[str]) -> Counts:
    """Everything counted on one note's reading and coding; ``known`` are the words of the training activities."""
    c: Counts = {"notes": 1.0}
    _count_work(c, note, result, known)
    _count_minutes(c, note, result)
    _count_blocks(c, note, result)
    c["goal_found"], c["goal_wanted"] = len(result.goals), len(note.goals)
    c["goal_right"] = len(pair(result.goals, note.goals))
    c["elements"] = len(note.elements)
    c["elements_right"] = sum(e.documented == note.elements[e.element] for e in result.documentation)
    for element in result.documentation:
        c[f"element_{element.element}"] = element.documented == note.elements[element.element]
    right = code_right(note, result)
    c["proposal_right"] = right
    c["unflagged"] = result.proposal.status != "flagged"
    c["unflagged_wrong"] = c["unflagged"] and not right
    return c


def _count_work(c: Counts, note: LabelledNote, result: Result, known: Collection[str]) -> None:
    found = [(a, s) for s in result.services for a in s.activities]
    wanted = [(a, s) for s in note.services for a in s.activities]
    pairs = pair([a for a, _ in found], [a for a, _ in wanted])
    c["act_found"], c["act_wanted"], c["act_right"] = len(found), len(wanted), len(pairs)
    c["act_exact"] = sum(
        (found[i][0].start, found[i][0].end) == (wanted[j][0].start, wanted[j][0].end) for i, j in pairs
    )
    c["act_coded"] = sum(found[i][1].code in wanted[j][1].accept for i, j in pairs)
    matched = {j for _, j in pairs}
    unseen = []
    for j, (activity, _) in enumerate(wanted):
        if is_unseen(activity.text, known):
            unseen.append(j in matched)
    c["unseen_wanted"], c["unseen_right"] = len(unseen), sum(unseen)
    c["not_today"] = len(note.mentions)
    c["leaked"] = sum(any(overlap(m, a) for a, _ in found) for m in note.mentions)
    listed = [(result.mentions[i], note.mentions[j]) for i, j in pair(result.mentions, note.mentions)]
    c["mention_found"], c["mention_right"] = len(result.mentions), len(listed)
    c["status_wanted"] = sum(gold.status is not None for _, gold in listed)
    c["status_right"] = sum(got.status == gold.status for got, gold in listed)


def _count_minutes(c: Counts, note: LabelledNote, result: Result) -> None:
    wanted = minutes_of(note)
    c["minutes_all"] = result.minutes == wanted
    c["minutes_headline"] = minutes_right(note, result)
    for policy in POLICIES:
        earned = units(wanted, policy)
        c[f"units_all_{policy}"] = dict(result.units[policy]) == earned
        c[f"units_headline_{policy}"] = headline(result.units[policy]) == headline(earned)


def _count_blocks(c: Counts, note: LabelledNote, result: Result) -> None:
    paired = pair_blocks(note, result)
    c["block_found"], c["block_wanted"], c["block_paired"] = len(result.services), len(note.services), len(paired)
    c["block_unmatched"] = len(result.services) - len(paired)
    c["block_minutes"] = sum(got.minutes == gold.minutes for got, gold in paired)
    c["block_exact"] = sum(
        {(a.start, a.end) for a in got.activities} == {(a.start, a.end) for a in gold.activities}
        and got.minutes == gold.minutes
        for got, gold in paired
    )
    c["stated_right"] = sum(got.stated_code == gold.stated_code for got, gold in paired)
    for got, gold in paired:
        count_codes(c, "read", got.code, gold.code)
        count_two(c, "read", max(HEADLINE, key=lambda code: got.probabilities[code]), gold.code)


def judge(note: LabelledNote, result: Result) -> list[Judged]:
    """The decisions on one note with their confidence: the codes of its blocks as read, and its proposal."""
    blocks = [Judged("read", got.confidence, got.code in gold.accept) for got, gold in pair_blocks(note, result)]
    return [*blocks, Judged("proposal", result.proposal.confidence, code_right(note, result))]


def count_confidence(c: Counts, judged: Sequence[Judged]) -> None:
    """Add one note's decisions to the sums that calibration is measured by."""
    for one in judged:
        count_judged(c, one)


def count_flags(c: Counts, needed: Collection[str], result: Result) -> None:
    """Add which warnings a note's labels raise (``needed``) and which ones its result."""
    raised = {flag.id for flag in result.flags if flag.id in WARNINGS}
    flagged = result.proposal.status == "flagged"
    c["flag_wanted"], c["flag_found"] = bool(needed), flagged
    c["flag_right"] = bool(needed) and flagged
    c["flag_reason"] = bool(raised & set(needed))
    for name in WARNINGS:
        c[f"flag:{name}:wanted"], c[f"flag:{name}:found"] = name in needed, name in raised
        c[f"flag:{name}:right"] = name in needed and name in raised


def count_gold_blocks(
    c: Counts,
    codes: Sequence[tuple[str, Collection[str]]],
    full: Sequence[Sequence[float]],
    hidden: Sequence[Sequence[float]],
) -> list[Judged]:
    """Add the codes given to one note's labelled blocks; returns the decisions with their confidence.

    Parameters
    ----------
    c
        The note's counts.
    codes
        The labelled code of each block, and all that a careful coder could defend.
    full, hidden
        Probabilities of shape (blocks, 3), columns as `CLASSES`, with the code that the note states and without it.
    """
    judged = []
    for (code, accept), seen, covered in zip(codes, full, hidden, strict=True):
        best = max(range(len(CLASSES)), key=lambda k: seen[k])
        judged.append(Judged("block", float(seen[best]), CLASSES[best] in accept))
        for row, is_hidden in ((seen, False), (covered, True)):
            count_codes(c, "block", CLASSES[max(range(len(CLASSES)), key=lambda k: row[k])], code, hidden=is_hidden)
            count_two(c, "block", max(HEADLINE, key=lambda h: row[CLASSES.index(h)]), code, hidden=is_hidden)
    return judged
