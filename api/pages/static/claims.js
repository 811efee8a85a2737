// Claims against their notes: a CSV goes in, findings come back. The report holds no word of a note; the file is read for this alone.
import { $, UNREACHABLE, begin, counted, inWords, make, say, sendText, showProblem, signInLink, table } from "/static/shared.js";

let words = null;
let saved = null; // address of the report's file

async function check() {
  const [file] = $("file").files;
  if (!words) return;
  $("problem").hidden = true;
  if (!file) return showProblem("Choose a CSV file first.", $("file"));
  const button = $("form").querySelector("button");
  button.disabled = true;
  say("Reading the notes …");
  try {
    const { ok, status, body } = await sendText(`/v1/claims?payer=${encodeURIComponent($("payer").value)}`, "text/csv", await file.text());
    if (ok) show(body);
    else showProblem(status === 401 ? ["Sign in again: ", signInLink()] : inWords(body), $("file"));
  } catch {
    showProblem(UNREACHABLE);
  } finally {
    button.disabled = false;
  }
}

function show({ totals, rows, csv, rules }) {
  $("results").hidden = false;
  const told = `${counted(totals.claims, "claim")}: ${totals.supported} supported, ${totals.differs} to look at, ${totals.unreadable} unreadable. Units: ${totals.units_billed} billed, ${totals.over_units} not supported by the notes, ${totals.under_units} supported and not billed.`;
  $("totals").textContent = told;
  const cells = rows.map((row) => [
    row.note_id,
    words.verdicts[row.verdict],
    row.code ? `${row.code}: ${row.billed} billed, ${row.supported === "" ? "none" : row.supported} supported` : "",
    make("div", {}, make("p", { class: row.severity === "warning" ? "differs" : "" }, row.message ?? ""), row.action ? make("p", {}, row.action) : null, row.source ? make("p", { class: "hint" }, `${row.rule ? `Rule ${row.rule}: ` : ""}${row.source}`) : null),
  ]);
  $("report").replaceChildren(table("Findings, note by note", ["Note", "Verdict", "Units", "Finding"], cells));
  if (saved !== null) URL.revokeObjectURL(saved);
  saved = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
  $("save").href = saved;
  $("rules").textContent = `Rules ${rules}. ${words.disclaimer}`;
  say(told);
  $("report-heading").focus();
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  check();
});

(async () => {
  const begun = await begin();
  if (begun === null) return;
  ({ words } = begun);
  $("payer").append(...Object.entries(words.payers).map(([id, name]) => new Option(name, id, false, id === "medicare")));
  say("");
})();
