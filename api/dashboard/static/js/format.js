// Figures, times and durations as people read them.

import { lang, t } from "./i18n.js";

const LOCALE = lang === "zh" ? "zh-CN" : "en-GB";
// The duty room's time, wherever the browser stands: sheds are in China, and a foreign zone on a wall screen misleads.
const ZONE = "Asia/Shanghai";
const make = (options) => new Intl.DateTimeFormat(LOCALE, { timeZone: ZONE, hourCycle: "h23", ...options });
const CLOCK = make({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MINUTE = make({ hour: "2-digit", minute: "2-digit" });
const DAY = make({ month: "numeric", day: "numeric" });
const DATE = make({ year: "numeric", month: "long", day: "numeric", weekday: "short" });
const KEY = make({ year: "numeric", month: "2-digit", day: "2-digit" });

const UNITS = {
  power_w: ["W", 0], current_a: ["A", 2], voltage_v: ["V", 1], temperature_c: ["°C", 1], leakage_ma: ["mA", 1],
  energy_wh: ["Wh", 0], signal_pct: ["%", 0],
};

export const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** HH:MM:SS */
export const clockTime = (ms) => (isNumber(ms) ? CLOCK.format(ms) : "--:--:--");

/** HH:MM */
export const minuteTime = (ms) => (isNumber(ms) ? MINUTE.format(ms) : "--:--");

/** The date in words. */
export const dateText = (ms) => (isNumber(ms) ? DATE.format(ms) : "");

/** HH:MM:SS, with the day where that is not today. */
export function moment(ms, nowMs) {
  if (!isNumber(ms)) return "--:--";
  return KEY.format(ms) === KEY.format(nowMs) ? CLOCK.format(ms) : `${DAY.format(ms)} ${CLOCK.format(ms)}`;
}

/** A running time to read from afar: 04:31, 1:04:31, 2天3小时. */
export function elapsed(seconds) {
  if (!isNumber(seconds)) return "--:--";
  const s = Math.max(0, Math.floor(seconds));
  if (s >= 172_800) return duration(s);
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(s / 3600);
  const rest = `${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

/** A duration in words, two figures at most. */
export function duration(seconds) {
  if (!isNumber(seconds)) return "";
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return t("time.s", { s });
  if (s < 600) return t("time.ms", { m: Math.floor(s / 60), s: s % 60 });
  if (s < 3600) return t("time.m", { m: Math.floor(s / 60) });
  if (s < 86_400) return t("time.hm", { h: Math.floor(s / 3600), m: Math.floor((s % 3600) / 60) });
  return t("time.dh", { d: Math.floor(s / 86_400), h: Math.floor((s % 86_400) / 3600) });
}

/** "3 s ago"; below two seconds "now". */
export function age(seconds) {
  if (!isNumber(seconds)) return "";
  return seconds < 2 ? t("time.now") : t("port.age", { age: duration(seconds) });
}

/** Power that changes its unit at 10 kW and 1 kW: 812 W, 4.21 kW, 38.5 kW. */
export function power(watts) {
  if (!isNumber(watts)) return "–";
  if (Math.abs(watts) < 1000) return `${Math.round(watts)} W`;
  return `${(watts / 1000).toFixed(Math.abs(watts) < 10_000 ? 2 : 1)} kW`;
}

/** A field's value with its unit. */
export function fieldValue(field, value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return t(`value.${value}`);
  if (field === "session_s" && isNumber(value)) return duration(value);
  if (field === "energy_wh" && isNumber(value) && value >= 1000) return `${(value / 1000).toFixed(2)} kWh`;
  if (!isNumber(value)) return String(value);
  const [unit, digits] = UNITS[field] ?? ["", Number.isInteger(value) ? 0 : 1];
  return `${value.toFixed(digits)}${unit ? ` ${unit}` : ""}`;
}

/** An alert's figure with the unit it came with. */
export function figure(value, unit) {
  if (!isNumber(value)) return "–";
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  if (unit === "s") return duration(value);
  return `${value.toFixed(digits)}${unit ? ` ${unit}` : ""}`;
}

/** The unit and digits of a field. */
export const unitOf = (field) => UNITS[field] ?? ["", 1];
