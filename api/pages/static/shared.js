// What every page uses. Texts are only ever set as text, never parsed as HTML.

export const $ = (id) => document.getElementById(id);

export function make(tag, options = {}, ...children) {
  const element = document.createElement(tag);
  if (options.class) element.className = options.class;
  for (const [name, value] of Object.entries(options.attributes || {})) element.setAttribute(name, value);
  if (options.click) element.addEventListener("click", options.click);
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

// ---- asking the API

let me = null; // promise of who is signed in, null before it was asked

// Who is signed in (GET /v1/me), null where nobody is.
export function whoAmI() {
  me ??= fetch("/v1/me").then((answer) => (answer.ok ? answer.json() : null));
  return me;
}

// After signing in or out: what was known of the session holds no longer.
export function forget() {
  me = null;
}

// Sends a request with the session's token where something is changed; answers { ok, status, body, date } whatever the status.
export function send(method, path, content, more = {}) {
  return request(method, path, content === undefined ? undefined : JSON.stringify(content), content === undefined ? more : { "Content-Type": "application/json", ...more });
}

// The same for a document of another type.
export const sendText = (path, type, text) => request("POST", path, text, { "Content-Type": type });

async function request(method, path, body, more) {
  const headers = { Accept: "application/json", ...more };
  if (method !== "GET") {
    const known = await whoAmI();
    if (known?.csrf_token) headers["X-CSRF-Token"] = known.csrf_token;
  }
  const answer = await fetch(path, { method, headers, body });
  // Signed out, or signed in anew elsewhere: the token that is known is not the session's any more.
  if (answer.status === 401 || answer.status === 403) forget();
  const told = answer.status === 204 ? null : await answer.json();
  return { ok: answer.ok, status: answer.status, body: told, date: new Date(answer.headers.get("Date") ?? Date.now()) };
}

// A problem document (RFC 9457) as a sentence.
export function inWords(problem) {
  const fields = (problem.errors || []).map((error) => (error.field ? `${error.field}: ${error.reason}` : error.reason));
  return [`${problem.title}.`, problem.detail || "", fields.join("; ")].filter(Boolean).join(" ");
}

// Asks the API; returns the answer's body, or null where it was refused and that is shown.
export async function ask(method, path, content, field) {
  $("problem").hidden = true;
  try {
    const { ok, status, body } = await send(method, path, content);
    if (ok) return body;
    // After a one-time link nothing is answered until a password is chosen, which that page asks for as well.
    if (status === 401 || body.type?.endsWith(":password-needed")) location.assign(signInPath());
    else showProblem(inWords(body), field);
  } catch {
    showProblem(UNREACHABLE, field);
  }
  return null;
}

// Makes the <details> `id` ask for what it holds when it is opened: `request()` gives { path, content, draw } of what the page is
// about now, or null. An answer about something else than what the page then shows is dropped. Returns what says that it changed.
export function onOpen(id, request) {
  const details = $(id);
  let about = null;
  const fill = async () => {
    const now = details.open ? request() : null;
    if (now === null || about === now.about) return;
    about = now.about;
    const body = details.lastElementChild;
    body.replaceChildren(make("p", { class: "hint" }, "One moment …"));
    body.setAttribute("aria-busy", "true");
    let shown = [make("p", { class: "problem" }, UNREACHABLE)];
    let failed = true;
    try {
      const { ok, status, body: answer } = await send("POST", now.path, now.content);
      failed = !ok;
      shown = ok ? now.draw(answer) : [make("p", { class: "problem" }, ...(status === 401 ? ["Sign in again: ", signInLink()] : [inWords(answer)]))];
    } catch {
      // What is shown then was said above.
    }
    if (about !== now.about) return;
    // What failed is asked for again when it is opened again.
    if (failed) about = null;
    body.replaceChildren(...shown);
    body.setAttribute("aria-busy", "false");
  };
  details.addEventListener("toggle", fill);
  return fill;
}

// ---- telling people

export const UNREACHABLE = "The server does not answer. Try again in a moment; if that does not help, ask whoever runs it.";

export function say(message) {
  $("status").textContent = message;
}

export function showProblem(message, field) {
  say("");
  $("problem").replaceChildren(...(Array.isArray(message) ? message : [message]));
  $("problem").hidden = false;
  $("problem").scrollIntoView({ block: "nearest" });
  field?.focus();
}

// Asks in the page's dialog #confirm; whether yes was chosen.
export function confirmed(question, yes) {
  const dialog = $("confirm");
  $("confirm-text").textContent = question;
  $("confirm-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }));
}

// The page's words and who is signed in, or null where nobody is or no password was chosen yet (the way to sign in is taken) or the server is away (that is shown).
export async function begin() {
  try {
    const me = await whoAmI();
    if (me === null || me.password_needed) {
      location.assign(signInPath());
      return null;
    }
    return { me, words: await (await fetch("/page/words")).json() };
  } catch {
    showProblem(UNREACHABLE);
    return null;
  }
}

// ---- wording

export const percent = (share) => `${Math.floor(share * 100)} %`;
export const quoted = (text) => `“${text.replace(/\s+/g, " ").trim()}”`;
export const counted = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;
export const named = (words, code) => (words.codes[code] ? `${code} ${words.codes[code]}` : code);
export const instant = (text) => new Date(text).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

// Seconds as people say them: 40 s, 12 min, 3 h, 2 days.
export function lasting(seconds) {
  if (seconds < 60) return `${Math.round(seconds)}\u00a0s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)}\u00a0min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)}\u00a0h`;
  return `${Math.round(seconds / 86400)}\u00a0days`;
}

// ---- tables

// A table from rows of cells; the first cell of a row heads it. `names` are the columns' names, shown before each cell on narrow screens.
export function table(caption, names, rows) {
  const head = make("tr", {}, ...names.map((name) => make("th", { attributes: { scope: "col" } }, name)));
  const body = rows.map((cells) =>
    make("tr", {}, ...cells.map((cell, at) => make(at ? "td" : "th", { attributes: at ? (cell instanceof Element ? {} : { "data-name": names[at] }) : { scope: "row" } }, cell))),
  );
  return make("table", { class: "people" }, make("caption", {}, caption), make("thead", {}, head), make("tbody", {}, ...body));
}

// ---- the way to sign in and back

export const signInPath = () => `/sign-in?next=${encodeURIComponent(location.pathname)}`;
export const signInLink = () => make("a", { attributes: { href: signInPath() } }, "Sign in");

// Where to go after signing in: a page of ours alone, whatever stands in the address.
export function nextPath() {
  const wanted = new URL(new URLSearchParams(location.search).get("next") || "/", location.origin);
  return wanted.origin === location.origin && wanted.pathname !== "/sign-in" ? wanted.pathname : "/";
}
