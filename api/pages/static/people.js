// The clinic's people, keys and audit trail, for its admins.
import { $, ask, begin, confirmed, make, say, showProblem } from "/static/shared.js";

let words = null;

const day = (instant) => new Date(instant).toLocaleDateString();

// What is shown once: a link or a key. Only its hash is kept, so that nobody can show it again.
function showOnce(title, hint, text) {
  $("once-heading").textContent = title;
  $("once-hint").textContent = hint;
  $("once-text").textContent = text;
  $("once").hidden = false;
  $("once-heading").focus();
}

const showLink = (login, link) =>
  showOnce(`Link for ${login}`, "Give it to them by a way that you trust. It signs them in once, within 24 hours, to choose a password. It is shown this once.", link);

// ---- people

async function showPeople() {
  const answer = await ask("GET", "/v1/people");
  if (answer !== null) $("people").replaceChildren(...answer.people.map(personRow));
  return answer !== null;
}

function personRow(person) {
  const gone = person.state === "disabled";
  const main = person.main_account;
  const role = make("select", { attributes: { "aria-label": `Role of ${person.login}` } }, ...words.roles.map((each) => new Option(each, each, false, each === person.role)));
  role.disabled = gone;
  role.addEventListener("change", async () => {
    const changed = await ask("PUT", `/v1/people/${person.id}/role`, { role: role.value }, role);
    if (changed === null) role.value = person.role;
    else {
      person.role = changed.role;
      say(`${person.login} is ${changed.role} now.`);
    }
  });
  const reset = button("New link", `New link for ${person.login}`, async () => {
    if (!(await confirmed(`Take the password and all sessions of ${person.login} away, and make a new link?`, "Make a new link"))) return;
    const made = await ask("POST", `/v1/people/${person.id}/reset`);
    if (made !== null && (await showPeople())) showLink(person.login, made.link);
  });
  const disable = button("Disable", `Disable ${person.login}`, async () => {
    if (!(await confirmed(`Shut ${person.login} out at once? What they decided stays.`, "Disable"))) return;
    if ((await ask("POST", `/v1/people/${person.id}/disable`)) !== null && (await showPeople())) say(`${person.login} is shut out.`);
  });
  const enable = button("Enable", `Enable ${person.login}`, async () => {
    if ((await ask("POST", `/v1/people/${person.id}/enable`)) !== null && (await showPeople())) say(`${person.login} may sign in again.`);
  });
  return make(
    "tr",
    {},
    make("th", { attributes: { scope: "row" } }, person.login),
    cell("Name", person.name),
    cell("Role", role),
    cell("State", words.states[person.state] + (main ? `; signs in as ${main.login} of ${main.clinic} and reads the queue here` : "")),
    // Password and link of somebody who signs in elsewhere are made there.
    cell("", make("div", { class: "actions" }, ...(gone ? [enable] : main ? [disable] : [reset, disable]))),
  );
}

$("add-person").addEventListener("submit", async (event) => {
  event.preventDefault();
  const login = $("login").value.trim();
  if (!login) {
    showProblem("Fill in a login.", $("login"));
    return;
  }
  const made = await ask("POST", "/v1/people", { login, name: $("name").value.trim(), role: $("role").value }, $("login"));
  if (made === null) return;
  $("login").value = $("name").value = "";
  if (await showPeople()) showLink(made.person.login, made.link);
});

// ---- keys

async function showKeys() {
  const answer = await ask("GET", "/v1/keys");
  if (answer !== null) $("keys").replaceChildren(...(answer.keys.length ? answer.keys.map(keyRow) : [make("tr", {}, make("td", { attributes: { colspan: "6" } }, "No key yet."))]));
  return answer !== null;
}

function keyRow(key) {
  const revoke = button("Revoke", `Revoke ${key.name}`, async () => {
    if (!(await confirmed(`End the key ${key.name} at once? The program that uses it stops working.`, "Revoke"))) return;
    if ((await ask("POST", `/v1/keys/${key.id}/revoke`)) !== null && (await showKeys())) say(`The key ${key.name} is revoked.`);
  });
  const until = key.state === "works" && key.expires_at !== null ? ` until ${day(key.expires_at)}` : "";
  return make(
    "tr",
    {},
    make("th", { attributes: { scope: "row" } }, key.name),
    cell("Begins with", key.hint),
    cell("Scopes", key.scopes.join(", ")),
    cell("State", words.states[key.state] + until),
    cell("Last used", key.used_at === null ? "never" : day(key.used_at)),
    cell("", key.state === "works" ? revoke : ""),
  );
}

$("add-key").addEventListener("submit", async (event) => {
  event.preventDefault();
  const scopes = [...$("scopes").querySelectorAll("input:checked")].map((box) => box.value);
  const days = $("expires").value.trim();
  if (!$("key-name").value.trim()) showProblem("Say what the key is for.", $("key-name"));
  else if (days && !/^[1-9][0-9]*$/.test(days)) showProblem("Days are a whole number, or empty.", $("expires"));
  else if (!scopes.length) showProblem("Choose at least one thing that it may do.", $("scopes").querySelector("input"));
  else {
    const content = { name: $("key-name").value.trim(), scopes, expires_days: days ? Number(days) : null };
    const made = await ask("POST", "/v1/keys", content, $("key-name"));
    if (made === null) return;
    $("key-name").value = $("expires").value = "";
    if (await showKeys()) {
      showOnce(`Key ${made.key.name}`, "Put it where the program reads it: Authorization: Bearer KEY. It is shown this once.", made.secret);
    }
  }
});

// ---- the audit trail

$("verify").addEventListener("click", async () => {
  $("verdict").textContent = "Computing …";
  const verdict = await ask("GET", "/v1/audit/verify");
  if (verdict === null) $("verdict").textContent = "";
  else if (verdict.intact) $("verdict").textContent = `Intact: ${verdict.rows} rows, last hash ${verdict.last_hash}`;
  else $("verdict").textContent = `Broken: ${verdict.findings.map((found) => `rows ${found.first} to ${found.last} ${found.kind}, ${found.reason}`).join("; ")}`;
});

// ---- small parts and the start

function cell(name, content) {
  return make("td", { attributes: name ? { "data-name": name } : {} }, content);
}

function button(text, label, click) {
  return make("button", { attributes: { type: "button", "aria-label": label }, click }, text);
}

$("once-copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText($("once-text").textContent);
    say("Copied.");
  } catch {
    say("Copying was not allowed; mark it and copy it by hand.");
  }
});
$("once-done").addEventListener("click", () => {
  $("once").hidden = true;
  $("once-text").textContent = "";
  $("people-heading").scrollIntoView({ block: "nearest" });
});

(async () => {
  const begun = await begin();
  if (begun === null) return;
  words = begun.words;
  $("clinic").textContent = `${begun.me.clinic.name} (${begun.me.clinic.slug})`;
  $("role").append(...words.roles.map((role) => new Option(`${role}: ${words.roles_told[role]}`, role)));
  $("scopes").append(...words.scopes.map((scope) => make("label", {}, make("input", { attributes: { type: "checkbox", value: scope } }), scope)));
  if ((await showPeople()) && (await showKeys())) {
    $("content").hidden = false;
    say("");
  }
})();
