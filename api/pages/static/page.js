// The page: sends the note, shows the result. Note text is only ever set as text, never parsed as HTML.

import { audit } from "/static/audits.js";
import { draw, show as mark } from "/static/marked.js";
import { $, counted, inWords, make, named as naming, onOpen, percent, quoted, send, signInLink, whoAmI } from "/static/shared.js";
import { ways } from "/static/ways.js";

let words = null;
let shown = null; // { text, points, result } as last coded
let me = null; // who is signed in; notes are kept for people alone
let kept = null; // { text, key }: the key of a submission, the same when it is sent again
let running = 0; // number of the newest request; an older answer is dropped

const sureness = (probability) => words.confidence.find((entry) => entry.from <= probability).word;
const named = (code) => naming(words, code);
const billed = (service) => (service.code === "other" ? service.other_code : service.code);
const serviceName = (service) => (billed(service) === null ? "Another service" : named(billed(service)));

// ---- the request

async function suggest() {
  const text = $("note").value;
  if (!text.trim()) {
    showProblem("There is no note yet. Paste one, or try the example.");
    $("note").focus();
    return;
  }
  const number = ++running;
  $("problem").hidden = true;
  say("Reading the note …");
  setBusy(true);
  try {
    // Who is quick asks before the page has its words: it is read as soon as they are there.
    await started;
    const { ok, status, body } = await send("POST", "/v1/suggestions", { text, policy: $("policy").value });
    if (number !== running) return;
    if (!ok) {
      say("");
      // The note stays in its field: the way to sign in opens beside it.
      showProblem(...(status === 401 ? ["Sign in to have a note read: ", signInLink()] : [inWords(body)]));
      return;
    }
    show(text, body);
  } catch {
    if (number !== running) return;
    say("");
    showProblem("The program on this computer does not answer. Is it still running? Start it again with “make run”.");
  } finally {
    if (number === running) setBusy(false);
  }
}

function showProblem(...message) {
  $("problem").replaceChildren(...message);
  $("problem").hidden = false;
}

function say(message) {
  $("status").textContent = message;
}

function setBusy(busy) {
  document.querySelector("button.primary").disabled = busy;
  $("results").setAttribute("aria-busy", String(busy));
}

// ---- the result

function show(text, result) {
  shown = { text, points: Array.from(text), result };
  $("results").hidden = false;
  $("copied").textContent = "";
  $("copy-by-hand").hidden = true;
  $("submit").hidden = me === null;
  if (kept?.text !== text) $("submitted").replaceChildren();
  showProposal(result);
  $("totals").replaceChildren(totals(result));
  showNote();
  fill("flags", flags(result));
  fill("services", result.services.map(card), "No treatment done today was found.");
  fill("mentions", [list(result.mentions, (mention) => words.mentions[mention.status])], "Nothing.", result.mentions.length);
  fill("goals", [list(result.goals, (_, index) => `goal ${index + 1}`)], "No goal was found.", result.goals.length);
  $("documentation").replaceChildren(...result.documentation.map(element));
  fillWay();
  fillAudit();
  $("model").textContent = `Model ${result.model.version}, profile ${result.model.profile}.`;
  const { code, status } = result.proposal;
  const looks = result.flags.filter((flag) => flag.severity !== "info").length;
  say(`Done: ${code === null ? "no code" : named(code)}, ${words.proposal[status]}${looks ? `; ${counted(looks, "finding")} to look at` : ""}.`);
}

function fill(id, children, empty, count = children.length) {
  $(id).replaceChildren(...(count ? children : [make("p", { class: "hint" }, empty)]));
}

function showProposal(result) {
  const { code, confidence, status } = result.proposal;
  const line = make("p", { class: "headline" });
  line.append(make("span", { class: "code" }, code === null ? `No ${words.headline.join(" or ")} work found` : named(code)));
  if (code !== null) line.append(make("span", {}, `${sureness(confidence)}, ${percent(confidence)}`));
  line.append(make("span", { class: `pill ${status}` }, words.proposal[status]));
  $("proposal").replaceChildren(line);
}

function totals(result) {
  const policies = [result.policy, ...Object.keys(result.units).filter((policy) => policy !== result.policy)];
  const codes = Object.keys(result.minutes);
  if (!codes.length) return make("p", { class: "hint" }, "No minutes of a timed code were found, so there are no units.");
  const head = make("tr", {}, make("th", { attributes: { scope: "col" } }, "Code"), make("th", { attributes: { scope: "col" } }, "Minutes"));
  for (const policy of policies) {
    const chosen = policy === result.policy;
    head.append(
      make("th", { class: chosen ? "chosen" : "", attributes: { scope: "col" } }, make("small", {}, chosen ? "Units, chosen" : "Units"), make("span", { class: "wide" }, words.policies[policy].label), make("span", { class: "narrow" }, words.policies[policy].short)),
    );
  }
  const rows = codes.map((code) => {
    const row = make("tr", {}, make("th", { attributes: { scope: "row" } }, named(code)), make("td", {}, String(result.minutes[code])));
    for (const policy of policies) {
      row.append(make("td", { class: policy === result.policy ? "chosen" : "" }, String(result.units[policy][code] ?? 0)));
    }
    return row;
  });
  const table = make("table", {}, make("caption", {}, "Minutes and units of timed codes"), make("thead", {}, head), make("tbody", {}, ...rows));
  return make("div", { class: "scroll", attributes: { tabindex: "0", role: "region", "aria-label": "Minutes and units" } }, table);
}

function card(service, index) {
  const { result } = shown;
  const rows = [];
  const row = (name, ...value) => rows.push(make("dt", {}, name), make("dd", {}, ...value));
  row("Sure", `${sureness(service.confidence)}, ${percent(service.confidence)}`);
  row("Minutes", minutesOf(service));
  const units = unitsOf(service, result);
  if (units) row("Units", units);
  if (service.stated_code !== null && service.stated_code !== billed(service)) {
    row("The note says", make("span", { class: "differs" }, named(service.stated_code)));
  }
  row("Activities", service.activities.length ? service.activities.map((span) => span.text).join(", ") : "none named");
  row("Goals", service.goals.length ? service.goals.map((goal) => `goal ${goal + 1}: ${result.goals[goal].text}`).join("; ") : "none linked");
  const reasons = reasonsOf(service);
  if (reasons.length) row("Why", make("ul", {}, ...reasons.map((reason) => make("li", {}, reason))));
  return make(
    "article",
    { class: "card" },
    make("h3", {}, make("span", { class: "tag service" }, String(index + 1)), serviceName(service)),
    make("dl", {}, ...rows),
    jump(service.start, service.end, `service ${index + 1}`),
  );
}

function minutesOf(service) {
  if (service.duration === null) return service.minutes === null ? "none given" : String(service.minutes);
  const how = words.durations[service.duration.kind];
  return service.minutes === null ? `${how} (${quoted(service.duration.text)})` : `${service.minutes}, ${how} (${quoted(service.duration.text)})`;
}

function unitsOf(service, result) {
  const code = billed(service);
  if (code === null || service.minutes === null || !(code in result.minutes)) return "";
  const units = counted(result.units[result.policy][code] ?? 0, "unit");
  const total = result.minutes[code];
  const policy = words.policies[result.policy].label;
  return total === service.minutes
    ? `${units} (${policy})`
    : `${service.minutes} of the ${total} minutes of ${code}, which earn ${units} together (${policy})`;
}

function reasonsOf(service) {
  const sentences = new Map();
  const byStrength = [...service.reasons].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
  for (const reason of byStrength) {
    const toward = reason.code === "other" ? "another service" : reason.code;
    const key = `${reason.weight < 0 ? "speaks against" : "speaks for"} ${toward}: `;
    if (reason.text.trim()) sentences.set(key, [...(sentences.get(key) || []), quoted(reason.text)]);
  }
  return [...sentences].map(([key, texts]) => key + [...new Set(texts)].join(", "));
}

function flags(result) {
  const groups = [];
  for (const [severity, title] of Object.entries(words.severities)) {
    const found = result.flags.filter((flag) => flag.severity === severity);
    if (!found.length) continue;
    groups.push(make("h3", { class: "group" }, `${title} (${found.length})`));
    for (const flag of found) {
      groups.push(
        make(
          "div",
          { class: `flag ${severity}` },
          make("p", { class: "message" }, flag.message),
          make("p", {}, `What to do: ${flag.action}`),
          flag.start === null ? null : jump(flag.start, flag.end, flag.message),
        ),
      );
    }
  }
  return groups.length ? groups : [make("p", { class: "hint" }, "Nothing was found that needs a look.")];
}

function list(spans, tag) {
  const items = spans.map((span, index) =>
    make("li", {}, make("span", { class: "tag" }, tag(span, index)), make("span", { class: "words" }, span.text), jump(span.start, span.end, span.text)),
  );
  return make("ul", { class: "plain" }, ...items);
}

function element(item) {
  const name = words.elements[item.element];
  return make(
    "li",
    { class: item.documented ? "yes" : "no" },
    make("span", { class: "sign" }, item.documented ? "✓ present" : "✗ missing"),
    make("span", { class: "name" }, name),
    item.documented && item.start !== null ? jump(item.start, item.end, name) : null,
  );
}

// ---- the marked note

// The note is also cut at `places`, so that exactly they can be shown.
function showNote(places = []) {
  const { points, result } = shown;
  const marks = [
    ...result.services.flatMap((service) => service.activities.map((span) => ({ ...span, kind: "activity" }))),
    ...result.services.flatMap((service) => (service.duration === null ? [] : [{ ...service.duration, kind: "minutes" }])),
    ...result.goals.map((span) => ({ ...span, kind: "goal" })),
    ...result.mentions.map((span) => ({ ...span, kind: "mention" })),
  ];
  const tags = [
    ...result.services.map((service, index) => [service.start, "service", `${index + 1} ${billed(service) ?? "other"}`]),
    ...result.goals.map((goal, index) => [goal.start, "goal", `goal ${index + 1}`]),
    ...result.mentions.map((mention) => [mention.start, "mention", words.mentions[mention.status]]),
  ];
  draw($("marked"), points, { marks, tags, places: [...result.services, ...result.flags, ...result.documentation, ...places] });
}

function jump(start, end, what) {
  const button = make("button", { class: "jump", click: () => goTo(start, end) }, "Show in the note");
  button.type = "button";
  button.setAttribute("aria-label", `Show in the note: ${what}`);
  return button;
}

function goTo(start, end) {
  const first = mark($("marked"), start, end);
  if (first === null) return;
  first.tabIndex = -1;
  first.focus({ preventScroll: true });
  first.scrollIntoView({ block: "center" });
  say(`Shown in the note: ${quoted(shown.points.slice(start, end).join(""))}`);
}

// ---- what is asked for when it is opened

const about = (path, draws) => () => shown && { about: shown, path, content: { text: shown.text, policy: shown.result.policy }, draw: (answer) => draws(answer, words, jump) };
const fillWay = onOpen("way", about("/v1/explanations", ways));
const fillAudit = onOpen("audit", about("/v1/documentation", (found, ...more) => {
  const all = [...found.services.flatMap((each) => each.items), ...found.note, ...found.documents].flatMap((each) => each.spans);
  showNote([...all, ...found.goals, ...found.empty_words]);
  return audit(found, ...more);
}));

// ---- the summary for the record

function summary(result) {
  const { code, confidence, status } = result.proposal;
  const lines = [code === null ? "No code suggested" : `${named(code)} (${percent(confidence)} sure, ${words.proposal[status]})`];
  for (const [number, minutes] of Object.entries(result.minutes)) {
    lines.push(`${named(number)}: ${minutes} min, ${counted(result.units[result.policy][number] ?? 0, "unit")}`);
  }
  lines.push(`Units: ${words.policies[result.policy].label}`);
  for (const [severity, title] of Object.entries(words.severities)) {
    for (const flag of result.flags.filter((found) => found.severity === severity)) lines.push(`${title}: ${flag.message}`);
  }
  return [...lines, words.disclaimer].join("\n");
}

async function copy() {
  const text = summary(shown.result);
  try {
    await navigator.clipboard.writeText(text);
    $("copied").textContent = "Copied.";
  } catch {
    $("copy-by-hand").hidden = false;
    $("copy-text").value = text;
    $("copy-text").focus();
    $("copy-text").select();
  }
}

// ---- submitting for review

async function submit() {
  const { text, result } = shown;
  if ($("note").value !== text) {
    $("submitted").textContent = "The note was changed since it was read. Press “Suggest a code” again, then submit it.";
    return;
  }
  // The same key however often this note is sent, so that it is kept once.
  if (kept?.text !== text) kept = { text, key: crypto.randomUUID() };
  const button = $("submit").querySelector("button");
  button.disabled = true;
  $("submitted").textContent = "Sending …";
  try {
    const note = { text, policy: result.policy, discipline: $("discipline").value || null, date_of_service: $("visit").value || null, patient_ref: $("patient").value.trim() || null };
    const { ok, status, body } = await send("POST", "/v1/notes", note, { "Idempotency-Key": kept.key });
    if (ok) {
      // The next note may be of another patient.
      $("patient").value = "";
      const notes = make("a", { attributes: { href: "/notes" } }, "Notes");
      $("submitted").replaceChildren(body.copied_from !== null ? "Submitted. It says much the same as an earlier note of this patient, so a coder looks at it; what was copied is shown under " : body.waits ? "Submitted. A coder looks at it; questions and changes are shown under " : "Submitted and kept. It needs no look; you find it under ", notes, ".");
    } else if (status === 401) $("submitted").replaceChildren("Sign in again, then submit: ", signInLink());
    else $("submitted").textContent = inWords(body);
  } catch {
    $("submitted").textContent = "The server does not answer. The note is still here; submit it again in a moment, it is kept once.";
  } finally {
    button.disabled = false;
  }
}

// ---- start

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  suggest();
});
$("note").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    suggest();
  }
});
$("note").addEventListener("input", () => {
  if (shown && $("note").value !== shown.text) say("The note was changed; the suggestion below is for what it was before.");
});
$("policy").addEventListener("change", () => {
  if (shown) suggest();
});
$("example").addEventListener("click", async () => {
  await started.catch(() => {});
  if (!words) return;
  $("note").value = words.example.note;
  suggest();
});
$("copy").addEventListener("click", copy);
$("submit").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});

const started = (async () => {
  words = await (await fetch("/page/words")).json();
  for (const [id, policy] of Object.entries(words.policies)) $("policy").append(new Option(policy.label, id));
  $("discipline").append(new Option("not said", ""), ...words.disciplines.map((name) => new Option(name, name)));
  const known = await whoAmI();
  me = known?.kind === "person" ? known : null;
})();
started.catch(() => showProblem("The program on this computer does not answer. Is it still running? Start it again with “make run”."));
