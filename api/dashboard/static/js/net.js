// Requests to the API: always with a time limit, always with an error that can be shown.

import { t } from "./i18n.js";

export const API = "/api/v1";
const TIMEOUT_MS = 10_000;

/** What went wrong with a request, in words; `status` is 0 where there was no answer. */
export class RequestError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

let entered = false;
let ended = false;

/** Whether the session ended while the page was in use. */
export const sessionEnded = () => ended;

/** Go to the login page, which leads back here. */
export function toLogin() {
  const here = location.pathname + location.search;
  location.assign(`/login?next=${encodeURIComponent(here)}`);
}

// A visitor without a session is sent to log in. A wall that loses it at night must not turn into a quiet login page:
// it stays, says that it is not live, and sounds.
function refused() {
  if (entered) ended = true;
  else toLogin();
}

/** The raw answer. `quiet` leaves error statuses to the caller. */
export async function request(url, { timeoutMs = TIMEOUT_MS, quiet = false, ...options } = {}) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(timeoutMs), ...options });
  } catch (error) {
    throw new RequestError(t(error.name === "TimeoutError" ? "error.timeout" : "error.network"));
  }
  if (response.status === 401) {
    refused();
    throw new RequestError(t("error.forbidden"), 401);
  }
  if (response.ok) {
    entered = true;
    ended = false;
  }
  if (!response.ok && !quiet) throw new RequestError(await problemText(response), response.status);
  return response;
}

async function problemText(response) {
  if (response.status === 403) return t("error.forbidden");
  try {
    const problem = await response.json();
    if (typeof problem.detail === "string" && problem.detail) return problem.detail;
    if (typeof problem.title === "string" && problem.title) return problem.title;
  } catch {
    // Not a problem document: the status alone has to do.
  }
  return t("error.http", { status: response.status });
}

/** A GET under the API's base, decoded. */
export async function getJson(path, options) {
  const response = await request(API + path, options);
  try {
    return await response.json();
  } catch {
    throw new RequestError(t("error.http", { status: response.status }), response.status);
  }
}

/** A POST of JSON under the API's base, decoded. */
export async function postJson(path, body) {
  const response = await request(API + path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return response.status === 204 ? null : response.json().catch(() => null);
}

/** A list, whichever way it is wrapped. */
export const itemsOf = (answer) => (Array.isArray(answer) ? answer : Array.isArray(answer?.items) ? answer.items : []);
