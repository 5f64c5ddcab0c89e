// One port as a cell. State is told by fill, outline and letter, an alarm by a frame: never by colour alone.

import { h, setAttr, setText } from "./dom.js";
import { isNumber } from "./format.js";
import { t, word } from "./i18n.js";

// Where a port's temperature begins to be worth a glance; alarms have limits of their own on the server.
export const WARM_C = 50;
export const HOT_C = 60;

export const stateOf = (port) => (port.state ? port.state : "unknown");
export const valueOf = (port, field) => port.values?.[field]?.value;

/** What stands large in the cell: power while it flows, else the state's letter. */
function mainText(port) {
  const state = stateOf(port);
  const watts = valueOf(port, "power_w");
  if (["charging", "float"].includes(state) && isNumber(watts)) return String(Math.round(watts));
  return word("port.letter", state, "?").trim();
}

/** A cell that `open(port number)` when chosen. */
export function createCell(open) {
  const number = h("span", { class: "cell-number" });
  const heat = h("span", { class: "cell-heat" });
  const main = h("span", { class: "cell-main" });
  const element = h("button", { class: "cell", type: "button", on: { click: () => open() } }, number, heat, main);
  return { element, number, heat, main };
}

/** Shows `port`; `severity` of its worst open alert or null, `offline` where its charger is silent. */
export function updateCell(view, port, severity, offline) {
  const state = stateOf(port);
  const temperature = valueOf(port, "temperature_c");
  const warm = isNumber(temperature) && temperature >= WARM_C;
  setText(view.number, String(port.port));
  setText(view.main, mainText(port));
  setText(view.heat, warm ? `${Math.round(temperature)}°` : "");
  setAttr(view.element, "data-state", state);
  setAttr(view.element, "data-heat", warm ? (temperature >= HOT_C ? "hot" : "warm") : null);
  setAttr(view.element, "data-severity", severity);
  setAttr(view.element, "data-offline", offline);
  setAttr(view.element, "aria-label", describe(port, severity, warm ? temperature : null));
}

function describe(port, severity, temperature) {
  const watts = valueOf(port, "power_w");
  return t("port.aria", {
    number: port.port,
    state: word("port.state", stateOf(port)),
    power: isNumber(watts) && watts >= 1 ? `${Math.round(watts)} W` : "",
    temperature: temperature === null ? "" : `${Math.round(temperature)} °C`,
    alarm: severity ? word("severity", severity) : "",
  }).replace(/\s+/g, " ").trim();
}
