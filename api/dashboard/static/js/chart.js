// History charts of one port: a small chart a field, one above the other with a common cursor.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import * as clock from "./clock.js";
import { fill, h, setAttr, setText } from "./dom.js";
import { unitOf } from "./format.js";
import { lang, t } from "./i18n.js";
import { getJson } from "./net.js";

const HOUR = 3600;
const RANGES = { "1h": [HOUR, 10], "6h": [6 * HOUR, 60], "24h": [24 * HOUR, 300], "7d": [7 * 24 * HOUR, 1800] };
// The hottest moment of a bucket is the one that matters; a mean would hide it.
const SERIES = [["power_w", "mean", "#6cb6e8"], ["current_a", "mean", "#9ad0a8"], ["temperature_c", "max", "#e8b45a"]];
const RELOAD_MS = 30_000;
const ZONE = "Asia/Shanghai";
const HEIGHT_REM = 8.5;
let syncs = 0;

/** `[times_s, values]` for uPlot, with a hole wherever nothing came for much longer than usual. */
export function withHoles(points, everyS) {
  const gaps = points.slice(1).map((point, index) => point[0] - points[index][0]).sort((a, b) => a - b);
  const usual = gaps.length ? gaps[Math.floor(gaps.length / 2)] : 0;
  const hole = Math.max(3 * everyS * 1000, 2.5 * usual);
  const times = [];
  const values = [];
  for (const [ms, value] of points) {
    const last = times.at(-1);
    if (last !== undefined && ms - last * 1000 > hole) {
      times.push(last + everyS);
      values.push(null);
    }
    times.push(ms / 1000);
    values.push(value);
  }
  return [times, values];
}

/** Charts of `site/shed/charger` port `port`; `tick()` reloads now and then, `destroy()` frees the canvases. */
export function createHistory(device, port) {
  const boxes = SERIES.map(([field]) => ({
    field,
    box: h("div", { class: "chart-box" }),
    note: h("p", { class: "chart-note" }),
    title: h("h4", { class: "chart-title" }, t(`field.${field}`), h("span", { class: "chart-now" })),
    plot: null,
  }));
  const buttons = Object.keys(RANGES).map((name) =>
    h("button", { class: "segment", type: "button", text: t(`range.${name}`), data: { range: name }, on: { click: () => choose(name) } }));
  const element = h("section", { class: "history" },
    h("header", { class: "section-head" }, h("h3", { text: t("port.history") }), h("div", { class: "segments", role: "group" }, buttons)),
    boxes.map((one) => h("figure", { class: "chart" }, one.title, one.box, one.note)));
  const sync = uPlot.sync(`history-${(syncs += 1)}`);
  const resize = new ResizeObserver(() => boxes.forEach((one) => one.plot?.setSize(sizeOf(one.box))));
  resize.observe(element);
  let range = "6h";
  let round = 0;
  let dueAt = 0;
  let gone = false;

  function choose(name) {
    range = name;
    dueAt = 0;
    tick();
  }

  function tick() {
    buttons.forEach((button) => setAttr(button, "aria-pressed", button.dataset.range === range ? "true" : "false"));
    if (gone || performance.now() < dueAt) return;
    dueAt = performance.now() + RELOAD_MS;
    load();
  }

  async function load() {
    round += 1;
    const mine = round;
    const [spanS, everyS] = RANGES[range];
    const to = clock.now();
    const from = to - spanS * 1000;
    await Promise.all(SERIES.map(async ([field, agg, colour], index) => {
      const query = new URLSearchParams({ device, port, field, from, to, every_s: everyS, agg });
      try {
        const answer = await getJson(`/history?${query}`);
        if (mine === round && !gone) draw(boxes[index], Array.isArray(answer.points) ? answer.points : [], { from, to, everyS, colour, field });
      } catch (error) {
        if (mine === round && !gone) setText(boxes[index].note, `${t("port.history_failed")}: ${error.message}`);
      }
    }));
  }

  function draw(one, points, span) {
    one.plot?.destroy();
    one.plot = null;
    setText(one.note, points.length ? "" : t("port.no_history"));
    const last = points.at(-1)?.[1];
    const [unit, digits] = unitOf(span.field);
    setText(one.title.lastChild, typeof last === "number" ? `${last.toFixed(digits)} ${unit}` : "");
    fill(one.box);
    if (points.length) one.plot = new uPlot(options(one.box, span, sync.key), withHoles(points, span.everyS), one.box);
  }

  function destroy() {
    gone = true;
    resize.disconnect();
    boxes.forEach((one) => one.plot?.destroy());
  }
  return { element, tick, destroy };
}

function rem() {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
}

function sizeOf(box) {
  return { width: Math.max(200, Math.floor(box.clientWidth)), height: Math.round(HEIGHT_REM * rem()) };
}

function options(box, { from, to, colour, field }, syncKey) {
  const size = rem();
  const [unit, digits] = unitOf(field);
  const axis = { stroke: "#8fa0b3", font: `${Math.round(size * 0.8)}px system-ui`, grid: { stroke: "#22303f", width: 1 }, ticks: { stroke: "#22303f", width: 1 } };
  const days = to - from > 24.5 * HOUR * 1000;
  return {
    ...sizeOf(box),
    tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), ZONE),
    fmtDate: (template) => uPlot.fmtDate(template),
    legend: { show: false },
    cursor: { sync: { key: syncKey }, y: false, points: { size: 7 } },
    scales: { x: { min: from / 1000, max: to / 1000 }, y: { range: (_, low, high) => bounds(field, low, high) } },
    axes: [
      { ...axis, size: size * 2, space: size * 5, values: [[86_400, "{M}/{D}", null, null, null, null, null, null, 1], [60, days ? "{M}/{D} {HH}:{mm}" : "{HH}:{mm}", null, null, null, null, null, null, 1], [1, "{HH}:{mm}:{ss}", null, null, null, null, null, null, 1]] },
      { ...axis, size: size * 3.6, values: (_, ticks) => ticks.map((tick) => `${tick}`) },
    ],
    series: [{}, { stroke: colour, width: 2, fill: `${colour}22`, points: { show: false } }],
    plugins: [readout(unit, digits)],
  };
}

// A scale from zero shows load; a temperature from zero would be a flat line.
function bounds(field, low, high) {
  if (low === null || low === undefined) return [0, 1];
  if (field === "temperature_c") return [Math.floor((low - 2) / 5) * 5, Math.ceil((high + 2) / 5) * 5];
  return [Math.min(0, low), Math.max(high * 1.1, field === "current_a" ? 0.1 : 10)];
}

/** Shows the value and time under the cursor, in the chart's corner. */
function readout(unit, digits) {
  const time = new Intl.DateTimeFormat(lang === "zh" ? "zh-CN" : "en-GB", { timeZone: ZONE, hourCycle: "h23", month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const label = h("div", { class: "chart-readout" });
  return {
    hooks: {
      init: (plot) => plot.over.append(label),
      setCursor: (plot) => {
        const at = plot.cursor.idx;
        const value = at === null || at === undefined ? null : plot.data[1][at];
        setText(label, typeof value === "number" ? `${time.format(plot.data[0][at] * 1000)}  ${value.toFixed(digits)} ${unit}` : "");
      },
    },
  };
}
