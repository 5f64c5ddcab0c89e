// What the screen knows, and how answers and events change it. No DOM here.
//
// Events and answers may overlap, repeat or come late: the higher transition number of an alert wins, a closed alert
// never comes back, and an answer never undoes an event that came after its request was sent.

const RANK = { critical: 3, high: 2, medium: 1, low: 0 };
const KEEP_CLOSED = 500;
const FIRE_KINDS = new Set(["smoke", "flame", "smoke_sensor", "heat_sensor"]);

export const SEVERITIES = ["critical", "high", "medium", "low"];
export const PORT_STATES = ["idle", "plugged", "charging", "float", "full", "fault", "off"];

/** 3 for critical down to 0 for low; an unknown word counts as medium rather than as nothing. */
export const rank = (severity) => RANK[severity] ?? 1;
export const isFire = (alert) => FIRE_KINDS.has(alert.kind);
export const shedKey = (site, shed) => `${site}/${shed}`;
export const cameraKey = (site, shed, camera) => `${site}/${shed}/${camera}`;
export const portKey = (site, shed, charger, port) => `${site}/${shed}/${charger}#${port}`;

/** Whether somebody still has to take notice. */
export const needsAck = (alert) => alert.state === "unacknowledged" || alert.state === "returned_unacknowledged";

/** A proof of the way to people, and no danger: shown with that word, last, and neither counted nor sounded. */
export const isTest = (alert) => alert.test === true;

/** Whether this person is one of those who have acknowledged while others still have to. */
export const hasAcked = (alert, me) => (alert.acknowledgements ?? []).some((one) => one.by === me.name);

/** Put aside on purpose: counted, listed last, silent. */
export const isAside = (alert) => ["shelved", "suppressed", "out_of_service"].includes(alert.state);

/** Worst first, what is put aside last, tests before it, then what nobody has seen, then the newest. */
export function byUrgency(a, b) {
  return (
    isAside(a) - isAside(b) ||
    isTest(a) - isTest(b) ||
    rank(b.severity) - rank(a.severity) ||
    needsAck(b) - needsAck(a) ||
    (b.raised_ts ?? 0) - (a.raised_ts ?? 0) ||
    String(a.id).localeCompare(String(b.id))
  );
}

/** The port an alert is about as `charger#3`, or null. */
export function portOf(alert, detail) {
  if (!Number.isInteger(alert.port)) return null;
  const chargers = detail?.chargers ?? [];
  if (chargers.some((charger) => charger.id === alert.device)) return `${alert.device}#${alert.port}`;
  const named = [alert.zone, ...(alert.related ?? [])].map((text) => /([a-z0-9-]+#\d+)$/.exec(String(text ?? ""))?.[1]);
  const found = named.find((name) => name && Number(name.split("#")[1]) === alert.port);
  if (found) return found;
  return chargers.length === 1 ? `${chargers[0].id}#${alert.port}` : null;
}

/** All that is known; `changed` topics: sheds, detail:KEY, alerts, cameras, service, closed. */
export class Model extends EventTarget {
  sheds = new Map();
  details = new Map();
  alerts = new Map();
  cameras = new Map();
  /** When the crew was on the scene, by alert. */
  arrivals = new Map();
  service = null;
  load = null;
  proofs = null;
  /** The longest an alarm may be put aside, in minutes. */
  limits = { shelve: { critical: 15, high: 120, medium: 480, low: 1440 }, shelve_fire: 5, out_of_service: 43200, out_of_service_fire: 480 };
  me = { name: "", role: "viewer" };
  alertsKnown = false;
  shedsKnown = false;
  lastMessageMs = null;
  lastClosedMs = null;
  #seqs = new Map();
  #touched = new Map();
  #closed = new Set();
  #stamp = 0;
  #pending = new Set();

  /** A mark to take before a request, to be handed in with its answer. */
  mark() {
    this.#stamp += 1;
    return this.#stamp;
  }

  putSheds(entries, mark) {
    const fresh = new Map();
    for (const entry of entries) {
      if (!entry?.site || !entry?.shed) continue;
      const key = shedKey(entry.site, entry.shed);
      const newer = (this.#touched.get(`shed:${key}`) ?? 0) > mark ? this.sheds.get(key) : null;
      fresh.set(key, newer ?? entry);
      this.#message(entry.updated_ts);
    }
    this.sheds = fresh;
    this.shedsKnown = true;
    for (const key of this.details.keys()) if (!fresh.has(key)) this.details.delete(key);
    this.#tell("sheds");
  }

  putDetail(detail) {
    if (!detail?.site || !detail?.shed) return;
    const key = shedKey(detail.site, detail.shed);
    this.details.set(key, detail);
    for (const camera of detail.cameras ?? []) {
      const id = cameraKey(detail.site, detail.shed, camera.id);
      this.cameras.set(id, { ...this.cameras.get(id), ...camera, site: detail.site, shed: detail.shed, camera: camera.id });
    }
    this.#tell(`detail:${key}`, "details", "cameras");
  }

  putAlerts(alerts, mark) {
    const fresh = new Map();
    for (const alert of alerts) {
      if (!alert?.id || alert.closed_ts || this.#closed.has(alert.id)) continue;
      fresh.set(alert.id, alert);
    }
    for (const [id, touched] of this.#alertTouches()) {
      if (touched <= mark) continue;
      if (this.alerts.has(id)) fresh.set(id, this.alerts.get(id));
      else fresh.delete(id);
    }
    this.alerts = fresh;
    this.alertsKnown = true;
    this.#forget();
    this.#tell("alerts");
  }

  /** One alert as an answer to an order told it. */
  putAlert(alert) {
    if (alert?.id) this.onAlert({ alert, transition: null });
  }

  putArrival(id, ms) {
    if (!ms || this.arrivals.get(id) === ms || !this.alerts.has(id)) return;
    this.arrivals.set(id, ms);
    this.#tell("alerts");
  }

  onAlert({ alert, transition }) {
    if (!alert?.id) return;
    const seq = transition?.seq;
    if (Number.isInteger(seq)) {
      if (seq <= (this.#seqs.get(alert.id) ?? -1)) return;
      this.#seqs.set(alert.id, seq);
    }
    if (this.#closed.has(alert.id)) return;
    this.#touched.set(`alert:${alert.id}`, this.mark());
    if (alert.closed_ts) {
      this.alerts.delete(alert.id);
      this.#close(alert);
    } else {
      this.alerts.set(alert.id, alert);
    }
    this.#message(transition?.at_ms);
    this.#tell("alerts", `alert:${alert.id}`);
  }

  onShed(event) {
    if (!event?.site || !event?.shed) return;
    const key = shedKey(event.site, event.shed);
    const known = this.sheds.get(key);
    if (known && (event.updated_ts ?? Infinity) < (known.updated_ts ?? 0)) return;
    const { changed, ...entry } = event;
    this.sheds.set(key, { ...known, ...entry });
    this.#touched.set(`shed:${key}`, this.mark());
    this.#message(event.updated_ts);
    const detail = this.details.get(key);
    if (detail && Array.isArray(changed)) for (const change of changed) applyPort(detail, change);
    this.#tell("sheds", `detail:${key}`);
  }

  onCamera(event) {
    if (!event?.site || !event?.shed || !event?.camera) return;
    const key = cameraKey(event.site, event.shed, event.camera);
    const known = this.cameras.get(key);
    if (known?.picture_ts && event.picture_ts && event.picture_ts < known.picture_ts) return;
    this.cameras.set(key, { ...known, ...event });
    this.#message(event.picture_ts);
    this.#tell("cameras");
  }

  putLoad(load) {
    this.load = load;
    this.#tell("load");
  }

  putProofs(proofs) {
    this.proofs = proofs;
    this.#tell("proofs");
  }

  onService(event) {
    this.service = event;
    this.#tell("service");
  }

  /** Open alerts, the most urgent first; those of one shed where it is named. */
  openAlerts(site = null, shed = null) {
    const all = [...this.alerts.values()];
    return all.filter((alert) => !site || (alert.site === site && alert.shed === shed)).sort(byUrgency);
  }

  /** The worst open severity of a shed by the alerts known here, or null. */
  worstOf(site, shed) {
    return this.openAlerts(site, shed).find((alert) => !isAside(alert))?.severity ?? null;
  }

  /** How many entries are kept about alerts that are not open: bounded, whatever happens. */
  remembered() {
    return this.#closed.size + this.#seqs.size + this.#alertTouches().length;
  }

  /** How many cameras of a shed cannot be relied on now: blind by an alarm, or without a fresh picture. */
  unseen(entry) {
    let count = 0;
    for (const camera of this.cameras.values()) {
      if (camera.site !== entry.site || camera.shed !== entry.shed) continue;
      count += camera.stale === true || camera.blind_since_ts || !camera.picture_ts ? 1 : 0;
    }
    return Math.max(count, entry.cameras?.blind ?? 0);
  }

  #alertTouches() {
    return [...this.#touched].filter(([key]) => key.startsWith("alert:")).map(([key, stamp]) => [key.slice(6), stamp]);
  }

  #message(ms) {
    if (typeof ms === "number" && ms > (this.lastMessageMs ?? 0)) this.lastMessageMs = ms;
  }

  #close(alert) {
    this.#closed.add(alert.id);
    if (alert.closed_ts > (this.lastClosedMs ?? 0)) this.lastClosedMs = alert.closed_ts;
    if (this.#closed.size > KEEP_CLOSED) this.#closed.delete(this.#closed.values().next().value);
    this.#tell("closed");
  }

  // What is remembered of alerts that are neither open nor lately closed: nothing, so that months cost no memory.
  #forget() {
    const wanted = (id) => this.alerts.has(id) || this.#closed.has(id);
    for (const id of this.arrivals.keys()) if (!this.alerts.has(id)) this.arrivals.delete(id);
    for (const id of this.#seqs.keys()) if (!wanted(id)) this.#seqs.delete(id);
    for (const [id] of this.#alertTouches()) if (!wanted(id)) this.#touched.delete(`alert:${id}`);
  }

  // Many events of one moment make one redraw.
  #tell(...topics) {
    if (this.#pending.size === 0) queueMicrotask(() => this.#flush());
    for (const topic of topics) this.#pending.add(topic);
  }

  #flush() {
    const topics = [...this.#pending];
    this.#pending.clear();
    for (const topic of topics) this.dispatchEvent(new Event(topic));
  }
}

function applyPort(detail, change) {
  const charger = (detail.chargers ?? []).find((known) => known.id === change?.charger);
  const port = charger?.ports?.find((known) => known.port === change.port);
  if (!port) return;
  if (change.state) port.state = change.state;
  if ("fault" in change) port.fault = change.fault;
  port.values ??= {};
  for (const field of ["power_w", "temperature_c", "current_a"]) {
    if (typeof change[field] !== "number") continue;
    if ((port.values[field]?.ts ?? 0) > (change.ts ?? Infinity)) continue;
    port.values[field] = { value: change[field], ts: change.ts, age_s: 0 };
  }
}
