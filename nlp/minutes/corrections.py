"""Minutes that the note itself puts right."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from nlp.lexicon import Match
from nlp.minutes.reading import LEAST_BARE, MAX_MINUTES, NOTE, PART_REACH, STARTS, Candidate, Reading
from nlp.terms import listed

_AMENDABLE = frozenset(("unit", "tick", "letter", "words", "bare", "column", "lead", "bracket", "rest"))
_NEAR = 3  # tokens between a service's name and minutes that are its
_OPENED = frozenset(":,-–—")  # what stands between "late entry" and what it adds
_MEASURES = frozenset(("%", "/", "°", "#", "-", "–", '"', "'", "×", "+"))  # behind a number that is no minutes


class Corrections(Reading):
    """Minutes that the note puts right."""

    def corrected(self) -> None:
        """Minutes that the note puts right: ``25 min (late entry, corrected to 20)``, ``15 min, sorry, 25``, ``14 min, not 12``."""
        out: list[Candidate] = []
        for c in self.found:
            if out and c.start < out[-1].end:
                continue  # what puts right
            value, end = self._bracketed(c)
            if not value and c.form in _AMENDABLE:
                value, end = self._put_right(c)
            if value:
                c = replace(c, end=end, minutes=value)
                self.taken.update(range(c.start, end))
            out.append(c)
        self.found = self._amended(out)

    def _bracketed(self, c: Candidate) -> tuple[int, int]:
        """The minutes in a bracket right behind others that says so, and the token that ends it; 0 for none."""
        at = self.from_here(c.end)
        inside = range(at, min(at + NOTE, len(self.words)) if self.word(at) == "(" else at)
        close = next((i for i in inside if self.words[i] == ")"), at)
        said = [i for i in range(at, close) if self.lower[i] in listed("corrected")]
        for figure in self.figures_in(said[-1], close) if said else []:
            leads = self.before(figure) in said or self.word(self.before(figure)) in listed("puts_right")
            after = self.word(self.from_here(figure + 1))
            if leads and self._small(figure) and (after in ",;)" or after in self.data.minute):
                return int(self.words[figure]), close
        return 0, close

    def _put_right(self, c: Candidate) -> tuple[int, int]:
        """The minutes behind others and a word that owns to a slip, and the token after them: ``15 min - no, make that 25``."""
        at, said, error = self.from_here(c.end), False, False
        for _ in range(NOTE):
            word = self.word(at)
            if word in listed("remake") and self.word(self.next(at)) in listed("remade"):
                said, at = True, self.next(at)
            elif word in listed("slip") or word in listed("corrected"):
                said = True
            elif word in listed("slip_error"):
                error = True
            elif word in listed("slip_beside"):
                said = said or error  # "error, actual 22", not "error 12"
            else:
                break
            at = self.next(at)
        value, end = self._told(at)
        return (value if said else 0), end

    def _told(self, at: int) -> tuple[int, int]:
        """Minutes at token ``at``, with their unit or not, of which nothing more is said, and the token after them; 0 for none."""
        value, end = self._spelt(at)
        step = self.from_here(end)
        close = self.touching(end - 1) and self.word(step) in self.data.tick | self.data.letter
        if self.word(step) in self.data.minute or close:
            end = step + 1
            step = self.from_here(end)
        after, more = self.word(step), self.word(step + 1)
        goes_on = after in listed("goes_on") or after in listed("instead_of")
        plain = not after.isalnum() and after not in _MEASURES and not (self.touching(step) and more.isdecimal())
        return (value if value >= LEAST_BARE and (plain or goes_on) else 0), end

    def _amended(self, found: Sequence[Candidate]) -> list[Candidate]:
        """Candidates after sentences that put them right: ``Addendum: ther ex was 21``, ``Correction: 14 min, not 12``."""
        out, sentences, gone = [*found], self.context.sentence_of, set[int]()
        signals = listed("corrects") | listed("corrected") | listed("late")
        for opening in [at for at, word in enumerate(self.lower) if word in signals]:
            before, late = self.before(opening), self.word(opening) in listed("late")
            signal = self.next(opening) if late else opening
            if late and self.word(signal) not in listed("entry"):
                continue
            opens = before < 0 or sentences[before] != sentences[opening]
            if not opens and self.word(self.next(signal)) not in (",", ":"):
                continue
            end = signal + 1
            while end < min(len(sentences), signal + PART_REACH) and sentences[end] == sentences[signal]:
                end += 1
            for at in range(signal + 1, end):
                place, minutes, after = self._amends(out, signal, at) if at not in gone else (0, 0, 0)
                if minutes and out[place].form in _AMENDABLE and minutes <= MAX_MINUTES:
                    out[place] = replace(out[place], minutes=minutes)
                    gone.update(range(at, after))
        return [c for c in out if not gone.intersection(range(c.start, c.end))]

    def _amends(self, found: Sequence[Candidate], signal: int, at: int) -> tuple[int, int, int]:
        """Which candidate the words at token ``at`` put right, to how many minutes, and the token after them; zeros for none."""
        if self.word(at) in listed("adds"):
            first = self.word(self.before(at)) in _OPENED or self.before(at) == signal
            value, end = self._counted_minutes(self.next(at))
            name = self.next(end) if self.word(self.from_here(end)) == "to" else -1
            name = self.next(name) if self.word(name) in listed("determiner") else name
            place = self._minutes_of(found, self._service_at(name), signal) if first and value and name > 0 else -1
            return (place, found[place].minutes + value, name) if place >= 0 else (0, 0, 0)
        value, end = self._told(at)
        if not value:
            return 0, 0, 0
        timed = self.word(end - 1) in self.data.minute
        step = self.from_here(end)
        step = self.next(step) if self.word(step) == "," else step
        wrong = 0
        if self.word(step) in listed("instead_of"):
            number = self.next(step)
            wrong, end = self._counted_minutes(number)
            wrong, end = (wrong, end) if wrong else self._spelt(number)
        lead = self.before(at)
        if self.word(lead) in listed("should"):
            return 0, 0, 0
        if self.word(lead) == "be":
            lead = self.before(lead)
            if self.word(lead) not in listed("should"):
                return 0, 0, 0  # "will be 20"
        told = self.word(lead) in (*listed("were"), *listed("should"))
        if not told and not wrong:
            return 0, 0, 0
        name = self._service_ending(lead if told else at)
        place = self._minutes_of(found, name, signal)
        _, starts = self._services
        if name is None and wrong and timed and bisect_left(starts, signal) == bisect_left(starts, at):
            places = [n for n, c in enumerate(found) if c.end <= signal and c.minutes == wrong]
            place = places[0] if len(places) == 1 else -1
        fits = place >= 0 and (not wrong or found[place].minutes == wrong)
        return (place, value, end) if fits else (0, 0, 0)

    def _service_at(self, at: int) -> Match | None:
        """The service whose name begins at token ``at``."""
        names, starts = self._services
        place = bisect_left(starts, at)
        return names[place] if place < len(names) and starts[place] == at else None

    def _service_ending(self, at: int) -> Match | None:
        """The service whose name stands right before token ``at``."""
        names, starts = self._services
        place = bisect_left(starts, at) - 1
        return names[place] if place >= 0 and names[place].end - 1 == self.before(at) else None

    def _minutes_of(self, found: Sequence[Candidate], name: Match | None, signal: int) -> int:
        """The candidate beside the last mention before ``signal`` of the service that is named behind it; -1 for none."""
        if name is None or name.start < signal or not name.entry.data["code"]:
            return -1
        names, starts = self._services
        for number in reversed(range(bisect_left(starts, signal))):
            if names[number].entry.data["code"] == name.entry.data["code"]:
                return self._beside_name(found, names[number], starts[number + 1])
        return -1

    def _beside_name(self, found: Sequence[Candidate], name: Match, until: int) -> int:
        """The candidate that is surely of a service: right behind its name, right before, or the only one up to the next name."""
        place = bisect_left(found, name.end, key=STARTS)
        own = range(place, bisect_left(found, until, key=STARTS))
        own = [n for n in own if self._same_line(found[n].start, name.start) and self.from_here(found[n].end) != until]
        if own and found[own[0]].start - name.end <= _NEAR:
            return own[0]
        if place and self.from_here(found[place - 1].end) == name.start:
            return place - 1
        return own[0] if len(own) == 1 else -1
