// A flood as a handful of lines: alarms of one kind in one shed together, each line opening to its alarms. A fire that
// nobody has seen to is never put into a group.

import * as clock from "./clock.js";
import { h, reconcile, setAttr, setText, severityMark } from "./dom.js";
import { elapsed } from "./format.js";
import { t, word } from "./i18n.js";
import { isFire, isTest, needsAck, rank } from "./model.js";
import { shedLine } from "./places.js";

const MAX_OPENED = 100;
// A question nobody answers goes away: the list moves on.
const ASK_MS = 8_000;

/** Alarms of one kind and shed together, worst and unseen first. */
export function groupsOf(alerts) {
  const groups = new Map();
  for (const alert of alerts) {
    const key = `${alert.site}/${alert.shed}/${alert.kind}`;
    if (!groups.has(key)) groups.set(key, { key, first: alert, alerts: [] });
    groups.get(key).alerts.push(alert);
  }
  for (const group of groups.values()) {
    group.waiting = group.alerts.filter(needsAck).length;
    group.worst = group.alerts.reduce((worst, alert) => (rank(alert.severity) > rank(worst) ? alert.severity : worst), "low");
    group.oldest = Math.min(...group.alerts.map((alert) => alert.raised_ts));
  }
  return [...groups.values()].sort((a, b) => rank(b.worst) - rank(a.worst) || (b.waiting > 0) - (a.waiting > 0) || b.alerts.length - a.alerts.length);
}

/** Whether an alarm stands for itself also in a flood. */
export const standsAlone = (alert) => isFire(alert) && alert.severity === "critical" && needsAck(alert) && !isTest(alert);

/** The list of groups; `createRow(alert)` makes the row of one alarm, `actions.acknowledgeGroup(body)` acknowledges one. */
export function createGroups(model, actions, createRow) {
  const element = h("ol", { class: "alarm-groups", hidden: true });
  const opened = new Set();
  let views = new Map();

  function update(groups, here) {
    for (const key of opened) if (!groups.some((group) => group.key === key)) opened.delete(key);
    views = reconcile(element, groups, (group) => group.key, (group) => createGroup(group.key), (view, group) => view.update(group, here));
  }

  function createGroup(key) {
    const mark = h("span", { class: "alarm-mark" });
    const kind = h("strong", { class: "group-kind" });
    const place = h("span", { class: "group-place" });
    const number = h("span", { class: "group-number" });
    const waiting = h("span", { class: "group-waiting" });
    const age = h("time", { class: "group-age" });
    const list = h("ol", { class: "alarm-list group-list", hidden: true });
    const ack = h("button", { class: "button button-ack group-ack", type: "button", hidden: true, data: { action: "acknowledge-group" }, on: { click: press } });
    const error = h("p", { class: "alarm-error", role: "alert" });
    let asked = null;
    const head = h("button", { class: "group-head", type: "button", "aria-expanded": "false", on: { click: toggle } }, mark, kind, number, place, waiting, age);
    let group = null;
    let here = null;
    let rows = new Map();

    function toggle() {
      if (opened.has(key)) opened.delete(key);
      else opened.add(key);
      draw();
    }

    // Asked for twice: what was seen at the first press is what the second one acknowledges.
    async function press() {
      if (!asked) {
        asked = { seen_ts: Math.floor(clock.now()), n: group.waiting, timer: setTimeout(() => { asked = null; draw(); }, ASK_MS) };
        draw();
        return;
      }
      const { seen_ts, timer } = asked;
      clearTimeout(timer);
      asked = null;
      ack.disabled = true;
      setText(error, "");
      const { site, shed, kind } = group.first;
      try {
        const done = await actions.acknowledgeGroup({ site, shed, kind, seen_ts });
        setText(error, done.left_out.length ? t("group.left_out", { n: done.left_out.length, why: done.left_out[0].why }) : "");
      } catch (failure) {
        setText(error, t("alarm.ack_failed", { reason: failure.message }));
      } finally {
        ack.disabled = false;
        draw();
      }
    }

    function draw() {
      ack.hidden = !(group.waiting > 1 && actions.mayAct() && !isFire(group.first));
      setText(ack, asked ? t("group.ack_sure", { n: asked.n }) : t("group.ack", { n: group.waiting }));
      const open = opened.has(key);
      list.hidden = !open;
      setAttr(head, "aria-expanded", String(open));
      rows = reconcile(list, open ? group.alerts.slice(0, MAX_OPENED) : [], (alert) => alert.id, createRow, (row, alert) => row.update(alert, here));
    }
    return {
      element: h("li", { class: "alarm-group", data: { group: key } }, h("div", { class: "group-line" }, head, ack), error, list),
      update(next, shed) {
        group = next;
        here = shed;
        if (mark.dataset.severity !== group.worst) mark.replaceChildren(severityMark(group.worst));
        mark.dataset.severity = group.worst;
        setAttr(this.element, "data-severity", group.worst);
        setAttr(this.element, "data-waiting", group.waiting > 0);
        setText(kind, word("kind", group.first.kind));
        setText(place, shedLine(model, group.first));
        setText(number, t("group.count", { n: group.alerts.length }));
        setText(waiting, group.waiting ? t("alarms.unacked", { n: group.waiting }) : t("alarms.all_acked"));
        draw();
      },
      tick(nowMs) {
        setText(age, elapsed((nowMs - group.oldest) / 1000));
        for (const row of rows.values()) row.tick(nowMs);
      },
    };
  }

  return {
    element,
    update,
    tick(nowMs) {
      for (const view of views.values()) view.tick(nowMs);
    },
  };
}
