// Notes that were submitted: what coders asked, what became of each, and the note itself when somebody opens it.
import { billedLines, readLines } from "/static/changes.js";
import { clonedMarks, showCopied } from "/static/copied.js";
import { draw } from "/static/marked.js";
import { $, ask, begin, counted, instant, make, say, table } from "/static/shared.js";

const PAGE = 50;

let words = null;
let listed = [];

// ---- the list

async function showNotes() {
  const page = await ask("GET", `/v1/notes?limit=${PAGE}&offset=${listed.length}`);
  if (page === null) return false;
  listed = [...listed, ...page];
  const rows = listed.map((note) => [
    instant(note.submitted_at),
    note.external_id ?? "",
    note.date_of_service ?? "",
    note.code === null ? "no code" : note.code,
    note.queue_state === null ? "nobody has to look" : words.queue_states[note.queue_state],
    note.open_questions ? counted(note.open_questions, "open question") : "",
    make("button", { attributes: { type: "button", "aria-label": `Show the note of ${instant(note.submitted_at)}` }, click: () => showNote(note.id) }, "Show"),
  ]);
  const names = ["Submitted", "Name", "Visit", "Proposed", "State", "Questions", "Show"];
  $("notes").replaceChildren(rows.length ? table("The latest first", names, rows) : make("p", { class: "hint" }, "No note yet. Paste one on the first page and press “Submit for review”."));
  $("more").hidden = page.length < PAGE;
  return true;
}

// ---- questions

async function showOpen() {
  const asked = await ask("GET", "/v1/questions?open_only=true");
  if (asked === null) return false;
  $("open").replaceChildren(...(asked.length ? asked.map(question) : [make("p", { class: "hint" }, "None.")]));
  return true;
}

function question(asked) {
  const body = make("p", { class: "message" }, asked.question ?? "The words were purged.");
  const when = make("p", { class: "hint" }, `Asked ${instant(asked.asked_at)}.`);
  if (asked.answer !== null) return make("div", { class: "flag info" }, body, when, make("p", {}, `Answer: ${asked.answer}`));
  const text = make("textarea", { attributes: { rows: "3", maxlength: "2000", autocomplete: "off", "aria-label": `Answer to: ${asked.question}` } });
  const form = make(
    "form",
    {},
    text,
    make("div", { class: "actions" }, make("button", { class: "primary", attributes: { type: "submit" } }, "Send the answer"), make("button", { attributes: { type: "button" }, click: () => showNote(asked.note_id) }, "Show its note")),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!text.value.trim()) return text.focus();
    // What was written stays in its field until the answer is kept.
    if ((await ask("POST", `/v1/questions/${asked.id}/answer`, { answer: text.value.trim() }, text)) === null) return;
    listed = [];
    if ((await showOpen()) && (await showNotes())) say("Your answer is kept; the note goes back to the front of the queue.");
    if (!$("shown").hidden) await showNote(asked.note_id);
  });
  return make("div", { class: "flag warning" }, body, when, form);
}

// ---- one note

async function showNote(id) {
  const note = await ask("GET", `/v1/notes/${id}`);
  if (note === null) return;
  const points = Array.from(note.text);
  const standing = note.readings.find((each) => each.stands);
  const cards = note.readings.map((each) => change(each, points, () => markReading(note, points, each)));
  $("changes").replaceChildren(...(cards.length ? cards : [make("p", { class: "hint" }, "No decision yet, or none that is shown while a second coder reads the note.")]));
  $("proposed").hidden = !cards.length;
  $("proposed").onclick = () => markReading(note, points, null);
  showCopied(note.copied);
  markReading(note, points, standing ?? null);
  $("asked").replaceChildren(...(note.questions.length ? note.questions.map(question) : [make("p", { class: "hint" }, "None.")]));
  $("shown").hidden = false;
  say("The note is shown.");
  $("marked-heading").focus();
}

// Marks in the note what a decision says, or what was proposed where there is none. Where minutes stand is the program's reading.
function markReading(note, points, reading) {
  const { services, mentions, goals } = reading === null ? note.result : reading.decision;
  const marks = [
    ...clonedMarks(note.copied),
    ...services.flatMap((service) => service.activities.map((span) => ({ ...span, kind: "activity" }))),
    ...note.result.services.filter((service) => service.duration !== null).map((service) => ({ ...service.duration, kind: "minutes" })),
    ...goals.map((span) => ({ ...span, kind: "goal" })),
    ...mentions.map((span) => ({ ...span, kind: "mention" })),
  ];
  const tags = [
    ...services.map((service, at) => [service.start, "service", `${at + 1} ${(service.code === "other" ? service.other_code : service.code) ?? "other"}`]),
    ...mentions.map((mention) => [mention.start, "mention", words.mentions[mention.status]]),
  ];
  draw($("marked"), points, { marks, tags, places: [...services, ...(note.copied?.changes ?? [])] });
  $("marked-heading").textContent = reading === null ? "The note as it was proposed" : `The note as it was ${words.decisions[reading.kind]} (${words.readings[reading.reading]})`;
  for (const button of document.querySelectorAll("[data-reading]")) button.setAttribute("aria-pressed", String(button.dataset.reading === (reading === null ? "proposed" : reading.reading)));
}

// What a decision changed, and the way to see it in the note.
function change(each, points, mark) {
  const lines = [...billedLines(each.changes, words), ...readLines(each.changes, words, points)];
  const why = each.reason === null ? "" : ` (${words.correct_reasons[each.reason] ?? words.skip_reasons[each.reason]})`;
  const name = words.readings[each.reading];
  return make(
    "div",
    { class: "card" },
    make("h3", {}, `${name}: ${words.decisions[each.kind]}${why}`),
    make("p", { class: "hint" }, `${instant(each.decided_at)}${each.stands ? ". This is what the note is taken for." : ""}`),
    lines.length ? make("ul", {}, ...lines.map((line) => make("li", {}, line))) : make("p", {}, "Everything stays as it was proposed."),
    make("button", { attributes: { type: "button", "data-reading": each.reading, "aria-pressed": "false" }, click: mark }, `Mark the ${name} in the note`),
  );
}

// ---- start

$("more").addEventListener("click", showNotes);
$("close").addEventListener("click", () => {
  $("shown").hidden = true;
  $("marked").replaceChildren();
  $("notes-heading").focus();
});

(async () => {
  const begun = await begin();
  if (begun === null) return;
  words = begun.words;
  $("whose").textContent = begun.me.role === "therapist" ? "Those that you submitted, with what coders asked and changed." : "Those of the clinic. Who opens one is written into the audit trail.";
  if ((await showOpen()) && (await showNotes())) {
    $("content").hidden = false;
    say("");
  }
})();
