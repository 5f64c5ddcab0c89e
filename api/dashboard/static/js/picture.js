// A camera's picture that can never pass for live when it is not: drawn on a canvas from single snapshots, each with
// its time; when they stop, the picture says so by itself. (A multipart stream in an <img> cannot tell that it stopped.)

import * as clock from "./clock.js";
import { h, icon, setAttr, setText } from "./dom.js";
import { age, clockTime, duration, elapsed, isNumber } from "./format.js";
import { t } from "./i18n.js";
import { API, request } from "./net.js";

// Twice the limit of the server's default: its word comes first, this is for when it cannot be heard.
const OWN_LIMIT_S = 15;
const TIMEOUT_MS = 5_000;
// A camera without a fresh picture is asked less often; its event tells when it has one again.
const REFUSED_MS = 4_000;
const MAX_LOADING = 3;
let loading = 0;

/** A view of one camera. Call `tick()` often; it fetches at most every `everyMs()`. */
export class Picture {
  #canvas = h("canvas", { class: "picture-canvas", width: 16, height: 9 });
  #note = h("div", { class: "picture-note" });
  #noteTitle = h("strong");
  #noteText = h("span");
  #age = h("span", { class: "picture-age" });
  #drawnTs = null;
  #drawnAt = -Infinity;
  #nextAt = 0;
  #busy = false;
  #refused = null;
  #gone = false;

  constructor(model, { site, shed, id }, { everyMs = 1_000, overlay = () => false } = {}) {
    this.model = model;
    this.key = `${site}/${shed}/${id}`;
    this.everyMs = everyMs;
    this.overlay = overlay;
    this.#note.append(icon("eyeoff"), this.#noteTitle, this.#noteText);
    this.element = h("div", { class: "picture", data: { view: "waiting" } }, this.#canvas, this.#note, this.#age);
  }

  get #camera() {
    return this.model.cameras.get(this.key) ?? {};
  }

  /** Fetch when due, and say how old what is shown is. */
  tick(visible = true) {
    if (this.#gone) return;
    const at = performance.now();
    if (visible && !document.hidden && !this.#busy && at >= this.#nextAt && loading < MAX_LOADING) this.#load(at);
    this.#show();
  }

  destroy() {
    this.#gone = true;
    // A canvas keeps its pixels until it is collected; a small one costs nothing.
    this.#canvas.width = this.#canvas.height = 1;
  }

  async #load(at) {
    this.#busy = true;
    loading += 1;
    this.#nextAt = at + this.everyMs;
    try {
      const query = this.overlay() ? `?overlay=1&t=${Date.now()}` : `?t=${Date.now()}`;
      const response = await request(`${API}/cameras/${this.key}/snapshot.jpg${query}`, { timeoutMs: TIMEOUT_MS, quiet: true });
      if (response.ok) await this.#draw(response);
      else this.#refuse(response);
    } catch {
      // No answer: the picture shown grows old by itself, which is what has to be told.
      this.#nextAt = performance.now() + 2_000;
    } finally {
      loading -= 1;
      this.#busy = false;
    }
  }

  async #draw(response) {
    const told = Number(response.headers.get("X-Picture-Ts"));
    const bitmap = await createImageBitmap(await response.blob());
    if (this.#gone) {
      bitmap.close();
      return;
    }
    if (this.#canvas.width !== bitmap.width || this.#canvas.height !== bitmap.height) {
      this.#canvas.width = bitmap.width;
      this.#canvas.height = bitmap.height;
    }
    this.#canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    this.#drawnTs = told > 0 ? told : (this.#camera.picture_ts ?? clock.now());
    this.#drawnAt = performance.now();
    this.#refused = null;
  }

  #refuse(response) {
    this.#refused = response.status;
    this.#nextAt = performance.now() + REFUSED_MS;
    response.body?.cancel();
  }

  /** Seconds since the picture that is shown was taken, or null. */
  get #ageS() {
    return isNumber(this.#drawnTs) ? (clock.now() - this.#drawnTs) / 1000 : null;
  }

  #show() {
    const ageS = this.#ageS;
    const waitedS = (performance.now() - this.#drawnAt) / 1000;
    const stale = ageS !== null && (this.#refused === 503 || this.#camera.stale === true && ageS > 5 ||
      ageS > OWN_LIMIT_S * Math.max(1, clock.speed()) || waitedS > OWN_LIMIT_S);
    const blind = isNumber(this.#camera.blind_since_ts);
    const view = blind ? "blind" : ageS === null ? (this.#refused ? "none" : "waiting") : stale ? "stale" : "live";
    setAttr(this.element, "data-view", view);
    setAttr(this.element, "data-drawn", ageS !== null);
    // Blind with pictures still coming (covered, moved, blurred): they help to find out why, under what they are.
    setAttr(this.element, "data-fresh", ageS !== null && !stale);
    this.#label(view, ageS);
  }

  #label(view, ageS) {
    if (view === "blind") {
      const since = this.#camera.blind_since_ts;
      setText(this.#noteTitle, t("camera.blind"));
      setText(this.#noteText, t("camera.blind_since", { time: clockTime(since), elapsed: elapsed((clock.now() - since) / 1000) }));
    } else if (view === "stale") {
      setText(this.#noteTitle, ageS < 600 ? t("camera.stale", { seconds: Math.round(ageS) }) : t("camera.stale_long", { age: duration(ageS) }));
      setText(this.#noteText, "");
    } else {
      const olderS = isNumber(this.#camera.picture_ts) ? (clock.now() - this.#camera.picture_ts) / 1000 : null;
      setText(this.#noteTitle, t(view === "none" ? "camera.none" : "camera.waiting"));
      setText(this.#noteText, view === "none" && olderS > OWN_LIMIT_S ? t("camera.stale_long", { age: duration(olderS) }) : "");
    }
    setText(this.#age, view === "live" ? age(ageS) : "");
  }
}
