"""A coder's day on the page /queue, by keyboard alone."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from api.audit import SYSTEM
from api.db import linked, queue, repository
from api.db.tables import QueueItem, Review

from ..api.db.reviewing import ReviewCoder
from .conftest import Site, open_site, ready

pytestmark = pytest.mark.slow

FIVE = "S: better. O: bridging 20, stairs 15, bridging 10, stairs 8 and bridging 5. flag:no_unit P: more"


def decisions(site: Site) -> list[dict[str, Any]]:
    with site.database.reading() as session:
        return [review.decision for review in session.scalars(select(Review).order_by(Review.created_at))]


def claim_first(site: Site, login: str = "cora") -> Page:
    page = site.page(login, "/queue")
    page.keyboard.press("c")
    expect(page.locator("#review")).to_be_visible()
    return page


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def drawn(page: Page) -> None:
    """Wait until the page has had its turn: a change of the selection is told to it after the call that makes it."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(null))))")


def blocks(page: Page) -> list[tuple[str, str, list[str]]]:
    """Code, minutes and tasks of each block as the page shows them."""
    drawn(page)
    # One look at the page: it may be drawn anew between two.
    found = page.locator("#blocks > li.card").evaluate_all(
        """cards => cards.map(card => [
            card.querySelector("[data-field=code]").value,
            card.querySelector("[data-field=minutes]").value,
            [...card.querySelectorAll(".tasks button")].map(button => button.innerText),
        ])"""
    )
    return [(code, minutes, tasks) for code, minutes, tasks in found]


def decide_and_next(page: Page) -> None:
    """Enter, and wait for the next note or the end of the queue."""
    about = page.locator("#about").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_function(
        "about => document.getElementById('review').hidden || document.getElementById('about').textContent !== about",
        arg=about,
    )


def test_ten_notes_of_five_blocks(site: Site):
    for number in range(10):
        site.submit(f"{FIVE} note {number}", note_id=f"n{number}")
    page = site.page("cora", "/queue")
    expect(page.locator("#list-heading")).to_have_text("What waits (10)")
    began = time.perf_counter()
    page.keyboard.press("c")
    for number in range(10):
        expect(page.locator("#blocks > li.card")).to_have_count(5)
        if number % 3 == 2:
            # Every third note: the minutes and the code of its second block.
            press(page, "j", "m", *"16", "Enter", "1")
            expect(page.locator("#next")).to_contain_text("Correct and next")
        decide_and_next(page)
    expect(page.locator("#list-heading")).to_have_text("What waits (0)")
    print(
        f"\nten notes of five blocks, three of them corrected, by keyboard: {(time.perf_counter() - began) / 10:.2f} s a note"
    )
    made = decisions(site)
    assert sorted(each["kind"] for each in made) == ["accept"] * 7 + ["correct"] * 3
    assert {each["reason"] for each in made if each["kind"] == "correct"} == {"wrong_code"}
    assert {(s["code"], s["minutes"]) for each in made if each["kind"] == "correct" for s in each["services"][1:2]} == {
        ("97110", 16)
    }
    # What the last one changed, and the way back.
    expect(page.locator("#last-summary")).to_contain_text("Units by Whole 15")


def test_a_block_is_corrected_joined_split_and_a_task_not_done(site: Site):
    site.submit("O: bridging 20, stairs 15, bridging 10. Then rowing. flag:no_unit")
    page = claim_first(site)
    assert blocks(page) == [("97110", "20", ["bridging"]), ("97530", "15", ["stairs"]), ("97110", "10", ["bridging"])]
    # Another service with its code, and its minutes.
    press(page, "3", "o", *"97140", "Enter", "m", *"12", "Enter")
    assert blocks(page)[0] == ("other", "12", ["bridging"])
    # Join the second with the third, then split them again before the second task.
    press(page, "j", "Shift+J")
    assert blocks(page)[1:] == [("97530", "25", ["stairs", "bridging"])]
    press(page, "s")
    expect(page.locator("#status")).to_contain_text("Choose the task")
    press(page, "t", "s")
    assert blocks(page)[1:] == [("97530", "25", ["stairs"]), ("97530", "", ["bridging"])]
    press(page, "m", *"10", "Enter", "1", "z", "z")
    assert blocks(page)[2] == ("97530", "", ["bridging"])
    press(page, "1", "m", *"9", "Enter")
    # Its task was not done: held. A block without tasks is none.
    press(page, "x", "4")
    expect(page.locator("#blocks > li.card")).to_have_count(2)
    expect(page.locator("#mentions select")).to_have_value("held")
    # Words are chosen one by one in the note.
    press(page, "n", *["ArrowRight"] * 20, "ArrowLeft")
    expect(page.locator("#status")).to_have_text("“rowing”")
    press(page, "Escape", "n", "ArrowRight", "ArrowRight", "Shift+ArrowRight", "g")
    press(page, "Shift+Enter")
    expect(page.locator("#last")).to_be_visible()
    [made] = decisions(site)
    assert made["kind"] == "correct"
    assert made["reason"] == "not_done_today"
    assert [(s["code"], s["other_code"], s["minutes"]) for s in made["services"]] == [
        ("other", "97140", 12), ("97530", None, 25),
    ]  # fmt: skip
    assert [each["status"] for each in made["mentions"]] == ["held"]
    assert len(made["goals"]) == 1
    expect(page.locator("#last-table")).to_contain_text("97110 therapeutic exercise")
    expect(page.locator("#last-table")).to_contain_text("30 → none")


def test_spans_are_added_and_corrected_by_selecting(site: Site):
    text = "Ünïcode 😀 first: bridging 20 and rowing hard, stairs 15 flag:no_unit"
    site.submit(text)
    page = claim_first(site)
    select_words(page, "rowing hard")
    press(page, "a")
    assert blocks(page)[0] == ("97110", "20", ["bridging", "rowing hard"])
    press(page, "t")
    select_words(page, "rowing")
    press(page, "e")
    assert blocks(page)[0][2] == ["bridging", "rowing"]
    # What is a task already cannot be one again.
    select_words(page, "bridging 20")
    press(page, "a")
    expect(page.locator("#status")).to_contain_text("There is a task already")
    page.get_by_role("button", name="Undo edit").click()
    assert blocks(page)[0][2] == ["bridging", "rowing hard"]
    press(page, "Escape", "d")
    select_words(page, "rowing")
    press(page, "b")
    assert blocks(page)[1] == ("97110", "", ["rowing"])
    press(page, "Shift+D")
    expect(page.locator("#blocks > li.card")).to_have_count(2)
    select_words(page, "hard")
    press(page, "x", "1")
    expect(page.locator("#mentions select")).to_have_count(1)
    decide_and_next(page)
    [made] = decisions(site)
    at = text.index("hard")
    assert [text[m["start"] : m["end"]] for m in made["mentions"]] == ["hard"]
    assert made["mentions"][0]["start"] == at


def select_words(page: Page, words: str) -> None:
    """Selects words of the note as a mouse does, whatever pieces they are drawn in."""
    page.evaluate(
        """words => {
          const region = document.getElementById('marked');
          const pieces = [...region.querySelectorAll('.seg')];
          const whole = pieces.map((piece) => piece.textContent).join('');
          const start = whole.indexOf(words);
          const place = (offset, isEnd) => {
            for (const piece of pieces) {
              const length = piece.textContent.length;
              if (offset < length || (isEnd && offset === length)) return [piece.firstChild, offset];
              offset -= length;
            }
          };
          getSelection().setBaseAndExtent(...place(start, false), ...place(start + words.length, true));
          region.dispatchEvent(new PointerEvent('pointerup', { bubbles: true }));
        }""",
        words,
    )
    expect(page.locator("#marked .hit").first).to_be_visible()
    drawn(page)


def test_a_lost_claim_keeps_the_edits(site: Site):
    item = site.submit("bridging 20, stairs 15 flag:no_unit")["queue_item_id"]
    page = claim_first(site)
    press(page, "m", *"33", "Enter")
    # The lease lapses, another coder reads it and gives it back.
    with site.database.writing() as session:
        session.scalars(select(QueueItem)).one().lease_until -= timedelta(hours=1)
    other = site.ask("carl", "POST", "/v1/queue/claim", {"id": item})["claim"]
    press(page, "Enter")
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("#reclaim")).to_be_focused()
    assert blocks(page)[0][1] == "33"
    page.locator("#reclaim").click()
    expect(page.locator("#problem")).to_contain_text("somebody else is reading it")
    assert blocks(page)[0][1] == "33"
    with site.database.writing() as session:
        queue.release(
            session, site.clinic, session.scalars(select(QueueItem.id)).one(), site.people["carl"], other["claims"]
        )
    page.locator("#reclaim").click()
    expect(page.locator("#lost")).to_be_hidden()
    assert blocks(page)[0][1] == "33"
    decide_and_next(page)
    assert [each["kind"] for each in decisions(site)] == ["correct"]


def test_a_claim_is_kept_while_the_coder_works(site: Site):
    site.submit("bridging 20 flag:no_unit")
    page = site.page("cora", "/queue")
    page.clock.install()
    page.reload()
    ready(page)
    press(page, "c")
    expect(page.locator("#review")).to_be_visible()
    with site.database.writing() as session:
        before = session.scalars(select(QueueItem)).one().lease_until
    # Nobody works: the time runs out, and that is told.
    page.clock.run_for("09:30")
    expect(page.locator("#lease")).to_contain_text("Yours for 0:")
    expect(page.locator("#status")).to_contain_text("Less than a minute is left")
    press(page, "j")
    page.clock.run_for(3000)
    expect(page.locator("#lease")).to_contain_text("Yours for 9:")
    with site.database.reading() as session:
        assert session.scalars(select(QueueItem)).one().lease_until > before


def test_without_a_server_nothing_is_lost(site: Site):
    site.submit("bridging 20 flag:no_unit")
    page = claim_first(site)
    press(page, "m", *"33", "Enter")
    page.route("**/v1/**", lambda route: route.abort())
    press(page, "Enter")
    expect(page.locator("#problem")).to_contain_text("What you edited is still here")
    assert blocks(page)[0][1] == "33"
    page.unroute_all()
    # Signed out meanwhile: told, with the way to sign in beside it.
    page.context.clear_cookies()
    press(page, "Enter")
    expect(page.locator("#problem")).to_contain_text("Sign in in another tab")
    page.context.add_cookies([{"name": "therapy-coder", "value": site.secret("cora"), "url": site.url}])
    decide_and_next(page)
    assert [each["services"][0]["minutes"] for each in decisions(site)] == [33]


def test_skip_release_take_back_and_ask(site: Site):
    site.submit("bridging 20 flag:no_unit", note_id="one")
    page = claim_first(site)
    press(page, "r")
    expect(page.locator("#list")).to_be_visible()
    press(page, "c")
    expect(page.locator("#review")).to_be_visible()
    press(page, "w", "1")
    expect(page.locator("#list")).to_be_visible()
    press(page, "Shift+Z")
    expect(page.locator("#review")).to_be_visible()
    press(page, "m", *"21", "Enter", "Shift+Enter")
    expect(page.locator("#last-table")).to_contain_text("20 → 21")
    press(page, "Shift+Z")
    # Taken back with what was corrected, to go on from there.
    expect(page.locator("#review")).to_be_visible()
    assert blocks(page)[0][1] == "21"
    press(page, "z", "q")
    page.keyboard.type("Was the rail used?")
    press(page, "Control+Enter")
    expect(page.locator("#review")).to_be_hidden()
    assert [each["kind"] for each in decisions(site)] == ["skip", "undo", "correct", "undo", "question"]

    theo = site.page("theo", "/notes")
    expect(theo.locator("#open")).to_contain_text("Was the rail used?")
    theo.get_by_label("Answer to: Was the rail used?").fill("Yes, both hands.")
    theo.get_by_role("button", name="Send the answer").click()
    expect(theo.locator("#open")).to_have_text("None.")
    page.locator("#refresh").click()
    expect(page.locator("#list-heading")).to_have_text("What waits (1)")
    press(page, "c")
    expect(page.locator("#questions")).to_contain_text("Yes, both hands.")


def test_a_page_loaded_again_takes_the_last_decision_back(site: Site):
    site.submit("bridging 20, stairs 15, later flag:no_unit")
    page = claim_first(site)
    press(page, "m", *"21", "Enter", "Shift+Enter")
    expect(page.locator("#last-table")).to_contain_text("20 → 21")
    page.reload()
    ready(page)
    expect(page.locator("#last-summary")).to_contain_text("Last note corrected")
    expect(page.locator("#last-summary")).to_contain_text("It changed what was proposed")
    press(page, "Shift+Z")
    expect(page.locator("#review")).to_be_visible()
    assert blocks(page)[0][1] == "21"
    # What leaves codes and minutes alone is told as well.
    press(page, "z", "m", *"20", "Enter", "j", "x", "3", "Shift+Enter")
    expect(page.locator("#last-table")).to_contain_text("not counted as done any more: “stairs”")
    expect(page.locator("#last-table")).to_contain_text("not done today: “stairs” (refused)")
    press(page, "Shift+Z")
    expect(page.locator("#review")).to_be_visible()
    page.reload()
    ready(page)
    expect(page.locator("#last")).to_be_hidden()
    press(page, "Shift+Z")
    expect(page.locator("#status")).to_contain_text("There is no decision of yours to take back")


def test_what_was_not_done_and_goals_by_keyboard(site: Site):
    site.submit("O: bridging 20 and rowing, later more. Walk a mile. flag:no_unit")
    page = claim_first(site)
    select_words(page, "Walk")
    press(page, "g")
    expect(page.locator("#goals .entry")).to_have_count(1)
    press(page, "l")
    expect(page.locator("#mentions .entry")).to_be_focused()
    press(page, "x", "4")
    expect(page.locator("#mentions select")).to_have_value("held")
    expect(page.locator("#mentions .entry")).to_be_focused()
    press(page, "l")
    expect(page.locator("#goals .entry")).to_be_focused()
    press(page, "v")
    expect(page.locator("#status")).to_contain_text("Go to what was not done first")
    press(page, "d")
    expect(page.locator("#goals .entry")).to_have_count(0)
    press(page, "z", "l", "v")
    expect(page.locator("#mentions .entry")).to_have_count(0)
    expect(page.locator("#goals .entry")).to_have_count(1)
    assert blocks(page)[0][2] == ["bridging", "later"]
    press(page, "z", "Shift+L", "Shift+L", "Delete")
    expect(page.locator("#mentions .entry")).to_have_count(0)
    decide_and_next(page)
    [made] = decisions(site)
    assert (made["mentions"], len(made["goals"])) == ([], 1)


def test_the_list_goes_on(site: Site):
    for number in range(23):
        site.submit(f"bridging {15 + number} flag:no_unit note {number}", note_id=f"n{number}")
    page = site.page("cora", "/queue")
    expect(page.locator("#entries tbody tr")).to_have_count(20)
    page.get_by_role("button", name="Show more").click()
    expect(page.locator("#entries tbody tr")).to_have_count(23)
    expect(page.locator("#more")).to_be_hidden()
    page.locator("#flag").select_option("no_unit")
    expect(page.locator("#entries tbody tr")).to_have_count(20)


def test_filters_choose_what_is_read(site: Site):
    site.submit("bridging 20 flag:no_unit flag:low_confidence", note_id="both", discipline="PT")
    site.submit("stairs 20 flag:goal_missing flag:no_unit", note_id="stairs", discipline="OT")
    page = site.page("cora", "/queue")
    assert page.locator("#flag option").all_inner_texts() == [
        "any",
        "goal missing (1)",
        "low confidence (1)",
        "no unit (2)",
    ]
    page.locator("#code").select_option("97530")
    expect(page.locator("#list-heading")).to_have_text("What waits (1)")
    page.locator("#list-heading").focus()
    press(page, "c")
    expect(page.locator("#about")).to_contain_text("Note stairs")
    press(page, "Enter")
    expect(page.locator("#status")).to_contain_text("Nothing is left for you")
    page.locator("#code").select_option("")
    page.locator("#discipline").select_option("PT")
    page.locator("#list-heading").focus()
    press(page, "c")
    expect(page.locator("#about")).to_contain_text("Note both")


def test_two_readings_are_settled(browser: Browser, migrated: Path, tmp_path: Path):
    with open_site(browser, migrated, tmp_path, second_share=1.0) as site:
        site.submit("bridging 20, stairs 15 flag:no_unit")
        for login, minutes in (("cora", "22"), ("carl", "25")):
            page = claim_first(site, login)
            # A second reading shows nothing of the first.
            assert blocks(page)[0][1] == "20"
            expect(page.locator("#about")).not_to_contain_text("reading")
            expect(page.locator("#readings-panel")).to_be_hidden()
            press(page, "m", *minutes, "Enter")
            decide_and_next(page)
        page = claim_first(site, "tina")
        expect(page.locator("#about")).to_contain_text("Two readings to settle")
        expect(page.locator("#readings")).to_contain_text("22 min")
        expect(page.locator("#readings")).to_contain_text("25 min")
        press(page, ".")
        assert blocks(page)[0][1] == "25"
        decide_and_next(page)
        assert decisions(site)[-1]["services"][0]["minutes"] == 25


def test_keys_can_be_looked_up_and_switched_off(site: Site):
    site.submit("bridging 20 flag:no_unit")
    page = site.page("cora", "/queue")
    press(page, "?")
    expect(page.locator("#help")).to_be_visible()
    expect(page.locator("#help-keys")).to_contain_text("next block")
    page.locator("#keys-on").uncheck()
    press(page, "Escape", "c")
    expect(page.locator("#review")).to_be_hidden()


def test_an_admin_sees_the_list_alone(site: Site):
    site.submit("bridging 20 flag:no_unit")
    page = site.page("adam", "/queue")
    expect(page.locator("#entries tbody tr")).to_have_count(1)
    expect(page.locator("#claim")).to_be_hidden()
    expect(page.locator("#entries button")).to_have_count(0)


def test_who_reads_for_two_clinics_sees_both_and_filters_by_clinic(site: Site):
    site.submit("bridging 20 flag:no_unit")
    with site.database.writing() as session:
        east = repository.add_clinic(session, "east", "East Clinic", by=SYSTEM).id
        cora = repository.add_person(session, east, "cora", "Cora", "coder", by=SYSTEM).id
        main = repository.person(session, site.clinic, site.people["cora"])
        linked.link(session, east, cora, main, by=SYSTEM)
        result = ReviewCoder().code(text := "stairs 45 conf:0.6 flag:no_unit")
        note = repository.add_note(session, east, text, source="batch", by=SYSTEM)
        row = repository.add_result(session, east, note.id, result.model_dump_json(), rules_version="1", by=SYSTEM)
        queue.enqueue(
            session, east, row.id, reason="flagged", reading="first", priority=9.0, variety=None, by=SYSTEM,
        )  # fmt: skip
    page = site.page("cora", "/queue")
    assert page.locator("#clinic option").all_inner_texts() == ["all", "Main Street (1)", "East Clinic (1)"]
    expect(page.locator("#entries tbody tr")).to_have_count(2)
    page.get_by_label("Clinic", exact=True).select_option("main")
    expect(page.locator("#list-heading")).to_have_text("What waits (1)")
    expect(page.locator("#entries tbody tr")).to_contain_text("Main Street")
    page.get_by_label("Clinic", exact=True).select_option("")
    expect(page.locator("#list-heading")).to_have_text("What waits (2)")
    page.get_by_role("button", name="Read the next note").click()
    expect(page.locator("#about")).to_contain_text("East Clinic · A note")
    decide_and_next(page)
    expect(page.locator("#about")).to_contain_text("Main Street · A note")
    decide_and_next(page)
    with site.database.reading() as session:
        reviewers = {(review.clinic_id, review.reviewer_id) for review in session.scalars(select(Review))}
    assert reviewers == {(east, cora), (site.clinic, site.people["cora"])}
    # Who reads for one clinic is asked nothing.
    other = site.page("carl", "/queue")
    expect(other.locator("#list-heading")).to_have_text("What waits (0)")
    expect(other.locator("#clinic")).to_be_hidden()


COPIED = (
    "S: Knee less sore on the front steps, slept through. O: bridging 20 with green band and hints for the pelvis, "
    "heel slides on the board. A: Quad lag 5 deg, weak in the last third, needs hints for hip hinge."
)


def test_a_copied_note_shows_what_was_cloned_and_what_changed(site: Site):
    later = COPIED.replace("5 deg", "4 deg").replace(", slept through", "") + " Stairs are next."
    for text, day, name in ((COPIED, "05", "n1"), (later, "08", "n2")):
        site.submit(text, note_id=name, patient_ref="p1", date_of_service=f"2026-01-{day}")
    page = site.page("cora", "/queue")
    expect(page.locator("#entries")).to_contain_text("copied forward")
    press(page, "c")
    expect(page.locator("#about")).to_contain_text("copied forward")
    expect(page.locator("#copied .message")).to_have_text(
        re.compile(r"Copied from the note of 2026-01-05 \(n1\): [78]\d % of this note stands so in it\.")
    )
    assert page.locator("#copied li .words").all_inner_texts() == [
        "“slept through” → nothing", "“5” → “4”", "nothing → “Stairs are next”"
    ]  # fmt: skip
    cloned = "".join(page.locator("#marked .cloned").all_inner_texts())
    assert "green band and hints for the pelvis" in cloned
    assert "Stairs" not in cloned
    page.get_by_role("button", name="Show in the note: “4”").click()
    expect(page.locator("#marked .hit")).to_have_text(["4"])
    # An edit draws the note anew, and the marks stay.
    press(page, "3")
    expect(page.locator("#marked .cloned").first).to_be_visible()
    page.goto(site.url + "/notes")
    ready(page)
    page.get_by_role("button", name=re.compile("Show the note of")).first.click()
    expect(page.locator("#copied .message")).to_contain_text("Copied from the note of 2026-01-05")
    page.get_by_role("button", name="Close this note").click()
    page.get_by_role("button", name=re.compile("Show the note of")).last.click()
    expect(page.locator("#copied-panel")).to_be_hidden()


def test_a_key_that_chooses_does_nothing_else(site: Site):
    site.submit("O: bridging 20 and rowing. Walk a mile. flag:no_unit")
    page = claim_first(site)
    select_words(page, "rowing")
    press(page, "x", "2")
    expect(page.locator("#mentions .entry")).to_have_count(1)
    # On the page itself 2 is 97530.
    assert blocks(page)[0][0] == "97110"
