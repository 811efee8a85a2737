"""What tests of the review queue share: a coder that reads what tests write, people, and a client that speaks as one of them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import Request

from api import audit
from api.access import Membership, Memberships, Principal, current_principal
from api.audit import SYSTEM, Actor
from api.db import repository
from api.db.session import Database
from api.errors import SignInRequired
from api.main import create_app
from api.settings import Settings
from models.billing.flags import FLAGS
from models.billing.units import all_units
from models.note import Note
from models.result import FlagResult, MentionSpan, ProposalResult, Result, ServiceResult, TextSpan
from models.training.dataset import LabelledNote

from ..conftest import Client, FakeCoder

WORDS = {"bridging": "97110", "stairs": "97530"}


class ReviewCoder(FakeCoder):
    """``bridging 20`` is 20 minutes of 97110, ``stairs 15`` of 97530, ``later`` is planned; ``flag:ID`` raises, ``conf:0.6`` says how sure."""

    def code(self, note: str | Note) -> Result:
        note = note if isinstance(note, Note) else Note(text=note)
        blank = super().code(Note(text="", note_id=note.note_id, policy=note.policy, profile=note.profile))
        sure = float((re.findall(r"conf:([\d.]+)", note.text) or ["0.9"])[0])
        services = tuple(self._blocks(note.text, sure))
        flags = tuple(
            FlagResult(id=flag, severity=FLAGS[flag].severity, message="Look.", action="Look.", start=None, end=None)
            for flag in re.findall(r"flag:(\w+)", note.text)
        )
        minutes: dict[str, int] = {}
        for service in services:
            minutes[service.code] = minutes.get(service.code, 0) + (service.minutes or 0)
        code = max(minutes, key=minutes.__getitem__) if minutes else None
        flagged = any(flag.severity != "info" for flag in flags)
        later = note.text.find("later")
        return blank.model_copy(
            update={
                "proposal": ProposalResult.model_validate(
                    {"code": code, "confidence": sure, "status": "flagged" if flagged else "suggested" if code else "no_code"}
                ),
                "services": services,
                "mentions": () if later < 0 else (MentionSpan(start=later, end=later + 5, text="later", status="planned"),),
                "minutes": minutes,
                "units": all_units(minutes),
                "flags": flags,
                "model": blank.model,
            }
        )  # fmt: skip

    @staticmethod
    def _blocks(text: str, sure: float) -> Iterator[ServiceResult]:
        for found in re.finditer(r"(bridging|stairs)(?: (\d+))?", text):
            word = TextSpan(start=found.start(1), end=found.end(1), text=found[1])
            code = WORDS[found[1]]
            other = "97530" if code == "97110" else "97110"
            yield ServiceResult.model_validate(
                {
                    "start": found.start(), "end": found.end(), "text": found[0], "code": code, "other_code": None,
                    "confidence": sure, "probabilities": {code: sure, other: 1 - sure, "other": 0.0},
                    "minutes": int(found[2]) if found[2] else None, "duration": None, "stated_code": None,
                    "activities": (word,), "goals": (), "reasons": (),
                }
            )  # fmt: skip


@dataclass
class Clinic:
    """A clinic with people by login; requests are made as one of them."""

    database: Database
    id: uuid.UUID
    client: Client
    people: dict[str, uuid.UUID] = field(default_factory=dict)

    def ask(self, login: str, method: str, path: str, **arguments: Any) -> Any:
        headers = {"x-person": login, **arguments.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **arguments)

    def get(self, login: str, path: str, status: int = 200) -> Any:
        response = self.ask(login, "GET", path)
        assert response.status_code == status, response.text
        return response.json()

    def post(self, login: str, path: str, body: Any = None, status: int = 200, **arguments: Any) -> Any:
        response = self.ask(login, "POST", path, json=body, **arguments)
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    def submit(self, text: str, login: str = "theo", **fields: Any) -> Any:
        return self.post(login, "/v1/notes", {"text": text, **fields})

    def claim(self, login: str, item: str | None = None) -> Any:
        return self.post(login, "/v1/queue/claim", {"id": item} if item else None)["claim"]

    def decide(
        self,
        login: str,
        claim: Any,
        decision: Any = None,
        status: int = 200,
        next: bool | dict[str, Any] = False,
        **more: Any,
    ) -> Any:
        """Decide; ``next`` claims the next one, of those that its filters leave."""
        path = f"/v1/queue/{claim['id']}/{'decisions' if next is False else 'accept-and-next'}"
        if isinstance(next, dict):
            more["next"] = next
        return self.post(login, path, {"decision": decision, "claims": claim["claims"], **more}, status)

    def undo(self, login: str, item: str, status: int = 200) -> Any:
        return self.post(login, f"/v1/queue/{item}/decisions", {"decision": {"kind": "undo"}}, status)

    def actions(self, *wanted: str) -> list[str]:
        """The audit trail's actions, those wanted alone, after checking the chain."""
        with self.database.reading() as session:
            rows = list(repository.audit_rows(session, self.id))
            verdict = audit.verify(lambda: rows, repository.audit_head(session, self.id))
        assert verdict.findings == ()
        return [row.action for row in rows if row.action in wanted]


def reading(clinic: uuid.UUID, person: uuid.UUID) -> Memberships:
    """A coder of one clinic, as the queue is told who asks."""
    return (Membership(Principal(clinic, Actor("person", person), "coder", frozenset()), "main", "Main Street"),)


def correct(claim: Any, *, minutes: int | None = None, code: str | None = None, **more: Any) -> dict[str, Any]:
    """A correction of a claim's result: the first block's minutes or code."""
    services = [
        {
            "start": each["start"], "end": each["end"], "code": each["code"], "other_code": each["other_code"],
            "minutes": each["minutes"], "activities": [{"start": a["start"], "end": a["end"]} for a in each["activities"]],
        }
        for each in claim["result"]["services"]
    ]  # fmt: skip
    if minutes is not None:
        services[0]["minutes"] = minutes
    if code is not None:
        services[0]["code"] = code
    return {"kind": "correct", "reason": "wrong_minutes", "services": services, **more}


LOGINS = {
    "theo": "therapist",
    "thea": "therapist",
    "cora": "coder",
    "carl": "coder",
    "tina": "trainer",
    "adam": "admin",
}


def open_clinic(
    database: Database,
    slug: str,
    *,
    audit_share: float = 0.0,
    second_share: float = 0.0,
    settings: Settings | None = None,
) -> Iterator[Clinic]:
    """A clinic with two therapists, two coders, a trainer, an admin and two keys; with ``settings`` their model serves."""
    people: dict[str, Principal] = {}
    with database.writing() as session:
        clinic = repository.add_clinic(session, slug, slug, by=SYSTEM)
        clinic.audit_share, clinic.second_share = audit_share, second_share
        for login, role in LOGINS.items():
            person = repository.add_person(session, clinic.id, login, login.title(), role, by=SYSTEM)  # type: ignore[arg-type]
            people[login] = Principal(clinic.id, Actor("person", person.id), role, frozenset())  # type: ignore[arg-type]
        for scope in ("submit", "queue"):
            key = repository.add_key(session, clinic.id, scope, "hint", f"{slug}{scope}".ljust(64, "0"), [scope], None, by=SYSTEM)  # type: ignore[list-item]  # fmt: skip
            people[f"key-{scope}"] = Principal(clinic.id, Actor("key", key.id), None, frozenset([scope]))  # type: ignore[list-item]

    def principal(request: Request) -> Principal:
        if request.headers.get("x-person") not in people:
            raise SignInRequired
        return people[request.headers["x-person"]]

    coder = ReviewCoder() if settings is None else None
    app = create_app(settings or Settings(), coder=coder, database=database)  # type: ignore[arg-type]
    app.dependency_overrides[current_principal] = principal
    with Client(app) as client:
        made = Clinic(database, clinic.id, client)
        made.people = {name: each.actor.id for name, each in people.items() if each.actor.id}
        yield made


def write_corpus(folder: Path, kept: list[LabelledNote], development: list[LabelledNote]) -> Path:
    """A folder like ``training_data``, with these notes alone."""
    (folder / "notes").mkdir()
    lines = [note.model_dump_json() for note in (*kept, *development)]
    (folder / "notes" / "all.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = [f"{note.id},train" for note in kept] + [f"{note.id},development" for note in development]
    (folder / "splits.csv").write_text("\n".join(["id,split", *rows]) + "\n", encoding="utf-8")
    return folder
