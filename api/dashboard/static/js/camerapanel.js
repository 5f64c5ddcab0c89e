// One camera, large. Several single pictures a second rather than a stream: each tells its age.

import { h } from "./dom.js";
import { pick, t } from "./i18n.js";
import { cameraKey, shedKey } from "./model.js";
import { Picture } from "./picture.js";
import { shedName, siteName } from "./places.js";

const EVERY_MS = 250;

export function createCameraPanel(model, { site, shed, id }) {
  const overlay = h("input", { type: "checkbox" });
  const picture = new Picture(model, { site, shed, id }, { everyMs: EVERY_MS, overlay: () => overlay.checked });
  const blind = h("p", { class: "camera-blind", text: t("camera.blind_action") });
  const element = h("div", { class: "camera-panel" }, picture.element,
    blind,
    h("div", { class: "camera-foot" },
      h("label", { class: "check" }, overlay, t("camera.overlay")),
      h("span", { class: "muted", text: t("camera.refresh_note", { n: 1000 / EVERY_MS }) })));
  const camera = () => model.details.get(shedKey(site, shed))?.cameras?.find((one) => one.id === id);
  return {
    element,
    title: () => pick(camera()?.name, id),
    subtitle: () => `${siteName(model, site, shed)} · ${shedName(model, site, shed)}`,
    update() {
      blind.hidden = !model.cameras.get(cameraKey(site, shed, id))?.blind_since_ts;
    },
    tick: () => picture.tick(),
    destroy: () => picture.destroy(),
  };
}
