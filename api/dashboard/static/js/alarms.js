// The list of open alarms, in a flood as groups, with what is put aside below it, and what stands there when there are none.

import { createAside } from "./aside.js";
import * as clock from "./clock.js";
import { h, icon, reconcile, setAttr, setText, severityMark } from "./dom.js";
import { clockTime, elapsed, figure, isNumber, moment } from "./format.js";
import { pick, t, word } from "./i18n.js";
import { createGroups, groupsOf, standsAlone } from "./groups.js";
import { createLoadLine } from "./load.js";
import { hasAcked, isAside, isFire, isTest, needsAck } from "./model.js";
import { API } from "./net.js";
import { shedLine, spotLine } from "./places.js";

// Rows beyond this are counted, not drawn: in a flood nobody reads them, and the screen must stay fast.
const MAX_ROWS = 60;
// So few are read faster one by one than in groups.
const FEW = 8;
// What a detector of pictures gives is a score from 0 to 1, not a quantity.
const SCORED = new Set(["smoke", "flame", "corridor_blocked"]);
/** A micro fire station has to be on the scene within this time. */
export const ARRIVE_S = 180;

export const evidenceUrl = (alert, name) => `${API}/alerts/${encodeURIComponent(alert.id)}/evidence/${encodeURIComponent(name)}`;

/** The figure of an alert against its limit, or "". */
export function figures(alert) {
  if (!isNumber(alert.value)) return "";
  if (SCORED.has(alert.kind) && !alert.unit && alert.value <= 1) {
    return alert.value > 0 ? t("alarm.score", { value: `${Math.round(alert.value * 100)}%` }) : "";
  }
  const value = figure(alert.value, alert.unit);
  return isNumber(alert.threshold) ? t("alarm.value_limit", { value, limit: figure(alert.threshold, alert.unit) }) : t("alarm.value", { value });
}

/** What became of an alert: who took notice, whether the hazard is still there. */
export function standing(alert, nowMs) {
  if (alert.state === "shelved") return t("alarm.shelved", { time: moment(alert.shelved_until_ts, nowMs) });
  if (alert.state === "suppressed") return t("alarm.suppressed");
  if (alert.state === "out_of_service") return t("alarm.out_of_service");
  if (alert.state === "returned_unacknowledged" || (needsAck(alert) && alert.active === false)) return t("alarm.cleared");
  const needed = alert.acknowledgements_needed ?? 1;
  if (needed > 1 && needsAck(alert)) {
    const seen = alert.acknowledgements ?? [];
    return seen.length ? t("alarm.part_acked", { n: seen.length, needed, who: seen.map((one) => one.by).join(t("list.comma")) }) : t("alarm.needs_several", { needed });
  }
  if (alert.acknowledged_by) return t("alarm.acked_by", { who: alert.acknowledged_by, time: moment(alert.acknowledged_ts, nowMs) });
  return word("state", alert.state);
}

/** `actions.acknowledge(alert, note)` resolves when done and throws RequestError. */
export function createAlarms(model, go, actions, calm) {
  const count = h("span", { class: "alarms-count" });
  const title = h("h2", { class: "alarms-title" }, t("alarms.title"), count);
  const list = h("ol", { class: "alarm-list" });
  const more = h("p", { class: "alarms-more" });
  const wait = h("p", { class: "alarms-wait" });
  const line = createLoadLine(model, go);
  const groups = createGroups(model, actions, (alert) => createRow(model, alert, go, actions));
  const aside = createAside(model, go);
  const grouping = h("button", { class: "button button-quiet grouping", type: "button", hidden: true, on: { click: regroup } });
  const body = h("div", { class: "alarms-body" }, list, groups.element, more, aside.element);
  const element = h("section", { class: "alarms", "aria-label": t("alarms.title") },
    h("header", { class: "alarms-head" }, title, h("div", { class: "alarms-tools" }, line.element, grouping)), wait, body, calm.element);
  let rows = new Map();
  // Null follows the flood; a press decides until the flood is over.
  let chosen = null;
  let last = null;

  function regroup() {
    chosen = !grouped(shownAlerts());
    update(last);
  }

  const shownAlerts = () => model.openAlerts().filter((alert) => !isAside(alert));
  const flooded = (alerts) => Boolean(model.load?.flood) || alerts.length > MAX_ROWS;
  const grouped = (alerts) => chosen ?? (flooded(alerts) && alerts.length > FEW);

  /** `here`: the shed that is shown, whose alarms are marked; those of all others stay in the list. */
  function update(here = null) {
    last = here;
    const alerts = shownAlerts();
    const away = model.openAlerts().filter(isAside);
    if (!flooded(alerts)) chosen = null;
    const inGroups = grouped(alerts);
    const single = inGroups ? alerts.filter(standsAlone) : alerts;
    const real = alerts.filter((alert) => !isTest(alert));
    const waiting = real.filter(needsAck).length;
    setText(count, real.length ? (waiting ? t("alarms.unacked", { n: waiting }) : t("alarms.all_acked")) : "");
    setAttr(count, "data-waiting", waiting > 0);
    rows = reconcile(list, single.slice(0, MAX_ROWS), (alert) => alert.id, (alert) => createRow(model, alert, go, actions), (row, alert) => row.update(alert, here));
    groups.element.hidden = !inGroups;
    groups.update(inGroups ? groupsOf(alerts.filter((alert) => !standsAlone(alert))) : [], here);
    grouping.hidden = !flooded(alerts);
    setText(grouping, t(inGroups ? "group.single" : "group.together"));
    setText(more, single.length > MAX_ROWS ? t("alarms.more", { n: single.length - MAX_ROWS }) : "");
    aside.update(away);
    line.update();
    setText(wait, model.alertsKnown || alerts.length ? "" : t("alarms.loading"));
    setAttr(element, "data-empty", alerts.length === 0);
    setAttr(element, "data-aside", away.length > 0);
    calm.update(model.alertsKnown && alerts.length === 0);
    tick();
  }

  function tick() {
    const nowMs = clock.now();
    for (const row of rows.values()) row.tick(nowMs);
    groups.tick(nowMs);
    aside.tick();
  }
  return { element, update, tick };
}

function createRow(model, first, go, actions) {
  let alert = first;
  const mark = h("span", { class: "alarm-mark" });
  const kind = h("strong", { class: "alarm-kind" });
  const time = h("time", { class: "alarm-elapsed" });
  const spot = h("p", { class: "alarm-spot" });
  const place = h("p", { class: "alarm-place" });
  const message = h("p", { class: "alarm-message" });
  const value = h("span", { class: "alarm-value" });
  const status = h("span", { class: "alarm-status" });
  const duty = createDuty(t("duty.arrive_short"));
  const error = h("p", { class: "alarm-error", role: "alert" });
  const thumb = h("img", { class: "alarm-thumb", alt: t("alarm.evidence"), decoding: "async" });
  thumb.addEventListener("error", () => thumb.removeAttribute("src"));
  // By way of a dialog that names the alarm: the list may move under the finger in the moment of the click.
  const ack = h("button", { class: "button button-ack", type: "button", data: { action: "acknowledge" }, on: { click: () => actions.confirm(alert, send) } }, icon("check"), h("span", { text: t("alarm.ack") }));
  const test = h("span", { class: "test-badge", text: t("test.badge"), hidden: !isTest(first) });
  const open = h("button", { class: "alarm-open", type: "button", on: { click: () => go.alert(alert.id) } }, test, kind);
  const buttons = h("div", { class: "alarm-buttons" }, ack);
  const element = h("li", { class: "alarm", data: { alertId: first.id } }, mark,
    h("div", { class: "alarm-body" }, h("div", { class: "alarm-line" }, open, time), spot, place, message,
      h("div", { class: "alarm-foot" }, value, status), duty.element, error),
    h("div", { class: "alarm-side" }, thumb, buttons));

  async function send(words) {
    ack.disabled = true;
    setText(error, "");
    try {
      await actions.acknowledge(alert, words);
    } catch (failure) {
      setText(error, t("alarm.ack_failed", { reason: failure.message }));
    } finally {
      ack.disabled = false;
    }
  }

  function update(next, here) {
    alert = next;
    setAttr(element, "data-here", Boolean(here) && here.site === alert.site && here.shed === alert.shed);
    const nowMs = clock.now();
    if (mark.dataset.severity !== alert.severity) mark.replaceChildren(severityMark(alert.severity));
    mark.dataset.severity = alert.severity;
    setAttr(mark, "title", word("severity", alert.severity));
    setText(kind, word("kind", alert.kind));
    setText(spot, spotLine(model, alert));
    setText(place, shedLine(model, alert));
    setText(message, pick(alert.message));
    setText(value, [figures(alert), alert.count > 1 ? t("alarm.count", { n: alert.count }) : ""].filter(Boolean).join(" · "));
    setText(status, standing(alert, nowMs));
    setAttr(element, "data-severity", alert.severity);
    setAttr(element, "data-test", isTest(alert));
    setAttr(element, "data-several", alert.acknowledgements_needed > 1);
    setAttr(element, "data-standing", isAside(alert) ? "aside" : needsAck(alert) ? (alert.active === false || alert.state === "returned_unacknowledged" ? "returned" : "new") : "known");
    setAttr(open, "aria-label", `${isTest(alert) ? t("test.badge") : ""} ${word("severity", alert.severity)} ${word("kind", alert.kind)} ${shedLine(model, alert)} ${spotLine(model, alert)}`);
    buttons.hidden = !(needsAck(alert) && actions.mayAct() && !hasAcked(alert, model.me));
    const picture = alert.evidence?.at(-1);
    const source = picture ? evidenceUrl(alert, picture) : null;
    if (thumb.dataset.source !== (source ?? "")) {
      thumb.dataset.source = source ?? "";
      setAttr(thumb, "src", source);
    }
    tick(nowMs);
  }

  function tick(nowMs) {
    setText(time, elapsed((nowMs - alert.raised_ts) / 1000));
    duty.update(alert, nowMs, model.arrivals.get(alert.id));
  }
  return { element, update, tick };
}

/** The three-minute clock of the micro fire station, for a fire nobody has ended yet. */
export function createDuty(words) {
  const fill = h("span", { class: "duty-fill" });
  const label = h("span", { class: "duty-label", text: words });
  const left = h("span", { class: "duty-left" });
  const element = h("div", { class: "duty", hidden: true }, h("span", { class: "duty-bar" }, fill), label, left);
  return {
    element,
    update(alert, nowMs, arrivedMs) {
      const running = ((arrivedMs ?? nowMs) - alert.raised_ts) / 1000;
      element.hidden = !(isFire(alert) && !isTest(alert) && alert.severity === "critical" && alert.active !== false && !isAside(alert) && running < 3600);
      if (element.hidden) return;
      const over = running > ARRIVE_S;
      fill.style.setProperty("--done", Math.min(1, Math.max(0, running / ARRIVE_S)).toFixed(3));
      setAttr(element, "data-over", over);
      setAttr(element, "data-arrived", Boolean(arrivedMs));
      if (arrivedMs) setText(left, t("duty.done", { time: elapsed(running) }));
      else setText(left, over ? t("duty.over", { time: elapsed(running - ARRIVE_S) }) : t("duty.left", { time: elapsed(ARRIVE_S - running) }));
    },
  };
}

/** Closed alarms in one line each. */
export function closedLine(model, alert, go) {
  const nowMs = clock.now();
  const lasted = ((alert.closed_ts ?? alert.cleared_ts) - alert.raised_ts) / 1000;
  return h("li", { class: "closed" },
    h("button", { class: "closed-open", type: "button", on: { click: () => go.alert(alert.id) } },
      severityMark(alert.severity), h("span", { class: "closed-kind", text: `${isTest(alert) ? `【${t("test.badge")}】` : ""}${word("kind", alert.kind)}` }),
      h("span", { class: "closed-place", text: `${shedLine(model, alert)} ${spotLine(model, alert)}` }),
      h("span", { class: "closed-time", title: clockTime(alert.closed_ts), text: `${t("alarm.closed_at", { time: moment(alert.closed_ts, nowMs) })} · ${t("alarm.lasted", { elapsed: elapsed(lasted) })}` })));
}
