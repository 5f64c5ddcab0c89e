// The quiet screen: that nothing is wrong is information too, with the figures that prove it is being looked at.

import * as clock from "./clock.js";
import { h, icon, setAttr, setText } from "./dom.js";
import { age, isNumber, moment, power } from "./format.js";
import { t } from "./i18n.js";

/** Sums over all sheds. */
export function totals(model) {
  const sum = { ports: 0, charging: 0, idle: 0, power: 0, cameras: 0, blind: 0, chargers: 0, offline: 0 };
  for (const entry of model.sheds.values()) {
    sum.ports += entry.ports?.total ?? 0;
    sum.charging += (entry.ports?.charging ?? 0) + (entry.ports?.float ?? 0);
    sum.idle += entry.ports?.idle ?? 0;
    sum.power += isNumber(entry.power_w) ? entry.power_w : 0;
    sum.cameras += entry.cameras?.total ?? 0;
    sum.blind += model.unseen(entry);
    sum.chargers += entry.chargers?.total ?? 0;
    sum.offline += entry.chargers?.offline ?? 0;
  }
  return sum;
}

const stat = (label) => {
  const value = h("dd");
  return { value, element: h("div", { class: "stat" }, h("dt", { text: label }), value) };
};

/** Stands where alarms would; says so plainly when no alarm does not mean that all is seen. */
export function createCalm(model) {
  const stats = ["charging", "power", "cameras", "chargers", "last_message"].map((name) => [name, stat(t(`stat.${name}`))]);
  const [byName] = [Object.fromEntries(stats)];
  const title = h("p", { class: "calm-title" });
  const text = h("p", { class: "calm-text" });
  const since = h("p", { class: "calm-since" });
  const good = h("span", { class: "calm-icon calm-good" }, icon("check"));
  const doubt = h("span", { class: "calm-icon calm-doubt" }, icon("eyeoff"));
  const element = h("div", { class: "calm", hidden: true }, good, doubt, title, text,
    h("dl", { class: "stats" }, stats.map(([, one]) => one.element)), since);

  function show() {
    const sum = totals(model);
    const unseen = sum.blind + sum.offline > 0;
    setAttr(element, "data-doubt", unseen);
    setText(title, t(unseen ? "calm.not_seen_title" : "calm.title"));
    setText(text, unseen ? t("calm.not_seen", { cameras: sum.blind, chargers: sum.offline }) : t("calm.text"));
    setText(byName.charging.value, t("stat.ports_of", { n: sum.charging, total: sum.ports }));
    setText(byName.power.value, power(sum.power));
    setText(byName.cameras.value, t("stat.ports_of", { n: sum.cameras - sum.blind, total: sum.cameras }));
    setText(byName.chargers.value, t("stat.ports_of", { n: sum.chargers - sum.offline, total: sum.chargers }));
    setText(since, model.lastClosedMs ? t("calm.since", { time: moment(model.lastClosedMs, clock.now()) }) : "");
    tick();
  }

  function tick() {
    if (element.hidden) return;
    setText(byName.last_message.value, isNumber(model.lastMessageMs) ? age(Math.max(0, (clock.now() - model.lastMessageMs) / 1000)) : "–");
  }

  return {
    element,
    tick,
    update(visible) {
      element.hidden = !visible;
      if (visible) show();
    },
  };
}
