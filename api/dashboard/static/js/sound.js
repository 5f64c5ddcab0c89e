// Alarm sound by WebAudio. It follows the state of the alarms, not single events: as long as somebody has to take
// notice of something grave it sounds. Muting ends by itself, and at once when another grave alarm comes.

const MUTE_MS = 3 * 60_000;
const EVERY_MS = { urgent: 1_400, critical: 2_500, high: 10_000 };
const TONES = {
  urgent: [[988, 0, 0.16], [740, 0.2, 0.16], [988, 0.4, 0.16], [740, 0.6, 0.16], [988, 0.8, 0.16], [740, 1, 0.16]],
  critical: [[880, 0, 0.22], [660, 0.26, 0.22], [880, 0.52, 0.22], [660, 0.78, 0.3]],
  high: [[660, 0, 0.18], [550, 0.24, 0.3]],
};
const VOLUME = 0.28;
const URGENT_VOLUME = 0.45;

export const MUTE_MINUTES = MUTE_MS / 60_000;

/** Tells `onChange` when what it shows has changed. */
export class Sound {
  #context = null;
  #level = null;
  #ids = new Set();
  #mutedUntil = 0;
  #lastAt = -Infinity;
  #urgent = false;

  constructor(onChange) {
    this.onChange = onChange;
    // Browsers let a page sound only after somebody has touched it.
    for (const event of ["pointerdown", "keydown"]) addEventListener(event, () => this.unlock(), { passive: true });
    this.#make();
    setInterval(() => this.#tick(), 250);
  }

  get blocked() {
    return !this.#context || this.#context.state !== "running";
  }

  get level() {
    return this.#level;
  }

  /** Milliseconds of silence left. */
  get mutedMs() {
    return Math.max(0, this.#mutedUntil - performance.now());
  }

  /** Ask the browser again; does nothing where it already sounds. */
  async unlock() {
    if (!this.blocked) return;
    this.#make();
    await this.#context?.resume().catch(() => {});
    this.onChange();
  }

  /** Whether a critical alarm has waited too long. */
  urgent(on) {
    if (on === this.#urgent) return;
    this.#urgent = on;
    this.#lastAt = -Infinity;
  }

  mute() {
    this.#mutedUntil = performance.now() + MUTE_MS;
    this.onChange();
  }

  unmute() {
    this.#mutedUntil = 0;
    this.onChange();
  }

  /** The alarms that call for sound: `[{id, severity}]`. */
  follow(alarms) {
    const grave = alarms.filter((alarm) => alarm.severity in EVERY_MS);
    const isNew = grave.some((alarm) => !this.#ids.has(`${alarm.id}:${alarm.severity}`));
    this.#ids = new Set(grave.map((alarm) => `${alarm.id}:${alarm.severity}`));
    this.#level = grave.some((alarm) => alarm.severity === "critical") ? "critical" : grave.length ? "high" : null;
    if (isNew) {
      this.#mutedUntil = 0;
      this.#lastAt = -Infinity;
    }
    this.onChange();
  }

  /** One chime, to hear that it works. */
  async test() {
    await this.unlock();
    this.#play("high");
  }

  #make() {
    if (this.#context || !globalThis.AudioContext) return;
    this.#context = new AudioContext();
    this.#context.onstatechange = () => this.onChange();
  }

  #tick() {
    if (!this.#level || this.mutedMs > 0 || this.blocked) return;
    const at = performance.now();
    const level = this.#urgent && this.#level === "critical" ? "urgent" : this.#level;
    if (at - this.#lastAt < EVERY_MS[level]) return;
    this.#lastAt = at;
    this.#play(level);
  }

  #play(level) {
    if (this.blocked) return;
    const volume = level === "urgent" ? URGENT_VOLUME : VOLUME;
    for (const [frequency, delay, length] of TONES[level]) this.#tone(frequency, this.#context.currentTime + delay, length, volume);
  }

  #tone(frequency, start, length, volume) {
    const oscillator = this.#context.createOscillator();
    const gain = this.#context.createGain();
    oscillator.type = "triangle";
    oscillator.frequency.value = frequency;
    // Ramps, not steps: a step is heard as a click.
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(volume, start + 0.02);
    gain.gain.setValueAtTime(volume, start + length - 0.04);
    gain.gain.linearRampToValueAtTime(0, start + length);
    oscillator.connect(gain).connect(this.#context.destination);
    oscillator.start(start);
    oscillator.stop(start + length + 0.02);
  }
}
