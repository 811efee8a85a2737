// A note's explanation: each block's way from words to code, minutes, unit and flags, with rule and source.
import { allocation, remarks, unitsTable } from "/static/counts.js";
import { make, named } from "/static/shared.js";

const STAGES = { words: "Words", code: "Code", minutes: "Minutes", unit: "Units", flag: "Look at" };

function steps(way) {
  const rows = way.flatMap((step, at) => {
    const name = at && way[at - 1].stage === step.stage ? "" : STAGES[step.stage];
    const source = step.source ? make("p", { class: "hint" }, `${step.rules.length ? `Rule ${step.rules.join(", ")}: ` : "Source: "}${step.source}`) : null;
    return [make("dt", {}, name), make("dd", {}, make("p", {}, step.text), source)];
  });
  return make("dl", { class: "way" }, ...rows);
}

// `jump(start, end, what)` makes a button that shows a stretch of the note.
export function ways(told, words, jump) {
  const blocks = told.blocks.map((block, at) =>
    make(
      "article",
      { class: "card" },
      make("h3", {}, make("span", { class: "tag service" }, String(at + 1)), block.code === null ? "Another service" : named(words, block.code)),
      steps(block.steps),
      jump(block.start, block.end, `block ${at + 1}`),
    ),
  );
  const totals = [...told.totals, ...told.left_out.map((left) => left.text)].map((text) => make("p", {}, text));
  const units = make("ul", {}, ...told.units.map((unit) => make("li", {}, unit.text)));
  return [
    ...(blocks.length ? blocks : [make("p", { class: "hint" }, "No treatment done today was found in this note.")]),
    make("h3", {}, `From minutes to units: ${words.policies[told.policy].label}`),
    ...(told.units.length ? [units] : []),
    ...allocation(told.count.policies[told.policy]),
    make("h3", {}, "Under every policy"),
    make("div", { class: "scroll", attributes: { tabindex: "0", role: "region", "aria-label": "Units under every policy" } }, unitsTable(told.count, words)),
    ...totals,
    remarks(told.count),
    ...(told.flags.length ? [make("h3", {}, "The note as a whole"), steps(told.flags)] : []),
    make("p", { class: "hint" }, `Model ${told.model}. Rules ${told.count.rules}. ${words.disclaimer}`),
  ];
}
