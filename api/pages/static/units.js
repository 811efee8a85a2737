// The calculator: minutes per code in, units under every policy out. Nothing of a patient is asked for.
import { allocation, remarks, unitsTable } from "/static/counts.js";
import { $, UNREACHABLE, inWords, make, say, send, showProblem } from "/static/shared.js";

let words = null;
let numbered = 0;
let running = 0; // number of the newest request; an older answer is dropped

function addRow(code = "", focused = true) {
  numbered += 1;
  const input = (name, label, attributes) => {
    const id = `${name}-${numbered}`;
    return make("label", { attributes: { for: id } }, label, make("input", { attributes: { id, "data-field": name, autocomplete: "off", ...attributes } }));
  };
  const row = make(
    "li",
    { class: "fields", attributes: { "data-usual": code } },
    input("other", "Code", { list: "codes", maxlength: "5", value: code }),
    input("minutes", "Minutes", { inputmode: "numeric", maxlength: "4" }),
    make("button", { attributes: { type: "button", "aria-label": "Remove this code" }, click: () => remove(row) }, "Remove"),
  );
  $("rows").append(row);
  if (focused) row.querySelector("input").focus();
}

function remove(row) {
  row.remove();
  if (!$("rows").childElementCount) addRow();
  else $("add").focus();
}

// Minutes per code, or null where a row cannot be used, which is shown and focused.
function given() {
  const minutes = {};
  for (const row of $("rows").children) {
    const [code, value] = row.querySelectorAll("input");
    const number = code.value.trim().toUpperCase();
    const written = value.value.trim();
    // A row that the page itself began with may stay empty.
    if (!written && (!number || number === row.dataset.usual)) continue;
    const wrong = (field, message) => {
      field.setAttribute("aria-invalid", "true");
      showProblem(message, field);
      return null;
    };
    for (const field of [code, value]) field.removeAttribute("aria-invalid");
    if (!(number in words.codes)) return wrong(code, number ? `${number} is not in the code list.` : "Give the code of these minutes.");
    if (number in minutes) return wrong(code, `${number} is given twice; add its minutes up.`);
    if (!/^[0-9]+$/.test(written)) return wrong(value, `Give whole minutes for ${number}, 0 or more.`);
    minutes[number] = Number(written);
  }
  if (!Object.keys(minutes).length) {
    showProblem("There are no minutes yet.", $("rows").querySelector("input"));
    return null;
  }
  return minutes;
}

async function count() {
  if (!words) return;
  $("problem").hidden = true;
  const minutes = given();
  if (minutes === null) return;
  const number = ++running;
  const content = { minutes, payer: $("payer").value || null, secondary_payer: $("secondary").value || null, date_of_service: $("day").value || null };
  try {
    const { ok, body } = await send("POST", "/v1/units", content);
    if (number !== running) return;
    if (ok) show(body);
    else showProblem(inWords(body));
  } catch {
    if (number === running) showProblem(UNREACHABLE);
  }
}

function show(found) {
  $("results").hidden = false;
  $("units").replaceChildren(make("div", { class: "scroll", attributes: { tabindex: "0", role: "region", "aria-label": "Units under every policy" } }, unitsTable(found, words)));
  $("remarks").replaceChildren(remarks(found));
  const panels = Object.entries(found.policies).map(([id, each]) => make("section", { class: "panel", attributes: { "aria-label": words.policies[id].label } }, make("h3", {}, `${words.policies[id].label}: ${each.total}`), ...allocation(each)));
  $("steps").replaceChildren(...panels);
  $("rules").textContent = `Rules ${found.rules}. ${words.disclaimer}`;
  const totals = Object.entries(found.policies).map(([id, each]) => `${words.policies[id].short} ${each.total}`);
  say(`${found.timed_total} timed minutes. Units: ${totals.join(", ")}.`);
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  count();
});
$("add").addEventListener("click", () => addRow());

(async () => {
  try {
    words = await (await fetch("/page/words")).json();
  } catch {
    showProblem(UNREACHABLE);
    return;
  }
  $("codes").append(...Object.entries(words.codes).map(([code, name]) => new Option(name, code)));
  for (const id of ["payer", "secondary"]) $(id).append(new Option("none", ""), ...Object.entries(words.payers).map(([payer, name]) => new Option(name, payer)));
  for (const code of words.headline) addRow(code, false);
  say("");
})();
