// The header's links: the pages of whoever is signed in, as the server lists them, and the way in or out.
import { $, forget, make, send, signInLink } from "/static/shared.js";

async function signOut() {
  const { ok } = await send("POST", "/v1/sign-out");
  forget();
  // Loaded anew even where that failed: the page then shows who is still signed in.
  location.assign(ok ? "/sign-in" : location.pathname);
}

export async function showNavigation() {
  const answer = await fetch("/page/navigation");
  if (!answer.ok) return;
  const { pages, name, sign_in } = await answer.json();
  const links = pages.map((page) => {
    const link = make("a", { attributes: { href: page.path } }, page.label);
    if (page.path === location.pathname) link.setAttribute("aria-current", "page");
    return link;
  });
  if (name !== null) {
    links.push(make("span", { class: "who" }, make("a", { attributes: { href: "/sign-in", title: "Change your password" } }, name)), make("button", { attributes: { type: "button" }, click: signOut }, "Sign out"));
  } else if (sign_in && location.pathname !== "/sign-in") {
    links.push(make("span", { class: "who" }, signInLink()));
  }
  $("navigation").replaceChildren(...links);
  // One link to the page that is shown helps nobody.
  $("navigation").hidden = links.length < 2 && name === null;
}

showNavigation();
