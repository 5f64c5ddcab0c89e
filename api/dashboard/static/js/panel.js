// The panel over the left side: never over the alarms, the banner or the top, so nothing that matters is hidden by it.

import { fill, h, icon, setText } from "./dom.js";
import { t } from "./i18n.js";

// A wall screen goes back to the overview when nobody touches it.
const IDLE_MS = 4 * 60_000;

export function createPanel(element, onClose) {
  const title = h("h2", { class: "panel-title", id: "panel-title", tabindex: "-1" });
  const subtitle = h("p", { class: "panel-subtitle" });
  const body = h("div", { class: "panel-body" });
  const close = h("button", { class: "button button-quiet panel-close", type: "button", "aria-label": t("nav.close"), title: t("nav.close"), on: { click: onClose } }, icon("close"));
  element.append(h("header", { class: "panel-head" }, h("div", {}, title, subtitle), close), body);
  let view = null;
  let back = null;
  let touchedAt = 0;
  for (const event of ["pointerdown", "pointermove", "keydown", "wheel"]) addEventListener(event, () => (touchedAt = performance.now()), { passive: true });
  addEventListener("keydown", (event) => event.key === "Escape" && view && !document.querySelector("dialog[open]") && onClose());

  function show(next) {
    view?.destroy?.();
    const opening = !view && next;
    view = next;
    element.hidden = !next;
    fill(body, next?.element);
    body.scrollTop = 0;
    if (opening) back = document.activeElement;
    if (!next) {
      back?.isConnected && back.focus?.({ preventScroll: true });
      back = null;
      return;
    }
    touchedAt = performance.now();
    update();
    title.focus({ preventScroll: true });
  }

  function update() {
    if (!view) return;
    view.update();
    setText(title, view.title());
    setText(subtitle, view.subtitle());
  }

  function tick() {
    if (!view) return;
    view.tick();
    setText(title, view.title());
    setText(subtitle, view.subtitle());
    if (performance.now() - touchedAt > IDLE_MS) onClose();
  }
  return { show, update, tick, isOpen: () => view !== null };
}
