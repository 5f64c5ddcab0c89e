// A shed as a card: name, power, what is wrong, and every port in the group of its charger.

import { fill, h, icon, reconcile, setAttr, setText, severityMark } from "./dom.js";
import { isNumber, power } from "./format.js";
import { pick, t, word } from "./i18n.js";
import { PORT_STATES, isAside, portOf, rank, shedKey } from "./model.js";
import { createCell, updateCell } from "./portcell.js";

const MAX_COLUMNS = 12;

/** Worst open severity by port name `charger#3` and by device. */
export function severities(alerts, detail) {
  const worst = new Map();
  for (const alert of alerts) {
    if (isAside(alert)) continue;
    for (const key of new Set([portOf(alert, detail), alert.device])) {
      if (key && (!worst.has(key) || rank(alert.severity) > rank(worst.get(key)))) worst.set(key, alert.severity);
    }
  }
  return worst;
}

/** Ports a row: one row up to twelve, then equal rows. */
const columns = (count) => Math.ceil(count / Math.max(1, Math.ceil(count / MAX_COLUMNS)));

/** The chargers of a shed with a cell a port. `go.port(site, shed, charger, port)` opens one. */
export function createChargers(go) {
  const element = h("div", { class: "chargers" });
  const update = (site, shed, detail, alerts) => {
    const worst = severities(alerts, detail);
    reconcile(element, detail?.chargers ?? [], (charger) => charger.id, createCharger, (view, charger) => {
      const offline = charger.online === false;
      setText(view.name, pick(charger.name, charger.id));
      setText(view.offline, offline ? t("charger.offline") : "");
      setAttr(view.element, "data-offline", offline);
      setAttr(view.element, "data-severity", worst.get(charger.id));
      view.cells.style.setProperty("--columns", columns(charger.ports?.length ?? 1));
      reconcile(view.cells, charger.ports ?? [], (port) => port.port,
        (port) => createCell(() => go.port(site, shed, charger.id, port.port)),
        (cell, port) => updateCell(cell, port, worst.get(`${charger.id}#${port.port}`), offline));
    });
  };
  return { element, update };
}

function createCharger() {
  const name = h("span", { class: "charger-name" });
  const offline = h("span", { class: "charger-offline" });
  const cells = h("div", { class: "cells" });
  const element = h("section", { class: "charger" }, h("header", { class: "charger-head" }, name, offline), cells);
  return { element, name, offline, cells };
}

/** A proportion bar of the states of a shed's ports, for where there is no room for cells. */
function updateBar(bar, ports) {
  const parts = [...PORT_STATES, "unknown"].filter((state) => (ports?.[state] ?? 0) > 0);
  reconcile(bar, parts, (state) => state,
    (state) => ({ element: h("span", { class: "bar-part", data: { state } }) }),
    (view, state) => {
      view.element.style.setProperty("--share", ports[state]);
      setText(view.element, String(ports[state]));
      setAttr(view.element, "title", `${word("port.state", state)} ${ports[state]}`);
    });
}

export function createCard(model, go) {
  const name = h("span", { class: "card-name" });
  const site = h("span", { class: "card-site" });
  const watts = h("span", { class: "card-power" });
  const facts = h("div", { class: "card-facts" });
  const chargers = createChargers(go);
  const bar = h("div", { class: "bar" });
  const title = h("button", { class: "card-title", type: "button" }, site, name);
  const element = h("article", { class: "card" },
    h("header", { class: "card-head" }, title, facts, watts), chargers.element, bar);
  const view = { element, update };
  let current = null;
  title.addEventListener("click", () => current && go.shed(current.site, current.shed));

  function update(entry) {
    current = entry;
    const key = shedKey(entry.site, entry.shed);
    const alerts = model.openAlerts(entry.site, entry.shed);
    const detail = model.details.get(key);
    setText(name, pick(entry.name, entry.shed));
    setText(site, pick(entry.site_name, entry.site));
    setText(watts, isNumber(entry.power_w) ? power(entry.power_w) : t("shed.no_data"));
    setAttr(title, "aria-label", t("shed.open", { name: pick(entry.name, entry.shed) }));
    setAttr(element, "data-severity", model.worstOf(entry.site, entry.shed));
    updateFacts(facts, entry, alerts, model.unseen(entry));
    chargers.update(entry.site, entry.shed, detail, alerts);
    updateBar(bar, entry.ports);
  }
  return view;
}

function updateFacts(facts, entry, alerts, unseen) {
  const parts = [];
  const grave = alerts.filter((alert) => !isAside(alert));
  if (grave.length) parts.push(["alarm", grave[0].severity, `${word("kind", grave[0].kind)}${grave.length > 1 ? ` +${grave.length - 1}` : ""}`]);
  if (entry.chargers?.offline) parts.push(["offline", null, t("shed.offline_chargers", { n: entry.chargers.offline })]);
  if (unseen) parts.push(["blind", null, t("shed.blind_cameras", { n: unseen })]);
  if (entry.ports) {
    parts.push(["plain", null, t("shed.charging_of", { n: (entry.ports.charging ?? 0) + (entry.ports.float ?? 0) })]);
    parts.push(["plain", null, t("shed.free_of", { n: entry.ports.idle ?? 0 })]);
  }
  const wanted = JSON.stringify(parts);
  if (facts.shown === wanted) return;
  facts.shown = wanted;
  const icons = { offline: "offline", blind: "eyeoff" };
  fill(facts, parts.map(([kind, severity, text]) =>
    h("span", { class: `fact fact-${kind}`, data: severity ? { severity } : {} },
      kind === "alarm" ? severityMark(severity) : icons[kind] ? icon(icons[kind]) : null, text)));
}
