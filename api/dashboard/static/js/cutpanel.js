// Cutting a port's power: asked for twice, then followed to its proof by the meter. Power off is not safe, and it says so.

import * as clock from "./clock.js";
import { h, icon, reconcile, setAttr, setText } from "./dom.js";
import { moment } from "./format.js";
import { t, word } from "./i18n.js";
import { getJson, itemsOf, postJson } from "./net.js";

const POLL_MS = 1000;
// A question nobody answers goes away: the next finger on the screen may be somebody else's.
const ASK_MS = 15_000;

export function createCut(mayAct, { site, shed, charger, port }) {
  const ask = h("button", { class: "button button-danger", type: "button", data: { action: "cut" }, on: { click: () => show(true) } }, icon("power"), t("cut.ask"));
  const yes = h("button", { class: "button button-danger", type: "button", data: { action: "cut-confirm" }, text: t("cut.confirm", { port }), on: { click: order } });
  const no = h("button", { class: "button", type: "button", text: t("nav.cancel"), on: { click: () => show(false) } });
  const question = h("div", { class: "cut-question", hidden: true }, h("p", { text: t("cut.question") }), h("div", { class: "cut-buttons" }, yes, no));
  const error = h("p", { class: "alarm-error", role: "alert" });
  const state = h("p", { class: "cut-state", role: "status" });
  const warning = h("p", { class: "cut-warning" });
  const steps = h("ol", { class: "log cut-log" });
  const element = h("section", { class: "cut" }, h("h3", { text: t("cut.title") }), ask, question, error, state, warning, steps);
  let cut = null;
  let timer = null;
  let asked = null;
  let gone = false;

  function show(open) {
    question.hidden = !open;
    ask.hidden = open || !mayAct();
    clearTimeout(asked);
    if (open) {
      asked = setTimeout(() => show(false), ASK_MS);
      yes.focus();
    }
  }

  async function order() {
    show(false);
    setText(error, "");
    ask.disabled = true;
    try {
      cut = await postJson(`/chargers/${site}/${shed}/${charger}/ports/${port}/cut`, {});
      follow();
    } catch (failure) {
      setText(error, t("cut.failed", { reason: failure.message }));
    } finally {
      ask.disabled = false;
    }
  }

  async function find() {
    try {
      const recent = itemsOf(await getJson("/cuts?limit=50"));
      cut = recent.find((one) => one.site === site && one.shed === shed && one.device === charger && (one.port === port || one.port === null)) ?? null;
    } catch {
      // What was cut before is no part of what the port does now.
    }
    if (cut && !gone) follow();
  }

  async function look() {
    try {
      cut = await getJson(`/cuts/${encodeURIComponent(cut.id)}`);
    } catch (failure) {
      setText(error, failure.message);
    }
    if (!gone) follow();
  }

  function follow() {
    draw();
    clearTimeout(timer);
    const over = cut.state === "failed" || (cut.state === "verified" && clock.now() > (cut.watch_until_ts ?? 0));
    if (!over) timer = setTimeout(look, cut.state === "verified" ? 10 * POLL_MS : POLL_MS);
  }

  function draw() {
    setText(state, word("cut.state", cut.state));
    setAttr(state, "data-state", cut.state);
    const watched = cut.state === "verified" && clock.now() < (cut.watch_until_ts ?? 0);
    setText(warning, watched ? t("cut.watched", { time: moment(cut.watch_until_ts, clock.now()) }) : cut.state === "failed" ? t("cut.by_hand") : "");
    reconcile(steps, cut.log.toReversed(), (step) => `${step.ts}:${step.state}`,
      (step) => ({ element: h("li", { class: "log-line" }, h("time", { text: moment(step.ts, clock.now()) }), h("strong", { text: word("cut.state", step.state) }), h("span", { text: step.note || cut.who })) }),
      () => {});
  }

  show(false);
  find();
  return {
    element,
    destroy() {
      gone = true;
      clearTimeout(timer);
      clearTimeout(asked);
    },
  };
}
