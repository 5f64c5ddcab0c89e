// The login page: trades the access code for a session cookie.

import { loadWords, t } from "./i18n.js";

await loadWords("/static");

const form = document.getElementById("login");
const error = document.getElementById("login-error");
const button = form.querySelector("button");

/** Where to go next: only ever a path of this page, whatever the address says. */
function next() {
  const wanted = new URLSearchParams(location.search).get("next") ?? "/";
  const url = new URL(wanted, location.origin);
  return wanted.startsWith("/") && url.origin === location.origin && url.pathname !== "/login" ? url.pathname + url.search + url.hash : "/";
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  error.textContent = "";
  try {
    const response = await fetch(form.action, { method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: form.elements.token.value }) });
    if (response.ok) location.replace(next());
    else if (response.status === 429) error.textContent = t("login.throttled");
    else error.textContent = t([401, 422].includes(response.status) ? "login.failed" : "login.unavailable");
  } catch {
    error.textContent = t("error.network");
  } finally {
    button.disabled = false;
  }
});
