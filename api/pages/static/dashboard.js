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
  showShares(figures, days);
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
  const seen = bands.filter((band) => band.decided);
  const told = seen.filter((band) => band.share !== null);
  const points = told.map((band) => ({ promised: band.promised, share: band.share, low: band.interval[0], high: band.interval[1] }));
  const kept = (kind) => (kind.decided ? `${kind.kept} of ${kind.decided}` : kind.results ? "none read" : "none");
  const rows = seen.map((band) => [`${percent(band.least)} to ${percent(band.most)}`, band.promised === null ? "" : percent(band.promised), kept(band.flagged), kept(band.sampled), band.share === null ? "cannot be told" : percent(band.share), range(band.interval), `${band.accepted} of ${band.decided}`]);
  const names = ["Sure", "On average", "Flagged, code kept", "Not flagged, code kept", "All, code kept", "95 %", "Taken as it was"];
  const hint = make("p", { class: "hint" }, "How often coders left the proposed code, with the 95 % interval, by how sure the model was on average; flagged and other notes count as many as there are. On the dashed line it keeps its promise; an interval wholly below it does not.");
  const missing = told.length < seen.length ? [make("p", { class: "hint" }, "Where none of the notes without a flag was read, no share can be told: a larger sample (audit share) shows it.")] : [];
  $("acceptance").replaceChildren(...(rows.length ? [hint, ...missing, ...shown(calibration("Share with the code kept by confidence, against the diagonal. The figures stand in the table below.", points), "Code kept by confidence", names, rows)] : none("No first reading was decided in this time.")));
}

const verdict = (trend) => (trend.rising ? "rises" : trend.p === null ? "too few to tell" : "no rise");
const inWeek = (weeks, week) => weeks.find((each) => each.week === week)?.share;
const also = (value) => (value === undefined ? "none" : percent(value));

// Who of `trends` rises, as a sentence, or that nobody does.
function whoRises(trends, what) {
  const rising = trends.filter((each) => each.rising);
  return rising.length
    ? make("p", { class: "differs" }, `▲ ${what} it rises for ${rising.map((each) => each.name).join(", ")}, more than chance explains. Look at some of their notes before you learn from them.`)
    : make("p", { class: "hint" }, `${what} it rises for nobody by more than chance explains.`);
}

function sharePlot(label, trends, days, caption, names, rows) {
  const series = trends.filter((each) => each.weeks.length).map((each) => ({ name: each.name, isRising: each.rising, weeks: each.weeks }));
  return shown(shares(`${label} The figures stand in the table below.`, series, Math.max(1, Math.ceil(days / WEEK))), caption, names, rows);
}

function showShares({ therapists, reviewers }, days) {
  const after = therapists.map((each) => ({ name: each.name, ...each.after }));
  const rows = therapists.flatMap((each) => {
    const weeks = [...new Set([...each.weeks, ...each.after.weeks].map((week) => week.week))].sort((a, b) => a - b);
    return weeks.map((week) => [each.name, String(week + 1), String(each.weeks.find((own) => own.week === week)?.notes ?? 0), also(inWeek(each.weeks, week)), verdict(each), also(inWeek(each.after.weeks, week)), verdict(each.after)]);
  });
  const names = ["Therapist", "Week", "Notes", "97530 proposed", "Trend", "97530 after decisions", "Trend after decisions"];
  $("share").replaceChildren(
    ...(rows.length
      ? [
          whoRises(therapists, "As proposed,"),
          ...sharePlot("Share of notes proposed with 97530 by week and therapist.", therapists, days, "Share of 97530 by therapist and week", names, rows),
          make("h3", {}, "After decisions"),
          whoRises(after, "After decisions,"),
          ...sharePlot("Share of notes with 97530 after decisions by week and therapist.", after, days, "Share of 97530 after decisions by therapist and week", names, rows),
        ]
      : none("No note with one of the two codes in this time.")),
  );
  const read = reviewers.flatMap((each) => each.weeks.map((week) => [each.name, String(week.week + 1), String(week.notes), also(inWeek(each.before, week.week)), percent(week.share), verdict(each)]));
  const moved = reviewers.filter((each) => each.to_97530 || each.to_97110).map((each) => make("li", {}, `${each.name}: ${each.to_97530} from 97110 to 97530, ${each.to_97110} from 97530 to 97110`));
  $("reviewers").replaceChildren(
    ...(read.length
      ? [
          whoRises(reviewers, "After their decisions,"),
          ...(moved.length ? [make("p", {}, "What they changed:"), make("ul", {}, ...moved)] : [make("p", { class: "hint" }, "Nobody changed one of the two codes to the other.")]),
          ...sharePlot("Share of notes with 97530 after the decision by week and reviewer.", reviewers, days, "Share of 97530 by reviewer and week", ["Reviewer", "Week", "Notes", "97530 proposed", "97530 decided", "Trend"], read),
        ]
      : none("No note with one of the two codes was decided in this time.")),
  );
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
