// How much the alarms ask of the people on duty: one line over the list, and a panel with what repeats and stands too long.

import * as clock from "./clock.js";
import { fill, h, setAttr, setText } from "./dom.js";
import { duration, isNumber } from "./format.js";
import { t, word } from "./i18n.js";
import { getJson } from "./net.js";
import { shedLine, spotLine } from "./places.js";

const EVERY_MS = 10_000;
// One alarm in ten minutes is manageable for an operator; at five it is getting too much.
const BUSY = 5;

/** Reads the figures while the page lives; `model.load` is the newest answer, the topic `load` tells of it. */
export function followLoad(model) {
  const read = () => getJson("/alerts/load").then((load) => model.putLoad(load)).catch((error) => console.warn("load not read", error.message));
  read();
  setInterval(read, EVERY_MS);
}

/** The line; a press opens the panel. */
export function createLoadLine(model, go) {
  const rate = h("span", { class: "load-part load-rate" });
  const stale = h("span", { class: "load-part load-stale" });
  const wait = h("span", { class: "load-part" });
  const element = h("button", { class: "load-line", type: "button", hidden: true, title: t("load.title"), on: { click: () => go.load() } }, rate, stale, wait);
  return {
    element,
    update() {
      const load = model.load;
      element.hidden = !load;
      if (!load) return;
      setText(rate, t(load.flood ? "load.flood" : "load.rate", { n: load.announced_10min }));
      setText(stale, load.stale ? t("load.stale", { n: load.stale }) : "");
      setText(wait, isNumber(load.acknowledge_median_s) ? t("load.wait", { time: duration(load.acknowledge_median_s) }) : "");
      setAttr(element, "data-load", load.flood ? "flood" : load.per_operator_10min >= BUSY ? "busy" : "calm");
    },
  };
}

/** All figures. */
export function createLoadPanel(model) {
  const stats = h("dl", { class: "values" });
  const top = h("ol", { class: "load-top" });
  const element = h("div", { class: "load-panel" }, stats, h("section", {}, h("h3", { text: t("load.top") }), top));

  function update() {
    const load = model.load;
    if (!load) return;
    const figures = [
      ["announced_10min", load.announced_10min], ["per_operator", `${load.per_operator_10min} (${load.operators})`], ["peak", load.peak_10min],
      ["announced_24h", load.announced_24h], ["standing", load.standing], ["stale_24h", load.stale], ["chattering", load.chattering],
      ["ack_median", isNumber(load.acknowledge_median_s) ? duration(load.acknowledge_median_s) : "–"],
      ["priorities", ["critical", "high", "medium", "low"].map((severity) => load.by_severity[severity] ?? 0).join(" / ")],
    ];
    fill(stats, figures.map(([name, value]) => h("div", { class: "value" }, h("dt", { text: t(`load.${name}`) }), h("dd", { class: "value-figure", text: String(value) }))));
    fill(top, load.top.length ? load.top.map((one) => h("li", { class: "load-repeated" }, h("strong", { text: `${word("kind", one.kind)} ×${one.count}` }), h("span", { class: "muted", text: `${shedLine(model, one)} ${spotLine(model, one)}` }))) : h("li", { class: "muted", text: t("load.top_none") }));
  }
  return { element, title: () => t("load.title"), subtitle: () => (model.load ? t("load.at", { time: duration(Math.max(0, (clock.now() - model.load.at_ts) / 1000)) }) : ""), update, tick() {}, destroy() {} };
}
