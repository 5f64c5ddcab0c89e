// The page: puts the parts together, follows the address, redraws what changed and lets time run.

import { closedLine, createAlarms } from "./alarms.js";
import { createAlarmPanel } from "./alarmpanel.js";
import { createCalm } from "./calm.js";
import { createCameraPanel } from "./camerapanel.js";
import { allCameras, createCameras } from "./cameras.js";
import { createEscalation } from "./escalation.js";
import { createLoadPanel, followLoad } from "./load.js";
import { fill, h, reconcile, setAttr, setText, severityMark } from "./dom.js";
import { loadWords, t, word } from "./i18n.js";
import { Model, isAside, isTest, needsAck, rank, shedKey } from "./model.js";
import { getJson, itemsOf, postJson, request } from "./net.js";
import { createPanel } from "./panel.js";
import { placeLine } from "./places.js";
import { createProofLink, createProofPanel, followProofs } from "./proof.js";
import { createPortPanel } from "./portpanel.js";
import { createCard } from "./shedcard.js";
import { createShedView } from "./shedview.js";
import { Sound } from "./sound.js";
import { Live } from "./stream.js";
import * as topbar from "./topbar.js";

const RECENT = 10;
const MANY_CAMERAS = 8;
const byId = (id) => document.getElementById(id);
const wide = matchMedia("(min-width: 64rem)");

await loadWords("/static");

const model = new Model();
const go = {
  wall: () => visit("/"),
  shed: (site, shed) => visit(`/sheds/${site}/${shed}`),
  port: (site, shed, charger, port) => openHash(`port=${site}/${shed}/${charger}/${port}`),
  camera: (site, shed, id) => openHash(`camera=${site}/${shed}/${id}`),
  alert: (id) => openHash(`alert=${encodeURIComponent(id)}`),
  load: () => openHash("load"),
  proofs: () => openHash("proof"),
};
const actions = {
  mayAct: () => ["operator", "admin"].includes(model.me.role),
  acknowledge: async (alert, note) => model.putAlert(await order(alert, "acknowledge", note)),
  comment: (alert, note) => order(alert, "comment", note),
  order: async (alert, verb, body) => model.putAlert(await postJson(`/alerts/${encodeURIComponent(alert.id)}/${verb}`, body)),
  acknowledgeGroup: (body) => postJson("/alerts/acknowledge", body),
  confirm: confirmAcknowledge,
};

const order = (alert, verb, note) => postJson(`/alerts/${encodeURIComponent(alert.id)}/${verb}`, note ? { note } : {});

// ---- the parts

let live = null;
let readProofs = () => {};
const sound = new Sound(() => drawSound());
const drawSound = topbar.createSound(sound);
const drawCounts = topbar.createCounts(model);
const drawFigures = topbar.createFigures(model);
const drawService = topbar.createService(model);
const drawClock = topbar.createClock();
const drawProofs = createProofLink(model, go);
const readRefused = topbar.createRefused(model);
const connection = topbar.createConnection(() => live);
const panel = createPanel(byId("panel"), closePanel);
const calm = createCalm(model);
const escalate = createEscalation(model, sound, go);
const alarms = createAlarms(model, go, actions, calm);
const cameras = createCameras(model, go, tilePlaces);
byId("alarms").prepend(alarms.element);
byId("cameras").append(cameras.element);
byId("cameras-head").append(cameras.pages);
let shedView = null;

function tilePlaces() {
  const places = wide.matches && allCameras(model).length > MANY_CAMERAS ? 6 : 4;
  byId("cameras").style.setProperty("--places", places);
  return places;
}

function urgency(entry) {
  const worst = model.worstOf(entry.site, entry.shed);
  return worst ? 1 + rank(worst) : 0;
}

function drawSheds() {
  const entries = [...model.sheds.values()];
  // Few sheds keep their places, which people know by heart; of many, those with alarms must not be below the edge.
  if (entries.length > 9) entries.sort((a, b) => urgency(b) - urgency(a));
  const box = byId("sheds");
  setAttr(box, "data-density", entries.length <= 4 ? "full" : entries.length <= 9 ? "dense" : "mini");
  setAttr(box, "data-count", String(Math.min(entries.length, 10)));
  reconcile(box, entries, (entry) => shedKey(entry.site, entry.shed), () => createCard(model, go), (card, entry) => card.update(entry));
  setText(byId("sheds-note"), model.shedsKnown ? (entries.length ? "" : t("shed.none")) : t("conn.connecting"));
}

// ---- the address

function scope() {
  const found = /^\/sheds\/([a-z0-9-]+)\/([a-z0-9-]+)\/?$/.exec(location.pathname);
  return found ? { site: found[1], shed: found[2] } : null;
}

function visit(path) {
  history.pushState(null, "", path);
  route();
}

function openHash(hash) {
  history.pushState(null, "", `${location.pathname}${location.search}#${hash}`);
  route();
}

function closePanel() {
  const path = location.pathname.startsWith("/alerts/") ? "/" : location.pathname;
  history.pushState(null, "", path + location.search);
  route();
}

let shownPanel = "";
let shownView = "";

function route() {
  const where = scope();
  const view = where ? shedKey(where.site, where.shed) : "";
  if (view !== shownView || (where && !shedView)) {
    shownView = view;
    shedView?.destroy();
    shedView = where ? createShedView(model, go, where) : null;
    fill(byId("shed"), shedView?.element);
  }
  byId("wall").hidden = Boolean(where);
  byId("shed").hidden = !where;
  const deep = /^\/alerts\/([^/]+)\/?$/.exec(location.pathname);
  const wanted = location.hash.slice(1) || (deep ? `alert=${deep[1]}` : "");
  if (wanted !== shownPanel) {
    shownPanel = wanted;
    panel.show(panelFor(wanted));
  }
  live?.watch(watchedShed(wanted, where));
  setAttr(document.body, "data-panel", panel.isOpen());
  draw();
}

function watchedShed(hash, where) {
  const port = /^port=([^/]+\/[^/]+)\//.exec(hash);
  return port ? port[1] : where ? shedKey(where.site, where.shed) : null;
}

function panelFor(hash) {
  const [name, value = ""] = hash.split("=");
  const parts = value.split("/");
  if (name === "alert" && value) return createAlarmPanel(model, go, actions, decodeURIComponent(value));
  if (name === "proof") return createProofPanel(model, actions, () => readProofs());
  if (name === "load") return createLoadPanel(model);
  if (name === "camera" && parts.length === 3) return createCameraPanel(model, { site: parts[0], shed: parts[1], id: parts[2] });
  if (name === "port" && parts.length === 4) return createPortPanel(model, go, actions, { site: parts[0], shed: parts[1], charger: parts[2], port: Number(parts[3]) });
  return null;
}

// ---- drawing

function draw() {
  drawCounts();
  drawFigures();
  drawService();
  drawProofs();
  alarms.update(scope());
  if (shedView) shedView.update();
  else {
    drawSheds();
    cameras.update();
  }
  panel.update();
}

let drawing = false;
function drawSoon() {
  if (drawing) return;
  drawing = true;
  // Not an animation frame: a hidden or throttled page must still count, ring and announce.
  setTimeout(() => {
    drawing = false;
    draw();
  }, 50);
}

let announced = null;
function announce() {
  const waiting = model.openAlerts().filter((alert) => needsAck(alert) && !isAside(alert) && !isTest(alert));
  // A screen that is not live is itself a reason to look up.
  const lost = document.body.dataset.connection === "lost" ? [{ id: "connection", severity: "high" }] : [];
  sound.follow([...waiting.filter((alert) => alert.active !== false), ...lost]);
  document.title = [lost.length ? "!" : "", waiting.length ? `(${waiting.length})` : "", t("app.title")].filter(Boolean).join(" ");
  const ids = new Set(model.alerts.keys());
  const fresh = announced && waiting.filter((alert) => !announced.has(alert.id)).sort((a, b) => rank(b.severity) - rank(a.severity))[0];
  announced = ids;
  if (fresh) setText(byId("announcer"), t("alarms.live_region", { severity: word("severity", fresh.severity), kind: word("kind", fresh.kind), place: placeLine(model, fresh) }));
}

function tick() {
  escalate();
  drawClock();
  connection.tick();
  drawSound();
  calm.tick();
  alarms.tick();
  panel.tick();
}

function tickPictures() {
  const covered = panel.isOpen();
  if (shedView) shedView.tick(!covered);
  else cameras.tick(!covered);
}

// ---- recently closed

const recent = byId("recent");
async function readRecent() {
  if (!recent.open) return;
  const list = byId("recent-list");
  try {
    const alerts = itemsOf(await getJson(`/alerts?state=closed&limit=${RECENT}`)).slice(0, RECENT);
    fill(list, alerts.length ? alerts.map((alert) => closedLine(model, alert, go)) : h("li", { class: "muted", text: t("alarms.recent_none") }));
  } catch (error) {
    fill(list, h("li", { class: "muted", text: `${t("alarms.recent_failed")}: ${error.message}` }));
  }
}
recent.addEventListener("toggle", readRecent);

// ---- acknowledging

// A dialog nobody answers goes away: it dims a wall that others look at.
const DIALOG_MS = 60_000;

function confirmAcknowledge(alert, send) {
  const dialog = byId("note-dialog");
  const leave = setTimeout(() => !text.value && dialog.close("cancel"), DIALOG_MS);
  const text = byId("note-text");
  fill(byId("note-title"), severityMark(alert.severity), word("kind", alert.kind));
  setText(byId("note-place"), placeLine(model, alert));
  text.value = "";
  dialog.onclose = () => {
    clearTimeout(leave);
    if (dialog.returnValue === "send") send(text.value.trim());
  };
  dialog.returnValue = "";
  dialog.showModal();
  dialog.querySelector("[data-action=confirm]").focus();
}

// ---- phone tabs

for (const tab of document.querySelectorAll("[data-tab]")) {
  tab.addEventListener("click", () => {
    if (scope()) visit("/");
    else if (panel.isOpen()) closePanel();
    document.body.dataset.shown = tab.dataset.tab;
    for (const other of document.querySelectorAll("[data-tab]")) setAttr(other, "aria-pressed", String(other === tab));
    scrollTo(0, 0);
    draw();
  });
}

// ---- start

for (const topic of ["sheds", "details", "cameras", "alerts", "service", "load", "proofs"]) model.addEventListener(topic, drawSoon);
model.addEventListener("alerts", announce);
model.addEventListener("closed", readRecent);
addEventListener("popstate", route);
wide.addEventListener("change", drawSoon);

byId("logout").addEventListener("click", async () => {
  await request("/logout", { method: "POST", quiet: true }).catch(() => {});
  location.assign("/login");
});

async function whoAmI() {
  try {
    model.me = await getJson("/me");
    model.limits = await getJson("/alerts/limits");
    setText(byId("user-name"), model.me.name ?? "");
    setText(byId("user-role"), word("role", model.me.role));
    readRefused();
    draw();
  } catch {
    // Without an answer nobody may act; asked again until there is one.
    setTimeout(whoAmI, 5_000);
  }
}

connection.show({ state: "connecting", sinceMs: null });
live = new Live(model, (state) => {
  connection.show(state);
  announce();
});
live.start();
followLoad(model);
readProofs = followProofs(model);
route();
whoAmI();
tick();
setInterval(tick, 500);
setInterval(tickPictures, 100);
setInterval(drawSoon, 5_000);
setInterval(readRefused, 60_000);
document.documentElement.dataset.ready = "true";
