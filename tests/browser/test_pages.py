"""The therapist's and the trainer's pages, and what holds of every page: accessible, in light and dark, on narrow screens."""

from __future__ import annotations

import json
import re
import shutil
import sys
import threading
import uuid
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FilePayload, Page, Route, expect
from sqlalchemy import select

from api import jobs
from api.db.tables import Note
from api.settings import Settings
from models.registry import MANIFEST_FILE, shipped

from .conftest import NARROW, Scheme, Site

pytestmark = pytest.mark.slow

# Stands in for hours of fitting: it copies the shipped model under another name, and says that the gate let it pass.
STAND_IN = """
import json, shutil, sys, time
from pathlib import Path
from models.registry import MANIFEST_FILE, sha256, shipped
models = Path(sys.argv[1]) / "candidate-1"
def say(**document): print(json.dumps(document), flush=True)
say(step="read", progress=0.1)
say(held={"review": "00000000-0000-0000-0000-000000000007", "reason": "dearer", "told": "recodes one way"})
say(step="fit", progress=0.4)
time.sleep(float(sys.argv[2]))
shutil.copytree(shipped(), models)
manifest = json.loads((models / MANIFEST_FILE).read_text())
current, manifest["version"] = manifest["version"], "candidate-1"
(models / MANIFEST_FILE).write_text(json.dumps(manifest))
nothing = dict(current=None, candidate=None, low=None, high=None, margin=None, items=None)
criteria = [
    {**nothing, "id": "loads", "name": "loads in this program", "profile": "", "outcome": "pass", "reason": ""},
    dict(id="code_97110", name="97110, F1", profile="fast", outcome="pass", current=0.901, candidate=0.912, low=-0.004, high=0.02,
         margin=0.03, items=310, reason=""),
    {**nothing, "id": "pairs", "name": "minimal pairs", "profile": "fast", "outcome": "not_applicable", "reason": "too few to judge (3)"},
]
say(verdict=dict(candidate="candidate-1", current=current, manifest_sha256=sha256(models / MANIFEST_FILE), outcome="pass", criteria=criteria))
"""


@pytest.fixture
def stand_in(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Jobs are done by the real worker, in a thread, whose work is the stand-in; ``seconds`` is how long it takes."""
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN, encoding="utf-8")
    options = {"seconds": 0.5}

    def start(settings: Settings, clinic_id: uuid.UUID, job_id: uuid.UUID) -> None:
        command = [sys.executable, str(script), str(settings.models_folder), str(options["seconds"])]

        def run() -> None:
            jobs.work(site.database, settings, clinic_id, job_id, command=command, heartbeat=0.1)

        threading.Thread(target=run, daemon=True).start()

    monkeypatch.setattr(jobs, "start", start)
    return options


# ---- the therapist


def test_a_therapist_pastes_and_submits_once(site: Site):
    page = site.page("theo", "/")
    page.get_by_label("Paste a treatment note").fill("bridging 20, stairs 15 flag:no_unit")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#proposal")).to_contain_text("97110 therapeutic exercise")
    page.get_by_label("Discipline").select_option("PT")
    page.get_by_label("Day of the visit").fill("2026-11-20")
    submit = page.get_by_role("button", name="Submit for review")
    submit.click()
    expect(page.locator("#submitted")).to_contain_text("A coder looks at it")
    submit.click()
    expect(page.locator("#submitted")).to_contain_text("A coder looks at it")
    with site.database.reading() as session:
        [note] = session.scalars(select(Note)).all()
        assert (note.discipline, str(note.visit_date)) == ("PT", "2026-11-20")
    page.get_by_label("Paste a treatment note").fill("another")
    submit.click()
    expect(page.locator("#submitted")).to_contain_text("The note was changed")

    claim = site.ask("cora", "POST", "/v1/queue/claim", {})["claim"]
    services = [
        {"start": s["start"], "end": s["end"], "code": s["code"], "other_code": None, "minutes": 8,
         "activities": [{"start": a["start"], "end": a["end"]} for a in s["activities"]]}
        for s in claim["result"]["services"]
    ]  # fmt: skip
    decision = {"kind": "correct", "reason": "wrong_minutes", "services": services}
    site.ask("cora", "POST", f"/v1/queue/{claim['id']}/decisions", {"decision": decision, "claims": claim["claims"]})
    page.goto(site.url + "/notes")
    page.get_by_role("button", name=re.compile("Show the note of")).click()
    expect(page.locator("#changes")).to_contain_text("first reading: corrected (the minutes were wrong)")
    expect(page.locator("#changes")).to_contain_text("minutes of 97110 therapeutic exercise: 20 → 8")
    expect(page.locator("#changes")).to_contain_text("This is what the note is taken for.")
    expect(page.locator("#marked")).to_contain_text("stairs 15")
    # The decided reading is marked; what was proposed can be.
    expect(page.locator("#marked-heading")).to_contain_text("as it was corrected (first reading)")
    page.get_by_role("button", name="Mark what was proposed").click()
    expect(page.locator("#marked-heading")).to_have_text("The note as it was proposed")
    expect(page.locator("#proposed")).to_have_attribute("aria-pressed", "true")


def test_a_therapist_is_told_that_a_note_says_much_the_same_as_an_earlier_one(site: Site):
    page = site.page("theo", "/")
    words = "bridging 20 knee less sore on the front steps, lag of five degrees, weak in the last third, hints for hip hinge now"
    for day, told in (("2026-11-21", "Submitted and kept"), ("2026-11-22", "much the same as an earlier note")):
        page.get_by_label("Paste a treatment note").fill(f"{words} {day}")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#marked")).to_contain_text(day)
        page.get_by_label("Day of the visit").fill(day)
        page.get_by_label("Your name for the patient").fill("p 7")
        page.get_by_role("button", name="Submit for review").click()
        expect(page.locator("#submitted")).to_contain_text(told)
        # The next note may be of another patient.
        expect(page.get_by_label("Your name for the patient")).to_have_value("")


def test_nothing_is_submitted_by_somebody_who_is_signed_out(site: Site):
    page = site.page("theo", "/")
    page.get_by_label("Paste a treatment note").fill("bridging 20 flag:no_unit")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#proposal")).to_contain_text("97110")
    page.context.clear_cookies()
    page.get_by_role("button", name="Submit for review").click()
    expect(page.locator("#submitted")).to_contain_text("Sign in again")
    expect(page.get_by_label("Paste a treatment note")).to_have_value("bridging 20 flag:no_unit")


# ---- the trainer


@pytest.mark.usefixtures("stand_in")
def test_a_trainer_retrains_promotes_and_goes_back(site: Site):
    page = site.page("tina", "/models")
    version = json.loads((shipped() / MANIFEST_FILE).read_text())["version"]
    expect(page.locator("#rollback")).to_be_hidden()
    page.get_by_role("button", name="Retrain").click()
    expect(page.locator("#job-log")).to_contain_text("candidate candidate-1: pass", timeout=30_000)
    expect(page.locator("#job-state")).to_have_text("State of the job: done.")
    expect(page.locator("#held")).to_contain_text("recodes one way")
    page.get_by_role("button", name="Verdict on candidate-1").click()
    expect(page.locator("#criteria")).to_contain_text("97110, F1 (fast)")
    for figure in ("0.901", "0.912", "-0.004 to 0.02", "310", "too few to judge (3)"):
        expect(page.locator("#criteria")).to_contain_text(figure)
    page.get_by_role("button", name="Promote candidate-1").click()
    page.locator("#confirm-yes").click()
    expect(page.locator("#status")).to_have_text("candidate-1 serves now.", timeout=60_000)
    suggestion = site.ask(
        "theo", "POST", "/v1/suggestions", {"text": "O: Ther ex x 15 min: SLR 3x10", "profile": "fast"}
    )
    assert suggestion["model"]["version"] == "candidate-1"
    page.get_by_role("button", name="Go back to the version before").click()
    expect(page.locator("#confirm-text")).to_contain_text(version)
    page.locator("#confirm-yes").click()
    expect(page.locator("#status")).to_have_text(f"{version} serves now.", timeout=60_000)
    # None served before: there is nothing to press.
    expect(page.locator("#rollback")).to_be_hidden()


def test_a_job_is_cancelled(site: Site, stand_in: dict[str, float]):
    stand_in["seconds"] = 60.0
    page = site.page("tina", "/models")
    page.get_by_role("button", name="Retrain").click()
    expect(page.locator("#job-state")).to_contain_text("fits the fast profile", timeout=30_000)
    expect(page.get_by_role("button", name="Retrain")).to_be_disabled()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#job-state")).to_have_text("State of the job: cancelled.", timeout=30_000)
    expect(page.get_by_role("button", name="Retrain")).to_be_enabled()


# ---- every page

CLAIMS: FilePayload = {
    "name": "claims.csv", "mimeType": "text/csv", "buffer": b"note_id,text,code,units,modifiers\nv1,bridging 20,97110,4,GP\n"
}  # fmt: skip
PATHS = {
    "/": "theo",
    "/sign-in": None,
    "/notes": "theo",
    "/queue": "tina",
    "/dashboard": "tina",
    "/models": "tina",
    "/people": "adam",
    "/units": None,
    "/claims": "cora",
}


def furnish(site: Site) -> None:
    """Notes, all but the first copied forward, decisions, a question and a candidate, so that no page is empty."""
    for number in range(4):
        site.submit(
            f"bridging 20, stairs 15 and bridging 10 later conf:0.{6 + number} flag:no_unit {number} knee less sore, lag of five "
            f"degrees, weak in the last third of its way, {number} hints for hip hinge when she gets up from a low chair",
            note_id=f"n{number}",
            patient_ref="p1",
            date_of_service=f"2026-01-0{number + 1}",
        )
    for kind in (None, "question"):
        claim = site.ask("cora", "POST", "/v1/queue/claim", {})["claim"]
        body = {"decision": kind and {"kind": kind}, "claims": claim["claims"], "milliseconds": 4000}
        site.ask(
            "cora", "POST", f"/v1/queue/{claim['id']}/decisions", body | ({"question": "Which rail?"} if kind else {})
        )
    shutil.copytree(shipped(), site.settings.models_folder / "other")
    manifest = site.settings.models_folder / "other" / MANIFEST_FILE
    manifest.write_text(manifest.read_text().replace('"version": "', '"version": "other', 1))


def opened(page: Page, path: str) -> None:
    """Shows what the page shows when it is used."""
    if path == "/":
        page.locator("#note").fill("bridging 20, stairs 15 later flag:no_unit flag:goal_missing")
        page.keyboard.press("Tab")
        page.get_by_role("button", name="Suggest a code").click()
        expect(page.locator("#results")).to_be_visible()
        for summary in page.locator("summary").all():
            summary.click()
        expect(page.locator("#way .way")).not_to_have_count(0)
        expect(page.locator("#audit .checklist")).not_to_have_count(0)
    elif path == "/units":
        page.get_by_role("textbox", name="Minutes").first.fill("23")
        page.keyboard.press("Enter")
        expect(page.locator("#steps h3")).to_have_count(3)
    elif path == "/claims":
        page.locator("#file").set_input_files(CLAIMS)
        page.locator("#secondary").select_option("strict_15")
        page.get_by_role("button", name="Check").click()
        expect(page.locator("#report tbody tr")).not_to_have_count(0)
    elif path == "/notes":
        page.get_by_role("button", name=re.compile("Show the note of")).first.click()
        expect(page.locator("#shown")).to_be_visible()
    elif path == "/queue":
        page.keyboard.press("c")
        expect(page.locator("#review")).to_be_visible()
        page.keyboard.press("3")
        page.keyboard.press("y")
        expect(page.locator("#way .way")).not_to_have_count(0)
    elif path == "/dashboard":
        expect(page.locator("#drift-panel")).to_be_visible()
        for summary in page.locator("summary").all():
            summary.click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, NARROW])
def test_every_page_is_accessible_and_fits(site: Site, scheme: Scheme, width: int):
    furnish(site)
    found = {}
    for path, login in PATHS.items():
        page = site.page(login, path, scheme=scheme, width=width)
        faults = []
        for state in ("as it opens", "in use"):
            if state == "in use":
                opened(page, path)
            results = Axe().run(page)
            faults += [
                (state, each["id"], [node["target"] for node in each["nodes"]][:3])
                for each in results.response["violations"]
                if each["impact"] in ("serious", "critical")
            ]
            wide = page.evaluate("document.documentElement.scrollWidth")
            if width < wide:
                faults.append((state, "sideways", wide))
        found[path] = faults
    assert {path: faults for path, faults in found.items() if faults} == {}


def test_no_word_of_a_note_is_kept_by_the_browser(site: Site):
    site.submit("bridging 20 flag:no_unit zzyxsentinel")
    page = site.page("cora", "/queue")
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.keyboard.press("c")
    expect(page.locator("#marked")).to_contain_text("zzyxsentinel")
    page.keyboard.press("Enter")
    expect(page.locator("#list")).to_be_visible()
    kept = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, history.state, location.href])"
    )
    assert "zzyxsentinel" not in kept + " ".join(addresses)
    assert len(addresses) >= 2
    # Nothing of the note is left on the page once it is decided.
    assert "zzyxsentinel" not in page.locator("body").inner_text()


# ---- how a result comes about


def test_a_therapist_opens_the_way_and_the_audit_by_keyboard(site: Site):
    page = site.page("theo", "/")
    page.get_by_label("Paste a treatment note").fill("bridging 20, stairs 15 later")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#proposal")).to_contain_text("97110")
    for panel, said in (("way", "The 20 minutes of 97110 make 1 x 97110"), ("audit", "points of what applies")):
        page.locator(f"#{panel} summary").focus()
        page.keyboard.press("Enter")
        expect(page.locator(f"#{panel}")).to_contain_text(said)
    page.locator("#way").get_by_role("button", name="Show in the note: block 2").click()
    expect(page.locator("#marked .hit")).to_have_text(["stairs", " 15"])
    # Another note's way takes the place of this one's.
    page.get_by_label("Paste a treatment note").fill("bridging 45")
    page.keyboard.press("Control+Enter")
    page.get_by_label("Paste a treatment note").press("Control+Enter")
    expect(page.locator("#way")).to_contain_text("The 45 minutes of 97110 make 3 x 97110")


def test_who_asks_before_the_page_has_its_words_is_answered(site: Site):
    page = site.page("theo", "/")
    held: list[Route] = []
    page.route("**/page/words", lambda route: held.append(route))
    page.goto(site.url + "/", wait_until="load")
    page.get_by_label("Paste a treatment note").fill("bridging 20, stairs 15 later")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#status")).to_have_text("Reading the note …")
    expect(page.locator("#proposal")).to_be_empty()
    held[0].continue_()
    expect(page.locator("#proposal")).to_contain_text("97110")
    # Who is signed in is known by then, too.
    expect(page.locator("#submit")).to_be_visible()


def test_the_calculator_counts_and_says_what_is_wrong(site: Site):
    page = site.page(None, "/units")
    minutes = page.get_by_role("textbox", name="Minutes")
    minutes.first.fill("20")
    minutes.nth(1).fill("18.5")
    page.keyboard.press("Enter")
    expect(page.locator("#problem")).to_contain_text("Give whole minutes for 97530")
    expect(minutes.nth(1)).to_be_focused()
    minutes.nth(1).fill("18")
    page.get_by_label("Payer; may be left out").select_option("medicare")
    page.get_by_role("button", name="Count units").click()
    expect(page.locator("#units tbody tr").last).to_have_text(re.compile("Timed, in all\\s*38\\s*2\\s*3\\s*2"))
    expect(page.locator("#remarks")).to_contain_text("governs")
    expect(page.locator("#status")).to_contain_text("38 timed minutes")


def test_a_coder_checks_claims_and_keeps_the_report(site: Site):
    page = site.page("cora", "/claims")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#problem")).to_contain_text("Choose a CSV file first")
    page.locator("#file").set_input_files(CLAIMS)
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#totals")).to_contain_text("1 claim: 0 supported, 1 to look at")
    expect(page.locator("#report")).to_contain_text("v1")
    with page.expect_download() as kept:
        page.get_by_role("link", name="Save the report as CSV").click()
    assert kept.value.path().read_text(encoding="utf-8").startswith("note_id,date_of_service,payer")
    # A second payer: both counts, and which one governs.
    expect(page.locator("#two-payers")).to_be_empty()
    page.get_by_label("Second payer of rows that name none").select_option("medicare")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#problem")).to_contain_text("another one than the first")
    page.get_by_label("Second payer of rows that name none").select_option("strict_15")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#two-payers tbody tr")).to_have_count(1)
    expect(page.locator("#two-payers thead")).to_contain_text("First payer (governs)")
    expect(page.locator("#two-payers")).to_contain_text("Medicare Part B: no unit")
    page.locator("#file").set_input_files({**CLAIMS, "buffer": b"note_id,text,code,units\nv1,zzyx,97110,x\n"})
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#problem")).to_contain_text("row 2: units must be a whole number")
