"""The review queue over HTTP: submit, order, claim, decide, take back; on both engines."""

from __future__ import annotations

import inspect
import json
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from api.audit import SYSTEM, Actor
from api.db import dashboard, linked, questions, queue, repository
from api.db.errors import DatabaseFull, RowRefused, UnknownPerson, UnknownRow
from api.db.session import Database
from api.queue import readings
from api.queue.order import drawn, priority, variety
from api.queue.submit import rules_version
from models.result import Result

from ..conftest import SENTINEL
from .reviewing import Clinic, ReviewCoder, correct, open_clinic


@pytest.fixture
def here(database: Database) -> Iterator[Clinic]:
    yield from open_clinic(database, "here")


@pytest.fixture
def there(database: Database) -> Iterator[Clinic]:
    yield from open_clinic(database, "there")


def counts(clinic: Clinic) -> dict[str, int]:
    with clinic.database.reading() as session:
        return {
            table: session.scalar(text(f"SELECT count(*) FROM {table}")) or 0
            for table in ("notes", "results", "queue_items", "reviews", "questions", "audit")
        }


def age(clinic: Clinic, item: str, **by: float) -> None:
    """Let an entry's lease, or its entry, lie back in time."""
    with clinic.database.writing() as session:
        row = session.get_one(queue.QueueItem, (clinic.id, uuid.UUID(item)))
        if row.lease_until is not None:
            row.lease_until -= timedelta(**by)
        row.created_at -= timedelta(**by)


# ---- submitting


def test_a_flagged_note_waits_and_is_kept_as_returned(here: Clinic):
    answer = here.submit(
        "bridging 20 flag:no_unit", note_id="n1", policy="ama_midpoint", patient_ref="p1", date_of_service="2026-11-20"
    )
    assert answer["waits"]
    assert answer["result"]["note_id"] == "n1"
    with here.database.reading() as session:
        kept = queue.kept(session, here.id, uuid.UUID(answer["id"]))
        assert json.loads(kept.result.body) == answer["result"]
        assert kept.result.body_sha256 == repository.sha256(kept.result.body)
        assert kept.result.rules_version == rules_version(answer["result"]["model"]["rules"])
        assert (kept.note.external_id, str(kept.note.visit_date), kept.note.person_id) == (
            "n1",
            "2026-11-20",
            here.people["theo"],
        )
        assert kept.note.patient_ref not in (None, "p1")
    assert here.actions("note.submitted", "result.kept", "queue.added") == [
        "note.submitted",
        "result.kept",
        "queue.added",
    ]


def test_an_unflagged_note_does_not_wait(here: Clinic):
    answer = here.submit("bridging 20")
    assert (answer["waits"], answer["queue_item_id"]) == (False, None)
    assert here.claim("cora") is None


def test_a_share_of_unflagged_notes_waits_always_the_same(database: Database):
    [here] = [*open_clinic_once(database, "sampled", audit_share=0.3)]
    waits = [here.submit(f"bridging 20 note {n}")["waits"] for n in range(60)]
    assert 5 < sum(waits) < 35
    assert [here.submit(f"bridging 20 note {n}")["waits"] for n in range(60)] == waits
    listed = here.get("cora", "/v1/queue?reason=audit_sample")
    assert listed["total"] == 2 * sum(waits)


def open_clinic_once(database: Database, slug: str, **shares: float) -> Iterator[Clinic]:
    opened = open_clinic(database, slug, **shares)
    clinic = next(opened)
    _OPEN.append(opened)
    yield clinic


_OPEN: list[Iterator[Clinic]] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _OPEN:
        next(_OPEN.pop(), None)


def test_the_draw_is_keyed_and_holds_its_share():
    drawn_by = [[drawn(key, "audit", str(n), 0.2) for n in range(5000)] for key in (b"one", b"other")]
    assert drawn_by[0] != drawn_by[1]
    for each in drawn_by:
        assert abs(sum(each) / 5000 - 0.2) < 0.03
    assert [drawn(b"one", "second", str(n), 0.2) for n in range(5000)] != drawn_by[0]


def test_a_repeated_submission_is_the_same_note(here: Clinic):
    key = {"headers": {"Idempotency-Key": "visit-7"}}
    first = here.post("theo", "/v1/notes", {"text": "bridging 20 flag:no_unit"}, **key)
    before = counts(here)
    assert here.actions("result.read") == []
    assert here.post("theo", "/v1/notes", {"text": "bridging 20 flag:no_unit"}, **key) == first
    # Nothing is kept twice; that the result was read is a row of the trail.
    assert counts(here) == before | {"audit": before["audit"] + 1}
    assert here.actions("result.read") == ["result.read"]
    refused = here.post("theo", "/v1/notes", {"text": f"another {SENTINEL}"}, 422, **key)
    assert refused["type"].endswith("key-reused")
    assert SENTINEL not in json.dumps(refused)
    # Another person's key is another key.
    assert here.post("thea", "/v1/notes", {"text": "bridging 20 flag:no_unit"}, **key)["id"] != first["id"]


def test_the_same_submission_at_the_same_moment(here: Clinic, monkeypatch: pytest.MonkeyPatch):
    """Neither sees the other before it writes: the one that comes second gets what the first one kept."""
    key = {"headers": {"Idempotency-Key": "k"}}
    first = here.post("theo", "/v1/notes", {"text": "bridging 20"}, **key)
    found, asked = queue.find_submission, []

    def blind(*arguments: Any) -> Any:
        asked.append(1)
        return None if len(asked) < 3 else found(*arguments)

    monkeypatch.setattr(queue, "find_submission", blind)
    monkeypatch.setattr(repository, "add_note", lambda *a, **k: (_ for _ in ()).throw(RowRefused("submission_key")))
    assert here.post("theo", "/v1/notes", {"text": "bridging 20"}, **key) == first


def test_half_a_submission_leaves_nothing(here: Clinic, monkeypatch: pytest.MonkeyPatch):
    before = counts(here)
    monkeypatch.setattr(queue, "enqueue", lambda *a, **k: (_ for _ in ()).throw(DatabaseFull("here")))
    assert here.ask("theo", "POST", "/v1/notes", json={"text": "bridging flag:no_unit"}).status_code == 503
    assert counts(here) == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": "bridging", "therapist": "nobody"}, "therapist"),
        ({"text": "bridging", "therapist": "cora"}, "therapist"),
        ({"text": "bridging", "date_of_service": "yesterday"}, "date_of_service"),
        ({"text": "bridging", "patient_ref": ""}, "patient_ref"),
        ({"text": 7}, "text"),
    ],
)  # fmt: skip
def test_submissions_that_are_refused(here: Clinic, body: dict[str, Any], field: str):
    refused = here.post("key-submit", "/v1/notes", body, 422)
    assert [each["field"] for each in refused["errors"]] == [field]
    assert counts(here)["notes"] == 0


def test_a_program_submits_for_a_therapist(here: Clinic):
    here.submit("bridging 20 flag:no_unit", "key-submit", therapist="thea")
    assert len(here.get("thea", "/v1/notes")) == 1
    assert here.get("theo", "/v1/notes") == []
    refused = here.post("key-submit", "/v1/notes", {"text": "bridging \0"}, 422)
    assert refused["type"].endswith("unreadable-text")


def test_the_rules_that_made_a_result_are_kept_with_it():
    """Rows and the clinic's own file by the result's version, what is no row by files; a long version by its hash."""
    own, beside = rules_version("2026-11-26-abc+mine-2-def").split("/")
    assert own == "2026-11-26-abc+mine-2-def"
    assert [part.rstrip("0123456789") for part in beside.split("-")[:2]] == ["policies", "flags"]
    assert rules_version("other").endswith(beside)
    odd = [rules_version(each) for each in ("a" * 300, "a" * 301, "2026-11-26-abc+of our clinic-def")]
    assert len(set(odd)) == 3
    for each in odd:
        assert len(each) <= 100
        assert re.fullmatch(r"[0-9a-f]{60}/[a-z0-9-]+", each)


# ---- who may what


@pytest.mark.parametrize(
    ("login", "method", "path", "status"),
    [
        ("nobody", "GET", "/v1/queue", 401),
        ("nobody", "POST", "/v1/notes", 401),
        ("theo", "GET", "/v1/queue", 403),
        ("theo", "POST", "/v1/queue/claim", 403),
        ("theo", "GET", "/v1/dashboard", 403),
        ("key-submit", "GET", "/v1/queue", 403),
        ("key-queue", "POST", "/v1/queue/claim", 403),
        ("key-queue", "POST", "/v1/notes", 403),
        ("key-queue", "GET", "/v1/queue", 200),
        ("key-queue", "GET", "/v1/dashboard", 200),
        ("adam", "GET", "/v1/queue", 200),
        ("adam", "POST", "/v1/queue/claim", 403),
        ("adam", "GET", "/v1/notes", 403),
        ("cora", "POST", "/v1/queue/claim", 200),
    ],
)
def test_roles_and_scopes(here: Clinic, login: str, method: str, path: str, status: int):
    body = {"json": {"text": "bridging"}} if path == "/v1/notes" and method == "POST" else {}
    assert here.ask(login, method, path, **body).status_code == status


def test_another_clinics_ids_are_unknown(here: Clinic, there: Clinic):
    note = here.submit("bridging 20 flag:no_unit")
    item, unknown = note["queue_item_id"], str(uuid.uuid4())
    claim = here.claim("cora")
    here.decide("cora", claim, {"kind": "question"}, question="Which?")
    [question] = here.get("theo", "/v1/questions")
    before = counts(here)
    for path, body in [
        ("/v1/queue/claim", {"id": "ITEM"}),
        ("/v1/queue/ITEM/renew", {"claims": 1}),
        ("/v1/queue/ITEM/release", {"claims": 1}),
        ("/v1/queue/ITEM/decisions", {"decision": None, "claims": 1}),
        ("/v1/queue/ITEM/decisions", {"decision": {"kind": "undo"}}),
        ("/v1/queue/ITEM/accept-and-next", {"decision": None, "claims": 1}),
    ]:
        told = []
        for each in (item, unknown):
            filled = {name: each if value == "ITEM" else value for name, value in body.items()}
            answer = there.ask("cora", "POST", path.replace("ITEM", each), json=filled)
            assert answer.status_code == 404, path
            told.append(answer.text.replace(each, ""))
        assert told[0] == told[1]
    there.get("cora", f"/v1/notes/{note['id']}", 404)
    there.get("theo", f"/v1/notes/{note['id']}", 404)
    there.post("theo", f"/v1/questions/{question['id']}/answer", {"answer": "x"}, 404)
    assert there.get("cora", "/v1/queue")["total"] == 0
    assert there.get("cora", "/v1/questions") == there.get("cora", "/v1/notes") == []
    assert there.get("cora", "/v1/dashboard")["notes"] == 0
    assert counts(here) == before


# ---- order


def test_what_is_at_stake_is_read_first(here: Clinic):
    notes = {
        "sure": "bridging 15 flag:no_unit conf:0.99 a",
        "warned": "bridging 15 flag:no_unit flag:goal_missing conf:0.99 b",
        "long": "bridging 60 flag:no_unit conf:0.6 c",
        "short": "bridging 15 flag:no_unit conf:0.6 d",
    }
    items = {here.submit(words)["queue_item_id"]: name for name, words in notes.items()}
    listed = [items[entry["id"]] for entry in here.get("cora", "/v1/queue")["entries"]]
    assert listed == ["warned", "long", "short", "sure"]
    claimed = []
    while claim := here.claim("cora"):
        claimed.append(items[claim["id"]])
    assert claimed == listed


def test_doubt_breaks_the_tie():
    def of(words: str) -> Result:
        return ReviewCoder().code(words)

    assert (
        priority(of("conf:0.5"), "flagged") > priority(of("conf:0.7"), "flagged") > priority(of("conf:1.0"), "flagged")
    )
    assert priority(of("conf:1.0"), "flagged") == 0
    assert priority(of("stairs 30 conf:0.8"), "flagged") > priority(of("stairs 15 conf:0.8"), "flagged")


def test_near_twins_do_not_follow_each_other(here: Clinic):
    texts = [f"patient did bridging {n} flag:no_unit flag:goal_missing and more today" for n in (30, 45, 60)]
    twins = {here.submit(words)["queue_item_id"] for words in texts}
    others = {
        here.submit(words)["queue_item_id"]
        for words in ("stairs 15 flag:no_unit", "unlike stairs 16 flag:no_unit words")
    }
    order = []
    claim = here.claim("cora")
    while claim:
        order.append("twin" if claim["id"] in twins else "other")
        claim = here.decide("cora", claim, next=True)["claim"]
    assert order == ["twin", "other", "twin", "other", "twin"]
    assert len(twins) == 3
    assert len(others) == 2


def test_the_group_tells_nothing_of_the_note():
    results = [
        ReviewCoder().code(words)
        for words in ("bridging 15 secret", "bridging 20 SECRET.", "bridging 15 flag:no_unit secret")
    ]
    groups = [
        variety(words, result)
        for words, result in zip(
            ("bridging 15 secret", "bridging 20 SECRET.", "bridging 15 secret"), results, strict=True
        )
    ]
    assert groups[0] == groups[1] != groups[2]
    assert all(len(group) == 32 and int(group, 16) >= 0 for group in groups)
    assert len(variety("", ReviewCoder().code(""))) == 32


def test_the_list_filters_pages_counts_and_quotes_nothing(here: Clinic):
    here.submit(f"bridging 20 flag:no_unit {SENTINEL}", discipline="PT")
    here.submit(f"stairs 20 flag:no_unit flag:goal_missing {SENTINEL}", discipline="OT")
    here.submit(f"flag:low_confidence {SENTINEL}")
    response = here.ask("cora", "GET", "/v1/queue")
    assert SENTINEL not in response.text
    whole = response.json()
    assert (whole["total"], whole["flags"]) == (3, {"goal_missing": 1, "low_confidence": 1, "no_unit": 2})
    assert (whole["disciplines"], whole["codes"]) == ({"OT": 1, "PT": 1}, {"97110": 1, "97530": 1, "none": 1})
    assert whole["reasons"] == {"flagged": 3}
    narrowed = here.get("cora", "/v1/queue?discipline=OT")
    assert (narrowed["codes"], narrowed["flags"]) == ({"97530": 1}, {"goal_missing": 1, "no_unit": 1})
    claim = here.claim("cora")
    assert [(e["id"], e["yours"]) for e in here.get("cora", "/v1/queue")["entries"] if e["state"] == "claimed"] == [
        (claim["id"], True)
    ]
    assert not any(e["yours"] for e in here.get("carl", "/v1/queue")["entries"])
    for query, total in [
        ("flag=no_unit", 2), ("flag=no_uni", 0), ("flag=goal_missing", 1), ("discipline=OT", 1), ("code=97110", 1), ("code=none", 1),
        ("reason=flagged", 3), ("reason=audit_sample", 0), ("hours=1", 0), ("hours=0", 3), ("flag=no_unit&discipline=PT", 1),
    ]:  # fmt: skip
        assert here.get("cora", f"/v1/queue?{query}")["total"] == total, query
    age(here, whole["entries"][0]["id"], hours=2)
    assert [e["id"] for e in here.get("cora", "/v1/queue?hours=1")["entries"]] == [whole["entries"][0]["id"]]
    pages = [here.get("cora", f"/v1/queue?limit=2&offset={offset}")["entries"] for offset in (0, 2)]
    assert [each["id"] for page in pages for each in page] == [each["id"] for each in whole["entries"]]
    here.get("cora", "/v1/queue?limit=0", 422)


# ---- claims


NARROWED = [
    ({"flag": "goal_missing"}, "stairs"),
    ({"discipline": "OT"}, "stairs"),
    ({"code": "97530"}, "stairs"),
    ({"code": "none"}, "neither"),
    ({"hours": 1}, "old"),
    ({"flag": "no_unit", "discipline": "PT", "code": "97110", "reason": "flagged"}, "best"),
    ({"reason": "audit_sample"}, None),
    ({"flag": "no_uni"}, None),
]


def narrowed(here: Clinic) -> dict[str, str]:
    notes = {
        "best": ("bridging 90 flag:no_unit conf:0.6 one", "PT"),
        "stairs": ("stairs 15 flag:no_unit flag:goal_missing conf:0.99 two", "OT"),
        "neither": ("flag:low_confidence conf:0.99 three", None),
        "old": ("bridging 15 flag:no_unit conf:0.99 four", None),
    }
    given = {None: {}, "PT": {"discipline": "PT"}, "OT": {"discipline": "OT"}}
    items = {here.submit(text, **given[of])["queue_item_id"]: name for name, (text, of) in notes.items()}
    age(here, next(item for item, name in items.items() if name == "old"), hours=2)
    return items


@pytest.mark.parametrize(("filters", "wanted"), NARROWED)
def test_the_best_of_those_that_filters_leave_is_claimed(here: Clinic, filters: dict[str, Any], wanted: str | None):
    items = narrowed(here)
    claim = here.post("cora", "/v1/queue/claim", filters)["claim"]
    assert (claim and items[claim["id"]]) == wanted
    if claim:
        # Another coder finds nothing else that these filters leave; without them there is more.
        assert here.post("carl", "/v1/queue/claim", filters)["claim"] is None
        assert here.claim("carl")


def test_the_next_one_is_one_that_the_filters_leave(here: Clinic):
    items = narrowed(here)
    claim = here.claim("cora", next(item for item, name in items.items() if name == "neither"))
    following = here.decide("cora", claim, next={"code": "97110", "hours": 1})["claim"]
    assert items[following["id"]] == "old"
    ended = here.decide("cora", following, next={"hours": 1})
    assert (ended["state"], ended["claim"]) == ("decided", None)
    assert items[here.claim("cora")["id"]] == "stairs"


def test_filters_keep_near_twins_apart(here: Clinic):
    texts = [f"patient did bridging {n} flag:no_unit flag:goal_missing and more today" for n in (30, 45, 60)]
    twins = {here.submit(words, discipline="PT")["queue_item_id"] for words in texts}
    other = here.submit("bridging 15 flag:no_unit", discipline="PT")["queue_item_id"]
    here.submit("bridging 240 flag:no_unit unlike", discipline="OT")
    order, claim = [], here.post("cora", "/v1/queue/claim", {"discipline": "PT"})["claim"]
    while claim:
        order.append(claim["id"])
        claim = here.decide("cora", claim, next={"discipline": "PT"})["claim"]
    assert order.index(other) == 1
    assert set(order) - {other} == twins


def test_what_is_not_open_to_one_is_passed_over(here: Clinic):
    """Thirty entries that the caller skipped stand before the one that is left, and the filters leave them all."""
    for n in range(30):
        here.submit(f"bridging {200 - n} flag:no_unit note {n}", discipline="PT")
    for entry in here.get("cora", "/v1/queue?limit=200")["entries"]:
        claim = here.claim("cora", entry["id"])
        here.decide("cora", claim, {"kind": "skip", "reason": "not_my_field"})
    last = here.submit("bridging 15 flag:no_unit conf:0.99 last", discipline="PT")
    assert here.post("cora", "/v1/queue/claim", {"discipline": "PT"})["claim"]["id"] == last["queue_item_id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"code": "97140"}, "code"),
        ({"hours": -1}, "hours"),
        ({"flag": "x'"}, "flag"),
        ({"words": "x"}, "(unknown)"),
        ({"id": str(uuid.UUID(int=0)), "code": "97110"}, ""),
    ],
)
def test_filters_that_are_none(here: Clinic, body: dict[str, Any], field: str):
    refused = here.post("cora", "/v1/queue/claim", body, 422)
    assert [each["field"] for each in refused["errors"]] == [field]
    here.submit("bridging 20 flag:no_unit")
    decision = {"decision": None, "claims": here.claim("cora")["claims"]}
    [item] = [each["id"] for each in here.get("cora", "/v1/queue")["entries"]]
    here.post("cora", f"/v1/queue/{item}/accept-and-next", decision | {"next": {"id": item}}, 422)
    here.post("cora", f"/v1/queue/{item}/decisions", decision | {"next": {}}, 422)


def test_a_claim_holds_lapses_and_returns(here: Clinic):
    here.submit("bridging 20 flag:no_unit")
    claim = here.claim("cora")
    assert claim["text"] == "bridging 20 flag:no_unit"
    assert here.claim("carl") is None
    here.post("carl", "/v1/queue/claim", {"id": claim["id"]}, 409)
    again = here.claim("cora", claim["id"])
    assert (again["claims"], again["lease_until"] > claim["lease_until"]) == (1, True)
    renewed = here.post("cora", f"/v1/queue/{claim['id']}/renew", {"claims": 1})
    assert renewed["lease_until"] > again["lease_until"]
    age(here, claim["id"], minutes=10, seconds=1)
    assert here.get("cora", "/v1/queue")["entries"][0]["state"] == "waiting"
    taken = here.claim("carl")
    assert (taken["id"], taken["claims"]) == (claim["id"], 2)
    # The first one's number is over: neither renewing, deciding nor releasing works.
    for path in ("renew", "release"):
        assert here.post("cora", f"/v1/queue/{claim['id']}/{path}", {"claims": 1}, 409)["type"].endswith("claim-lost")
    assert here.decide("cora", claim, status=409)["type"].endswith("claim-lost")
    here.post("carl", f"/v1/queue/{claim['id']}/release", {"claims": 2}, 204)
    assert here.claim("cora")["claims"] == 3
    assert here.actions("queue.claimed", "queue.released", "note.read", "result.read").count("note.read") == 4


def test_a_lapsed_claim_decides_where_nobody_took_over(here: Clinic):
    here.submit("bridging 20 flag:no_unit")
    claim = here.claim("cora")
    age(here, claim["id"], hours=1)
    assert here.decide("cora", claim)["state"] == "decided"
    assert here.decide("carl", claim, status=409)["type"].endswith("claim-lost")


def test_the_number_fences_the_same_person_too(here: Clinic):
    here.submit("bridging 20 flag:no_unit")
    old = here.claim("cora")
    here.post("cora", f"/v1/queue/{old['id']}/release", {"claims": old["claims"]}, 204)
    here.claim("cora")
    here.decide("cora", old, status=409)


# ---- decisions


SAME: dict[str, Any] = {"added": [], "removed": [], "changed": []}
UNCHANGED: dict[str, Any] = {"code": None, "minutes": {}} | dict.fromkeys(
    ("blocks", "tasks", "mentions", "goals"), SAME
)


def test_accept(here: Clinic):
    here.submit("bridging 20 stairs 40 later flag:no_unit")
    claim = here.claim("cora")
    decided = here.decide("cora", claim, milliseconds=1500)
    assert decided["minutes"] == {"97110": 20, "97530": 40}
    assert decided["units"]["cms_8_minute"] == {"97110": 1, "97530": 3}
    assert decided["changes"] == UNCHANGED | {"units": {policy: {} for policy in decided["units"]}}
    with here.database.reading() as session:
        [review] = repository.reviews(session, here.id, uuid.UUID(claim["note_id"]))
    assert (review.milliseconds, review.guide_version, review.reading) == (1500, "2", "first")
    assert review.decision["mentions"] == [{"start": 22, "end": 27, "status": "planned"}]
    assert here.actions("review.added") == ["review.added"]


def test_correct_says_what_it_changes(here: Clinic):
    here.submit("bridging 20 flag:no_unit")
    decided = here.decide("cora", claim := here.claim("cora"), correct(claim, minutes=35, code="97530"))
    block = {"start": 0, "end": 11, "other_code": None}
    assert decided["changes"] == UNCHANGED | {
        "blocks": SAME
        | {"changed": [[block | {"code": "97110", "minutes": 20}, block | {"code": "97530", "minutes": 35}]]},
        "code": ["97110", "97530"],
        "minutes": {"97110": [20, None], "97530": [None, 35]},
        "units": {
            "full_15": {"97110": [1, 0], "97530": [0, 2]},
            "cms_8_minute": {"97110": [1, 0], "97530": [0, 2]},
            "ama_midpoint": {"97110": [1, 0], "97530": [0, 2]},
        },
    }


def span(text: str, part: str, **more: Any) -> dict[str, Any]:
    start = text.index(part)
    return {"start": start, "end": start + len(part), **more}


def test_what_leaves_codes_and_minutes_alone_is_a_change_too(here: Clinic):
    """A task that was not done, a moved span, a split that keeps the minutes, another goal: each is told, and nothing else."""
    text = "bridging 20 hard, stairs 15, later. flag:no_unit"
    note = here.submit(text)
    claim = here.claim("cora")

    def told(change: Any) -> dict[str, Any]:
        nonlocal claim
        decision = correct(claim, mentions=[span(text, "later", status="planned")])
        change(decision)
        changes = here.decide("cora", claim, decision)["changes"]
        claim = here.undo("cora", claim["id"])["claim"]
        units = changes.pop("units")
        assert not any(units.values())
        assert (changes.pop("code"), changes.pop("minutes")) == (None, {})
        return {name: part for name, part in changes.items() if part != SAME}

    def not_done(decision: Any) -> None:
        decision["services"][1]["activities"] = []
        decision["mentions"].insert(0, span(text, "stairs", status="refused"))

    stairs, bridging = span(text, "stairs"), span(text, "bridging")
    refused = stairs | {"status": "refused"}
    assert told(lambda decision: None) == {}
    assert told(not_done) == {"tasks": SAME | {"removed": [stairs]}, "mentions": SAME | {"added": [refused]}}

    longer = span(text, "bridging 20 hard")

    def moved(decision: Any) -> None:
        decision["services"][0] |= {"end": longer["end"], "activities": [longer]}

    block = {"start": 0, "code": "97110", "other_code": None, "minutes": 20}
    assert told(moved) == {
        "tasks": SAME | {"changed": [[bridging, longer]]},
        "blocks": SAME | {"changed": [[block | {"end": 11}, block | {"end": 16}]]},
    }

    hard = span(text, "hard")

    def split(decision: Any) -> None:
        new = {**hard, "code": "97110", "other_code": None, "minutes": None, "activities": [hard]}
        decision["services"].insert(1, new)

    assert told(split) == {
        "tasks": SAME | {"added": [hard]},
        "blocks": SAME | {"added": [{**hard, "code": "97110", "other_code": None, "minutes": None}]},
    }
    later = span(text, "later")
    assert told(lambda decision: decision["mentions"][0].update(status="held")) == {
        "mentions": SAME | {"changed": [[later | {"status": "planned"}, later | {"status": "held"}]]}
    }
    assert told(lambda decision: decision.update(mentions=[], goals=[later])) == {
        "mentions": SAME | {"removed": [later | {"status": "planned"}]},
        "goals": SAME | {"added": [later]},
    }
    assert here.get("theo", f"/v1/notes/{note['id']}")["readings"] == []


def test_an_acceptance_is_the_result(here: Clinic):
    here.submit("bridging 20 flag:no_unit")
    claim = here.claim("cora")
    whole = correct(claim) | {"kind": "accept", "reason": None}
    refused = here.decide("cora", claim, whole | {"goals": [{"start": 0, "end": 3}]}, 422)
    assert [each["field"] for each in refused["errors"]] == ["decision.kind"]
    assert here.decide("cora", claim, whole)["state"] == "decided"


def wrong(**service: Any) -> Any:
    return lambda decision: decision["services"][0].update(service)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (wrong(end=500), "services.0"),
        (wrong(activities=[{"start": 0, "end": 8}, {"start": 5, "end": 10}]), "services.0.activities.1"),
        (wrong(activities=[{"start": 0, "end": 20}]), "services.0.activities.0"),
        (wrong(activities=[{"start": 0, "end": 500}]), "services.0.activities.0"),
        (wrong(code="other", other_code="99999"), "services.0.other_code"),
        (wrong(code="other", other_code="97110"), "services.0.other_code"),
        (wrong(other_code="97140"), "services.0.other_code"),
        (wrong(minutes=0), "decision.services.0.minutes"),
        (wrong(minutes=241), "decision.services.0.minutes"),
        (wrong(code="97140"), "decision.services.0.code"),
        (wrong(end=0), "decision.services.0.end"),
        (wrong(start=11, end=11), "decision.services.0"),
        (wrong(words=SENTINEL), "decision.services.0.(unknown)"),
        (lambda decision: decision.update(goals=[{"start": 1, "end": 500}]), "goals.0"),
        (lambda decision: decision.update(mentions=[{"start": 1, "end": 500, "status": "held"}]), "mentions.0"),
        (lambda decision: decision.update(mentions=[{"start": 1, "end": 5, "status": "done"}]), "decision.mentions.0.status"),
        (lambda decision: decision["services"].extend([decision["services"][0] | {"minutes": 240, "activities": []}] * 2), "services"),
    ],
)  # fmt: skip
def test_corrections_that_do_not_fit_the_note(here: Clinic, change: Any, field: str):
    here.submit(f"bridging 20 flag:no_unit {SENTINEL}")
    claim = here.claim("cora")
    decision = correct(claim)
    change(decision)
    before = counts(here)
    refused = here.decide("cora", claim, decision, 422)
    assert field in [each["field"] for each in refused["errors"]]
    assert all(each["reason"] for each in refused["errors"])
    assert SENTINEL not in json.dumps(refused)
    assert counts(here) == before
    assert here.decide("cora", claim, correct(claim))["state"] == "decided"


@pytest.mark.parametrize(
    "body",
    [
        {"decision": None},
        {"claims": 1},
        {"decision": {"kind": "undo"}, "claims": 1},
        {"decision": {"kind": "question"}, "claims": 1},
        {"decision": None, "claims": 1, "question": "Why?"},
        {"decision": {"kind": "question"}, "claims": 1, "question": ""},
        {"decision": {"kind": "question"}, "claims": 1, "question": "a\0b"},
        {"decision": {"kind": "skip"}, "claims": 1},
        {"decision": None, "claims": 1, "milliseconds": -1},
    ],
)
def test_requests_that_are_none(here: Clinic, body: dict[str, Any]):
    here.submit("bridging 20 flag:no_unit")
    claim = here.claim("cora")
    here.post("cora", f"/v1/queue/{claim['id']}/decisions", body, 422)


def test_a_skipped_note_goes_to_somebody_else(here: Clinic):
    here.submit("bridging 20 flag:no_unit")
    claim = here.claim("cora")
    assert here.decide("cora", claim, {"kind": "skip", "reason": "not_my_field"})["state"] == "skipped"
    assert here.claim("cora") is None
    here.post("cora", "/v1/queue/claim", {"id": claim["id"]}, 409)
    taken = here.claim("carl")
    assert taken["id"] == claim["id"]
    here.post("carl", f"/v1/queue/{claim['id']}/release", {"claims": taken["claims"]}, 204)
    back = here.undo("cora", claim["id"])["claim"]
    assert here.decide("cora", back)["state"] == "decided"


def test_accept_and_next(here: Clinic):
    for n in range(3):
        here.submit(f"bridging {20 + n} flag:no_unit {n}")
    claim, seen = here.claim("cora"), set()
    while claim:
        seen.add(claim["id"])
        claim = here.decide("cora", claim, next=True)["claim"]
    assert len(seen) == 3
    assert here.get("cora", "/v1/queue")["total"] == 0


def test_accept_and_next_is_one_transaction(here: Clinic, monkeypatch: pytest.MonkeyPatch):
    for n in range(2):
        here.submit(f"bridging {20 + n} flag:no_unit {n}")
    claim = here.claim("cora")
    before = counts(here)
    with monkeypatch.context() as patched:
        patched.setattr(queue, "claim", lambda *a, **k: (_ for _ in ()).throw(DatabaseFull("here")))
        here.decide("cora", claim, status=503, next=True)
    assert counts(here) == before
    with monkeypatch.context() as patched:
        patched.setattr(readings, "follow_up", lambda *a, **k: (_ for _ in ()).throw(DatabaseFull("here")))
        here.decide("cora", claim, status=503)
    assert counts(here) == before
    assert here.decide("cora", claim)["state"] == "decided"


@pytest.mark.parametrize(
    ("decision", "more"),
    [
        (None, {}),
        ("correct", {}),
        ({"kind": "skip", "reason": "unclear_note"}, {}),
        ({"kind": "question"}, {"question": "Which?"}),
    ],
)
def test_a_decision_sent_again_is_kept_once(here: Clinic, decision: Any, more: dict[str, Any]):
    here.submit("bridging 20 flag:no_unit")
    claim = here.claim("cora")
    sent = correct(claim, minutes=30) if decision == "correct" else decision
    first = here.decide("cora", claim, sent, milliseconds=900, **more)
    before = counts(here)
    assert here.decide("cora", claim, sent, milliseconds=1700, **more) == first
    assert counts(here) == before


def test_another_decision_under_the_same_claim_is_refused(here: Clinic):
    here.submit("bridging 20 flag:no_unit")
    claim = here.claim("cora")
    here.decide("cora", claim, {"kind": "question"}, question="Which?")
    before = counts(here)
    for sent, more in ((None, {}), ({"kind": "question"}, {"question": "Where?"}), (correct(claim, minutes=30), {})):
        assert here.decide("cora", claim, sent, status=409, **more)["type"].endswith("not-possible-now")
    assert here.decide("carl", claim, {"kind": "question"}, status=409, question="Which?")["type"].endswith(
        "claim-lost"
    )
    assert counts(here) == before


def test_a_decision_sent_again_after_it_was_taken_back_is_none(here: Clinic):
    here.submit("bridging 20 flag:no_unit")
    claim = here.claim("cora")
    here.decide("cora", claim)
    back = here.undo("cora", claim["id"])["claim"]
    assert here.decide("cora", claim, status=409)["type"].endswith("claim-lost")
    here.post("cora", f"/v1/queue/{claim['id']}/release", {"claims": back["claims"]}, 204)
    assert here.decide("cora", back, status=409)["type"].endswith("claim-lost")
    here.undo("cora", claim["id"], 409)


def test_accept_and_next_sent_again_gives_the_same_next(here: Clinic):
    for n in range(3):
        here.submit(f"bridging {20 + n} flag:no_unit {n}")
    claim = here.claim("cora")
    first = here.decide("cora", claim, next=True)
    again = here.decide("cora", claim, next=True)
    assert (again["review_id"], again["claim"]["id"]) == (first["review_id"], first["claim"]["id"])
    assert again["claim"]["claims"] == first["claim"]["claims"] == 1
    assert [entry["state"] for entry in here.get("cora", "/v1/queue")["entries"]].count("claimed") == 1


def test_undo_chains(here: Clinic):
    here.submit("bridging 20 flag:no_unit")
    claim = here.claim("cora")
    note = uuid.UUID(claim["note_id"])
    here.undo("cora", claim["id"], 409)
    here.decide("cora", claim)
    here.undo("carl", claim["id"], 409)
    back = here.undo("cora", claim["id"])["claim"]
    assert back["claims"] == 2
    here.decide("cora", back, correct(back, minutes=30))
    undone = here.undo("cora", claim["id"])
    back = undone["claim"]
    again = here.undo("cora", claim["id"])
    assert (again["review_id"], again["claim"]["claims"]) == (undone["review_id"], back["claims"])
    here.undo("carl", claim["id"], 409)
    here.decide("cora", back, {"kind": "skip", "reason": "unclear_note"})
    here.decide("carl", here.claim("carl"))
    here.undo("cora", claim["id"], 409)
    with here.database.reading() as session:
        reviews = repository.reviews(session, here.id, note)
        held = queue.readings(session, here.id, reviews[0].result_id)
    assert [each.decision["kind"] for each in reviews] == ["accept", "undo", "correct", "undo", "skip", "accept"]
    assert [each.supersedes for each in reviews] == [None, *(each.id for each in reviews[:-1])]
    assert {name: each.id for name, each in held.items()} == {"first": reviews[-1].id}
    assert here.actions("review.added") == ["review.added"] * 6


def test_what_was_decided_last_is_known_to_the_server(here: Clinic):
    """A page that was loaded again takes back what it cannot remember: the latest first, then the one before."""
    path = "/v1/queue/last"
    assert here.get("cora", path) == {"last": None}
    for n in range(3):
        here.submit(f"bridging {20 + n} flag:no_unit {SENTINEL} {n}")
    one = here.claim("cora")
    decided = here.decide("cora", one, correct(one, minutes=35))
    two = here.claim("cora")
    here.decide("cora", two, {"kind": "skip", "reason": "not_my_field"})
    last = here.get("cora", path)["last"]
    assert (last["id"], last["decision"]["kind"], last["minutes"], last["changes"]) == (two["id"], "skip", None, None)
    assert here.get("carl", path) == {"last": None}
    # Another coder decides what was skipped: that is not to be taken back any more.
    here.decide("carl", here.claim("carl", two["id"]))
    last = here.get("cora", path)["last"]
    assert SENTINEL not in json.dumps(last)
    assert (last["id"], last["decision"]["services"][0]["minutes"]) == (one["id"], 35)
    assert {name: last[name] for name in ("minutes", "units", "changes")} == {
        name: decided[name] for name in ("minutes", "units", "changes")
    }
    here.undo("cora", last["id"])
    assert here.get("cora", path) == {"last": None}
    here.decide("cora", here.claim("cora", one["id"]), {"kind": "question"}, question="Which?")
    assert here.get("cora", path)["last"]["decision"]["kind"] == "question"
    [question] = here.get("theo", "/v1/questions")
    here.post("theo", f"/v1/questions/{question['id']}/answer", {"answer": "x"})
    assert here.get("cora", path) == {"last": None}
    here.get("theo", path, 403)


def test_a_purged_note_cannot_be_taken_back(here: Clinic):
    here.submit("bridging 20 flag:no_unit")
    claim = here.claim("cora")
    here.decide("cora", claim)
    with here.database.writing() as session:
        repository.purge(session, here.id, [uuid.UUID(claim["note_id"])], [], days=1, by=repository.audit.SYSTEM)
    assert here.get("cora", "/v1/queue/last") == {"last": None}


def test_a_purged_note_is_gone(here: Clinic):
    here.submit("bridging 20 flag:no_unit")
    claim = here.claim("cora")
    with here.database.writing() as session:
        repository.purge(session, here.id, [uuid.UUID(claim["note_id"])], [], days=1, by=repository.audit.SYSTEM)
    assert here.decide("cora", claim, status=410)["type"].endswith("note-purged")
    here.get("cora", f"/v1/notes/{claim['note_id']}", 410)
    assert here.claim("cora") is None


# ---- questions, and what the therapist sees


def test_a_question_and_its_answer(here: Clinic):
    first = here.submit("bridging 20 flag:no_unit")
    here.submit("bridging 60 flag:no_unit flag:goal_missing flag:low_confidence")
    claim = here.claim("cora", first["queue_item_id"])
    asked = here.decide("cora", claim, {"kind": "question", "reason": "unclear_note"}, question=f"Was it {SENTINEL}?")
    assert (asked["state"], asked["minutes"]) == ("decided", None)
    assert here.get("thea", "/v1/questions") == []
    [question] = here.get("theo", "/v1/questions?open_only=true")
    assert (question["question"], question["answer"]) == (f"Was it {SENTINEL}?", None)
    assert here.get("theo", "/v1/notes")[1]["open_questions"] == 1
    path = f"/v1/questions/{question['id']}/answer"
    here.post("thea", path, {"answer": "yes"}, 404)
    here.post("cora", path, {"answer": "yes"}, 404)
    assert here.post("theo", path, {"answer": "yes, twice"})["answer"] == "yes, twice"
    assert here.post("theo", path, {"answer": "yes, twice"})["answer"] == "yes, twice"  # sent again
    here.post("theo", path, {"answer": "no"}, 409)
    assert here.get("theo", "/v1/questions?open_only=true") == []
    assert here.get("cora", "/v1/queue")["entries"][0]["state"] == "returned"
    back = here.claim("carl")
    assert (back["id"], back["questions"][0]["answer"]) == (claim["id"], "yes, twice")
    assert here.decide("carl", back)["state"] == "decided"
    assert here.actions("question.asked", "question.answered") == ["question.asked", "question.answered"]
    assert here.actions("question.read")
    with here.database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM questions WHERE seen_at IS NOT NULL")) == 1
        for table, column in (("reviews", "decision"), ("audit", "detail")):
            stored = session.execute(text(f"SELECT {column} FROM {table}")).scalars().all()
            assert SENTINEL not in repr(stored)


def test_a_question_is_taken_back(here: Clinic):
    here.submit("bridging 20 flag:no_unit")
    claim = here.claim("cora")
    here.decide("cora", claim, {"kind": "question"}, question="Which?")
    [question] = here.get("theo", "/v1/questions")
    back = here.undo("cora", claim["id"])["claim"]
    assert here.get("theo", "/v1/questions") == []
    here.post("theo", f"/v1/questions/{question['id']}/answer", {"answer": "x"}, 409)
    assert here.decide("cora", back)["state"] == "decided"


def test_an_answered_question_cannot_be_taken_back(here: Clinic):
    here.submit("bridging 20 flag:no_unit")
    claim = here.claim("cora")
    here.decide("cora", claim, {"kind": "question"}, question="Which?")
    [question] = here.get("theo", "/v1/questions")
    here.post("theo", f"/v1/questions/{question['id']}/answer", {"answer": "x"})
    here.undo("cora", claim["id"], 409)


def test_a_note_without_a_therapist_is_answered_by_a_coder(here: Clinic):
    here.submit("bridging 20 flag:no_unit", "key-submit")
    here.decide("cora", here.claim("cora"), {"kind": "question"}, question="Which?")
    [question] = here.get("carl", "/v1/questions")
    here.post("theo", f"/v1/questions/{question['id']}/answer", {"answer": "x"}, 404)
    here.post("carl", f"/v1/questions/{question['id']}/answer", {"answer": "by telephone: left"})


def test_a_therapist_sees_what_changed_on_own_notes_alone(here: Clinic):
    note = here.submit("bridging 20 flag:no_unit", note_id="n1")
    claim = here.claim("cora")
    here.decide("cora", claim, correct(claim, minutes=35))
    shown = here.get("theo", f"/v1/notes/{note['id']}")
    assert (shown["text"], shown["external_id"], shown["result"]) == ("bridging 20 flag:no_unit", "n1", note["result"])
    [reading] = shown["readings"]
    assert (reading["kind"], reading["reason"], reading["changes"]["minutes"]) == (
        "correct",
        "wrong_minutes",
        {"97110": [20, 35]},
    )
    assert (reading["stands"], reading["decision"]["services"][0]["minutes"]) == (True, 35)
    here.get("thea", f"/v1/notes/{note['id']}", 404)
    assert here.get("thea", "/v1/notes") == []
    [listed] = here.get("theo", "/v1/notes")
    assert (listed["queue_state"], listed["status"]) == ("decided", "flagged")
    assert here.get("cora", f"/v1/notes/{note['id']}") == shown


# ---- clinics apart

NO_SQL_OF_THEIR_OWN = {"kind", "superseded", "flag_list", "twins_of"}


def public_functions() -> dict[str, Any]:
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": function
        for module in (queue, questions, dashboard, linked)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_") and name not in NO_SQL_OF_THEIR_OWN
    }


def test_every_function_takes_the_clinic_first():
    for name, function in public_functions().items():
        assert list(inspect.signature(function).parameters)[:2] == ["session", "clinic_id"], name


def test_no_function_reaches_into_another_clinic(here: Clinic, there: Clinic):
    """Every function that names a row or lists rows, asked with the wrong clinic; the list is compared with what there is."""
    here.submit("bridging 20 flag:no_unit")
    claim = here.claim("cora")
    here.decide("cora", claim, {"kind": "question"}, question="Which?")
    answered = here.get("theo", "/v1/questions")[0]["id"]
    taken = here.submit("stairs 20 flag:no_unit")
    here.claim("cora")
    with here.database.reading() as session:
        [item] = [each[0] for each in queue.waiting(session, here.id, queue.Filter(), limit=5, offset=0)]
    wrong, me, lease = there.id, here.people["cora"], timedelta(minutes=1)
    everything, long_ago, by = queue.Filter(), repository.now() - timedelta(days=9), Actor("person", me)
    priority = {"reason": "flagged", "reading": "second", "priority": 1.0, "variety": None, "by": by}
    refused: dict[str, Any] = {
        "queue.kept": lambda s: queue.kept(s, wrong, item.note_id),
        "queue.enqueue": lambda s: queue.enqueue(s, wrong, item.result_id, **priority),
        "queue.locked": lambda s: queue.locked(s, wrong, item.id),
        "linked.main_account": lambda s: linked.main_account(s, wrong, me),
        "linked.link": lambda s: linked.link(s, wrong, me, repository.person(s, here.id, me), by=SYSTEM),
        "linked.unlink": lambda s: linked.unlink(s, wrong, me, by=SYSTEM),
        "queue.held": lambda s: queue.held(s, wrong, item.id, me, 1),
        "queue.renew": lambda s: queue.renew(s, wrong, item.id, me, 1, lease=lease),
        "queue.release": lambda s: queue.release(s, wrong, item.id, me, 1),
        "queue.material": lambda s: queue.material(s, wrong, item.id),
        "questions.answer": lambda s: questions.answer(
            s, wrong, uuid.UUID(answered), me, "x", boost=1.0, own_only=False
        ),
    }
    empty: dict[str, Any] = {
        "queue.find_submission": lambda s: queue.find_submission(s, wrong, "x"),
        "queue.waiting": lambda s: queue.waiting(s, wrong, everything, limit=5, offset=0),
        "linked.linked": lambda s: linked.linked(s, wrong, me),
        "queue.places": lambda s: queue.places(s, wrong, everything, limit=5),
        "queue.best_place": lambda s: queue.best_place(
            s, wrong, me, role="coder", twins=(), at=repository.now() + timedelta(days=1)
        ),
        "queue.lately": lambda s: any(queue.lately(s, wrong, me)),
        "queue.is_here": lambda s: queue.is_here(s, wrong, item.id),
        "queue.groups": lambda s: queue.groups(s, wrong, everything),
        "queue.claim": lambda s: queue.claim(
            s, wrong, me, role="coder", lease=lease, at=repository.now() + timedelta(days=1)
        ),
        "queue.head": lambda s: queue.head(s, wrong, item),
        "queue.held_last": lambda s: queue.held_last(s, wrong, me),
        "queue.last_of": lambda s: queue.last_of(s, wrong, me),
        "queue.entry_of": lambda s: queue.entry_of(s, wrong, item.result_id, "first"),
        "queue.readings": lambda s: queue.readings(s, wrong, item.result_id),
        "queue.lock_result": lambda s: queue.lock_result(s, wrong, item.result_id),
        "questions.blinded": lambda s: questions.blinded(s, wrong, item.note_id),
        "questions.questions": lambda s: questions.questions(s, wrong, by=by),
        "questions.notes": lambda s: questions.notes(s, wrong, therapist=None, limit=5, offset=0),
        "questions.asked_last": lambda s: questions.asked_last(s, wrong, item),
        "questions.unask": lambda s: questions.unask(s, wrong, item),
        "dashboard.days": lambda s: dashboard.days(s, wrong, long_ago),
        "dashboard.waits": lambda s: dashboard.waits(s, wrong, long_ago).values,
        "dashboard.waits_by_day": lambda s: dashboard.waits_by_day(s, wrong, long_ago),
        "dashboard.waiting": lambda s: dashboard.waiting(s, wrong).entries,
        "dashboard.review_seconds": lambda s: dashboard.review_seconds(s, wrong, long_ago).values,
        "dashboard.bands": lambda s: dashboard.bands(s, wrong, long_ago, [0.0]),
        "dashboard.first_readings": lambda s: dashboard.first_readings(s, wrong, long_ago),
        "dashboard.decided": lambda s: dashboard.decided(s, wrong, long_ago),
        "dashboard.flags": lambda s: dashboard.flags(s, wrong, long_ago),
        "dashboard.versions": lambda s: dashboard.versions(s, wrong, long_ago),
        "dashboard.weeks": lambda s: dashboard.weeks(s, wrong, long_ago),
        "dashboard.pairs": lambda s: dashboard.pairs(s, wrong, long_ago),
    }
    # A row that was fetched for one clinic cannot be changed, or referred to, for another.
    stopped: dict[str, Any] = {
        "queue.move": lambda s: queue.move(s, wrong, item, "waiting"),
        "queue.take_back": lambda s: queue.take_back(s, wrong, item, me, lease=lease),
        "questions.ask": lambda s: questions.ask(s, wrong, item, me, "x"),
    }
    assert set(refused) | set(empty) | set(stopped) | {"queue.clinic"} == set(public_functions())
    for calls, error in ((refused, (UnknownRow, UnknownPerson)), (stopped, (UnknownRow, RowRefused))):
        for name, call in calls.items():
            with pytest.raises(error), here.database.writing() as session:
                call(session)
                pytest.fail(name)
    for name, call in empty.items():
        with here.database.writing() as session:
            assert not call(session), name
    assert here.get("theo", "/v1/questions")[0]["answer"] is None
    assert here.get("cora", "/v1/queue")["entries"][0]["id"] == taken["queue_item_id"]
