// What people may order about an alarm: the buttons that its state allows, and one dialog that asks what each needs.
// The server judges; a refusal is shown in the dialog, which stays open with what was typed.

import * as clock from "./clock.js";
import { fill, h, setAttr, setText, severityMark } from "./dom.js";
import { moment } from "./format.js";
import { t, word } from "./i18n.js";
import { isAside, isFire } from "./model.js";
import { placeLine } from "./places.js";

const SHELVE_STEPS = [2, 5, 15, 30, 60, 120, 240, 480, 1440];
const OUT_STEPS = [60, 240, 480, 1440, 4320, 10080, 43200];
const CAUSES = ["headlights", "insects", "infrared", "steam", "cigarette", "welding", "other"];
// A dialog nobody answers goes away: it dims a wall that others look at.
const DIALOG_MS = 120_000;

/** The longest time an alarm may be put aside, in minutes. */
export function longest(alert, order, limits) {
  const bySeverity = limits.shelve[alert.severity] ?? limits.shelve.critical;
  if (order === "shelve") return isFire(alert) ? Math.min(limits.shelve_fire, bySeverity) : bySeverity;
  return isFire(alert) ? limits.out_of_service_fire : limits.out_of_service;
}

/** Which orders the state of an alarm allows `me`; acknowledging has a button of its own. */
export function allowed(alert, me, nowMs) {
  if (alert.closed_ts) return alert.false_alarm ? ["comment"] : ["comment", "false_alarm"];
  const orders = ["comment", "assign"];
  const asked = pending(alert, nowMs);
  if (alert.state === "suppressed") return orders;
  if (isAside(alert)) orders.unshift("unshelve");
  else orders.unshift("shelve");
  orders.push("false_alarm");
  if (alert.state !== "out_of_service" && asked?.by !== me) orders.push(asked ? "allow" : "out_of_service");
  if (alert.active === false) orders.push("close");
  return orders;
}

/** The request to take an alarm out of service that still waits for a second person, or null. */
export const pending = (alert, nowMs) => (alert.service_request && nowMs < alert.service_request.lapses_ts ? alert.service_request : null);

/** The buttons under an alarm; `order(alert, verb, body)` resolves when done and throws RequestError. */
export function createOrders(model, actions) {
  const note = h("p", { class: "order-note" });
  const buttons = h("div", { class: "panel-actions" });
  const element = h("div", { class: "orders" }, note, buttons);
  let shown = "";

  function update(alert) {
    const nowMs = clock.now();
    const asked = pending(alert, nowMs);
    setText(note, asked && !alert.closed_ts ? t("order.asked", { who: asked.by, time: span(asked.minutes), note: asked.note, until: moment(asked.lapses_ts, nowMs) }) : "");
    const wanted = actions.mayAct() ? allowed(alert, model.me.name, nowMs) : [];
    const key = `${wanted.join()}|${alert.id}`;
    buttons.hidden = wanted.length === 0;
    if (key === shown) return;
    shown = key;
    fill(buttons, wanted.map((order) => h("button", { class: `button order-${order}`, type: "button", data: { order }, on: { click: () => openDialog(model, model.alerts.get(alert.id) ?? alert, order, actions) } }, h("span", { text: t(`order.${order}`) }))));
  }
  return { element, update };
}

const VERBS = { out_of_service: "out-of-service", allow: "out-of-service", false_alarm: "false-alarm" };

/** Ask what an order needs and give it. */
export function openDialog(model, alert, order, actions) {
  const dialog = document.getElementById("order-dialog");
  const nowMs = clock.now();
  const fields = fieldsOf(model, alert, order);
  const error = h("p", { class: "dialog-error", role: "alert" });
  const send = h("button", { class: "button button-ack", type: "submit", data: { action: "confirm" } }, t(`order.${order}`));
  const cancel = h("button", { class: "button", type: "button", data: { action: "cancel" }, on: { click: () => dialog.close() } }, t("nav.cancel"));
  const form = h("form", { class: "order-form" },
    h("h2", { id: "order-title" }, severityMark(alert.severity), `${t(`order.${order}`)} · ${word("kind", alert.kind)}`),
    h("p", { class: "order-place", text: placeLine(model, alert) }),
    h("p", { class: "muted", text: hintOf(model, alert, order, nowMs) }),
    ...fields.elements, error, h("div", { class: "dialog-actions" }, cancel, send));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    setText(error, "");
    try {
      await actions.order(alert, VERBS[order] ?? order, fields.body());
      dialog.close();
    } catch (failure) {
      setText(error, t("order.failed", { reason: failure.message }));
    } finally {
      send.disabled = false;
    }
  });
  const leave = setTimeout(() => !form.querySelector("textarea")?.value && dialog.close(), DIALOG_MS);
  dialog.onclose = () => clearTimeout(leave);
  fill(dialog, form);
  dialog.showModal();
  (form.querySelector("[data-first]") ?? send).focus();
}

function hintOf(model, alert, order, nowMs) {
  if (order === "shelve") return t(isFire(alert) ? "order.hint.shelve_fire" : "order.hint.shelve", { max: span(longest(alert, "shelve", model.limits)) });
  if (order === "allow") {
    const asked = pending(alert, nowMs);
    return t("order.hint.allow", { who: asked.by, time: span(asked.minutes), note: asked.note });
  }
  return t(`order.hint.${order}`);
}

function fieldsOf(model, alert, order) {
  const elements = [];
  const read = {};
  if (order === "shelve" || order === "out_of_service") addMinutes(elements, read, longest(alert, order, model.limits), order === "shelve" ? SHELVE_STEPS : OUT_STEPS);
  if (order === "assign") {
    const name = h("input", { class: "field", id: "order-assignee", maxlength: "64", value: alert.assignee ?? model.me.name ?? "", "data-first": true });
    elements.push(h("label", { for: "order-assignee", text: t("order.assignee") }), name);
    read.assignee = () => name.value.trim();
  }
  if (order === "false_alarm") {
    const cause = h("select", { class: "select", id: "order-cause", required: true, "data-first": true }, h("option", { value: "", text: t("duty.false_cause") }), CAUSES.map((one) => h("option", { value: one, text: t(`duty.cause.${one}`) })));
    elements.push(h("label", { for: "order-cause", text: t("duty.false_cause") }), cause);
    read.cause = () => cause.value;
  }
  const needed = ["shelve", "out_of_service", "comment"].includes(order);
  const note = h("textarea", { id: "order-note", rows: "3", maxlength: "500", required: needed, "data-first": order === "comment" });
  elements.push(h("label", { for: "order-note", text: t(needed ? "order.reason" : "alarm.note_hint") }), note);
  read.note = () => note.value.trim();
  return { elements, body: () => Object.fromEntries(Object.entries(read).map(([name, value]) => [name, value()]).filter(([name, value]) => value !== "" || name === "assignee")) };
}

/** So many minutes in the largest unit that they are whole in. */
function span(minutes) {
  if (minutes % 1440 === 0) return t("order.days", { n: minutes / 1440 });
  return minutes % 60 === 0 ? t("order.hours", { n: minutes / 60 }) : t("order.mins", { n: minutes });
}

// Choices that fit, and any number between; the first offer is a short one.
function addMinutes(elements, read, max, steps) {
  const input = h("input", { class: "field field-minutes", id: "order-minutes", type: "number", min: "1", max: String(max), step: "1", required: true, value: String(Math.min(max, steps === OUT_STEPS ? 480 : 15)) });
  const choices = steps.filter((step) => step <= max).map((step) => h("button", { class: "segment", type: "button", data: { minutes: step }, text: span(step), on: { click: () => choose(step) } }));
  const mark = () => choices.forEach((one) => setAttr(one, "aria-pressed", String(one.dataset.minutes === input.value)));
  function choose(step) {
    input.value = String(step);
    mark();
  }
  input.addEventListener("input", mark);
  mark();
  elements.push(h("div", { class: "segments minutes" }, choices), h("label", { class: "minutes-line", for: "order-minutes" }, input, t("order.minutes", { max })));
  read.minutes = () => Number(input.value);
}
