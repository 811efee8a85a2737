"""The straight line of the product: note to result, in one function.

Examples
--------
>>> from models.note import Note
>>> result = Coder.load().code(Note(text="Ther ex x 15 min: SLR 3x10, clamshells", note_id="n1"))
>>> result.proposal.code, result.minutes
('97110', {'97110': 15})
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from models.billing.audit import NoteAudit, audit_note
from models.billing.claims import ClaimCheck, Line, check_claim
from models.billing.flags import Flag, check
from models.billing.payers import Terms, terms_of
from models.billing.proposal import Proposal, propose
from models.billing.rules import Rules, load_rules
from models.build import build_result
from models.classifier import Classifier
from models.explain import Explanation, explain
from models.note import USUAL_RISK, Note, Profile, Risk
from models.registry import Manifest, load_classifier, read_manifest, shipped
from models.result import Result
from models.service import Service
from models.settle import settle
from nlp.document import Document
from nlp.pipeline import ENCODER_FILE, Reader, check_text, load

_BATCH = 64


class Coder:
    """Codes notes. One instance serves any number of notes; it keeps nothing of them."""

    def __init__(
        self,
        readers: Mapping[Profile, Reader],
        classifiers: Mapping[Profile, Classifier],
        manifest: Manifest,
        *,
        profile: Profile = "accurate",
        rules: Rules | None = None,
    ) -> None:
        self.rules = load_rules() if rules is None else rules
        self.readers = readers
        self.classifiers = classifiers
        self.manifest = manifest
        self.profile: Profile = profile
        # What a note is read with whose profile this coder does not have.
        self._other: Profile = "fast" if "fast" in readers else next(iter(readers))

    @property
    def reader(self) -> Reader:
        """The reader of this coder's profile."""
        return self.readers[self.profile if self.profile in self.readers else self._other]

    @property
    def classifier(self) -> Classifier:
        """The classifier of this coder's profile."""
        return self.classifiers[self.profile if self.profile in self.classifiers else self._other]

    @classmethod
    def load(
        cls,
        path: str | Path | None = None,
        profile: Profile = "accurate",
        *,
        alone: bool = False,
        risk: Risk = USUAL_RISK,
        rules: str | Path | None = None,
    ) -> Coder:
        """Load the shipped model, or the version in the folder ``path``.

        ``accurate`` reads with an encoder beside the linear tagger, ``fast`` with the tagger alone. A note that names a
        profile is read with that one. A version trained without an encoder has ``fast`` only, and its results say so.
        ``alone`` loads ``profile`` and not the other, which is quicker where one note is coded; every note is read with it.
        ``risk`` is how many in 100 of the proposals that pass unflagged may be wrong: 1, 2 or 5; the less, the more
        notes are flagged. It is an estimate, measured on training notes of writers that the model had not seen.
        ``rules`` is a clinic's own rule file, whose rows are added to those that ship, or put in their place by id.

        Raises
        ------
        UntrustedModel
            The files are missing, changed, or made for other versions; nothing of them was loaded.
        UnknownRisk
            ``risk`` is none of those.
        LexiconError
            The rule file cannot be used; the error names file, row and reason.
        OSError
            The rule file cannot be read.
        """
        billing = load_rules(rules)
        folder = shipped() if path is None else Path(path)
        manifest = read_manifest(folder)
        profiles: tuple[Profile, ...] = ("fast", "accurate") if ENCODER_FILE in manifest.files else ("fast",)
        if alone:
            profiles = (profile if profile in profiles else "fast",)
        readers: dict[Profile, Reader] = {each: load(folder, encoder=each == "accurate") for each in profiles}
        classifiers: dict[Profile, Classifier] = {
            each: Classifier(load_classifier(folder, encoder=each == "accurate"), risk=risk) for each in profiles
        }
        return cls(readers, classifiers, manifest, profile=profile, rules=billing)

    def _profile(self, note: Note) -> Profile:
        wanted = note.profile if "profile" in note.model_fields_set else self.profile
        return wanted if wanted in self.readers else self._other

    @property
    def version(self) -> str:
        """The model version, as every result names it."""
        return self.manifest.version

    def code(self, note: str | Note) -> Result:
        """Code one note.

        Raises
        ------
        NoteTooLong, UnreadableText
            The text cannot be read; nothing else is raised for any text.
        UnknownPayer
            The note names a payer that the rules do not have on its day.
        """
        note = note if isinstance(note, Note) else Note(text=note)
        terms = self._terms(note)
        return self._result(note, *self._read_one(note), terms)

    def _read_one(self, note: Note) -> tuple[Document, tuple[Service, ...]]:
        profile = self._profile(note)
        document = self.readers[profile].read(note.text)
        return document, settle(self.classifiers[profile].classify(document))

    def _terms(self, note: Note) -> Terms:
        return terms_of(
            self.rules,
            day=note.date_of_service,
            payer=note.payer,
            secondary=note.secondary_payer,
            discipline=note.discipline,
        )

    def explain(self, note: str | Note) -> Explanation:
        """Say why a note bills what it bills, block by block; errors as for `code`."""
        note = note if isinstance(note, Note) else Note(text=note)
        terms = self._terms(note)
        document, services = self._read_one(note)
        result, flags = self._made(note, document, services, terms)
        return explain(result, terms, document.totals, services=services, flags=flags)

    def audit(self, note: str | Note) -> NoteAudit:
        """Say what a note's documentation holds and what it lacks, with an example for each lack; errors as for `code`."""
        note = note if isinstance(note, Note) else Note(text=note)
        terms = self._terms(note)
        return audit_note(*self._read_one(note), terms, _policy(note, terms))

    def check_claim(self, note: str | Note, lines: Sequence[Line]) -> tuple[ClaimCheck, Result]:
        """Hold what was billed against the note, under its primary payer, else its policy; the note's result comes too.

        Raises
        ------
        NoteTooLong, UnreadableText, UnknownPayer
            As for `code`.
        UnknownCode, InvalidUnits
            A line's code is not in the rules, or its units are no whole number of 1 or more.
        """
        note = note if isinstance(note, Note) else Note(text=note)
        terms = self._terms(note)
        document, services = self._read_one(note)
        claim = check_claim(lines, document, services, terms, note.policy)
        return claim, self._result(note, document, services, terms)

    def code_many(self, notes: Iterable[str | Note]) -> Iterator[Result]:
        """Code many notes, in order, batched inside; the first unreadable one raises, as `code` does."""
        stream = iter(notes)
        while batch := [note if isinstance(note, Note) else Note(text=note) for note in islice(stream, _BATCH)]:
            for note in batch:
                check_text(note.text)
            terms = [self._terms(note) for note in batch]
            for note, term, (document, services) in zip(batch, terms, self._read(batch), strict=True):
                yield self._result(note, document, settle(services), term)

    def _read(self, notes: list[Note]) -> list[tuple[Document, tuple[Service, ...]]]:
        profiles: list[Profile] = [self._profile(note) for note in notes]
        out: dict[int, tuple[Document, tuple[Service, ...]]] = {}
        for profile in set(profiles):
            mine = [index for index, wanted in enumerate(profiles) if wanted == profile]
            texts = [notes[index].text for index in mine]
            documents = list(self.readers[profile].read_many(texts, batch_size=_BATCH))
            services = self.classifiers[profile].classify_many(documents)
            out.update(zip(mine, zip(documents, services, strict=True), strict=True))
        return [out[index] for index in range(len(notes))]

    def _result(self, note: Note, document: Document, services: tuple[Service, ...], terms: Terms) -> Result:
        return self._made(note, document, services, terms)[0]

    def _made(
        self, note: Note, document: Document, services: tuple[Service, ...], terms: Terms
    ) -> tuple[Result, tuple[Flag, ...]]:
        """Return the result, and its flags with the rules behind them."""
        calibration = self.classifiers[self._profile(note)].calibration
        policy = _policy(note, terms)
        proposal: Proposal = propose(
            services, policy, calibration=calibration, certainty=document.certainty, codes=self.rules.codes
        )
        flags: tuple[Flag, ...] = check(document, services, proposal, terms)
        result = build_result(
            note, document, services, proposal, flags, terms=terms, version=self.version, profile=self._profile(note)
        )
        return result, flags


def _policy(note: Note, terms: Terms) -> str:
    """Return the policy that a note asks for, else that of the payer who governs."""
    if "policy" in note.model_fields_set or not terms.payers:
        return note.policy
    return terms.payers[0].policy
