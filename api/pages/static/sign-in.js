// Signs in with a password, or with the secret of a one-time link, which stands behind # in the address.
import { $, forget, inWords, nextPath, send, whoAmI } from "/static/shared.js";
import { showNavigation } from "/static/navigation.js";

function showProblem(message, field) {
  $("status").textContent = "";
  $("problem").textContent = message;
  $("problem").hidden = false;
  field?.focus();
}

// Sends one of the forms; returns the answer's body, or null where it was refused and that is shown (`refused` for status 401).
async function submit(form, path, content, field, refused = "You are signed out. Sign in again.") {
  const button = form.querySelector("button");
  $("problem").hidden = true;
  $("status").textContent = "One moment …";
  button.disabled = true;
  try {
    const { ok, status, body } = await send("POST", path, content);
    if (ok) return body;
    if (body.type.endsWith(":which-clinic")) {
      $("clinic-field").hidden = false;
      showProblem("There are several clinics here. Write which one is yours.", $("clinic"));
    } else {
      showProblem(status === 401 ? refused : inWords(body), field);
    }
  } catch {
    showProblem("The server does not answer. Try again in a moment.", field);
  } finally {
    button.disabled = false;
  }
  return null;
}

function signedIn(me) {
  forget();
  if (me.password_needed) choose(me);
  else location.assign(nextPath());
}

// Shows the form for a new password: after a one-time link, or to somebody who is signed in and comes here again.
function choose(me) {
  $("status").textContent = "";
  $("sign-in").hidden = true;
  $("choose").hidden = false;
  $("heading").textContent = me.password_needed ? "Choose a password for the next time" : "Change your password";
  $("current-field").hidden = me.password_needed;
  $("who").textContent = me.name;
  $("own-login").textContent = me.login;
  $("username").value = me.login;
  $("heading").focus();
  showNavigation();
}

$("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [login, password] = [$("login").value.trim(), $("password").value];
  if (!login || !password) {
    showProblem("Fill in login and password.", login ? $("password") : $("login"));
    return;
  }
  const clinic = $("clinic").value.trim().toLowerCase() || null;
  const me = await submit($("sign-in"), "/v1/sign-in", { clinic, login, password }, $("password"), "Login or password is not right, or the account is closed.");
  if (me !== null) signedIn(me);
});

$("choose").addEventListener("submit", async (event) => {
  event.preventDefault();
  if ($("new").value !== $("again").value) {
    showProblem("The two passwords are not the same.", $("again"));
    return;
  }
  const me = await submit($("choose"), "/v1/password", { password: $("new").value, current: $("current").value || null }, $("new"));
  if (me !== null) signedIn(me);
});

(async () => {
  const secret = location.hash.slice(1);
  if (!secret) {
    const me = await whoAmI().catch(() => null);
    if (me !== null && me.kind === "person") choose(me);
    return;
  }
  // Taken out of the address and the history at once: who looks at the screen, or goes back, finds nothing that works.
  history.replaceState(null, "", location.pathname + location.search);
  const me = await submit($("sign-in"), "/v1/sign-in/link", { secret }, $("login"), "This link was used, or its time is over. Ask for a new one.");
  if (me !== null) signedIn(me);
})();
