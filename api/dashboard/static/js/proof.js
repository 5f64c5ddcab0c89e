// Proofs that alarms reach people: when each stage was last proven, by which channels, and one at once.

import * as clock from "./clock.js";
import { fill, h, setAttr, setText } from "./dom.js";
import { duration, moment } from "./format.js";
import { t, word } from "./i18n.js";
import { getJson, postJson } from "./net.js";

const EVERY_MS = 60_000;
const RUNNING_MS = 2_000;
const RECENT = 12;
const ORDER = ["published", "received", "seen", "alarm", "ledger", "mqtt", "page"];

/** Reads how it stands while the page lives; `model.proofs` is the newest answer, the topic `proofs` tells of it. */
export function followProofs(model) {
  let timer = null;
  async function read() {
    clearTimeout(timer);
    await getJson("/proofs").then((figures) => model.putProofs(figures)).catch((error) => console.warn("proofs not read", error.message));
    timer = setTimeout(read, model.proofs?.running ? RUNNING_MS : EVERY_MS);
  }
  read();
  return read;
}

/** When everything was last proven, beside the name; a press opens the panel. */
export function createProofLink(model, go) {
  const link = document.getElementById("proof-link");
  link.addEventListener("click", () => go.proofs());
  return function update() {
    const figures = model.proofs;
    link.hidden = !figures;
    if (!figures) return;
    setAttr(link, "data-trouble", figures.trouble !== "");
    const times = figures.kinds.map((kind) => figures.proven[kind]);
    const oldest = times.every(Boolean) ? Math.min(...times) : null;
    setText(link, figures.running ? t("proof.running") : figures.trouble ? t("proof.trouble") : oldest ? t("proof.last", { time: moment(oldest, clock.now()) }) : t("proof.never"));
  };
}

/** A stage by its name: a channel's by the channel. */
const stageName = (stage) => (stage.startsWith("notice:") ? t("proof.stage.notice", { name: stage.slice(7) }) : word("proof.stage", stage));

const position = (stage) => (ORDER.includes(stage) ? ORDER.indexOf(stage) : stage.startsWith("notice:") ? ORDER.length : ORDER.length + 1);

const after = (ms) => (ms < 10_000 ? t("time.s", { s: (Math.max(0, ms) / 1000).toFixed(1) }) : duration(ms / 1000));

/** All of it; `read` fetches anew. */
export function createProofPanel(model, actions, read) {
  const summary = h("dl", { class: "values" });
  const trouble = h("p", { class: "proof-trouble", role: "status" });
  const table = h("table", { class: "proof-table" });
  const order = createOrder(model, read);
  const recent = h("ol", { class: "proof-recent" });
  const element = h("div", { class: "proof-panel" }, h("p", { class: "muted", text: t("proof.what") }), trouble, summary, order.element,
    h("section", {}, h("h3", { text: t("proof.stages") }), table), h("section", {}, h("h3", { text: t("proof.recent") }), recent));
  read();

  function update() {
    const figures = model.proofs;
    if (!figures) return;
    const nowMs = clock.now();
    const cell = (name, value) => h("div", { class: "value" }, h("dt", { text: name }), h("dd", { class: "value-figure proof-figure", text: value }));
    fill(summary, figures.kinds.map((kind) => cell(t(`proof.kind.${kind}`), figures.proven[kind] ? moment(figures.proven[kind], nowMs) : t("proof.never"))),
      cell(t("proof.next"), figures.nightly ? moment(figures.next_ts, nowMs) : t("proof.off")));
    setText(trouble, figures.trouble ? t("proof.trouble_detail", { what: figures.trouble }) : "");
    trouble.hidden = !figures.trouble;
    drawTable(figures, nowMs);
    order.update(figures, actions.mayAct());
    fill(recent, figures.items.length ? figures.items.slice(0, RECENT).map((proof) => recentLine(proof, nowMs)) : h("li", { class: "muted", text: t("proof.never") }));
  }

  function drawTable(figures, nowMs) {
    const names = [...new Set([...figures.stages.map((one) => one.stage), ...figures.channels.map((name) => `notice:${name}`)])];
    names.sort((a, b) => position(a) - position(b) || a.localeCompare(b));
    const found = (kind, stage) => figures.stages.find((one) => one.kind === kind && one.stage === stage);
    fill(table, h("thead", {}, h("tr", {}, h("th", { scope: "col", text: t("proof.stage") }), figures.kinds.map((kind) => h("th", { scope: "col", text: t(`proof.kind.${kind}`) })))),
      h("tbody", {}, names.map((stage) => h("tr", {}, h("th", { scope: "row", text: stageName(stage) }), figures.kinds.map((kind) => {
        const one = found(kind, stage);
        if (!one) return h("td", { class: "muted", text: stage === "seen" && kind === "heat" ? "–" : t("proof.never") });
        return h("td", {}, h("span", { text: moment(one.at_ts, nowMs) }), " ", h("span", { class: "muted", text: stage === "published" ? "" : `+${after(one.after_ms)}` }));
      })))));
  }
  return { element, title: () => t("proof.title"), subtitle: () => (model.proofs?.running ? t("proof.running") : ""), update, tick() {}, destroy() {} };
}

function recentLine(proof, nowMs) {
  const failed = proof.stages.find((stage) => stage.error);
  const result = !proof.done_ts ? t("proof.under_way", { stage: stageName(proof.stages.find((stage) => !stage.at_ts)?.name ?? "cleared") })
    : proof.ok ? t("proof.passed") : t("proof.failed", { stage: failed ? stageName(failed.name) : "", why: failed?.error ?? "" });
  return h("li", { class: "proof-line", data: { ok: proof.done_ts ? String(proof.ok) : "running" } },
    h("time", { text: moment(proof.begun_ts, nowMs) }), h("strong", { text: t(`proof.kind.${proof.kind}`) }), h("span", { class: "muted", text: proof.who }), h("span", { text: result }));
}

// Which channels tell it is chosen anew each time: a call at night is for somebody who expects it.
function createOrder(model, read) {
  const channels = h("fieldset", { class: "proof-choices" });
  const siren = h("select", { class: "select", id: "proof-siren" });
  const sirenLine = h("label", { class: "proof-choice", for: "proof-siren" }, t("proof.siren"), siren);
  const button = h("button", { class: "button button-primary", type: "button", data: { action: "prove" }, text: t("proof.start"), on: { click: send } });
  const error = h("p", { class: "alarm-error", role: "alert" });
  const element = h("section", { class: "proof-order" }, h("h3", { text: t("proof.now") }), channels, sirenLine, h("div", { class: "panel-actions" }, button), error);
  let shown = "";

  async function send() {
    button.disabled = true;
    setText(error, "");
    const chosen = [...channels.querySelectorAll("input:checked")].map((input) => input.value);
    try {
      model.putProofs(await postJson("/proofs", { channels: chosen, ...(siren.value ? { siren: siren.value } : {}) }));
    } catch (failure) {
      setText(error, t("proof.refused", { reason: failure.message }));
    }
    button.disabled = Boolean(model.proofs?.running);
    read();
  }

  function update(figures, may) {
    element.hidden = !may;
    button.disabled = figures.running;
    const wanted = JSON.stringify([figures.channels, figures.nightly_channels, figures.sirens]);
    if (wanted === shown) return;
    shown = wanted;
    fill(channels, h("legend", { text: t("proof.channels") }), figures.channels.length ? figures.channels.map((name) =>
      h("label", { class: "proof-choice" }, h("input", { type: "checkbox", value: name, checked: figures.nightly_channels.includes(name) }), name)) : h("span", { class: "muted", text: t("proof.no_channels") }));
    fill(siren, h("option", { value: "", text: t("proof.siren_none") }), figures.sirens.map((shed) => h("option", { value: shed, text: shed })));
    sirenLine.hidden = figures.sirens.length === 0;
  }
  return { element, update };
}
