"""The second, blind reading; and the dashboard's figures, on both engines."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from api.db import dashboard as rows
from api.db import repository
from api.db.session import Database
from api.db.tables import Note, QueueItem
from api.decisions import Decision
from api.queue.acceptance import wilson
from api.queue.readings import differences, kappas
from api.queue.trends import rising

from .reviewing import Clinic, correct, open_clinic


@pytest.fixture
def here(database: Database) -> Iterator[Clinic]:
    """Every decided note is read twice."""
    yield from open_clinic(database, "here", second_share=1.0)


def first_reading(here: Clinic, words: str = "bridging 20 flag:no_unit", login: str = "cora") -> Any:
    note = here.submit(words)
    return note, here.decide(login, claim := here.claim(login, note["queue_item_id"]), correct(claim, minutes=30))


def second_item(here: Clinic, note: Any) -> str:
    entries = here.get("carl", "/v1/queue")["entries"]
    [item] = [each["id"] for each in entries if each["note_id"] == note["id"] and each["reading"] == "second"]
    return item


def test_the_second_reader_is_another_one_and_sees_nothing_of_the_first(here: Clinic):
    note, _ = first_reading(here)
    item = second_item(here, note)
    assert here.claim("cora") is None
    here.post("cora", "/v1/queue/claim", {"id": item}, 409)
    claim = here.claim("carl")
    assert (claim["id"], claim["reading"], claim["readings"]) == (item, "second", [])
    # The first reading said 30 minutes; nothing that the second one is shown has that number.
    seen = [
        claim,
        here.get("carl", "/v1/queue"),
        here.get("carl", f"/v1/notes/{note['id']}"),
        here.get("carl", "/v1/notes"),
    ]
    for each in seen[:1] + seen[2:3]:
        assert each["result"]["minutes"] == {"97110": 20}
    assert '"minutes": 30' not in json.dumps(seen)
    assert here.get("carl", f"/v1/notes/{note['id']}")["readings"] == []
    assert here.get("tina", f"/v1/notes/{note['id']}")["readings"] == []
    # The one who decided, and the therapist, see it.
    for login in ("cora", "theo"):
        assert here.get(login, f"/v1/notes/{note['id']}")["readings"][0]["changes"]["minutes"] == {"97110": [20, 30]}
    here.decide("carl", claim, correct(claim, minutes=30))
    assert len(here.get("carl", f"/v1/notes/{note['id']}")["readings"]) == 2
    assert stands(here, note) == {"first": True, "second": True}
    # They agree, so that nothing is left to settle.
    assert here.get("tina", "/v1/queue")["total"] == 0


def test_the_second_reader_sees_no_question_of_the_first(here: Clinic):
    note = here.submit("bridging 20 flag:no_unit")
    here.decide("cora", here.claim("cora"), {"kind": "question"}, question="Which side?")
    [question] = here.get("theo", "/v1/questions")
    here.post("theo", f"/v1/questions/{question['id']}/answer", {"answer": "left"})
    assert len(here.get("carl", "/v1/questions")) == 1
    here.decide("cora", here.claim("cora"))
    second_item(here, note)
    before = len(here.actions("question.read"))
    assert here.get("carl", "/v1/questions") == []
    claim = here.claim("carl")
    assert claim["questions"] == []
    assert here.get("carl", f"/v1/notes/{note['id']}")["questions"] == []
    assert len(here.actions("question.read")) == before
    assert len(here.get("cora", "/v1/questions")) == 1
    here.decide("carl", claim)
    assert len(here.get("carl", "/v1/questions")) == 1


def disagree(here: Clinic) -> tuple[Any, Any, Any]:
    note, _ = first_reading(here)
    claim = here.claim("carl")
    here.decide("carl", claim)
    return note, claim, here.get("tina", "/v1/queue")["entries"]


def test_a_disagreement_is_settled_by_a_third_person_who_sees_both(here: Clinic):
    note, _, entries = disagree(here)
    assert [(each["reading"], each["reason"]) for each in entries] == [("adjudication", "adjudication")]
    assert here.claim("cora") is None
    assert here.claim("carl") is None
    claim = here.claim("tina")
    assert [(each["reading"], each["decision"]["services"][0]["minutes"]) for each in claim["readings"]] == [
        ("first", 30),
        ("second", 20),
    ]
    # Which of the two the note is taken for is open until they are settled.
    assert stands(here, note) == {"first": False, "second": False}
    here.decide("tina", claim, correct(claim, minutes=30))
    assert stands(here, note) == {"first": False, "second": False, "adjudication": True}
    assert here.get("tina", "/v1/queue")["total"] == 0
    # What was settled cannot be taken back below it.
    here.undo("cora", here_item(here, "first"), 409)
    back = here.undo("tina", claim["id"])["claim"]
    assert here.decide("tina", back)["state"] == "decided"


def stands(here: Clinic, note: Any) -> dict[str, bool]:
    return {each["reading"]: each["stands"] for each in here.get("theo", f"/v1/notes/{note['id']}")["readings"]}


def here_item(here: Clinic, reading: str) -> str:
    with here.database.reading() as session:
        return str(session.query(QueueItem).filter_by(clinic_id=here.id, reading=reading).one().id)


def test_undo_withdraws_what_waited_to_be_settled(here: Clinic):
    disagree(here)
    back = here.undo("cora", here_item(here, "first"))["claim"]
    assert here.claim("tina") is None
    # Now they agree.
    here.decide("cora", back)
    assert here.get("tina", "/v1/queue")["total"] == 0
    back = here.undo("cora", here_item(here, "first"))["claim"]
    here.decide("cora", back, correct(back, minutes=45))
    assert [each["reading"] for each in here.get("tina", "/v1/queue")["entries"]] == ["adjudication"]


def test_a_trainer_settles_their_own_where_there_is_no_third(here: Clinic):
    note, _ = first_reading(here)
    here.decide("tina", here.claim("tina"))
    [entry] = here.get("tina", "/v1/queue")["entries"]
    assert (entry["note_id"], entry["reading"]) == (note["id"], "adjudication")
    # Carl is a third.
    assert here.claim("tina") is None
    with here.database.writing() as session:
        repository.disable_person(session, here.id, here.people["carl"], by=repository.audit.SYSTEM)
    assert here.claim("cora") is None
    assert here.claim("tina")["id"] == entry["id"]


def test_a_share_is_read_twice_always_the_same(database: Database):
    opened = open_clinic(database, "share", second_share=0.3)
    here = next(opened)
    for n in range(30):
        here.submit(f"bridging 20 flag:no_unit note {n}")
    claim = here.claim("cora")
    while claim:
        claim = here.decide("cora", claim, next=True)["claim"]
    entries = here.get("carl", "/v1/queue")["entries"]
    assert 2 < len(entries) < 18
    assert {each["reading"] for each in entries} == {"second"}
    twice = {each["note_id"] for each in entries}
    with database.reading() as session:
        firsts = {
            str(item.note_id): str(item.id)
            for item in session.query(QueueItem).filter_by(clinic_id=here.id, reading="first")
        }
    for note, item in firsts.items():
        here.decide("cora", here.undo("cora", item)["claim"])
        assert (note in twice) is (note in {each["note_id"] for each in here.get("carl", "/v1/queue")["entries"]})
    next(opened, None)


def decision(*blocks: tuple[int, int, str, int | None, list[tuple[int, int]]]) -> Decision:
    return Decision.model_validate(
        {
            "kind": "correct",
            "services": [
                {"start": s, "end": e, "code": code, "minutes": m, "activities": [{"start": a, "end": b} for a, b in tasks]}
                for s, e, code, m, tasks in blocks
            ],
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (decision((0, 20, "97110", 15, [(0, 8), (10, 18)])), ()),
        (decision((1, 19, "97110", 15, [(2, 7), (10, 20 - 1)])), ()),
        (decision((0, 20, "97110", 15, [(0, 18)])), ()),
        (decision((0, 20, "97530", 15, [(0, 8), (10, 18)])), ("code", "minutes")),
        (decision((0, 20, "97110", 16, [(0, 8), (10, 18)])), ("minutes",)),
        (decision((0, 20, "97110", 15, [(0, 8)])), ("done",)),
        (decision((0, 9, "97110", 10, [(0, 8)]), (9, 20, "97110", 5, [(10, 18)])), ()),
        (decision(), ("minutes", "done")),
    ],
)
def test_what_two_readings_disagree_in(second: Decision, expected: tuple[str, ...]):
    first = decision((0, 20, "97110", 15, [(0, 8), (10, 18)]))
    assert differences(first, second) == expected
    assert differences(second, first) == expected


def test_kappa_for_each_code_and_two_readers():
    ana, ben = sorted([uuid.uuid4(), uuid.uuid4()])
    blocks = [("97110", "97110"), ("97530", "97530"), ("97110", "97530"), ("97530", "97110"), ("other", "other")]
    pairs = []
    for number, (one, other) in enumerate(blocks):
        ours, theirs = (decision((0, 9, code, 15, [(0, 3)])) for code in (one, other))
        # Who read first changes; the two readers stay the same.
        pairs.append((ana, ben, ours, theirs) if number % 2 else (ben, ana, theirs, ours))
    found = {each.code: (each.readers, each.kappa, each.blocks) for each in kappas(pairs)}
    # 97110: 3 of 5 agree; each gave it 2 of 5 times, so that chance is .52.
    assert found["97110"] == ((ana, ben), 0.1667, 5)
    assert found["97530"] == ((ana, ben), 0.1667, 5)
    assert found["other"] == ((ana, ben), 1.0, 5)
    assert kappas([]) == []


# ---- the dashboard


def test_an_empty_clinic_has_a_dashboard(here: Clinic):
    shown = here.get("adam", "/v1/dashboard?days=7")
    assert (shown["notes"], shown["share_flagged"], shown["waiting"], shown["waiting_since"]) == (0, None, 0, None)
    assert shown["waited_seconds"] == {"values": 0, "median": None, "p90": None}
    assert [each["interval"] for each in shown["acceptance"]] == [None] * 6
    here.get("adam", "/v1/dashboard?days=0", 422)


def test_the_figures(database: Database):
    opened = open_clinic(database, "figures")
    here = next(opened)
    words = [
        f"bridging 20 flag:no_unit conf:{conf} note {n}"
        for n, conf in enumerate(["0.45", "0.85", "0.85", "0.95", "1.0"])
    ]
    items = [here.submit(each)["queue_item_id"] for each in words]
    here.submit("bridging 15 quiet")
    here.submit("stairs 15 flag:no_unit flag:goal_missing waits")
    for number, item in enumerate(items):
        claim = here.claim("cora", item)
        here.decide(
            "cora", claim, correct(claim, minutes=30) if number == 1 else None, milliseconds=1000 * (number + 1)
        )
    # Undone and decided anew: it counts once, as it is now.
    back = here.undo("cora", items[0])["claim"]
    here.decide("cora", back, correct(back, minutes=45), milliseconds=500)
    with database.writing() as session:
        for number, item in enumerate(items):
            row = session.get_one(QueueItem, (here.id, uuid.UUID(item)))
            assert row.decided_at is not None
            row.created_at = row.decided_at - timedelta(seconds=10 * (number + 1))
    shown = here.get("cora", "/v1/dashboard")
    assert (shown["notes"], shown["share_flagged"], shown["waiting"]) == (7, 6 / 7, 1)
    assert [(each["notes"], each["flagged"]) for each in shown["days"]] == [(7, 6)]
    assert shown["days"][0]["day"] == repository.now().date().isoformat()
    waited = shown["waited_seconds"]
    assert (waited["values"], waited["median"], waited["p90"]) == (
        5,
        pytest.approx(30, abs=0.01),
        pytest.approx(50, abs=0.01),
    )
    days: dict[str, list[float]] = {}
    with database.reading() as session:
        for number, item in enumerate(items):
            decided = session.get_one(QueueItem, (here.id, uuid.UUID(item))).decided_at
            assert decided is not None
            days.setdefault(decided.date().isoformat(), []).append(10.0 * (number + 1))
    assert [(each["day"], each["decided"], each["median"]) for each in shown["waits"]] == [
        (day, len(values), pytest.approx(sorted(values)[(len(values) - 1) // 2], abs=0.01))
        for day, values in sorted(days.items())
    ]
    assert shown["review_seconds"] == {"values": 6, "median": 2.0, "p90": 5.0}
    bands = {
        each["least"]: (each["decided"], each["accepted"], each["flagged"]["kept"], each["share"])
        for each in shown["acceptance"]
        if each["decided"]
    }
    # Corrected minutes leave the code as it was proposed.
    assert bands == {0.0: (1, 0, 1, 1.0), 0.8: (2, 1, 2, 1.0), 0.95: (2, 2, 2, 1.0)}
    assert [each["promised"] for each in shown["acceptance"]] == [
        0.45, None, None, pytest.approx(0.85), pytest.approx(0.9), pytest.approx(0.975),
    ]  # fmt: skip
    assert shown["top_flags"] == [{"flag": "no_unit", "results": 6}, {"flag": "goal_missing", "results": 1}]
    [version] = shown["versions"]
    assert {name: version[name] for name in ("version", "results", "flagged", "decided", "accepted", "share_accepted")} == {
        "version": "fake", "results": 7, "flagged": 6, "decided": 5, "accepted": 3, "share_accepted": 0.6,
    }  # fmt: skip
    assert shown["kappa"] == []
    next(opened, None)


def test_acceptance_is_of_codes_and_weighs_flagged_notes_as_many_as_they_are(database: Database):
    """In one band: three of four flagged notes kept their code, one of two of the sample; thirty notes are not flagged."""
    opened = open_clinic(database, "weighed", audit_share=1.0)
    here = next(opened)
    flagged = [here.submit(f"bridging 20 flag:no_unit conf:0.92 {n}")["queue_item_id"] for n in range(4)]
    others = [here.submit(f"bridging 20 conf:0.94 {n}")["queue_item_id"] for n in range(12)]
    for number, item in enumerate([*flagged, *others[:2]]):
        claim = here.claim("cora", item)
        # The other code in one of each kind; in another the minutes alone.
        wrong = {0: {"code": "97530"}, 1: {"minutes": 30}, 4: {"code": "97530"}}.get(number)
        here.decide("cora", claim, correct(claim, **wrong) if wrong else None)
    [band] = [each for each in here.get("cora", "/v1/dashboard")["acceptance"] if each["least"] == 0.9]
    assert {name: band["flagged"][name] for name in ("results", "decided", "kept", "share")} == {
        "results": 4, "decided": 4, "kept": 3, "share": 0.75,
    }  # fmt: skip
    assert {name: band["sampled"][name] for name in ("results", "decided", "kept", "share")} == {
        "results": 12, "decided": 2, "kept": 1, "share": 0.5,
    }  # fmt: skip
    assert (band["decided"], band["accepted"]) == (6, 3)
    assert band["share"] == pytest.approx((4 * 0.75 + 12 * 0.5) / 16)
    assert band["promised"] == pytest.approx((4 * 0.92 + 12 * 0.94) / 16)
    (low, high), sampled = band["interval"], band["sampled"]["interval"]
    assert low < band["share"] < high
    # Most notes are of the kind of which two were read: that is as sure as it gets.
    assert 0.7 < (high - low) / (sampled[1] - sampled[0]) < 1
    next(opened, None)


def test_drift_weighs_flagged_notes_as_many_as_they_are(database: Database):
    """Of what was read half of the flagged notes lost their code, and none of the others, which are three times as many."""
    opened = open_clinic(database, "drifting", audit_share=1.0)
    here = next(opened)
    flagged = [here.submit(f"bridging 20 flag:no_unit conf:0.9 {n}")["queue_item_id"] for n in range(20)]
    others = [here.submit(f"bridging 20 conf:0.9 {n}")["queue_item_id"] for n in range(60)]

    def signal() -> dict[str, Any]:
        [found] = [e for e in here.get("tina", "/v1/drift")["signals"] if e["id"] == "confidence 0.85 to 0.95"]
        return found

    for number, item in enumerate(flagged):
        claim = here.claim("cora", item)
        here.decide("cora", claim, correct(claim, code="97530") if number % 2 else None)
    assert (signal()["state"], signal()["items"]) == ("too_few", 20)
    for item in others[:12]:
        here.decide("cora", here.claim("cora", item))
    found = signal()
    assert (found["state"], found["items"], found["reference"]) == ("steady", 32, pytest.approx(0.9))
    # As they were read it would be 22 of 32, far from .9.
    assert found["now"] == pytest.approx((20 * 0.5 + 60) / 80)
    next(opened, None)


def test_nothing_is_said_of_a_band_of_which_one_kind_was_never_read(here: Clinic):
    note = here.submit("bridging 20 flag:no_unit conf:0.92")
    here.submit("bridging 20 conf:0.92 unread")
    here.decide("cora", here.claim("cora", note["queue_item_id"]))
    [band] = [each for each in here.get("cora", "/v1/dashboard")["acceptance"] if each["decided"]]
    assert (band["flagged"]["share"], band["sampled"]["results"], band["share"], band["interval"]) == (
        1.0,
        1,
        None,
        None,
    )


def test_kappa_on_the_dashboard(here: Clinic):
    disagree(here)
    shown = here.get("adam", "/v1/dashboard")
    assert {each["code"]: (each["kappa"], each["blocks"]) for each in shown["kappa"]} == {
        "97110": (None, 1), "97530": (None, 1), "other": (None, 1),
    }  # fmt: skip
    names = {str(here.people[login]): login.title() for login in ("cora", "carl")}
    assert shown["kappa"][0]["names"] == [names[reader] for reader in shown["kappa"][0]["readers"]]
    assert set(shown["kappa"][0]["readers"]) == {str(here.people["cora"]), str(here.people["carl"])}


def test_a_rising_share_is_marked(here: Clinic):
    plan = {"theo": [1, 4, 9], "thea": [5, 5, 5]}
    placed = [
        (login, week, here.submit("stairs 15" if n < hits else "bridging 15", login)["id"])
        for login, weeks in plan.items()
        for week, hits in enumerate(weeks)
        for n in range(10)
    ]
    begins = repository.now() - timedelta(days=30)
    with here.database.writing() as session:
        for _, week, note in placed:
            row = session.get_one(Note, (here.id, uuid.UUID(note)))
            row.submitted_at = begins + timedelta(days=7 * week, hours=12)
    shown = {each["name"]: each for each in here.get("tina", "/v1/dashboard?days=30")["therapists"]}
    assert {name: each["rising"] for name, each in shown.items()} == {"Theo": True, "Thea": False}
    assert [(week["week"], week["notes"], week["share"]) for week in shown["Theo"]["weeks"]] == [
        (0, 10, 0.1),
        (1, 10, 0.4),
        (2, 10, 0.9),
    ]
    # Two therapists were tested.
    assert shown["Theo"]["p"] == pytest.approx(2 * rising([(0, 10, 1), (1, 10, 4), (2, 10, 9)]))
    # One note less than the least number gives no test.
    with here.database.writing() as session:
        session.get_one(Note, (here.id, uuid.UUID(placed[0][2]))).submitted_at = begins - timedelta(days=300)
    assert {
        each["p"] for each in here.get("tina", "/v1/dashboard?days=30")["therapists"] if each["name"] == "Theo"
    } == {None}


def test_a_share_that_reviewers_push_up_is_shown(database: Database, monkeypatch: pytest.MonkeyPatch):
    """Every note is proposed with 97110; week by week cora makes more of them 97530, and carl puts none up."""
    opened = open_clinic(database, "pushed")
    here = next(opened)
    begins = repository.now() - timedelta(days=30)
    pushed = [1, 5, 10]
    for week, hits in enumerate(pushed):
        for n in range(12):
            at = begins + timedelta(days=7 * week, hours=12)
            monkeypatch.setattr(repository, "now", lambda at=at: at)
            note = here.submit(f"bridging 20 flag:no_unit {week} {n}")
            # Carl reads the last two of each week.
            login = "cora" if n < 10 else "carl"
            claim = here.claim(login, note["queue_item_id"])
            here.decide(login, claim, correct(claim, code="97530") if n < hits else None)
    monkeypatch.undo()
    shown = here.get("tina", "/v1/dashboard?days=30")
    [theo] = shown["therapists"]
    assert [week["share"] for week in theo["weeks"]] == [0.0, 0.0, 0.0]
    assert theo["rising"] is False
    assert [(week["notes"], week["share"]) for week in theo["after"]["weeks"]] == [(12, hits / 12) for hits in pushed]
    assert theo["after"]["rising"] is True
    reviewers = {each["name"]: each for each in shown["reviewers"]}
    cora = reviewers["Cora"]
    assert [(week["notes"], week["share"]) for week in cora["weeks"]] == [(10, hits / 10) for hits in pushed]
    assert [week["share"] for week in cora["before"]] == [0.0, 0.0, 0.0]
    assert (cora["rising"], cora["to_97530"], cora["to_97110"]) == (True, sum(pushed), 0)
    assert (reviewers["Carl"]["p"], reviewers["Carl"]["to_97530"]) == (None, 0)
    next(opened, None)


def test_readings_that_differ_leave_the_proposal(here: Clinic):
    note = here.submit("bridging 20 flag:no_unit")
    claim = here.claim("cora")
    here.decide("cora", claim, correct(claim, code="97530"))
    assert after(here) == [1.0]
    here.decide("carl", here.claim("carl"))
    assert after(here) == [0.0]
    claim = here.claim("tina")
    assert claim["note_id"] == note["id"]
    here.decide("tina", claim, correct(claim, code="97530"))
    assert after(here) == [1.0]
    here.undo("tina", claim["id"])
    assert after(here) == [0.0]


def after(here: Clinic) -> list[float]:
    [theo] = here.get("adam", "/v1/dashboard")["therapists"]
    return [week["share"] for week in theo["after"]["weeks"]]


def test_the_trend_test_is_the_linear_by_linear_statistic():
    weeks = [(0, 10, 1), (1, 12, 4), (3, 9, 7)]
    when = [week for week, notes, _ in weeks for _ in range(notes)]
    what = [int(n < hits) for _, notes, hits in weeks for n in range(notes)]
    expected = norm.sf(math.sqrt(len(when)) * np.corrcoef(when, what)[0, 1])
    assert rising(weeks) == pytest.approx(expected)
    assert rising([(week, notes, notes - hits) for week, notes, hits in weeks]) == pytest.approx(1 - expected)
    assert rising([(0, 10, 0), (1, 10, 0)]) == rising([(0, 10, 3)]) == rising([]) == 1.0


def test_wilson():
    # Newcombe (1998), table I: 81 of 263.
    assert wilson(81, 263) == (0.255, 0.366)
    assert wilson(0, 20) == (0.0, 0.161)
    assert wilson(0, 0) is None


def test_quantiles_are_nearest_rank(here: Clinic):
    for n in range(10):
        note = here.submit(f"bridging 2{n} flag:no_unit {n}")
        here.decide("cora", here.claim("cora", note["queue_item_id"]), milliseconds=1000 * (n + 1))
    with here.database.reading() as session:
        found = rows.review_seconds(session, here.id, repository.now() - timedelta(days=1))
    assert found == (10, 5.0, 9.0)
