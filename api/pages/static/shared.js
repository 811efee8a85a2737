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

// Sends a request with the session's token where something is changed; answers { ok, status, body } whatever the status.
export async function send(method, path, content) {
  const headers = { Accept: "application/json" };
  if (content !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") {
    const known = await whoAmI();
    if (known?.csrf_token) headers["X-CSRF-Token"] = known.csrf_token;
  }
  const answer = await fetch(path, { method, headers, body: content === undefined ? undefined : JSON.stringify(content) });
  if (answer.status === 401) forget();
  return { ok: answer.ok, status: answer.status, body: answer.status === 204 ? null : await answer.json() };
}

// A problem document (RFC 9457) as a sentence.
export function inWords(problem) {
  const fields = (problem.errors || []).map((error) => (error.field ? `${error.field}: ${error.reason}` : error.reason));
  return [`${problem.title}.`, problem.detail || "", fields.join("; ")].filter(Boolean).join(" ");
}

// ---- the way to sign in and back

export const signInPath = () => `/sign-in?next=${encodeURIComponent(location.pathname)}`;
export const signInLink = () => make("a", { attributes: { href: signInPath() } }, "Sign in");

// Where to go after signing in: a page of ours alone, whatever stands in the address.
export function nextPath() {
  const wanted = new URL(new URLSearchParams(location.search).get("next") || "/", location.origin);
  return wanted.origin === location.origin && wanted.pathname !== "/sign-in" ? wanted.pathname : "/";
}
