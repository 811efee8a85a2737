// A clinic's figures, drawn; each plot has its table. No word of a note is among them.
import { bars, calibration, line, shares, shown } from "/static/plots.js";
import { $, ask, begin, instant, lasting, make, named, percent, say, table } from "/static/shared.js";

const DAY = 86_400_000;
const WEEK = 7;

let words = null;
let me = null;

const none = (text) => [make("p", { class: "hint" }, text)];
const share = (value) => (value === null ? "none yet" : percent(value));
const range = (interval) => (interval === null ? "" : `${percent(interval[0])} to ${percent(interval[1])}`);
const flagName = (flag) => flag.replaceAll("_", " ");

async function showAll() {
  const days = Number($("days").value);
  const figures = await ask("GET", `/v1/dashboard?days=${days}`);
  if (figures === null) return;
  showNow(figures);
  showDays(figures, days);
  showAcceptance(figures.acceptance);
  showShares(figures.therapists, days);
  showFlags(figures.top_flags);
  showKappa(figures.kappa);
  showVersions(figures.versions);
  $("content").hidden = false;
  say(`Shown since ${instant(figures.since)}.`);
  if (me.role === "trainer" || me.role === "admin") await showDrift(days);
}

function showNow(figures) {
  const tiles = {
    "Notes submitted": String(figures.notes),
    Flagged: share(figures.share_flagged),
    "Waiting now": String(figures.waiting),
    "The oldest waits since": figures.waiting_since === null ? "nothing waits" : instant(figures.waiting_since),
    "Waited until decided, half of them at most": figures.waited_seconds.median === null ? "none yet" : lasting(figures.waited_seconds.median),
    "Time on a note, half of them at most": figures.review_seconds.median === null ? "none yet" : lasting(figures.review_seconds.median),
  };
  $("now").replaceChildren(...Object.entries(tiles).map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

// Every day of the time shown, those without anything too.
function everyDay(rows, days, blank) {
  const found = new Map(rows.map((row) => [row.day, row]));
  const today = Date.now();
  return Array.from({ length: days }, (_, at) => new Date(today - (days - 1 - at) * DAY).toISOString().slice(0, 10)).map((day) => found.get(day) ?? { day, ...blank });
}

function showDays(figures, days) {
  const rows = figures.days.map((day) => [day.day, String(day.notes), String(day.flagged)]);
  const all = everyDay(figures.days, days, { notes: 0, flagged: 0 }).map((day) => ({ ...day, passed: day.notes - day.flagged }));
  const label = `Notes a day over ${days} days: ${figures.notes} in all. The figures stand in the table below.`;
  const legend = make("ul", { class: "legend" }, make("li", {}, make("span", { class: "key flagged" }), "flagged"), make("li", {}, make("span", { class: "key passed" }), "not flagged"));
  const parts = [["flagged", "bar-flagged"], ["passed", "bar-passed"]];
  $("volume").replaceChildren(...(rows.length ? [legend, ...shown(bars(label, all, parts), "Notes by day (UTC)", ["Day", "Notes", "Flagged"], rows)] : none("No note was submitted in this time.")));
  const waits = figures.waits.map((day) => [day.day, String(day.decided), lasting(day.median)]);
  const values = everyDay(figures.waits, days, { median: null }).map((day) => ({ day: day.day, value: day.median }));
  $("waits").replaceChildren(
    ...(waits.length
      ? [make("p", { class: "hint" }, "How long the middle one of a day's decided notes had waited."), ...shown(line("Median waiting time by day. The figures stand in the table below.", values, lasting), "Waiting time by day (UTC)", ["Day", "Decided", "Median wait"], waits)]
      : none("Nothing was decided in this time.")),
  );
}

function showAcceptance(bands) {
  const decided = bands.filter((band) => band.decided);
  const points = decided.map((band) => ({ promised: (band.least + band.most) / 2, share: band.share, low: band.interval[0], high: band.interval[1] }));
  const rows = decided.map((band) => [`${percent(band.least)} to ${percent(band.most)}`, String(band.decided), String(band.accepted), share(band.share), range(band.interval)]);
  const hint = make("p", { class: "hint" }, "How often coders took the result as it was, with the 95 % interval, by how sure the model was. On the dashed line it keeps its promise; an interval wholly below it does not.");
  const names = ["Sure", "Decided", "Accepted", "Share", "95 %"];
  $("acceptance").replaceChildren(...(rows.length ? [hint, ...shown(calibration("Share accepted by confidence, against the diagonal. The figures stand in the table below.", points), "Acceptance by confidence", names, rows)] : none("No first reading was decided in this time.")));
}

function showShares(therapists, days) {
  const rising = therapists.filter((each) => each.rising);
  const series = therapists.filter((each) => each.weeks.length).map((each) => ({ name: each.name, isRising: each.rising, weeks: each.weeks }));
  const rows = therapists.flatMap((each) => each.weeks.map((week) => [each.name, String(week.week + 1), String(week.notes), percent(week.share), each.rising ? "rises" : each.p === null ? "too few to tell" : "no rise"]));
  const told = rising.length
    ? make("p", { class: "differs" }, `▲ It rises for ${rising.map((each) => each.name).join(", ")}, more than chance explains. Look at some of their notes before you learn from them.`)
    : make("p", { class: "hint" }, "For nobody does it rise by more than chance explains.");
  const names = ["Therapist", "Week", "Notes", "With 97530", "Trend"];
  $("share").replaceChildren(...(series.length ? [told, ...shown(shares("Share of notes with 97530 by week and therapist. The figures stand in the table below.", series, Math.max(1, Math.ceil(days / WEEK))), "Share of 97530 by therapist and week", names, rows)] : none("No note with one of the two codes in this time.")));
}

function showFlags(flags) {
  const most = Math.max(1, ...flags.map((flag) => flag.results));
  const rows = flags.map((flag) => [flagName(flag.flag), String(flag.results), make("progress", { attributes: { max: most, value: flag.results, "aria-hidden": "true" } })]);
  $("flags").replaceChildren(...(rows.length ? [table("Results that have each flag", ["Flag", "Results", "Beside the others"], rows)] : none("No flag was raised in this time.")));
}

function showKappa(kappas) {
  const rows = kappas.map((each) => [each.names.join(" and "), each.code === "other" ? "another service" : named(words, each.code), each.kappa === null ? "one code alone" : each.kappa.toFixed(2), String(each.blocks)]);
  const hint = make("p", { class: "hint" }, "Cohen's kappa on notes that two coders read: 1 is full agreement, 0 what chance gives. Of few blocks it says little.");
  $("kappa").replaceChildren(...(rows.length ? [hint, table("Kappa by coders and code", ["Coders", "Code", "Kappa", "Blocks"], rows)] : none("No note was read twice in this time.")));
}

function showVersions(versions) {
  const rows = versions.map((each) => [each.version, String(each.results), String(each.flagged), String(each.decided), share(each.share_accepted), range(each.interval)]);
  $("versions").replaceChildren(...(rows.length ? [table("What each version made", ["Version", "Results", "Flagged", "Decided", "Accepted", "95 %"], rows)] : none("No result in this time.")));
}

async function showDrift(days) {
  const answer = await ask("GET", `/v1/drift?days=${days}`);
  if (answer === null) return;
  const compared = answer.signals.filter((signal) => signal.id !== "retraining");
  const drifted = compared.filter((signal) => signal.state === "drift");
  const outlook = answer.signals.find((signal) => signal.id === "retraining");
  const links = me.role === "trainer" ? make("p", {}, "Where retraining would help is for you to judge: ", make("a", { attributes: { href: "/models" } }, "Models"), ".") : null;
  const told = drifted.length
    ? [...drifted.map((signal) => make("p", { class: "flag warning" }, signal.sentence)), links].filter(Boolean)
    : [make("p", {}, compared.some((signal) => signal.state === "steady") ? "Yes, as far as can be told." : "Too little was submitted and decided to tell.")];
  const rows = compared.map((signal) => [signal.sentence, words.drift[signal.state], String(signal.items)]);
  const advice = outlook ? [make("p", outlook.state === "pays" ? { class: "flag warning" } : {}, outlook.sentence)] : [];
  $("drift").replaceChildren(...told, ...advice, make("details", {}, make("summary", {}, "Every signal"), table("What was compared with the notes that the model was made for", ["Signal", "Finding", "Notes or decisions"], rows)));
  $("drift-panel").hidden = false;
}

$("days").addEventListener("change", showAll);

(async () => {
  const begun = await begin();
  if (begun === null) return;
  ({ me, words } = begun);
  $("clinic").textContent = me.clinic.name || me.clinic.slug;
  await showAll();
})();
