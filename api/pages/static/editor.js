// The note of a claim and its reading, to be looked at and changed: drawing, what is chosen, and the edits with their undo.
import { clonedMarks } from "/static/copied.js";
import { draw, selected, show, trimmed } from "/static/marked.js";
import * as reading from "/static/reading.js";
import { $, make, named, quoted, say } from "/static/shared.js";

const UNDOS = 200;

let words = null;
let told = () => {}; // called after each change
let points = [];
let result = null;
let cloned = []; // marks of what was copied forward, and where something was changed since
let changed = [];
let original = null; // the reading as returned
let now = null;
let before = []; // earlier readings with what was chosen, the latest last
let block = 0; // which block is chosen
let task = 0; // and which of its tasks
let picked = null; // a stretch of the note that was selected

export function begin(pageWords, changed) {
  words = pageWords;
  told = changed;
  const codes = Object.keys(words.codes).filter((code) => !words.headline.includes(code) && !words.own_codes.includes(code));
  $("other-codes").replaceChildren(...codes.map((code) => make("option", { attributes: { value: code } }, words.codes[code])));
}

// Shows a claim; `start` is a reading to go on from, where there was one.
export function open(claim, start = null) {
  points = Array.from(claim.text);
  result = claim.result;
  cloned = clonedMarks(claim.copied);
  changed = claim.copied?.changes ?? [];
  original = reading.readingOf(result);
  now = start ?? original;
  before = [];
  block = task = 0;
  picked = null;
  drawAll();
  focusBlock();
}

export const current = () => now;
export const isEdited = () => !reading.alike(original, now);
export const reason = () => reading.reasonOf(original, now);

// ---- what is chosen

export function focusBlock() {
  const chosen = $("blocks").children[block];
  (chosen ?? $("blocks-heading")).focus?.({ preventScroll: true });
  chosen?.scrollIntoView({ block: "nearest" });
}

export function goBlock(step) {
  if (!now.services.length) return;
  block = Math.min(Math.max(block + step, 0), now.services.length - 1);
  task = 0;
  drawAll();
  focusBlock();
}

export function goTask(step) {
  const tasks = now.services[block]?.activities.length ?? 0;
  if (!tasks) return say("This block has no task.");
  task = (task + step + tasks) % tasks;
  drawAll();
  focusBlock();
  say(`Task ${task + 1} of ${tasks}: ${quoted(textOf(now.services[block].activities[task]))}`);
}

export function focusField(name) {
  const field = $("blocks").children[block]?.querySelector(`[data-field="${name}"]`);
  if (!field) return say(name === "other" ? "Choose another service (3) first; then it has a code of its own." : "There is no block.");
  field.focus();
  field.select();
}

// ---- edits

// Makes an edit and keeps the way back; `edit` returns the new reading, or [reading, which block to choose].
function change(edit, message = "") {
  let made;
  try {
    made = edit();
  } catch (error) {
    if (!(error instanceof reading.Refused)) throw error;
    say(error.message);
    return false;
  }
  const [next, at] = Array.isArray(made) ? made : [made, block];
  before = [...before, [now, block, task]].slice(-UNDOS);
  now = next;
  block = Math.max(0, Math.min(at, now.services.length - 1));
  task = Math.max(0, Math.min(task, (now.services[block]?.activities.length ?? 0) - 1));
  drawAll();
  say(message);
  return true;
}

export function undo() {
  if (!before.length) return say("There is no edit to undo.");
  [now, block, task] = before.at(-1);
  before = before.slice(0, -1);
  drawAll();
  focusBlock();
  say("The last edit is undone.");
}

// ---- what was not done, and goals

const LISTS = ["mentions", "goals"];

// Which entry of the two lists has the focus: [list, number], null where none has.
function aside() {
  const item = document.activeElement?.closest("#mentions > .entry, #goals > .entry");
  return item && [item.parentElement.id, [...item.parentElement.children].indexOf(item)];
}

export const isAside = () => aside() !== null;

// Goes through what was not done and the goals; there is one order for both.
export function goAside(by) {
  const entries = LISTS.flatMap((list) => [...$(list).querySelectorAll(":scope > .entry")]);
  if (!entries.length) return say("Nothing is marked as not done, and no goal.");
  const at = entries.findIndex((entry) => entry.contains(document.activeElement));
  const next = entries[at < 0 ? (0 < by ? 0 : entries.length - 1) : (at + by + entries.length) % entries.length];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

// Edits the entry that has the focus and goes on to the one in its place, or back to the block.
function onAside(edit, message) {
  const [list, at] = aside();
  if (!change(() => edit(at), message)) return;
  const left = $(list).querySelectorAll(":scope > .entry");
  if (left.length) left[Math.min(at, left.length - 1)].focus();
  else focusBlock();
}

export function removeAside() {
  const isGoal = aside()[0] === "goals";
  onAside((at) => (isGoal ? reading.withoutGoal(now, at) : reading.withoutMention(now, at)), "Removed; z brings it back.");
}

const isMention = () => aside()?.[0] === "mentions";

// Gives what was not done another reason.
export const setStatus = (status) => onAside((at) => reading.withStatus(now, at, status), `Not done today: ${words.mentions[status]}.`);
export const canSetStatus = isMention;

// What was taken for not done was done, in the chosen block.
export function doneAfterAll() {
  if (!isMention()) return say("Go to what was not done first (l).");
  if (!now.services[block]) return say("There is no block for it. Select words in the note and make one (b).");
  onAside((at) => reading.done(now, at, block), `Done today, in block ${block + 1}.`);
}

// Runs an edit of the chosen block and goes back to it.
function onBlock(edit, message) {
  if (!now.services[block]) return say("There is no block. Select words in the note and make one (b).");
  if (change(edit, message)) focusBlock();
}

export const setCode = (code, at = block) => {
  block = at;
  onBlock(() => reading.withCode(now, block, code), code === "other" ? "Another service; o gives it its code." : named(words, code));
};
export const split = () => onBlock(() => [reading.split(now, block, task), block + 1], "Split; give both their minutes (m).");
export const join = () => onBlock(() => reading.join(now, block), "Joined.");
export const removeBlock = () => onBlock(() => reading.withoutBlock(now, block), "The block is removed; z brings it back.");
export const removeTask = () => chosenTask() && onBlock(() => reading.withoutTask(now, block, task), "The task is removed; z brings it back.");

function chosenTask() {
  const there = now.services[block]?.activities[task];
  if (!there) say("There is no task chosen.");
  return there;
}

export const isPicked = () => pickedNow() !== null;
const pickedNow = () => selected($("marked"), points) ?? picked;

// Makes of the selected words a task, a block, a goal, or the right span of the chosen task.
export function pickAs(kind) {
  const stretch = pickedNow();
  if (stretch === null) return say("Select words in the note first: with the mouse, or with n and the arrow keys.");
  const edits = {
    task: () => reading.withTask(now, block, stretch),
    span: () => reading.movedTask(now, block, task, stretch),
    block: () => reading.withBlock(now, stretch, words.headline[0]),
    goal: () => reading.withGoal(now, stretch),
  };
  if ((kind === "task" && !now.services[block]) || (kind === "span" && !chosenTask())) return say("There is no block or task for it; make a block of it (b).");
  unpick();
  if (change(edits[kind], `${quoted(textOf(stretch))} is marked.`)) focusBlock();
}

// Marks the selected words, or else the chosen task, as not done today.
export function markNotDone(status) {
  const stretch = pickedNow();
  if (stretch === null && !chosenTask()) return;
  const alone = stretch === null && now.services[block].activities.length === 1;
  unpick();
  const edit = () => (stretch === null ? reading.notDone(now, block, task, status) : reading.withMention(now, stretch, status));
  if (change(edit, alone ? "Its block had no other task and is gone; z brings it back." : `Not done today: ${words.mentions[status]}.`)) focusBlock();
}

export function unpick() {
  picked = null;
  getSelection().removeAllRanges();
}

// Takes another reading whole, as one edit.
export function take(other) {
  if (change(() => reading.readingOf(other), "That reading is taken; change it as you like.")) focusBlock();
}

// ---- drawing

const textOf = ({ start, end }) => points.slice(start, end).join("");
const button = (text, label, click, more = {}) => make("button", { attributes: { type: "button", "aria-label": label, ...more }, click }, text);

// Draws all, and leaves the focus on what stands in the place of what had it.
function drawAll() {
  const item = document.activeElement?.closest("#blocks > li");
  const held = item && [[...$("blocks").children].indexOf(item), document.activeElement.dataset.field];
  drawNote();
  const [blocks, mentions, goals] = [now.services.map(blockItem), now.mentions.map(mentionItem), now.goals.map(goalItem)];
  $("blocks").replaceChildren(...(blocks.length ? blocks : [none("No block. Select words in the note and make one (b).")]));
  $("mentions").replaceChildren(...(mentions.length ? mentions : [none("Nothing.")]));
  $("goals").replaceChildren(...(goals.length ? goals : [none("No goal.")]));
  const minutes = now.services.reduce((sum, each) => sum + (each.minutes ?? 0), 0);
  $("total").textContent = now.services.length ? `${minutes} minutes in all blocks.` : "";
  if (held?.[1]) $("blocks").children[held[0]]?.querySelector(`[data-field="${held[1]}"]`)?.focus();
  told();
}

const none = (text) => make("li", { class: "hint" }, text);

function drawNote() {
  const chosen = now.services[block];
  const durations = result.services.filter((each) => each.duration !== null).map((each) => ({ ...each.duration, kind: "minutes" }));
  const marks = [
    ...cloned,
    ...now.services.flatMap((each) => each.activities.map((span) => ({ ...span, kind: "activity" }))),
    ...durations,
    ...now.goals.map((span) => ({ ...span, kind: "goal" })),
    ...now.mentions.map((span) => ({ ...span, kind: "mention" })),
    ...(chosen ? [{ ...chosen, kind: "in-block" }] : []),
    ...(chosen?.activities[task] ? [{ ...chosen.activities[task], kind: "chosen-task" }] : []),
  ];
  const tags = [
    ...now.services.map((each, at) => [each.start, "service", `${at + 1} ${each.code === "other" ? (each.other_code ?? "other") : each.code}`]),
    ...now.goals.map((goal, at) => [goal.start, "goal", `goal ${at + 1}`]),
    ...now.mentions.map((mention) => [mention.start, "mention", words.mentions[mention.status]]),
  ];
  draw($("marked"), points, { marks, tags, places: [...now.services, ...result.services, ...result.flags, ...changed, ...(picked ? [picked] : [])] });
  if (picked) show($("marked"), picked.start, picked.end);
}

function blockItem(each, at) {
  const isChosen = at === block;
  const code = make("select", { attributes: { "data-field": "code", "aria-label": `Code of block ${at + 1}` } }, ...[...words.headline, "other"].map((value) => new Option(value === "other" ? "another service" : named(words, value), value, false, value === each.code)));
  code.addEventListener("change", () => setCode(code.value, at));
  const minutes = field(at, "minutes", "Minutes", each.minutes ?? "", (text) => reading.withMinutes(now, at, text), { inputmode: "numeric", maxlength: "3" });
  const other =
    each.code === "other"
      ? field(at, "other", "Its code", each.other_code ?? "", (text) => reading.withOther(now, at, text), { list: "other-codes", maxlength: "7", autocapitalize: "characters" })
      : null;
  const tasks = each.activities.map((span, number) =>
    make("li", {}, button(textOf(span), `Task ${number + 1}: ${textOf(span)}`, () => choose(at, number), { "data-field": `task-${number}`, ...(isChosen && number === task ? { "aria-current": "true" } : {}) })),
  );
  const item = make(
    "li",
    { class: isChosen ? "card chosen" : "card", attributes: { tabindex: "-1", "aria-label": `Block ${at + 1}`, ...(isChosen ? { "aria-current": "true" } : {}) } },
    make("div", { class: "fields" }, make("span", { class: "tag service" }, String(at + 1)), code, minutes, other),
    tasks.length ? make("ul", { class: "tasks" }, ...tasks) : make("p", { class: "hint" }, "No task is marked."),
    isChosen
      ? make(
          "div",
          { class: "actions small" },
          keyed("Not done", "x", () => $("as-mention").click()),
          keyed("Remove task", "d", removeTask),
          keyed("Split before task", "s", split),
          keyed("Join with next", "Shift+J", join),
          keyed("Remove block", "Shift+D", removeBlock),
        )
      : null,
  );
  // Whoever tabs into a block chooses it.
  item.addEventListener("focusin", (event) => {
    // What the mouse is about to press must stay where it is until it is pressed.
    if (at === block || !event.target.matches("button:focus-visible, input")) return;
    [block, task] = [at, 0];
    drawAll();
  });
  return item;
}

const keyed = (text, key, click) => make("button", { attributes: { type: "button", "data-field": key }, click }, `${text} `, make("kbd", {}, key));

function choose(at, number) {
  [block, task] = [at, number];
  drawAll();
  focusBlock();
}

function field(at, name, label, value, edit, attributes) {
  const input = make("input", { attributes: { "data-field": name, autocomplete: "off", spellcheck: "false", ...attributes } });
  input.value = value;
  const keep = () => {
    if (input.value.trim() === String(value) || !input.isConnected) return true;
    block = at;
    const kept = change(() => edit(input.value));
    if (!kept) input.setAttribute("aria-invalid", "true");
    return kept;
  };
  // Later, so that the focus is already where it goes to: `drawAll` keeps it there.
  input.addEventListener("change", () => setTimeout(keep));
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") input.value = value;
    if (keep()) focusBlock();
  });
  return make("label", {}, `${label} `, input);
}

function mentionItem(mention, at) {
  const text = textOf(mention);
  const status = make("select", { attributes: { "aria-label": `Why not done: ${text}` } }, ...Object.entries(words.mentions).map(([id, name]) => new Option(name, id, false, id === mention.status)));
  status.addEventListener("change", () => change(() => reading.withStatus(now, at, status.value)));
  return make(
    "li",
    { class: "entry", attributes: { tabindex: "-1", "aria-label": `Not done today, ${words.mentions[mention.status]}: ${text}` } },
    status,
    make("span", { class: "words" }, text),
    now.services.length ? button("Done today", `Done today, in block ${block + 1}: ${text}`, () => onBlock(() => reading.done(now, at, block))) : null,
    button("Remove", `Remove: ${text}`, () => change(() => reading.withoutMention(now, at)) && focusBlock()),
  );
}

function goalItem(goal, at) {
  const text = textOf(goal);
  return make(
    "li",
    { class: "entry", attributes: { tabindex: "-1", "aria-label": `Goal ${at + 1}: ${text}` } },
    make("span", { class: "tag" }, `goal ${at + 1}`),
    make("span", { class: "words" }, text),
    button("Remove", `Remove goal ${at + 1}: ${text}`, () => change(() => reading.withoutGoal(now, at)) && focusBlock()),
  );
}

// ---- selecting words

const EDGE = /[\p{Ps}\p{Pe}\p{Pi}\p{Pf},.;:!?*"']/u; // what stands around a word and is no part of it

// The words of the note as stretches, in order.
function tokens() {
  const found = [];
  for (let at = 0; at < points.length; ) {
    let end = at;
    while (end < points.length && !/\s/u.test(points[end])) end += 1;
    let [first, last] = [at, end];
    while (first < last && EDGE.test(points[first])) first += 1;
    while (first < last && EDGE.test(points[last - 1])) last -= 1;
    if (first < last) found.push({ start: first, end: last });
    at = end + 1;
  }
  return found;
}

// Moves the picked stretch by words (one line: some words), or lets its end move.
function step(by, extend) {
  const all = tokens();
  if (!all.length) return;
  const last = picked === null ? -1 : all.findLastIndex((token) => token.start < picked.end);
  const start = now.services[block]?.start ?? 0;
  const from = picked === null ? all.findIndex((token) => start < token.end) - (0 < by ? 1 : 0) : last;
  const to = all[Math.min(Math.max(from + by, 0), all.length - 1)];
  picked = extend && picked !== null ? { start: Math.min(picked.start, to.start), end: Math.max(to.end, all.find((token) => picked.start < token.end).end) } : to;
  drawNote();
  show($("marked"), picked.start, picked.end)?.scrollIntoView({ block: "nearest" });
  say(quoted(textOf(picked)));
}

const STEPS = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 8, ArrowUp: -8 };

$("marked").addEventListener("keydown", (event) => {
  const by = STEPS[event.key];
  if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  event.stopPropagation();
  step(by, event.shiftKey);
});

// What the mouse selected stays marked when a button is pressed.
$("marked").addEventListener("pointerup", () => {
  setTimeout(() => {
    const stretch = selected($("marked"), points);
    if (stretch === null || trimmed(points, stretch.start, stretch.end) === null) return;
    picked = stretch;
    getSelection().removeAllRanges();
    drawNote();
  });
});

export function clearPicked() {
  if (picked === null) return false;
  unpick();
  drawNote();
  return true;
}
