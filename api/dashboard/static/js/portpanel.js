// One port: its values with their ages, its alarms, its history.

import * as clock from "./clock.js";
import { createHistory } from "./chart.js";
import { createCut } from "./cutpanel.js";
import { h, reconcile, setAttr, setText, severityMark } from "./dom.js";
import { age, fieldValue, isNumber } from "./format.js";
import { pick, t, word } from "./i18n.js";
import { portOf, shedKey } from "./model.js";
import { stateOf } from "./portcell.js";
import { deviceName, shedName, siteName } from "./places.js";

const ORDER = ["power_w", "current_a", "temperature_c", "energy_wh", "session_s"];
const OF_CHARGER = ["voltage_v", "leakage_ma", "temperature_c", "smoke", "breaker", "signal_pct"];
// Field hardware reports every three to five minutes; twice that is old.
const OLD_S = 600;

/** Rows of values that keep their ages running. */
export function createValues() {
  const element = h("dl", { class: "values" });
  let shown = new Map();
  return {
    element,
    update(values, order, label = (field) => word("field", field)) {
      const fields = [...order.filter((field) => values?.[field]), ...Object.keys(values ?? {}).filter((field) => !order.includes(field) && !["state", "fault"].includes(field))];
      shown = reconcile(element, fields, (field) => field,
        (field) => {
          const value = h("dd", { class: "value-figure" });
          const when = h("dd", { class: "value-age" });
          return { element: h("div", { class: "value" }, h("dt", { text: label(field) }), value, when), value, when, ts: null };
        },
        (row, field) => {
          row.ts = values[field].ts;
          setText(row.value, typeof values[field].value === "string" ? word("value", values[field].value) : fieldValue(field, values[field].value));
        });
    },
    tick(nowMs) {
      for (const row of shown.values()) {
        const seconds = isNumber(row.ts) ? Math.max(0, (nowMs - row.ts) / 1000) : null;
        setText(row.when, seconds === null ? "" : age(seconds));
        setAttr(row.element, "data-old", seconds !== null && seconds > OLD_S);
      }
    },
  };
}

export function createPortPanel(model, go, actions, { site, shed, charger, port }) {
  const key = shedKey(site, shed);
  const state = h("span", { class: "state-chip" });
  const fault = h("span", { class: "state-fault" });
  const none = h("p", { class: "muted" });
  const values = createValues();
  const common = createValues();
  const owner = h("h3");
  const alarms = h("ul", { class: "panel-alarms" });
  const cut = createCut(actions.mayAct, { site, shed, charger, port });
  const history = createHistory(`${site}/${shed}/${charger}`, port);
  const element = h("div", { class: "port-panel" },
    h("div", { class: "port-state" }, state, fault), alarms, cut.element,
    h("h3", { text: t("port.latest") }), none, values.element,
    owner, common.element, history.element);

  function update() {
    const detail = model.details.get(key);
    const known = detail?.chargers?.find((one) => one.id === charger);
    const one = known?.ports?.find((candidate) => candidate.port === port);
    const name = stateOf(one ?? {});
    setText(state, word("port.state", name));
    setAttr(state, "data-state", name);
    setText(fault, [one?.fault ? word("fault", one.fault) : "", known?.online === false ? t("charger.offline") : ""].filter(Boolean).join(" · "));
    setText(none, one && Object.keys(one.values ?? {}).length ? "" : t("port.no_values"));
    values.update(one?.values, ORDER);
    setText(owner, deviceName(model, site, shed, charger));
    common.update(known?.values, OF_CHARGER);
    const mine = model.openAlerts(site, shed).filter((alert) => portOf(alert, detail) === `${charger}#${port}`);
    reconcile(alarms, mine, (alert) => `${alert.id}:${alert.severity}`,
      (alert) => ({ element: h("li", {}, h("button", { class: "panel-alarm", type: "button", data: { severity: alert.severity }, on: { click: () => go.alert(alert.id) } }, severityMark(alert.severity), h("strong", { text: word("kind", alert.kind) }), h("span", { text: pick(alert.message) }))) }),
      () => {});
    tick();
  }

  function tick() {
    const nowMs = clock.now();
    values.tick(nowMs);
    common.tick(nowMs);
    history.tick();
  }

  const title = () => t("port.title", { charger: deviceName(model, site, shed, charger), port });
  const subtitle = () => `${siteName(model, site, shed)} · ${shedName(model, site, shed)}`;
  const destroy = () => {
    history.destroy();
    cut.destroy();
  };
  return { element, title, subtitle, update, tick, destroy };
}
