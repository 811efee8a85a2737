// Notes that were submitted: what coders asked, what became of each, and the note itself when somebody opens it.
import { draw } from "/static/marked.js";
import { $, ask, begin, counted, instant, make, named, say, table } from "/static/shared.js";

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
  const { services, mentions, goals } = note.result;
  const marks = [
    ...services.flatMap((service) => service.activities.map((span) => ({ ...span, kind: "activity" }))),
    ...services.filter((service) => service.duration !== null).map((service) => ({ ...service.duration, kind: "minutes" })),
    ...goals.map((span) => ({ ...span, kind: "goal" })),
    ...mentions.map((span) => ({ ...span, kind: "mention" })),
  ];
  const tags = [
    ...services.map((service, at) => [service.start, "service", `${at + 1} ${(service.code === "other" ? service.other_code : service.code) ?? "other"}`]),
    ...mentions.map((mention) => [mention.start, "mention", words.mentions[mention.status]]),
  ];
  draw($("marked"), Array.from(note.text), { marks, tags, places: services });
  $("changes").replaceChildren(...(note.readings.length ? note.readings.map(change) : [make("p", { class: "hint" }, "No decision yet, or none that is shown while a second coder reads the note.")]));
  $("asked").replaceChildren(...(note.questions.length ? note.questions.map(question) : [make("p", { class: "hint" }, "None.")]));
  $("shown").hidden = false;
  say("The note is shown.");
  $("marked-heading").focus();
}

// What a decision changed: code, minutes, units, each before and after.
function change(each) {
  const { code, minutes, units } = each.changes;
  const lines = [];
  const pair = ([from, to]) => `${from ?? "none"} → ${to ?? "none"}`;
  if (code !== null) lines.push(`code ${pair(code)}`);
  for (const [number, both] of Object.entries(minutes)) lines.push(`minutes of ${named(words, number)}: ${pair(both)}`);
  for (const [policy, codes] of Object.entries(units)) {
    for (const [number, both] of Object.entries(codes)) lines.push(`units of ${number}, ${words.policies[policy].label}: ${pair(both)}`);
  }
  const why = each.reason === null ? "" : ` (${words.correct_reasons[each.reason] ?? words.skip_reasons[each.reason]})`;
  return make(
    "div",
    { class: "card" },
    make("h3", {}, `${words.readings[each.reading]}: ${words.decisions[each.kind]}${why}`),
    make("p", { class: "hint" }, instant(each.decided_at)),
    lines.length ? make("ul", {}, ...lines.map((line) => make("li", {}, line))) : make("p", {}, "Code, minutes and units stay as they were."),
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
