// Units with their reasons, as the calculator answers them: what the calculator's page and a note's explanation share.
import { make, named, table } from "/static/shared.js";

const list = (texts) => make("ol", {}, ...texts.map((text) => make("li", {}, text)));

// Minutes and units per code under every policy; a code that is left out of every count shows a dash.
export function unitsTable(count, words) {
  const policies = Object.entries(count.policies);
  const out = new Set(count.left_out.filter((left) => left.payer === null).map((left) => left.code));
  // An add-on may have units of minutes that were given under its first code.
  const codes = [...new Set([...Object.keys(count.minutes), ...policies.flatMap(([, each]) => Object.keys(each.units))])].sort();
  const rows = codes.map((code) => [
    named(words, code),
    String(count.minutes[code] ?? "–"),
    ...policies.map(([, each]) => (out.has(code) ? "–" : String(each.units[code] ?? 0))),
  ]);
  rows.push(["Timed, in all", String(count.timed_total), ...policies.map(([, each]) => String(each.total))]);
  return table("Units under every policy", ["Code", "Minutes", ...policies.map(([id]) => words.policies[id].label)], rows);
}

// One policy's way from minutes to units, and what one minute would change.
export function allocation(each) {
  const changes = each.changes.length ? make("ul", {}, ...each.changes.map((change) => make("li", {}, change.text))) : make("p", {}, each.no_change);
  return [list(each.steps.map((step) => step.text)), make("p", { class: "hint" }, `Rule ${each.policy}: ${each.source}`), make("h4", {}, "One minute more or less"), changes];
}

// What is left out and why, what the strict count gives up, what each payer counts.
export function remarks(count) {
  const payers = count.payers.map((payer) => {
    const earned = Object.entries(payer.units).map(([code, units]) => `${units} x ${code}`).join(", ") || "no unit";
    const marks = [payer.governs ? "governs: the claim goes to it first" : "second", payer.confirmed ? "" : "profile not confirmed"].filter(Boolean);
    return `${payer.name} counts ${earned} (${marks.join("; ")}).`;
  });
  const told = [...count.left_out.map((left) => left.text), ...payers, ...count.gives_up_words, ...count.dates];
  return told.length ? make("ul", {}, ...told.map((text) => make("li", {}, text))) : make("p", { class: "hint" }, "Nothing is left out.");
}
