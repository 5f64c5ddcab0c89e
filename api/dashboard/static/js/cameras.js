// Camera tiles. Where there are more cameras than tiles, those with an alarm or without sight keep a place and the
// others take turns.

import { h, icon, reconcile, setAttr, setText, severityMark } from "./dom.js";
import { pick, t } from "./i18n.js";
import { isAside, rank, shedKey } from "./model.js";
import { Picture } from "./picture.js";
import { shedName, siteName } from "./places.js";

const TURN_MS = 12_000;

/** Every configured camera in the order of the configuration. */
export function allCameras(model) {
  const cameras = [];
  for (const entry of model.sheds.values()) {
    const detail = model.details.get(shedKey(entry.site, entry.shed));
    for (const camera of detail?.cameras ?? []) cameras.push({ site: entry.site, shed: entry.shed, id: camera.id, name: camera.name });
  }
  return cameras;
}

const keyOf = (camera) => `${camera.site}/${camera.shed}/${camera.id}`;

/** The worst severity by camera: of its own alerts, and of those of its shed that a picture may explain. */
function concerns(model) {
  const worst = new Map();
  for (const alert of model.openAlerts()) {
    if (isAside(alert)) continue;
    const key = `${alert.site}/${alert.shed}/${alert.device}`;
    if (!worst.has(key) || rank(alert.severity) > rank(worst.get(key))) worst.set(key, alert.severity);
  }
  return worst;
}

/** A strip of at most `places()` tiles; `go.camera(site, shed, id)` opens one. */
export function createCameras(model, go, places, list = () => allCameras(model)) {
  const strip = h("div", { class: "tiles" });
  const pages = h("span", { class: "tiles-page" });
  let turn = 0;
  let turnAt = performance.now();
  let views = new Map();

  function choose() {
    const worst = concerns(model);
    const cameras = list();
    const room = places();
    if (cameras.length <= room) {
      setText(pages, "");
      return cameras.map((camera) => [camera, worst.get(keyOf(camera)) ?? null]);
    }
    const urgency = (camera) => {
      const severity = worst.get(keyOf(camera));
      return severity ? 1 + rank(severity) : Number.isFinite(model.cameras.get(keyOf(camera))?.blind_since_ts) ? 1 : 0;
    };
    const urgent = cameras.filter((camera) => urgency(camera) > 0).sort((a, b) => urgency(b) - urgency(a));
    // Two places always go round, so that no camera goes unseen for long because others are in alarm.
    const pinned = urgent.slice(0, Math.max(1, room - 2));
    const others = cameras.filter((camera) => !pinned.includes(camera));
    const free = room - pinned.length;
    const turns = free > 0 ? Math.ceil(others.length / free) : 1;
    turn %= turns;
    setText(pages, turns > 1 ? t("camera.page", { page: turn + 1, pages: turns }) : "");
    return [...pinned, ...others.slice(turn * free, turn * free + free)].map((camera) => [camera, worst.get(keyOf(camera)) ?? null]);
  }

  function update() {
    views = reconcile(strip, choose(), ([camera]) => keyOf(camera), ([camera]) => createTile(model, camera, go),
      (view, [camera, severity]) => {
        setText(view.name, pick(camera.name, camera.id));
        setText(view.place, `${siteName(model, camera.site, camera.shed)} ${shedName(model, camera.site, camera.shed)}`);
        setAttr(view.element, "data-severity", severity);
      });
  }

  function tick(visible) {
    const at = performance.now();
    if (at - turnAt >= TURN_MS) {
      turnAt = at;
      turn += 1;
      update();
    }
    for (const view of views.values()) view.picture.tick(visible);
  }

  const destroy = () => views.forEach((view) => view.destroy());
  return { element: strip, pages, update, tick, destroy };
}

function createTile(model, camera, go) {
  const picture = new Picture(model, camera);
  const name = h("span", { class: "tile-name" });
  const place = h("span", { class: "tile-place" });
  const marks = ["critical", "high", "medium", "low"].map((severity) => h("span", { class: "tile-mark", data: { for: severity } }, severityMark(severity)));
  const element = h("button", { class: "tile", type: "button", on: { click: () => go.camera(camera.site, camera.shed, camera.id) } },
    picture.element, h("span", { class: "tile-caption" }, marks, name, place, icon("expand")));
  return { element, picture, name, place, destroy: () => picture.destroy() };
}
