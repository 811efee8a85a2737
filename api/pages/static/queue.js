// The review queue: what waits, one claimed note at a time, and the coder's decision on it. No word of a note is kept anywhere but on
// the page. What was edited stays there whatever happens to the claim, until the coder lets it go.
import { isChanged, readLines } from "/static/changes.js";
import { showCopied } from "/static/copied.js";
import * as editor from "/static/editor.js";
import { show as mark } from "/static/marked.js";
import { readingOf } from "/static/reading.js";
import { $, UNREACHABLE, ask, begin, confirmed, counted, inWords, instant, lasting, make, named, onOpen, percent, say, send, showProblem, signInPath, table } from "/static/shared.js";
import { ways } from "/static/ways.js";

const FILTERS = ["clinic", "flag", "discipline", "code", "reason", "hours"];
const LISTED = 20;
const WARN_SECONDS = 60;
const RETRY_SECONDS = 10;

let words = null;
let clinics = []; // those that the reader sees, with role and what waits there
let claim = null; // the claimed entry as the API gave it
let lost = false; // it is not ours any more
let sending = false;
let until = 0; // when the lease ends, and how long it was, on the page's own clock
let lease = 0;
let begunAt = 0;
let renewAfter = 0;
let activeAt = 0;
let shownAt = 0;
let warned = false;
let last = null; // the last decision: { item, outcome, reading, kind, points }; without points where another page made it
let listed = []; // the entries of the list that are shown

const clock = () => performance.now() / 1000;
const isReader = ({ role }) => role === "coder" || role === "trainer";
// Whether the reader may claim notes of a clinic; without one, of any.
const mayClaim = (slug = "") => clinics.some((clinic) => isReader(clinic) && (!slug || clinic.slug === slug));
const clinicName = (slug) => clinics.find((clinic) => clinic.slug === slug)?.name ?? slug;
const severalClinics = () => 1 < clinics.length;
const flagName = (flag) => flag.replaceAll("_", " ");

// ---- the list

// What the filters say, as the API takes it.
function wanted() {
  const chosen = FILTERS.filter((name) => $(name).value).map((name) => [name, name === "hours" ? Number($(name).value) : $(name).value]);
  return Object.fromEntries(chosen);
}

async function showList() {
  listed = [];
  await showMore();
}

// Shows the next entries of the list below those that are shown.
async function showMore() {
  $("review").hidden = true;
  $("list").hidden = false;
  const list = await ask("GET", `/v1/queue?${new URLSearchParams({ ...wanted(), limit: LISTED, offset: listed.length })}`);
  if (list === null) return;
  ({ clinics } = list);
  $("claim").hidden = !mayClaim();
  $("clinic-field").hidden = !severalClinics();
  options("clinic", "all", Object.fromEntries(clinics.map(({ slug, entries }) => [slug, entries])), clinicName);
  options("flag", "any", list.flags, flagName);
  options("discipline", "any", list.disciplines, (name) => name);
  options("code", "any", list.codes, (code) => (code === "none" ? "neither" : named(words, code)));
  options("reason", "any", list.reasons, (reason) => words.queue_reasons[reason]);
  $("list-heading").textContent = `What waits (${list.total})`;
  // Meanwhile others decide: an entry may have moved from one page to the next.
  const known = new Set(listed.map((entry) => entry.id));
  listed = [...listed, ...list.entries.filter((entry) => !known.has(entry.id))];
  $("more").hidden = list.entries.length < LISTED || list.total <= listed.length;
  $("entries").replaceChildren(...(listed.length ? [entriesTable(list.total)] : [make("p", { class: "hint" }, "Nothing waits that these filters leave. Choose “any” to see all.")]));
  say(`${counted(list.total, "note waits", "notes wait")}.`);
}

// The choices of a filter with how many entries each leaves; the one that is chosen stays, even with none.
function options(id, any, counts, name) {
  const chosen = $(id).value;
  const found = Object.entries(chosen && !(chosen in counts) ? { ...counts, [chosen]: 0 } : counts);
  $(id).replaceChildren(new Option(any, ""), ...found.map(([value, count]) => new Option(`${name(value)} (${count})`, value, false, value === chosen)));
}

function entriesTable(total) {
  const names = ["Waits", ...(severalClinics() ? ["Clinic"] : []), "Why", "Proposed", "Sure", "Discipline", "Flags", "Read"];
  const rows = listed.map((entry) => {
    const read = make("button", { attributes: { type: "button", "aria-label": `Read the note that waits since ${instant(entry.created_at)}` }, click: () => claimOne(entry.id) }, entry.yours ? "Go on" : "Read");
    const taken = entry.state === "claimed" && !entry.yours;
    return [
      lasting((Date.now() - new Date(entry.created_at)) / 1000),
      ...(severalClinics() ? [clinicName(entry.clinic)] : []),
      words.queue_reasons[entry.reason],
      entry.code === null ? "neither" : entry.code,
      percent(entry.confidence),
      entry.discipline ?? "",
      [...new Set(entry.flags)].map(flagName).join(", "),
      taken ? "a coder reads it" : mayClaim(entry.clinic) ? read : "",
    ];
  });
  return table(listed.length < total ? `The first ${listed.length} in the order that they are read` : "In the order that they are read", names, rows);
}

// ---- claims

// Claims the best entry of those that the filters leave.
function claimNext() {
  if (!mayClaim($("clinic").value)) return say("Coders and trainers read notes; your role sees the list alone.");
  return claimWanted(wanted());
}

const claimOne = (id) => claimWanted({ id });

async function claimWanted(which) {
  const { ok, body, date } = await reach("POST", "/v1/queue/claim", which);
  if (!ok) return refused(body);
  if (body.claim === null) nothingLeft();
  else openClaim(body.claim, date);
}

async function nothingLeft() {
  claim = null;
  await showList();
  say("Nothing is left for you to read. Notes that others read, and those that you skipped, are for others.");
  $("list-heading").focus();
}

function openClaim(given, date, start = null) {
  claim = given;
  lost = warned = false;
  setLease(claim.lease_until, date);
  shownAt = clock();
  $("problem").hidden = $("list").hidden = true;
  $("review").hidden = $("lost").hidden = false;
  $("why").value = "";
  const blocks = counted(claim.result.services.length, "block");
  const about = [
    severalClinics() ? clinicName(claim.clinic) : null,
    claim.reading === "adjudication" ? "Two readings to settle" : null,
    claim.external_id ? `Note ${claim.external_id}` : "A note",
    claim.discipline,
    claim.copied === null ? null : words.queue_reasons.copied,
    claim.date_of_service ? `visit of ${claim.date_of_service}` : null,
    claim.result.proposal.code === null ? "no code proposed" : `${named(words, claim.result.proposal.code)} proposed, ${percent(claim.result.proposal.confidence)} sure`,
  ].filter(Boolean);
  $("about").textContent = about.join(" · ");
  $("lost").hidden = true;
  showFlags(claim);
  showQuestions(claim.questions);
  showReadings(claim.readings);
  showCopied(claim.copied);
  editor.open(claim, start);
  fillWay();
  scrollTo({ top: 0 });
  say(`A note with ${blocks}, ${counted(claim.result.flags.filter((flag) => flag.severity !== "info").length, "finding")} to look at${claim.copied === null ? "" : `; ${words.queue_reasons.copied}`}.`);
}

function showFlags({ result, copied }) {
  const shown = result.flags.map((flag) => make("div", { class: `flag ${flag.severity}` }, make("p", { class: "message" }, flag.message), make("p", {}, `What to do: ${flag.action}`)));
  $("flags").replaceChildren(...(shown.length ? shown : [make("p", { class: "hint" }, copied === null ? "Nothing was found that needs a look." : "Nothing but that it was copied forward.")]));
}

function showQuestions(questions) {
  $("questions-panel").hidden = !questions.length;
  $("questions").replaceChildren(
    ...questions.map((each) => make("div", { class: "flag info" }, make("p", { class: "message" }, each.question ?? ""), make("p", {}, each.answer === null ? "Not answered yet." : `Answer: ${each.answer}`))),
  );
}

// The way of what was proposed, told by the model that serves now: where that is another one, it says so.
const fillWay = onOpen("way", () => {
  if (claim === null) return null;
  const { text, discipline, date_of_service, result } = claim;
  const payer = (role) => result.payers.find((each) => each.role === role)?.id ?? null;
  const content = { text, discipline, date_of_service, policy: result.policy, profile: result.model.profile, payer: payer("primary"), secondary_payer: payer("secondary") };
  return { about: result, path: "/v1/explanations", content, draw: (told) => drawWay(told, result) };
});

function drawWay(told, result) {
  const jump = (start, end, what) => make("button", { class: "jump", attributes: { type: "button", "aria-label": `Show in the note: ${what}` }, click: () => mark($("marked"), start, end)?.scrollIntoView({ block: "center" }) }, "Show in the note");
  const other = told.model === result.model.version ? [] : [make("p", { class: "differs" }, `The proposal is of model ${result.model.version}; what follows is how model ${told.model} reads the note.`)];
  return [...other, ...ways(told, words, jump)];
}

function toggleWay() {
  $("way").open = !$("way").open;
  if ($("way").open) $("way").querySelector("summary").focus();
}

// Both readings side by side, for whoever settles them.
function showReadings(readings) {
  $("readings-panel").hidden = !readings.length;
  const points = Array.from(claim.text);
  $("readings").replaceChildren(
    ...readings.map((each) => {
      const rows = each.decision.services.map((block) => {
        const code = block.code === "other" ? (block.other_code ?? "another service") : named(words, block.code);
        return make("li", {}, `${code}, ${block.minutes === null ? "no minutes" : `${block.minutes} min`}: ${block.activities.map((span) => points.slice(span.start, span.end).join("")).join(", ") || "no task"}`);
      });
      const not = each.decision.mentions.map((span) => make("li", {}, `not done (${words.mentions[span.status]}): ${points.slice(span.start, span.end).join("")}`));
      return make(
        "div",
        { class: "card" },
        make("h3", {}, words.readings[each.reading]),
        make("ul", {}, ...rows, ...not),
        make("button", { attributes: { type: "button" }, click: () => editor.take(each.decision) }, `Take the ${words.readings[each.reading]}`, " ", make("kbd", {}, each.reading === "first" ? "," : ".")),
      );
    }),
  );
}

const takeReading = (name) => {
  const found = claim.readings.find((each) => each.reading === name);
  if (found) editor.take(found.decision);
};

// ---- the lease

function setLease(end, date) {
  lease = Math.max(1, (new Date(end) - date) / 1000);
  begunAt = clock();
  until = begunAt + lease;
  renewAfter = begunAt + lease / 3;
  warned = false;
}

async function tick() {
  if (claim === null || $("review").hidden || lost) return;
  const left = until - clock();
  $("lease").textContent =
    0 < left
      ? `Yours for ${Math.floor(left / 60)}:${String(Math.floor(left % 60)).padStart(2, "0")}; it is kept while you work.`
      : "Your time is over. The note stays yours until somebody else takes it; press any key to keep it.";
  $("lease").classList.toggle("late", left < WARN_SECONDS);
  if (left < WARN_SECONDS && !warned) {
    warned = true;
    say("Less than a minute is left for this note. Press any key to keep it.");
  }
  // Kept for a coder who works, not for one who went away.
  if (renewAfter < clock() && begunAt < activeAt && !sending) await renew();
}

async function renew() {
  renewAfter = clock() + RETRY_SECONDS;
  const held = claim;
  const { ok, status, body, date } = await reach("POST", `/v1/queue/${held.id}/renew`, { claims: held.claims });
  if (held !== claim) return;
  if (ok) setLease(body.lease_until, date);
  else if (status === 409 || status === 404) loseClaim();
  else refused(body);
}

function loseClaim() {
  lost = true;
  $("lost").hidden = false;
  $("lease").textContent = "";
  $("reclaim").focus();
}

async function reclaim() {
  const { ok, body, date } = await reach("POST", "/v1/queue/claim", { id: claim.id });
  if (!ok) return refused(body);
  openClaim(body.claim, date, editor.current());
}

async function letGo() {
  if (editor.isEdited() && !(await confirmed("Throw your edits on this note away?", "Throw them away"))) return;
  claim = null;
  await showList();
}

async function release() {
  if (editor.isEdited() && !(await confirmed("Give the note back and throw your edits away?", "Give it back"))) return;
  const { ok, status, body } = await reach("POST", `/v1/queue/${claim.id}/release`, { claims: claim.claims });
  // Not ours any more is what giving it back is for.
  if (!ok && status !== 409) return refused(body);
  claim = null;
  await showList();
  say("The note is given back, undecided.");
}

// ---- decisions

// Sends whatever cannot lose what is on the page: an answer always comes, `body` is a problem where the server is away.
async function reach(method, path, content) {
  $("problem").hidden = true;
  sending = true;
  try {
    return await send(method, path, content);
  } catch {
    return { ok: false, status: 0, body: { title: UNREACHABLE.replace(/\.$/, ""), detail: "What you edited is still here." }, date: new Date() };
  } finally {
    sending = false;
  }
}

function refused(body) {
  if (body.status === 401) {
    const link = make("a", { attributes: { href: signInPath(), target: "_blank", rel: "noopener" } }, "Sign in in another tab");
    showProblem(["You are signed out. Your edits are still here: ", link, ", then do it again."]);
  } else showProblem(inWords(body));
}

// Decides and, with `next`, goes on to the next note.
async function decide(kind, { next = true, reason = null, question = null } = {}) {
  if (claim === null || sending) return;
  if (lost) return loseClaim();
  const reading = editor.current();
  const decisions = {
    accept: () => null,
    correct: () => ({ kind, reason, ...reading }),
    question: () => ({ kind }),
    skip: () => ({ kind, reason }),
  };
  const content = { decision: decisions[kind](), claims: claim.claims, milliseconds: Math.round((clock() - shownAt) * 1000) };
  if (question !== null) content.question = question;
  if (next) content.next = wanted();
  const item = claim.id;
  const points = Array.from(claim.text);
  const path = next ? "accept-and-next" : "decisions";
  say("One moment …");
  const { ok, status, body, date } = await reach("POST", `/v1/queue/${item}/${path}`, content);
  if (status === 409) return loseClaim();
  if (!ok) return refused(body);
  last = { item, outcome: body, reading, kind, points };
  $("ask-text").value = "";
  claim = null;
  showLast();
  if (!next) {
    $("last").open = true;
    await showList();
    $("last-summary").focus();
  } else if (body.claim !== null) openClaim(body.claim, date);
  else await nothingLeft();
}

const decideReading = (next) => (editor.isEdited() ? decide("correct", { next, reason: $("why").value || editor.reason() }) : decide("accept", { next }));

// What the last decision made of the note: minutes and units under every policy, before and after where they differ.
function showLast() {
  const { outcome, kind } = last;
  const units = outcome.units ?? {};
  const policies = Object.keys(units);
  const codes = [...new Set([...Object.keys(outcome.minutes ?? {}), ...Object.keys(outcome.changes?.minutes ?? {})])].sort();
  const total = (policy) => codes.map((code) => `${code}: ${units[policy][code] ?? 0}`).join(", ");
  const summary = `Last note ${words.decisions[kind]}`;
  $("last-summary").textContent = codes.length ? `${summary}. Units by ${policies.map((policy) => `${words.policies[policy].short} ${total(policy)}`).join("; ")}. ${isChanged(outcome.changes) ? "It changed what was proposed." : "Nothing changed."}` : `${summary}.`;
  const heads = ["Code", "Minutes", ...policies.map((policy) => words.policies[policy].label)];
  const rows = codes.map((code) => [
    named(words, code),
    shift(outcome.changes?.minutes[code], outcome.minutes[code] ?? "none"),
    ...policies.map((policy) => shift(outcome.changes?.units[policy]?.[code], units[policy][code] ?? 0)),
  ]);
  const code = outcome.changes?.code;
  const read = outcome.changes ? readLines(outcome.changes, words, last.points) : [];
  $("last-table").replaceChildren(
    code ? make("p", {}, `The note's code: ${code.map((each) => (each === null ? "none" : named(words, each))).join(" → ")}.`) : "",
    rows.length ? table("Minutes and units after the decision", heads, rows) : "",
    read.length ? make("ul", {}, ...read.map((line) => make("li", {}, line))) : "",
  );
  $("last").hidden = false;
  $("last").open = false;
}

const shift = (pair, value) => (pair ? make("strong", { class: "differs" }, `${pair[0] ?? "none"} → ${pair[1] ?? "none"}`) : String(value));

// What the server has as one's last decision: one that this page did not make, or forgot, can be taken back as well.
async function loadLast() {
  const known = await ask("GET", "/v1/queue/last");
  // Decided meanwhile: that one is the last.
  if (known === null || last !== null) return;
  const { last: found } = known;
  last = found && { item: found.id, outcome: found, reading: found.decision.services && readingOf(found.decision), kind: found.decision.kind, points: null };
  if (last !== null) showLast();
}

async function takeBack() {
  if (!mayClaim() || sending) return;
  if (last === null) await loadLast();
  if (last === null) return say("There is no decision of yours to take back.");
  if (claim !== null) {
    if (editor.isEdited() && !(await confirmed("Take the last decision back and throw your edits on this note away?", "Take it back"))) return;
    await reach("POST", `/v1/queue/${claim.id}/release`, { claims: claim.claims });
    claim = null;
  }
  const { item, reading, kind } = last;
  const { ok, body, date } = await reach("POST", `/v1/queue/${item}/decisions`, { decision: { kind: "undo" } });
  last = null;
  $("last").hidden = true;
  if (!ok) {
    await showList();
    return refused(body);
  }
  openClaim(body.claim, date, kind === "correct" ? reading : null);
  say("The decision is taken back; the note is yours again.");
}

// ---- dialogs

// Lets one of `choices` ([value, name]) be chosen, by its number too; null where none was.
function choose(heading, choices) {
  const dialog = $("choose");
  $("choose-heading").textContent = heading;
  $("choices").replaceChildren(...choices.map(([value, name], at) => make("button", { attributes: { value } }, make("kbd", {}, String(at + 1)), ` ${name}`)));
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => {
    dialog.onkeydown = (event) => {
      const chosen = choices[Number(event.key) - 1];
      if (!chosen) return;
      // The key is used up: the page below may have another meaning for it. What was chosen holds before the next key comes.
      event.preventDefault();
      dialog.close(chosen[0]);
      done(chosen[0]);
    };
    dialog.addEventListener("close", () => done(dialog.returnValue || null), { once: true });
  });
}

async function skip() {
  const reason = await choose("Why skip this note? Another coder gets it.", Object.entries(words.skip_reasons));
  if (reason !== null) decide("skip", { reason });
}

// Of the words that are selected, of the entry of “Not done today” that has the focus, or else of the task.
async function notDone() {
  const entry = !editor.isPicked() && editor.canSetStatus() ? document.activeElement : null;
  const status = await choose("Why was it not done today?", Object.entries(words.mentions));
  if (status === null) return;
  entry?.focus();
  if (entry === null) editor.markNotDone(status);
  else editor.setStatus(status);
}

function askTherapist() {
  $("ask").showModal();
}

$("ask-form").addEventListener("submit", (event) => {
  const question = $("ask-text").value.trim();
  if (!question) {
    event.preventDefault();
    $("ask-text").focus();
    return;
  }
  decide("question", { question });
});
$("ask-text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    $("ask-form").requestSubmit();
  }
});
$("ask-cancel").addEventListener("click", () => $("ask").close());

// ---- keys

const inReview = () => claim !== null && !$("review").hidden;
// [keys, what they do, the action, whether a note has to be open]
const KEYS = [
  [["Enter"], "accept the note as it is, or send your corrections, and read the next", () => decideReading(true), true],
  [["Shift+Enter"], "the same, and see what it changed", () => decideReading(false), true],
  [["j", "ArrowDown"], "next block", () => editor.goBlock(1), true],
  [["k", "ArrowUp"], "block before", () => editor.goBlock(-1), true],
  [["1"], "97110", () => editor.setCode("97110"), true],
  [["2"], "97530", () => editor.setCode("97530"), true],
  [["3"], "another service", () => editor.setCode("other"), true],
  [["o"], "the other service's code", () => editor.focusField("other"), true],
  [["m"], "minutes; Enter keeps them", () => editor.focusField("minutes"), true],
  [["t"], "next task of the block", () => editor.goTask(1), true],
  [["Shift+T"], "task before", () => editor.goTask(-1), true],
  [["x"], "selected words, or else the task, were not done today; on an entry of that list, another reason", notDone, true],
  [["l"], "next entry of what was not done and of the goals", () => editor.goAside(1), true],
  [["Shift+L"], "entry before", () => editor.goAside(-1), true],
  [["v"], "that entry was done today, in the block that is chosen", () => editor.doneAfterAll(), true],
  [["d", "Delete"], "remove the task, or the entry", () => (editor.isAside() ? editor.removeAside() : editor.removeTask()), true],
  [["s"], "split the block before the task", () => editor.split(), true],
  [["Shift+J"], "join the block with the next", () => editor.join(), true],
  [["Shift+D"], "remove the block", () => editor.removeBlock(), true],
  [["n"], "into the note: arrow keys choose words, Shift extends", () => $("marked").focus(), true],
  [["a"], "selected words are a task of the block", () => editor.pickAs("task"), true],
  [["e"], "selected words are the task's right span", () => editor.pickAs("span"), true],
  [["b"], "selected words are a new block", () => editor.pickAs("block"), true],
  [["g"], "selected words are a goal", () => editor.pickAs("goal"), true],
  [["Escape"], "back to the block; nothing selected", () => editor.clearPicked() || editor.focusBlock(), true],
  [["z", "Ctrl+z"], "undo the last edit", () => editor.undo(), true],
  [[",", "."], "take the first or the second of two readings", (key) => takeReading(key === "," ? "first" : "second"), true],
  [["q"], "ask the therapist", askTherapist, true],
  [["w"], "skip, with a reason", skip, true],
  [["y"], "how the proposal came about, or hide it", toggleWay, true],
  [["r"], "give the note back", release, true],
  [["Shift+Z"], "take your last decision back", takeBack, false],
  [["c"], "read the next note", () => !inReview() && claimNext(), false],
  [["f"], "filters", () => !inReview() && $("flag").focus(), false],
  [["?"], "these keys", () => $("help").showModal(), false],
];

function keyOf(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const isShifted = event.shiftKey && (event.key === "Enter" || event.key.toLowerCase() !== event.key.toUpperCase());
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${isShifted ? "Shift+" : ""}${isShifted && key.length === 1 ? key.toUpperCase() : key}`;
}

document.addEventListener("keydown", (event) => {
  activeAt = clock();
  if (event.altKey || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  const isField = event.target.matches("input, select, textarea");
  // In a field keys write; on a button, a link or a summary Enter presses it.
  if (isField && !(event.key === "Escape" && inReview())) return;
  if (event.key === "Enter" && event.target.closest("button, a, summary")) return;
  const key = keyOf(event);
  if (key.length === 1 && !$("keys-on").checked) return;
  const found = KEYS.find(([keys, , , needsNote]) => keys.includes(key) && (!needsNote || inReview()));
  if (!found) return;
  event.preventDefault();
  // A key that is held down decides one note, not many.
  if (!event.repeat || ["j", "k", "t", "l", "ArrowDown", "ArrowUp"].includes(key)) found[2](key);
});
document.addEventListener("pointerdown", () => {
  activeAt = clock();
});

// ---- start

function onEdit() {
  const isEdited = editor.isEdited();
  const kbd = (key) => make("kbd", {}, key);
  $("next").replaceChildren(isEdited ? "Correct and next " : "Accept and next ", kbd("Enter"));
  $("stay").replaceChildren(isEdited ? "Correct " : "Accept ", kbd("Shift+Enter"));
  $("why-field").hidden = !isEdited;
  if (isEdited) $("why").options[0].text = `${words.correct_reasons[editor.reason()]} (found by itself)`;
}

const CLICKS = {
  claim: claimNext,
  refresh: showList,
  more: showMore,
  next: () => decideReading(true),
  stay: () => decideReading(false),
  question: askTherapist,
  skip,
  release,
  undo: () => editor.undo(),
  keys: () => $("help").showModal(),
  reclaim,
  "let-go": letGo,
  "take-back": takeBack,
  "as-task": () => editor.pickAs("task"),
  "as-span": () => editor.pickAs("span"),
  "as-block": () => editor.pickAs("block"),
  "as-mention": notDone,
  "as-goal": () => editor.pickAs("goal"),
};
for (const [id, action] of Object.entries(CLICKS)) $(id).addEventListener("click", () => action());
for (const name of FILTERS) $(name).addEventListener("change", showList);
addEventListener("beforeunload", (event) => {
  if (inReview() && editor.isEdited()) event.preventDefault();
});

(async () => {
  const begun = await begin();
  if (begun === null) return;
  ({ words } = begun);
  editor.begin(words, onEdit);
  $("why").replaceChildren(new Option("", ""), ...Object.entries(words.correct_reasons).map(([id, name]) => new Option(name, id)));
  $("help-keys").replaceChildren(...KEYS.flatMap(([keys, what]) => [make("dt", {}, ...keys.flatMap((key) => [make("kbd", {}, key), " "])), make("dd", {}, what)]));
  setInterval(tick, 1000);
  await showList();
  if (mayClaim()) await loadLast();
})();
