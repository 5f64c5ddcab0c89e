// A critical alarm nobody takes notice of: after half a minute the wall says so over its whole width and sounds more urgently,
// after a minute also where somebody had muted it.

import { h, icon, setAttr, setText } from "./dom.js";
import { elapsed } from "./format.js";
import { t, word } from "./i18n.js";
import { isAside, isTest, needsAck } from "./model.js";
import { placeLine } from "./places.js";

export const URGENT_MS = 30_000;
export const UNMUTE_MS = 60_000;

/** The bar; a press opens the alarm that waits longest. */
export function createEscalation(model, sound, go) {
  const bar = document.getElementById("escalation");
  const title = h("strong", { class: "banner-title" });
  const text = h("span", { class: "banner-text" });
  let oldest = null;
  let unmuted = "";
  bar.append(icon("bell"), h("div", {}, title, text), h("button", { class: "button button-ack", type: "button", text: t("escalation.open"), on: { click: () => oldest && go.alert(oldest.id) } }));
  const waitsMs = new Map();

  return function tick() {
    const waiting = [...model.alerts.values()].filter((alert) => alert.severity === "critical" && alert.active !== false && needsAck(alert) && !isAside(alert) && !isTest(alert));
    // Counted from when this screen learned of it: a page that was just opened gives its reader the time to read.
    const at = performance.now();
    for (const id of waitsMs.keys()) if (!waiting.some((alert) => alert.id === id)) waitsMs.delete(id);
    for (const alert of waiting) if (!waitsMs.has(alert.id)) waitsMs.set(alert.id, at);
    const late = waiting.filter((alert) => at - waitsMs.get(alert.id) >= URGENT_MS).sort((a, b) => waitsMs.get(a.id) - waitsMs.get(b.id));
    oldest = late[0] ?? null;
    setAttr(bar, "hidden", oldest === null);
    setAttr(document.body, "data-escalated", oldest !== null);
    sound.urgent(oldest !== null);
    if (!oldest) {
      unmuted = "";
      return;
    }
    const waited = at - waitsMs.get(oldest.id);
    setText(title, t("escalation.title", { n: late.length, time: elapsed(waited / 1000) }));
    setText(text, `${word("kind", oldest.kind)} · ${placeLine(model, oldest)}`);
    if (waited >= UNMUTE_MS && unmuted !== oldest.id) {
      unmuted = oldest.id;
      sound.unmute();
    }
  };
}
