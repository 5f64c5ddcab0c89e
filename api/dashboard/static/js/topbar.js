// The top of the screen: counts by severity, figures, the state of the connection and the service, sound, clock.

import * as clock from "./clock.js";
import { totals } from "./calm.js";
import { h, icon, reconcile, setAttr, setText, severityMark } from "./dom.js";
import { clockTime, dateText, duration, elapsed, power } from "./format.js";
import { t, word } from "./i18n.js";
import { SEVERITIES, isAside, isTest } from "./model.js";
import { getJson, sessionEnded, toLogin } from "./net.js";
import { MUTE_MINUTES } from "./sound.js";

const byId = (id) => document.getElementById(id);

/** Counts of open alarms, one chip a severity; a severity without any is drawn faint. */
export function createCounts(model) {
  const views = reconcile(byId("counts"), SEVERITIES, (severity) => severity, (severity) => {
    const number = h("span", { class: "count-number" });
    return { number, element: h("li", { class: "count", data: { severity } }, severityMark(severity), h("span", { class: "count-word", text: t(`severity.${severity}`) }), number) };
  }, () => {});
  return function update() {
    const alerts = model.openAlerts().filter((alert) => !isAside(alert) && !isTest(alert));
    for (const [severity, view] of views) {
      const n = alerts.filter((alert) => alert.severity === severity).length;
      setText(view.number, String(n));
      setAttr(view.element, "data-none", n === 0);
    }
  };
}

/** The figures in the middle. */
export function createFigures(model) {
  const names = ["charging", "power", "cameras"];
  const views = Object.fromEntries(names.map((name) => [name, h("dd")]));
  byId("figures").append(...names.map((name) => h("div", { class: "figure" }, h("dt", { text: t(`stat.${name}`) }), views[name])));
  return function update() {
    const sum = totals(model);
    setText(views.charging, model.shedsKnown ? `${sum.charging}/${sum.ports}` : "–");
    setText(views.power, model.shedsKnown ? power(sum.power) : "–");
    setText(views.cameras, model.shedsKnown ? `${sum.cameras - sum.blind}/${sum.cameras}` : "–");
    setAttr(views.cameras.parentElement, "data-bad", sum.blind > 0);
  };
}

/** The connection: a small mark while it lives, a banner over the whole width when it does not. */
export function createConnection(live) {
  const banner = byId("banner");
  const title = h("strong", { class: "banner-title" });
  const text = h("span", { class: "banner-text" });
  banner.append(icon("offline"), h("div", {}, title, text), h("button", { class: "button", type: "button", text: t("conn.retry"), on: { click: () => (sessionEnded() ? toLogin() : live().retryNow()) } }));
  const button = banner.lastElementChild;
  const mark = byId("connection");
  let current = { state: "connecting", sinceMs: null };

  function tick() {
    if (current.state !== "lost") return;
    // Since when is told by this machine's clock: the server cannot be asked, and a simulated one would run on.
    const since = current.sinceMs;
    setText(title, t(sessionEnded() ? "conn.session_ended" : "conn.lost_title"));
    setText(button, t(sessionEnded() ? "conn.login" : "conn.retry"));
    setText(text, since === null ? t("conn.lost_never") : t("conn.lost_since", { time: clockTime(since), elapsed: duration((Date.now() - since) / 1000) }));
  }

  return {
    tick,
    show(state) {
      current = state;
      const lost = state.state === "lost";
      document.body.dataset.connection = state.state;
      setText(mark, t(`conn.${state.state}`));
      banner.hidden = !lost;
      tick();
    },
  };
}

/** A part by its name; families of parts are told as `mqtt-vision` or `rule-smoke`. */
function partName(name) {
  const [, family, member] = /^(mqtt|rule)-(.+)$/.exec(name) ?? [];
  if (!family) return word("dep", name);
  return `${word("dep", family)} ${word(family === "rule" ? "kind" : "dep", member)}`;
}

/** What of the service is not well. */
export function createService(model) {
  const box = byId("service");
  return function update() {
    const parts = Object.entries(model.service?.dependencies ?? {}).filter(([, one]) => one?.state && one.state !== "ok");
    box.hidden = parts.length === 0 && model.service?.status !== "degraded";
    const told = parts.map(([name, one]) => `${partName(name)} ${word("service.state", one.state)}${one.detail ? ` (${one.detail})` : ""}`);
    setText(box, [t("service.degraded"), ...told].join(" · "));
  };
}

/** The sound's button and the hint that a browser keeps it silent. */
export function createSound(sound) {
  const button = byId("sound");
  const label = h("span", { class: "sound-label" });
  const hint = byId("sound-hint");
  const on = icon("sound");
  const off = icon("muted");
  button.append(on, off, label);
  hint.append(icon("muted"), h("span", { text: t("sound.blocked") }));
  hint.addEventListener("click", () => sound.unlock());
  button.addEventListener("click", () => {
    if (sound.blocked) sound.unlock();
    else if (sound.mutedMs > 0) sound.unmute();
    else if (sound.level) sound.mute();
    else sound.test();
  });
  return function update() {
    const muted = sound.mutedMs > 0;
    const state = sound.blocked ? "blocked" : muted ? "muted" : sound.level ? "ringing" : "on";
    setAttr(button, "data-sound", state);
    hint.hidden = state !== "blocked";
    const texts = { blocked: t("sound.blocked_short"), muted: t("sound.muted", { time: elapsed(Math.ceil(sound.mutedMs / 1000)) }), ringing: t("sound.mute", { minutes: MUTE_MINUTES }), on: t("sound.on") };
    setText(label, texts[state]);
    setAttr(button, "aria-label", texts[state]);
    setAttr(button, "title", state === "on" ? t("sound.test") : state === "muted" ? t("sound.unmute") : texts[state]);
  };
}

/** The server's time. */
export function createClock() {
  const time = byId("clock-time");
  const date = byId("clock-date");
  return function tick() {
    setText(time, clock.known() ? clockTime(clock.now()) : "--:--:--");
    setText(date, clock.known() ? dateText(clock.now()) : "");
  };
}

/** How many messages were refused, for those who can do something about it; nothing where there are none. */
export function createRefused(model) {
  const link = byId("letters-link");
  return async function read() {
    if (!["operator", "admin"].includes(model.me.role)) return;
    try {
      const { total } = await getJson("/dead-letters?limit=1");
      setText(link, t("letters.link", { n: total }));
      link.hidden = !total;
    } catch {
      // What is shown stays until the next answer: nobody is in danger by it.
    }
  };
}
