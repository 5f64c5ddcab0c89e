// The server's clock as seen from here. The service may run simulated hours, so its rate is measured too.

const samples = [];
const KEEP = 12;
let rate = 1;

/** Takes a time the server just told. */
export function tell(serverMs) {
  if (typeof serverMs !== "number" || !Number.isFinite(serverMs)) return;
  const local = performance.now();
  const last = samples.at(-1);
  const jumped = last && Math.abs(serverMs - estimate(local)) > 60_000 * Math.max(1, rate);
  if (jumped) samples.length = 0;
  samples.push({ local, server: serverMs });
  if (samples.length > KEEP) samples.shift();
  measure();
}

function measure() {
  const first = samples[0];
  const last = samples.at(-1);
  const span = last.local - first.local;
  if (span < 3000) return;
  const measured = (last.server - first.server) / span;
  rate = measured < 1.2 ? 1 : measured;
}

function estimate(local) {
  const last = samples.at(-1);
  return last ? last.server + (local - last.local) * rate : Date.now();
}

/** Whether the server has ever told its time. */
export const known = () => samples.length > 0;

/** The server's time now, epoch milliseconds. */
export const now = () => Math.round(estimate(performance.now()));

/** Server seconds a second of ours: 1, or the speed of a simulated clock. */
export const speed = () => rate;
