// One shed in full: cameras, every port with its figures, sensors, extinguishers.

import * as clock from "./clock.js";
import { createCameras } from "./cameras.js";
import { h, icon, reconcile, setAttr, setText } from "./dom.js";
import { age, fieldValue, isNumber, power } from "./format.js";
import { pick, t, word } from "./i18n.js";
import { PORT_STATES, shedKey } from "./model.js";
import { createChargers } from "./shedcard.js";

export function createShedView(model, go, { site, shed }) {
  const key = shedKey(site, shed);
  const name = h("h1", { class: "shed-name" });
  const facts = h("span", { class: "shed-facts" });
  const watts = h("span", { class: "card-power" });
  const note = h("p", { class: "muted" });
  const chargers = createChargers(go);
  const cameraList = () => (model.details.get(key)?.cameras ?? []).map((camera) => ({ site, shed, id: camera.id, name: camera.name }));
  const cameras = createCameras(model, go, () => 6, cameraList);
  const sensors = h("ul", { class: "devices" });
  const extinguishers = h("ul", { class: "devices" });
  const section = (title, body, extra) => h("section", { class: "shed-section" }, h("h2", {}, title, extra), body);
  const legend = h("ul", { class: "legend" }, [...PORT_STATES, "unknown"].map((state) =>
    h("li", {}, h("span", { class: "cell cell-sample", data: { state } }, h("span", { class: "cell-main", text: state === "charging" || state === "float" ? "0" : word("port.letter", state).trim() })), word("port.state", state))),
    h("li", { text: t("port.legend") }));
  const parts = {
    cameras: section(t("shed.cameras"), cameras.element, cameras.pages),
    chargers: section(t("shed.chargers"), chargers.element),
    sensors: section(t("shed.sensors"), sensors),
    extinguishers: section(t("shed.extinguishers"), extinguishers),
  };
  const element = h("div", { class: "shed-view" },
    h("header", { class: "shed-head" },
      h("button", { class: "button button-quiet", type: "button", on: { click: () => go.wall() } }, icon("back"), h("span", { text: t("nav.back") })),
      name, facts, watts),
    note, parts.chargers, legend, parts.cameras, h("div", { class: "two" }, parts.sensors, parts.extinguishers));
  let rows = new Map();

  function update() {
    const detail = model.details.get(key);
    const entry = model.sheds.get(key) ?? detail?.summary;
    setText(name, `${pick(entry?.site_name ?? detail?.site_name, site)} ${pick(entry?.name ?? detail?.name, shed)}`);
    setText(watts, isNumber(entry?.power_w) ? power(entry.power_w) : "");
    const p = entry?.ports;
    setText(facts, p ? [t("shed.charging_of", { n: (p.charging ?? 0) + (p.float ?? 0) }), t("shed.free_of", { n: p.idle ?? 0 }), p.fault ? t("shed.fault_of", { n: p.fault }) : ""].filter(Boolean).join("  ") : "");
    setText(note, entry || detail ? "" : model.shedsKnown ? t("shed.not_found") : "");
    chargers.update(site, shed, detail, model.openAlerts(site, shed));
    cameras.update();
    rows = reconcile(sensors, detail?.sensors ?? [], (sensor) => sensor.id, createSensor, updateSensor);
    reconcile(extinguishers, detail?.extinguishers ?? [], (one) => one.id, createDevice, (view, one) => {
      setText(view.name, pick(one.name, one.id));
      setText(view.figure, one.inspected ? t("extinguisher.inspected", { date: one.inspected }) : t("extinguisher.never"));
    });
    parts.cameras.hidden = !detail?.cameras?.length;
    parts.sensors.hidden = !detail?.sensors?.length;
    parts.extinguishers.hidden = !detail?.extinguishers?.length;
    tick();
  }

  function tick(visible = true) {
    cameras.tick(visible);
    for (const row of rows.values()) setText(row.when, isNumber(row.ts) ? age(Math.max(0, (clock.now() - row.ts) / 1000)) : "");
  }
  return { element, update, tick, destroy: cameras.destroy };
}

function createDevice() {
  const view = { name: h("span", { class: "device-name" }), figure: h("span", { class: "device-figure" }), when: h("span", { class: "device-age" }), ts: null };
  return { ...view, element: h("li", { class: "device" }, view.name, view.figure, view.when) };
}

const createSensor = createDevice;

const UNIT_FIELD = { temperature: "temperature_c", humidity: "signal_pct" };

function updateSensor(view, sensor) {
  const alarm = sensor.values?.alarm;
  const value = sensor.values?.value;
  view.ts = value?.ts ?? alarm?.ts ?? null;
  setText(view.name, `${pick(sensor.name, sensor.id)} · ${word("sensor.kind", sensor.kind)}`);
  const texts = [sensor.online === false ? t("charger.offline") : "", alarm ? t(alarm.value ? "value.alarm" : "value.normal") : "",
    value ? fieldValue(UNIT_FIELD[sensor.kind] ?? "value", value.value) : ""].filter(Boolean);
  setText(view.figure, texts.join(" · ") || t("shed.no_data"));
  setAttr(view.element, "data-alarm", alarm?.value === true);
  setAttr(view.element, "data-offline", sensor.online === false);
}
