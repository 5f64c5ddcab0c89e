// One alarm: what, where, how bad, the picture, what to do, what to tell 119, and everything that happened to it.

import * as clock from "./clock.js";
import { createDuty, evidenceUrl, figures, standing } from "./alarms.js";
import { fill, h, icon, reconcile, setAttr, setText, severityMark } from "./dom.js";
import { elapsed, minuteTime, moment } from "./format.js";
import { lang, listOf, pick, t, word } from "./i18n.js";
import { hasAcked, isAside, isFire, isTest, needsAck, portOf, shedKey } from "./model.js";
import { getJson, itemsOf } from "./net.js";
import { asideLine } from "./aside.js";
import { createOrders } from "./orders.js";
import { placeLine, shedName, siteName, spotLine } from "./places.js";
import { arrivedMs, createResponse } from "./response.js";

const FAMILIES = {
  fire: ["smoke", "flame", "smoke_sensor", "heat_sensor"],
  heat: ["over_temperature", "temperature_rise", "contact_ageing"],
  electric: ["over_current", "over_power", "over_voltage", "under_voltage", "leakage", "no_taper", "session_overlong"],
  weld: ["relay_welded", "cut_failed"],
  water: ["water"],
  corridor: ["corridor_blocked"],
  charger: ["charger_fault"],
  comms: ["shed_offline", "charger_offline", "telemetry_stale", "clock_skew"],
  camera: ["camera_offline", "camera_frozen", "camera_covered", "camera_blurred", "camera_moved", "camera_dark"],
  extinguisher: ["extinguisher_missing", "extinguisher_due"],
  service: ["service_degraded"],
};

const familyOf = (kind) => Object.keys(FAMILIES).find((family) => FAMILIES[family].includes(kind)) ?? "other";

export function createAlarmPanel(model, go, actions, id) {
  let alert = model.alerts.get(id) ?? null;
  let log = [];
  let built = null;
  let logRound = 0;
  let gone = false;
  const element = h("div", { class: "alarm-panel" });
  const logList = h("ol", { class: "log" });
  const logNote = h("p", { class: "muted" });
  const response = createResponse(actions.mayAct, async (note) => {
    await actions.comment(alert, note);
    await readLog();
  });
  const duty = createDuty(t("duty.arrive"));
  model.addEventListener(`alert:${id}`, changed);

  async function changed() {
    alert = model.alerts.get(id) ?? (await getJson(`/alerts/${encodeURIComponent(id)}`).catch(() => alert));
    update();
    readLog();
  }

  async function readLog() {
    logRound += 1;
    const mine = logRound;
    try {
      const entries = itemsOf(await getJson(`/alerts/${encodeURIComponent(id)}/log`));
      if (gone || mine !== logRound) return;
      log = entries;
      setText(logNote, log.length ? "" : t("log.empty"));
    } catch (error) {
      setText(logNote, `${t("log.failed")}: ${error.message}`);
    }
    reconcile(logList, log.toReversed(), (entry) => entry.seq, logLine, () => {});
    response.update(log);
    model.putArrival(id, arrivedMs(log));
  }

  async function start() {
    if (!alert) {
      try {
        alert = await getJson(`/alerts/${encodeURIComponent(id)}`);
      } catch (error) {
        fill(element, h("p", { class: "muted", text: error.status === 404 ? t("alarm.not_found") : error.message }));
        return;
      }
    }
    update();
    readLog();
  }

  function update() {
    if (!alert || gone) return;
    built ??= build();
    const nowMs = clock.now();
    setAttr(built.head, "data-severity", alert.severity);
    if (built.mark.dataset.severity !== alert.severity) fill(built.mark, severityMark(alert.severity));
    built.mark.dataset.severity = alert.severity;
    setText(built.severity, word("severity", alert.severity));
    setText(built.message, pick(alert.message));
    setText(built.facts, [figures(alert), t("alarm.raised_at", { time: moment(alert.raised_ts, nowMs) }), alert.count > 1 ? t("alarm.count", { n: alert.count }) : "",
      alert.assignee ? t("alarm.assignee", { who: alert.assignee }) : "", alert.cause && !alert.false_alarm ? t("alarm.cause", { cause: alert.cause }) : ""].filter(Boolean).join(" · "));
    setText(built.standing, alert.closed_ts ? t("alarm.closed_at", { time: moment(alert.closed_ts, nowMs) }) : standing(alert, nowMs));
    built.orders.update(alert);
    setText(built.aside, isAside(alert) ? asideLine(model, alert, nowMs) : "");
    setText(built.verdict, alert.false_alarm ? t("alarm.false_alarm", { cause: word("duty.cause", alert.cause) }) : "");
    built.ack.hidden = !(needsAck(alert) && actions.mayAct() && !alert.closed_ts && !hasAcked(alert, model.me));
    updateChildren();
    built.pictures.update(alert);
    setText(built.words, scriptText());
    updateLinks();
    tick();
  }

  function tick() {
    if (!built) return;
    const nowMs = clock.now();
    setText(built.elapsed, alert.closed_ts ? t("alarm.lasted", { elapsed: elapsed((alert.closed_ts - alert.raised_ts) / 1000) }) : elapsed((nowMs - alert.raised_ts) / 1000));
    if (alert.closed_ts) duty.element.hidden = true;
    else duty.update(alert, nowMs, model.arrivals.get(alert.id));
  }

  function build() {
    const parts = { mark: h("span", { class: "alarm-mark" }), severity: h("strong"), elapsed: h("time", { class: "big-time" }), message: h("p", { class: "big-message" }),
      facts: h("p", { class: "muted" }), words: h("p", { class: "script-text" }), links: h("div", { class: "panel-actions" }), standing: h("p", { class: "alarm-status" }), aside: h("p", { class: "alarm-aside" }), verdict: h("p", { class: "alarm-verdict" }), orders: createOrders(model, actions), children: h("ul", { class: "children" }), pictures: createPictures() };
    const error = h("p", { class: "alarm-error", role: "alert" });
    const send = async (note) => {
      setText(error, "");
      await actions.acknowledge(alert, note).catch((failure) => setText(error, t("alarm.ack_failed", { reason: failure.message })));
    };
    parts.ack = h("div", { class: "panel-actions" },
      h("button", { class: "button button-ack", type: "button", data: { action: "acknowledge" }, on: { click: () => actions.confirm(alert, send) } }, icon("check"), h("span", { text: t("alarm.ack") })));
    parts.head = h("section", { class: "alarm-hero" },
      h("div", { class: "alarm-hero-line" }, parts.mark, parts.severity, parts.elapsed), parts.message, parts.facts, parts.standing, parts.aside, parts.verdict, duty.element, parts.ack, error, parts.orders.element, parts.children);
    const fire = isFire(alert) && !isTest(alert);
    fill(element, isTest(alert) ? h("p", { class: "test-banner", text: t("test.banner") }) : null, parts.head, fire ? danger() : null, h("div", { class: "two" },
      h("div", { class: "stack" }, parts.pictures.element, parts.links),
      h("div", { class: "stack" }, isTest(alert) ? null : todo(), fire ? script(parts.words) : null, fire ? response.element : null)),
      h("section", { class: "log-section" }, h("h3", { text: t("log.title") }), logNote, logList));
    return parts;
  }

  // What waits under this alarm and comes back when it is over.
  function updateChildren() {
    const under = [...model.alerts.values()].filter((one) => one.aside?.parent === id);
    const wanted = under.map((one) => one.id).join();
    if (built.children.dataset.shown === wanted) return;
    built.children.dataset.shown = wanted;
    fill(built.children, under.length ? h("li", { class: "muted", text: t("aside.children", { n: under.length }) }) : null,
      under.slice(0, 30).map((one) => h("li", {}, h("button", { class: "link", type: "button", text: `${word("kind", one.kind)} · ${spotLine(model, one)}`, on: { click: () => go.alert(one.id) } }))));
  }

  const danger = () => h("section", { class: "danger" }, icon("fire"), h("div", {}, h("strong", { text: t("fire.title") }), h("p", { text: t("fire.text") })));

  const todo = () => h("section", { class: "todo" }, h("h3", { text: t("todo.title") }), h("ol", {}, listOf(`advice.${familyOf(alert.kind)}`).map((text) => h("li", { text }))));

  const scriptText = () =>
    t("script.text", { site: siteName(model, alert.site, alert.shed), shed: shedName(model, alert.site, alert.shed), place: (spotLine(model, alert) || alert.device).replaceAll(" · ", lang === "zh" ? "，" : ", "),
      what: word("script.what", alert.kind), time: minuteTime(alert.raised_ts) });

  function script(words) {
    const copy = h("button", { class: "button button-quiet", type: "button", text: t("script.copy"), on: { click: async () => {
      // Browsers give the clipboard to secure pages only, and a duty room's address is often plain HTTP.
      if (navigator.clipboard) await navigator.clipboard.writeText(words.textContent).catch(() => {});
      else {
        getSelection()?.selectAllChildren(words);
        document.execCommand("copy");
      }
      setText(copy, t("script.copied"));
    } } });
    return h("section", { class: "script" }, h("header", { class: "section-head" }, h("h3", { text: t("script.title") }), copy), words);
  }

  function updateLinks() {
    if (isTest(alert)) return;
    const detail = model.details.get(shedKey(alert.site, alert.shed));
    const port = portOf(alert, detail);
    const camera = detail?.cameras?.find((one) => one.id === alert.device) ?? (detail?.cameras?.length ? detail.cameras[0] : null);
    const link = (text, name, action) => h("button", { class: "button", type: "button", on: { click: action } }, icon(name), h("span", { text }));
    const wanted = `${camera?.id} ${port}`;
    if (built.links.dataset.shown === wanted) return;
    built.links.dataset.shown = wanted;
    fill(built.links,
      camera ? link(t("alarm.watch_camera"), "camera", () => go.camera(alert.site, alert.shed, camera.id)) : null,
      port ? link(t("alarm.open_port"), "chevron", () => go.port(alert.site, alert.shed, port.split("#")[0], Number(port.split("#")[1]))) : null,
      link(t("alarm.open_shed"), "shed", () => go.shed(alert.site, alert.shed)));
  }

  function destroy() {
    gone = true;
    model.removeEventListener(`alert:${id}`, changed);
  }

  start();
  return { element, title: () => (alert ? word("kind", alert.kind) : t("alarm.details")), subtitle: () => (alert ? placeLine(model, alert) : ""), update, tick, destroy };
}

function logLine(entry) {
  const who = entry.who === "system" ? t("log.system") : entry.who;
  const change = entry.from_state !== entry.to_state && entry.action !== "comment" ? word("state", entry.to_state) : "";
  return { element: h("li", { class: "log-line" }, h("time", { text: moment(entry.at_ms, clock.now()) }), h("span", { class: "log-who", text: who }),
    h("span", { class: "log-what", text: [word("action", entry.action), change].filter(Boolean).join(" → ") }), h("span", { class: "log-note", text: entry.note ?? "" })) };
}

/** The evidence pictures, the newest large. */
function createPictures() {
  const image = h("img", { class: "evidence", alt: t("alarm.evidence"), decoding: "async" });
  const note = h("p", { class: "muted" });
  const strip = h("div", { class: "evidence-strip" });
  const element = h("figure", { class: "evidence-box" }, image, strip, note);
  let chosen = null;
  let shown = "";
  image.addEventListener("error", () => setText(note, t("alarm.evidence_failed")));

  function update(alert) {
    const names = (alert.evidence ?? []).slice(-8);
    if (!names.includes(chosen)) chosen = names.at(-1) ?? null;
    const wanted = `${names.join()}|${chosen}`;
    if (wanted === shown) return;
    shown = wanted;
    image.hidden = chosen === null;
    setAttr(image, "src", chosen ? evidenceUrl(alert, chosen) : null);
    setText(note, chosen ? "" : t("alarm.no_evidence"));
    fill(strip, names.length < 2 ? null : names.map((name, index) => h("button", { class: "evidence-pick", type: "button", "aria-pressed": String(name === chosen),
      "aria-label": t("alarm.evidence_n", { n: index + 1, total: names.length }), on: { click: () => { chosen = name; update(alert); } } }, h("img", { src: evidenceUrl(alert, name), alt: "", loading: "lazy" }))));
  }
  return { element, update };
}

