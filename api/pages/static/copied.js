// That a note was copied forward from an earlier one of the same patient: what was cloned is marked in it, what changed is listed.
import { show } from "/static/marked.js";
import { $, counted, make, percent, quoted } from "/static/shared.js";

const LISTED = 6; // changes that are shown at once

// What `draw` marks for a note's `copied`, which is null where it is no copy.
export const clonedMarks = (copied) => (copied?.cloned ?? []).map((span) => ({ ...span, kind: "cloned" }));

// Fills the panel #copied-panel, which is hidden where the note is no copy, and the mark's entry in the legend.
export function showCopied(copied) {
  $("copied-panel").hidden = $("cloned-legend").hidden = copied === null;
  if (copied === null) return;
  const of = [copied.date_of_service === null ? "an earlier visit, whose note was purged" : `the note of ${copied.date_of_service}`, copied.external_id ? `(${copied.external_id})` : ""];
  const changes = copied.changes.map((each) => make("li", {}, jump(each), make("span", { class: "words" }, ...told(each))));
  const more = changes.splice(LISTED);
  $("copied").replaceChildren(
    make("div", { class: "flag warning" }, make("p", { class: "message" }, `Copied from ${of.filter(Boolean).join(" ")}: ${percent(copied.share)} of this note stands so in it.`), make("p", {}, "What to do: read what was not changed: was it true on this day?")),
    make("p", { class: "hint" }, `Dotted in the note: what was cloned. Compared with ${counted(copied.compared, "earlier note")} of the same patient; goals, dates and signatures may repeat.`),
    make("h3", {}, changes.length ? `${counted(copied.changes.length, "change")}, before → after` : "Nothing was changed"),
    changes.length ? make("ul", { class: "plain" }, ...changes) : "",
    more.length ? make("details", {}, make("summary", {}, `${more.length} more`), make("ul", { class: "plain" }, ...more)) : "",
  );
}

// Before and after, the first words of it where it is long.
function told({ before, after }) {
  const was = before === null ? make("em", {}, "not shown") : before === "" ? make("em", {}, "nothing") : make("del", {}, short(before));
  return [was, " → ", after === "" ? make("em", {}, "nothing") : make("ins", {}, short(after))];
}

const short = (text) => (text.length > 200 ? `${quoted(text.slice(0, 200)).slice(0, -1)} …”` : quoted(text));

function jump({ start, end, after }) {
  const name = after === "" ? "Show where words were left out" : `Show in the note: ${short(after)}`;
  // Where words were left out there is nothing to mark but the next one.
  return make("button", { attributes: { type: "button", "aria-label": name }, click: () => show($("marked"), start, Math.max(end, start + 1))?.scrollIntoView({ block: "center" }) }, "Show");
}
