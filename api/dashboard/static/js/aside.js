// What is not announced on purpose: shelved, out of service, suppressed. Each with its reason, how long that has been so, and
// what ends it, so that nothing is forgotten there.

import * as clock from "./clock.js";
import { h, reconcile, setAttr, setText, severityMark } from "./dom.js";
import { duration, moment } from "./format.js";
import { t, word } from "./i18n.js";
import { rank } from "./model.js";
import { shedLine, spotLine } from "./places.js";

const MAX_ROWS = 100;
// Longer than a shift: whoever put it aside has gone home.
const LONG_S = 8 * 3600;

/** The list under the alarms; hidden while nothing is put aside. */
export function createAside(model, go) {
  const count = h("span", { class: "aside-count" });
  const list = h("ol", { class: "aside-list" });
  const element = h("details", { class: "aside", hidden: true }, h("summary", {}, h("span", { text: t("aside.title") }), count), list);
  let rows = new Map();

  function update(alerts) {
    element.hidden = alerts.length === 0;
    const of = (state) => alerts.filter((alert) => alert.state === state).length;
    setText(count, ["shelved", "out_of_service", "suppressed"].filter(of).map((state) => `${word("state", state)} ${of(state)}`).join(" · "));
    // What is silenced by people first, the longest before the others; what has a cause of its own after it.
    const ordered = alerts.toSorted((a, b) => (a.state === "suppressed") - (b.state === "suppressed") || rank(b.severity) - rank(a.severity) || sinceMs(a) - sinceMs(b));
    rows = reconcile(list, ordered.slice(0, MAX_ROWS), (alert) => alert.id, (alert) => createRow(model, alert, go), (row, alert) => row.update(alert));
    tick();
  }

  function tick() {
    for (const row of rows.values()) row.tick(clock.now());
  }
  return { element, update, tick };
}

const sinceMs = (alert) => alert.aside?.since_ts ?? alert.raised_ts;

/** Why, by whom and until when, in one line. */
export function asideLine(model, alert, nowMs) {
  const aside = alert.aside;
  if (!aside) return word("state", alert.state);
  if (alert.state === "suppressed") {
    const parent = model.alerts.get(aside.parent);
    return parent ? t("aside.under", { kind: word("kind", parent.kind), place: shedLine(model, parent) }) : t(`aside.rule.${aside.by}`);
  }
  const who = aside.approved_by ? t("aside.by_two", { by: aside.by, approved: aside.approved_by }) : aside.by;
  return t("aside.by", { who, until: moment(aside.until_ts, nowMs), note: aside.note });
}

function createRow(model, first, go) {
  let alert = first;
  const mark = h("span", { class: "aside-mark" });
  const what = h("span", { class: "aside-what" });
  const place = h("span", { class: "aside-place" });
  const why = h("span", { class: "aside-why" });
  const age = h("time", { class: "aside-age" });
  const element = h("li", { class: "aside-row", data: { asideId: first.id } },
    h("button", { class: "aside-open", type: "button", on: { click: () => go.alert(alert.id) } }, mark, what, age, place, why));

  function update(next) {
    alert = next;
    if (mark.dataset.severity !== alert.severity) mark.replaceChildren(severityMark(alert.severity));
    mark.dataset.severity = alert.severity;
    setAttr(element, "data-state", alert.state);
    setText(what, `${word("state", alert.state)} · ${word("kind", alert.kind)}`);
    setText(place, `${shedLine(model, alert)} ${spotLine(model, alert)}`);
    tick(clock.now());
  }

  function tick(nowMs) {
    const seconds = (nowMs - sinceMs(alert)) / 1000;
    setText(age, t("aside.since", { elapsed: duration(seconds) }));
    setAttr(element, "data-long", seconds > LONG_S);
    setText(why, asideLine(model, alert, nowMs));
  }
  return { element, update, tick };
}
