// The duty room's steps after a fire alarm, each recorded in the alarm's log as a note with a fixed text, so that the
// log is the record sheet and every screen shows the same steps as done.

import * as clock from "./clock.js";
import { h, icon, reconcile, setAttr, setText } from "./dom.js";
import { moment } from "./format.js";
import { t } from "./i18n.js";

const STEPS = {
  station_called: "已通知微型消防站 / Micro fire station called",
  called_119: "已拨打119 / 119 called",
  on_scene: "人员到场 / Crew on scene",
  result_fire: "现场结果：真实火情 / Result: real fire",
  result_false: "现场结果：误报 / Result: false alarm",
};
const CAUSES = {
  headlights: "车灯 / headlights", insects: "飞虫蛛网 / insects", infrared: "红外切换 / IR switch", steam: "水汽 / steam",
  cigarette: "吸烟 / cigarette", welding: "电焊施工 / welding", other: "其他 / other",
};

/** The steps found in a log: step to its transition. */
export function stepsDone(log) {
  const done = new Map();
  for (const entry of log) {
    for (const [step, text] of Object.entries(STEPS)) if (entry.note?.startsWith(text) && !done.has(step)) done.set(step, entry);
    if (["acknowledge", "notice"].includes(entry.action) && !done.has("confirm")) done.set("confirm", entry);
  }
  return done;
}

/** When the crew was on the scene by a log, or null. */
export const arrivedMs = (log) => stepsDone(log).get("on_scene")?.at_ms ?? null;

/** The steps as buttons; `record(note)` writes one to the log and resolves when it is there. */
export function createResponse(mayAct, record) {
  const list = h("ol", { class: "steps" });
  const error = h("p", { class: "alarm-error", role: "alert" });
  const cause = h("select", { class: "select", "aria-label": t("duty.false_cause") },
    h("option", { value: "", text: t("duty.false_cause") }), Object.keys(CAUSES).map((name) => h("option", { value: name, text: t(`duty.cause.${name}`) })));
  const element = h("section", { class: "response" }, h("h3", { text: t("duty.title") }), list, error);

  async function send(step, button) {
    const reason = step === "result_false" && cause.value ? ` (${CAUSES[cause.value]})` : "";
    button.disabled = true;
    setText(error, "");
    try {
      await record(STEPS[step] + reason);
    } catch (failure) {
      setText(error, t("duty.failed", { reason: failure.message }));
    } finally {
      button.disabled = false;
    }
  }

  function create(step) {
    const when = h("span", { class: "step-when" });
    const button = h("button", { class: "button button-step", type: "button", text: t("duty.record"), on: { click: () => send(step, button) } });
    const row = h("li", { class: "step" }, h("span", { class: "step-mark" }, icon("check")), h("span", { class: "step-name", text: t(`duty.step.${step}`) }),
      step === "result_false" ? cause : null, when, step === "confirm" ? null : button);
    return { element: row, when, button };
  }

  function update(log) {
    const done = stepsDone(log);
    const decided = done.has("result_fire") || done.has("result_false");
    reconcile(list, ["confirm", ...Object.keys(STEPS)], (step) => step, create, (row, step) => {
      const entry = done.get(step);
      setAttr(row.element, "data-done", Boolean(entry));
      setText(row.when, entry ? t("duty.recorded", { time: moment(entry.at_ms, clock.now()), who: entry.who }) : "");
      row.button.hidden = Boolean(entry) || !mayAct() || (step.startsWith("result_") && decided);
    });
    cause.hidden = decided || !mayAct();
  }
  return { element, update };
}
