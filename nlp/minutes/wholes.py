"""Minutes that are parts of others or made of them: halves, remainders, what a break takes away, sums."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from nlp.clock import elapsed, is_blank
from nlp.minutes.reading import CLAUSE, LEAST_BARE, NOTE, PART_REACH, STARTS, Candidate, Reading
from nlp.terms import listed

_BEHIND = 2  # tokens between minutes and the half of them
_NEXT = 2  # sentences after one half within which the other one is told
_NET_FORMS = frozenset(("unit", "tick", "words", "bare", "range", "hours"))
_WHOLES = frozenset(("unit", "tick", "words", "hours", "head", "bare"))
_ROUND = frozenset((5, 6, 8, 10, 12, 15, 20, 25, 30))  # as many are repetitions: "session: 15 bridges, 15 clams"
_FURTHEST = 80  # tokens behind a whole within which it is divided
_SENTENCES = 2  # behind the one of a whole in which it may be divided
_LEADS_PART = frozenset(",;:(/-–—.")
_PARTS = frozenset(("unit", "tick", "words"))
_BESIDE = 4  # tokens around a whole in which a word says that it is the visit's
_EVENLY = 8  # tokens behind a whole within which it is said to be split evenly
_SUMMED = 3  # words between minutes that a bracket adds up
_PARTING = frozenset((",", "/", ";", "and", "+", "&", "|"))


class Wholes(Reading):
    """Minutes that are parts of others or made of them."""

    def shares(self) -> None:
        """``half of the 40-minute session``, ``the other half``, ``40 min, half of it counted by PT``: minutes of a whole."""
        given: tuple[int, int] | None = None  # minutes, and the sentence that gave them
        sentences = self.context.sentence_of
        for index, word in enumerate(self.lower):
            part = self.data.halves.get(word, 0) if word.isalpha() else 0
            if not part or index in self.taken:
                continue
            at = self.next(index)
            apart = 0 if given is None else sentences[index] - given[1]
            if given is not None and (
                (self._other(index) and 0 < apart <= _NEXT) or (not apart and self._second(index))
            ):
                self.add(index, index + 1, given[0], "words")
            elif self.word(at) == "of" and self.word(self.next(at)) in listed("back_reference"):
                self._half_of_it(index, self.next(at), part)
            elif self.word(at) == "of":
                first = self.next(at)
                value, end = self._counted_minutes(first)
                after = self.word(self.from_here(end))
                told = not after.isalnum() or after in listed("session_word") or after in listed("copula")
                if value >= 2 * LEAST_BARE and told:
                    given = value * part // 60, sentences[index]
                    self.taken.difference_update(range(first, end))
                    self.found = [c for c in self.found if not first <= c.start < end]
                    self.add(index, end, given[0], "words")

    def _other(self, index: int) -> bool:
        """Whether *the other half* opens a sentence with this token."""
        other = self.before(index)
        the = self.before(other)
        begins = the < 1 or self.context.sentence_of[the - 1] != self.context.sentence_of[the]
        return self.word(other) == "other" and self.word(the) in listed("determiner") and begins

    def _second(self, index: int) -> bool:
        """Whether *half* at this token is the second of a sentence: ``half of the 30 min was treadmill and half was carrying``."""
        led = self.word(self.before(index)) in ("and", ",", ";")
        return led and self.word(self.next(index)) in listed("spent_on")

    def evenly(self) -> None:
        """``30 min split evenly``: the minutes of each of the two parts, or of three where three are named."""
        sentences = self.context.sentence_of
        lone = Counter(sentences[c.start] for c in self.found)
        out: list[Candidate] = []
        for c in self.found:
            behind = range(c.end, min(c.end + _EVENLY, len(self.words)))
            at = next(
                (i for i in behind if self.lower[i] in listed("evenly") and sentences[i] == sentences[c.start]), None
            )
            split = at is not None and not listed("split").isdisjoint(self.lower[c.end : at + 3])  # no "step evenly"
            if at is not None and split and c.form in _WHOLES and lone[sentences[at]] == 1:
                after = self.next(at)
                named = self.word(after if self.word(after).isdecimal() else self.next(after))
                parts = 3 if named in ("3", "three") else 2
                c = replace(c, minutes=c.minutes // parts, form="even") if not c.minutes % parts else c
            out.append(c)
        self.found = out

    def _half_of_it(self, index: int, reference: int, part: int) -> None:
        """Take for minutes that a comma and *half of it* follow the part that the note credits: ``counted by PT``."""
        whole = next((c for c in self.found if c.end <= index <= c.end + _BEHIND), None)
        if whole is None or self.word(self.next(reference)) not in listed("credited"):
            return
        between = [word for word in self.lower[whole.end : index] if not is_blank(word)]
        if whole.form in ("unit", "words") and between == [","]:
            self.found.remove(whole)
            self.found.append(replace(whole, end=reference + 1, minutes=whole.minutes * part // 60))
            self.taken.update(range(whole.start, reference + 1))

    def less(self) -> None:
        """``30 min minus the 8-min break``, ``31 min less 6``: what is left of them, where the note does not say it itself."""
        out: list[Candidate] = []
        for c in self.found:
            if out and c.start < out[-1].end:
                continue
            mark = self.from_here(c.end)
            apart = c.form == "range" and self.word(mark) == ","
            if apart:
                mark = self.next(mark)  # "10:00 to 10:40, less 10 min"
            if self.word(mark) in listed("less") and c.form in _NET_FORMS:
                value, end = self._counted_minutes(self.next(mark))
                if apart and self.word(self.from_here(end)) == "than":
                    value = 0  # "less 5 min than yesterday"
                if not value and not apart:
                    value, end = self._spelt(self.next(mark))
                    after = self.from_here(end)
                    told = not self.word(after).isalnum() or self.word(after) in listed("taken_for")
                    value = value if told and self.word(self.next(after)) not in listed("pause") else 0
                line = self.words[end : self.tokens.lines[self.tokens.line_of[c.start]][1]]
                if 0 < value < c.minutes and "=" not in line[:NOTE] and not self._counts(end - 1):
                    c = replace(c, end=end, minutes=c.minutes - value)
                    self.taken.update(range(c.start, end))
            out.append(c)
        self.found = out

    def joined(self) -> None:
        """Ranges that go on after a pause are one (``2:06 to 2:19 and 2:24 to 2:43``); so are sums, and minutes said again."""
        self.found.sort(key=lambda c: (c.start, c.end))
        out: list[Candidate] = []
        for c in self.found:
            last = out[-1] if out else None
            if last is not None and self._again(last, c):
                out[-1] = replace(last, end=c.end)
                self.taken.update(range(last.start, c.end))
            elif last is not None and self._adds(last, c):
                out[-1] = Candidate(last.start, c.end, last.minutes + c.minutes, last.form)
                self.taken.update(range(last.start, c.end))
            else:
                out.append(c)
        self.found = out

    def _again(self, first: Candidate, second: Candidate) -> bool:
        """Whether the second says the same minutes once more, by the clock or as an amount: ``(15 min, 1030-1045)``."""
        between = [word for word in self.lower[first.end : second.start] if not is_blank(word)]
        same = first.minutes == second.minutes and (first.form == "range") != (second.form == "range")
        return same and between in ([","], ["("], ["/"], ["="], [";"])

    def _adds(self, first: Candidate, second: Candidate) -> bool:
        """Whether two candidates side by side are one sum."""
        if second.start in self.context.untimed:
            return False  # "20 min + 6 min rest"
        between = [word for word in self.lower[first.end : second.start] if not is_blank(word)]
        if first.form != second.form:
            return False
        if self.word(first.start - 1) == "(" and first.form in ("unit", "tick") and between[-1:] == ["+"]:
            return len(between) <= _SUMMED and all(
                word.isalpha() for word in between[:-1]
            )  # "(8 min bike + 22 min mat)"
        if self._other_half(first, between):
            return True
        if between[:1] in (["and"], [","]) and between[1:] in ([word] for word in listed("again")):
            between = ["and"]  # "3:05-3:17 and again 3:30-3:41"
        if len(between) != 1:
            return False
        if first.form != "range":
            return between[0] == "+" and first.form in ("unit", "tick", "letter")
        return between[0] in ("and", "+", "&") and not self._meets(first, second)

    def _other_half(self, first: Candidate, between: Sequence[str]) -> bool:
        """Whether minutes of two parts of one day stand side by side: ``AM 14 min / PM 13 min``."""
        ahead = self.word(self.before(first.start))
        parts = [word for word in between if word in listed("day_part")]
        marks = [word for word in between if word not in parts]
        return len(parts) == 1 and {ahead} <= listed("day_part") - {*parts} and len(marks) == 1 and {*marks} <= _PARTING

    def _meets(self, first: Candidate, second: Candidate) -> bool:
        """Whether a range begins with the very time that ends the one before it: two blocks side by side."""
        begin = self.clock(second.start)
        for at in range(first.start + 1, first.end):
            end = self.clock(at)
            if begin is not None and end is not None and end[1] == first.end:
                return elapsed(end[0], begin[0]) == elapsed(0, 0)
        return False

    def rests(self) -> None:
        """``the last ten we did``, ``the remaining 20 went to``, ``the last 12 of those 30 min``."""
        for index, word in enumerate(self.lower):
            if word not in self.data.rests or self.word(self.before(index)) not in ("the", "for"):
                continue
            at = self.next(index)
            value, end = self._spelt(at)
            step = self.from_here(end)
            after = self.word(step)
            counts = after != "of" and (after in self.data.counted or after in self.data.minute)
            if value >= LEAST_BARE and at not in self.taken and not counts:
                self.add(at, end, value, "rest")

    def parts(self) -> None:
        """``of the 40 minutes we had 15 were spent on transfers``, ``of 45 min 20 went to steps, 15 to rows``: parts, no whole."""
        sentences, lower = self.context.sentence_of, self.lower
        skipped = (*listed("determiner"), *listed("whole_visit"))
        for whole in [c for c in self.found if c.form in ("unit", "tick", "words") and c.minutes > LEAST_BARE]:
            at = self.before(whole.start)
            while self.word(at) in skipped:
                at = self.before(at)
            if self.word(at) != "of":
                continue
            if self.word(self.before(at)).isdecimal():
                self._part_of(whole, self.before(at), self.next(at))
                continue
            behind = self.from_here(whole.end + (self.word(self.from_here(whole.end)) == "of"))
            if behind in self._named_at:
                continue  # "a total of 25 min ther ex"
            parts: list[tuple[int, int, int]] = []
            for index in range(whole.end, min(len(lower), whole.end + PART_REACH)):
                crossed = sentences[index] - sentences[whole.start] - self.words[whole.end : index].count(";")
                if crossed > 0 or index in self.taken:
                    break
                value, end = self._spelt(index)
                if value < LEAST_BARE:
                    continue
                before, after = self.before(index), self.word(self.from_here(end))
                told = before < whole.end or self.word(before) in (*CLAUSE, *listed("part_after"))
                if told and after in listed("spent_on" if parts else "part_of"):
                    parts.append((index, end, value))
            if parts and sum(value for _, _, value in parts) <= whole.minutes:
                self.found.remove(whole)
                for start, end, value in parts:
                    self.add(start, end, value, "rest")

    def divided(self) -> None:
        """Bare numbers behind a whole that add up to it, or leave what a remainder is: ``53 min, of which 23 gait, 30 NuStep``.

        ``Seen 33 min; 18 of it transfers, 15 of it ADLs``, ``60 min, 25 went to beds, the remainder to ramps``.
        """
        self.found.sort(key=STARTS)
        found, starts = [*self.found], [*map(STARTS, self.found)]
        gone: set[int] = set()
        for place, whole in enumerate(found):
            if whole.form not in _WHOLES or whole.minutes <= 2 * LEAST_BARE or whole.start in gone:
                continue
            if self.word(self.before(whole.start)) == "of":
                continue
            end = self._scope(whole)
            timed = found[place + 1 : bisect_left(starts, end)]
            first = timed[0].start if timed else end
            numbers = [at for at in self.figures_in(whole.end, first) if self._is_part(at, whole.minutes)]
            given = sum(int(self.words[at]) for at in numbers)
            of_visit = self._visit(whole)
            told = any(self._part_is_told(at) for at in numbers)
            told = told or (of_visit and not {int(self.words[at]) for at in numbers} <= _ROUND)
            if len(numbers) > 1 and given == whole.minutes and told:
                gone.add(whole.start)
            elif (numbers and told) or (timed and of_visit and all(c.form in _PARTS for c in timed)):
                given += sum(c.minutes for c in timed)
                last = timed[-1].start if timed else first
                if not self._leave(whole.minutes - given, max(numbers[-1:], default=last), end):
                    continue
                gone.add(whole.start)
            else:
                continue
            for at in numbers:
                self.add(at, at + 1, int(self.words[at]), "rest")
        self.found = [c for c in self.found if c.start not in gone]

    def _part_is_told(self, at: int) -> bool:
        """Whether words beside a bare number make it a part of a whole: ``of which 23``, ``18 of it``, ``other 15``."""
        return self.word(self.before(at)) in listed("part_told") or self.word(self.next(at)) == "of"

    def _visit(self, whole: Candidate) -> bool:
        """Whether a word beside minutes says that they are the visit's."""
        beside = (
            *self.lower[max(0, whole.start - _BESIDE) : whole.start],
            *self.lower[whole.end : whole.end + _BESIDE],
        )
        return not (listed("session_word") | listed("whole_visit")).isdisjoint(beside)

    def _leave(self, left: int, start: int, end: int) -> bool:
        """Give what parts leave of a whole to the words for it behind them; whether there are such words and enough is left."""
        sentences = self.context.sentence_of
        cue = next((m for m in self.context.found["remainder"] if start < m.start < end), None)
        if cue is not None and self.word(self.from_here(cue.end)) == "of":
            of = self.lower[cue.end : cue.end + _BESIDE + 2]
            cue = None if listed("session_word").isdisjoint(of) else cue  # "the remainder of the day"
        told = cue is not None and left >= LEAST_BARE and sentences[cue.start] == sentences[start]
        if cue is not None and told:
            self.add(cue.start, cue.start + 1, left, "rest")
        return told

    def _scope(self, whole: Candidate) -> int:
        """The token up to which a whole may be divided: the end of its line, or of its sentence and the next two."""
        sentences, words = self.context.sentence_of, self.words
        end, ended = whole.end, 0
        while end < min(len(words), whole.end + _FURTHEST) and words[end][0] not in "\r\n":
            if sentences[end] != sentences[end - 1] and end > whole.end + 1:
                ended += words[end - 1] != ";"
            if ended > _SENTENCES:
                break
            end += 1
        return end

    def _is_part(self, at: int, whole: int) -> bool:
        """Whether a bare number can be a part of some minutes: behind a mark or a word that leads to one, before what it was."""
        after, before = self.next(at), self.before(at)
        if not self._small(at) or int(self.words[at]) >= whole or self.touching(at) or at in self.taken:
            return False
        fraction = self.touching(at - 1) and self.touching(at - 2) and self.word(before - 1).isdecimal()  # "pain 2/10"
        led = not fraction and (self.words[before] in _LEADS_PART or self.word(before) in listed("part_lead"))
        told = self.word(after).isalpha() and self.word(after) not in self.data.counted
        return led and not self._counts(at) and (told or self.word(after) in (",", ":"))

    def _part_of(self, whole: Candidate, at: int, first: int) -> None:
        """Take ``15 of the 40 minutes`` for the 15: the number at token ``at`` is a part of ``whole``, told before it."""
        value = int(self.words[at])
        told = self.word(first) in listed("determiner") and LEAST_BARE <= value < whole.minutes
        if told and not self.taken.intersection(range(at, whole.start)):
            self.found.remove(whole)
            self.taken.difference_update(range(whole.start, whole.end))
            self.add(at, whole.end, value, "rest")
            self._leave(whole.minutes - value, whole.end, self._scope(whole))

    def more(self) -> None:
        """``for another 14 she loaded the rack``, ``a further 8: rotations``: minutes where the number before was minutes too."""
        numbers = [at for at, word in enumerate(self.lower) if word.isdecimal() or word in self.data.numbers]
        for index in [at for at, word in enumerate(self.lower) if word in listed("another")]:
            at = self.next(index)
            value, end = self._spelt(at)
            step = self.from_here(end)
            after, then = self.word(step), self.word(self.next(step))
            told = after in listed("spent_on") or after in (":", ",") or after.endswith("ing") or after == "."
            told = told and not (after == "to" and (then in listed("effort") or then.isdecimal()))
            told = told and not (after == "of" and then in (*listed("back_reference"), *listed("determiner")))
            place = bisect_left(numbers, index)
            before = numbers[place - 1] if place else -1
            timed = before in self.taken or self.word(self.before(index)) == "for"
            sentences = self.context.sentence_of
            near = before >= 0 and 0 <= sentences[index] - sentences[before] <= _NEXT
            if value >= LEAST_BARE and at not in self.taken and told and near and timed:
                self.add(at, end, value, "rest")
