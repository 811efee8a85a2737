// Claims against their notes: a CSV goes in, findings come back. The report holds no word of a note; the file is read for this alone.
import { $, UNREACHABLE, begin, counted, inWords, make, say, sendText, showProblem, signInLink, table } from "/static/shared.js";

let words = null;
let saved = null; // address of the report's file

async function check() {
  const [file] = $("file").files;
  if (!words) return;
  $("problem").hidden = true;
  if (!file) return showProblem("Choose a CSV file first.", $("file"));
  if ($("secondary").value === $("payer").value) return showProblem("The second payer is another one than the first, or none.", $("secondary"));
  const query = new URLSearchParams({ payer: $("payer").value, ...($("secondary").value && { secondary_payer: $("secondary").value }) });
  const button = $("form").querySelector("button");
  button.disabled = true;
  say("Reading the notes …");
  try {
    const { ok, status, body } = await sendText(`/v1/claims?${query}`, "text/csv", await file.text());
    if (ok) show(body);
    else showProblem(status === 401 ? ["Sign in again: ", signInLink()] : inWords(body), $("file"));
  } catch {
    showProblem(UNREACHABLE);
  } finally {
    button.disabled = false;
  }
}

const units = (counted) => Object.entries(counted).sort().map(([code, number]) => `${number} x ${code}`).join(", ") || "no unit";

// What each of two payers counts, and which one governs; the counts that differ stand out.
function payersTable(notes) {
  const rows = notes.map(({ note_id, billed, payers: [first, second] }) => {
    const differ = units(first.units) !== units(second.units);
    const count = (payer) => `${payer.name}: ${units(payer.units)}`;
    return [note_id, units(billed), count(first), count(second), differ ? make("p", { class: "differs" }, "They differ: bill as the first counts.") : "Both count alike."];
  });
  return table("What each payer's count supports", ["Note", "Billed", "First payer (governs)", "Second payer", "So"], rows);
}

function show({ totals, rows, csv, rules, two_payers: both }) {
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
  $("two-payers").replaceChildren(...(both.length ? [payersTable(both)] : []));
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
  for (const id of ["payer", "secondary"]) $(id).append(...Object.entries(words.payers).map(([payer, name]) => new Option(name, payer)));
  $("payer").value = "medicare";
  say("");
})();
