// The live connection: server-sent events, checked against plain requests, because an open connection can be dead.
//
// States: "connecting" (nothing yet), "live", "lost". Lost means that this screen must not be trusted.

import * as clock from "./clock.js";
import { isFire, shedKey } from "./model.js";
import { API, getJson, itemsOf } from "./net.js";
import { arrivedMs } from "./response.js";

const EVENTS = ["alert", "shed", "camera", "service"];
const SHEDS_EVERY_MS = 8_000;
const ALERTS_EVERY_MS = 20_000;
const DETAILS_EVERY_MS = 60_000;
const WATCHED_EVERY_MS = 5_000;
const LOST_AFTER_MS = 12_000;
// A reconnection within this time is no event for anyone; beyond it, it is.
const GRACE_MS = 3_000;
const RETRY_MS = [1_000, 2_000, 4_000, 8_000];
const PARALLEL_DETAILS = 4;
// A stream that tells nothing for so long while plain requests bring news is dead, whatever the browser thinks.
const SILENT_MS = 25_000;

/** Keeps `model` true to the server; tells `onState({state, sinceMs})`. `sinceMs` is the last moment it was live. */
export class Live {
  #source = null;
  #opened = false;
  #failures = 0;
  #retryAt = 0;
  #answeredAt = -Infinity;
  #heardAt = 0;
  #newest = 0;
  #wanted = new Set();
  #watched = null;
  #nextWatched = 0;
  #logs = new Set();
  #nextSheds = 0;
  #nextAlerts = 0;
  #nextDetails = 0;
  #busy = new Set();
  #state = "connecting";
  #liveUntilMs = null;
  #liveAt = performance.now();

  constructor(model, onState) {
    this.model = model;
    this.onState = onState;
  }

  start() {
    this.#open();
    this.#tick();
    setInterval(() => this.#tick(), 500);
    addEventListener("offline", () => this.#drop());
    addEventListener("online", () => this.retryNow());
    addEventListener("pagehide", () => this.#source?.close());
    // A page kept in the back-forward cache wakes with a closed stream.
    addEventListener("pageshow", (event) => event.persisted && this.retryNow());
  }

  /** Keep one shed's details fresh while somebody looks at it; null for none. */
  watch(key) {
    if (key !== this.#watched) this.#nextWatched = 0;
    this.#watched = key;
  }

  /** Try again at once instead of when it is due. */
  retryNow() {
    this.#failures = 0;
    this.#drop();
    this.#retryAt = 0;
    this.#nextSheds = 0;
    this.#tick();
  }

  #open() {
    const source = new EventSource(`${API}/events`);
    this.#source = source;
    source.onopen = () => {
      this.#opened = true;
      this.#failures = 0;
      this.#heardAt = performance.now();
      this.#resync();
    };
    source.onerror = () => {
      if (source !== this.#source) return;
      this.#drop();
    };
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => this.#receive(name, event));
    }
  }

  #drop() {
    this.#source?.close();
    this.#source = null;
    this.#opened = false;
    this.#retryAt = performance.now() + RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)];
    this.#failures += 1;
  }

  #receive(name, event) {
    this.#heardAt = performance.now();
    let data;
    try {
      data = JSON.parse(event.data);
    } catch {
      console.warn("event without JSON", name);
      return;
    }
    if (name === "alert") this.#onAlert(data);
    else if (name === "shed") this.#onShed(data);
    else if (name === "camera") this.model.onCamera(data);
    else this.model.onService(data);
  }

  #onAlert(data) {
    this.model.onAlert(data);
    // The log tells when a crew arrived; an event tells that the log has grown.
    this.#logs.delete(data.alert?.id);
  }

  // Which charger went silent, or which camera lost its sight, stands only in the details.
  #onShed(data) {
    const key = shedKey(data.site, data.shed);
    const known = this.model.sheds.get(key);
    this.model.onShed(data);
    if (known && (known.chargers?.offline !== data.chargers?.offline || known.cameras?.blind !== data.cameras?.blind)) this.#wanted.add(key);
  }

  #resync() {
    this.#nextSheds = this.#nextAlerts = this.#nextDetails = 0;
    this.#tick();
  }

  #tick() {
    const at = performance.now();
    if (!this.#source && at >= this.#retryAt) this.#open();
    if (at >= this.#nextSheds) this.#once("sheds", () => this.#readSheds());
    if (at >= this.#nextAlerts) this.#once("alerts", () => this.#readAlerts());
    if (at >= this.#nextDetails && this.model.shedsKnown) this.#once("details", () => this.#readDetails([...this.model.sheds.keys()]));
    if (this.#watched && at >= this.#nextWatched) {
      this.#nextWatched = at + WATCHED_EVERY_MS;
      this.#wanted.add(this.#watched);
    }
    if (this.#wanted.size) this.#once("wanted", () => this.#readWanted());
    this.#once("logs", () => this.#readLogs());
    this.#judge(at);
  }

  // One request of a kind at a time, however slow the server is; a failed one is tried again soon.
  #once(name, read) {
    if (this.#busy.has(name)) return;
    this.#busy.add(name);
    read()
      .catch((error) => console.warn("read failed", name, error.message))
      .finally(() => this.#busy.delete(name));
  }

  async #readSheds() {
    this.#nextSheds = performance.now() + (this.#state === "live" ? SHEDS_EVERY_MS : 2_000);
    const mark = this.model.mark();
    const answer = await getJson("/sheds", { timeoutMs: 6_000 });
    clock.tell(answer.server_ts);
    this.#answeredAt = performance.now();
    const sheds = Array.isArray(answer.sheds) ? answer.sheds : [];
    this.model.putSheds(sheds, mark);
    this.#checkStream(sheds);
  }

  #checkStream(sheds) {
    const newest = Math.max(0, ...sheds.map((entry) => entry?.updated_ts ?? 0));
    const news = newest > this.#newest;
    this.#newest = newest;
    if (news && this.#source && performance.now() - this.#heardAt > SILENT_MS) this.#drop();
  }

  async #readAlerts() {
    this.#nextAlerts = performance.now() + 3_000;
    const mark = this.model.mark();
    const alerts = [];
    let cursor = null;
    // A flood has more than one page; ten pages are far more than anyone can read, and bound what a fault can cost.
    for (let page = 0; page < 10; page += 1) {
      const more = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
      const answer = await getJson(`/alerts?state=open&limit=100${more}`);
      alerts.push(...itemsOf(answer));
      cursor = answer.next ?? null;
      if (!cursor) break;
    }
    this.model.putAlerts(alerts, mark);
    this.#nextAlerts = performance.now() + ALERTS_EVERY_MS;
  }

  async #readDetails(keys) {
    this.#nextDetails = performance.now() + 5_000;
    const next = async () => {
      for (let key = keys.shift(); key; key = keys.shift()) await this.#readDetail(key);
    };
    await Promise.all(Array.from({ length: PARALLEL_DETAILS }, next));
    this.#nextDetails = performance.now() + DETAILS_EVERY_MS;
  }

  async #readDetail(key) {
    const [site, shed] = key.split("/");
    const detail = await getJson(`/sheds/${site}/${shed}`);
    clock.tell(detail.server_ts);
    this.model.putDetail(detail);
  }

  async #readWanted() {
    const keys = [...this.#wanted];
    this.#wanted.clear();
    for (const key of keys) await this.#readDetail(key);
  }

  // The logs of open fires, each once and again whenever it grew.
  async #readLogs() {
    const fires = this.model.openAlerts().filter((alert) => isFire(alert) && !this.#logs.has(alert.id)).slice(0, 4);
    for (const id of this.#logs) if (!this.model.alerts.has(id)) this.#logs.delete(id);
    for (const { id } of fires) {
      this.#logs.add(id);
      this.model.putArrival(id, arrivedMs(itemsOf(await getJson(`/alerts/${encodeURIComponent(id)}/log`))));
    }
  }

  #judge(at) {
    const live = this.#opened && at - this.#answeredAt < LOST_AFTER_MS;
    if (live) {
      this.#liveUntilMs = Date.now();
      this.#liveAt = at;
    }
    const patient = this.#state !== "lost" && at - this.#liveAt < GRACE_MS;
    const state = live ? "live" : patient ? this.#state : "lost";
    if (state !== this.#state) {
      this.#state = state;
      this.onState({ state, sinceMs: this.#liveUntilMs });
    }
  }
}
