/** Coefficients heeded; RFC 3389 lets a sender choose, ten are usual. */
const MAX_ORDER = 12;
/** Hostile coefficients would make a filter that rings for ever. */
const LARGEST_REFLECTION = 0.98;
const FULL_SCALE = 32767;
/** Share of the way to a new level that is walked each sample: about 10 ms at 8 kHz. */
const LEVEL_STEP = 1 / 80;

/**
 * Background noise as a sender describes it in comfort noise payloads (RFC 3389): a level, and the shape of its spectrum as
 * reflection coefficients of an all-pole filter.
 *
 *     byte 0    level, 0 to 127: minus dB against the largest square wave
 *     byte 1..M coefficients, 127 is zero
 */
export class ComfortNoise {
  private readonly reflections = new Float32Array(MAX_ORDER);
  private readonly memory = new Float32Array(MAX_ORDER + 1);
  private order = 0;
  private level = 0;
  private wantedLevel = 0;
  private state: number;

  /** `seed` chooses the noise: the same seed makes the same samples. */
  constructor(seed: number) {
    this.state = seed | 1;
  }

  /** Takes over a payload. `shaped`: whether the coefficients are meant for our sample rate; if not, the noise is white. */
  describe(payload: Uint8Array, offset: number, length: number, shaped: boolean): void {
    if (length < 1) return;
    const order = shaped ? Math.min(MAX_ORDER, length - 1) : 0;
    let remaining = 1;
    for (let i = 0; i < order; i++) {
      // RFC 3389 section 3.2: k = 258 (N - 127) in 1/32768.
      const value = (258 * (payload[offset + 1 + i]! - 127)) / 32768;
      const reflection = Math.max(-LARGEST_REFLECTION, Math.min(LARGEST_REFLECTION, value));
      this.reflections[i] = reflection;
      remaining *= 1 - reflection * reflection;
    }
    if (order !== this.order) this.memory.fill(0);
    this.order = order;
    // The filter makes noise of power 1 louder by 1 / remaining. Uniform noise in [-1, 1) has the power 1/3.
    this.wantedLevel = FULL_SCALE * 10 ** (-(payload[offset]! & 0x7f) / 20) * Math.sqrt(3 * remaining);
  }

  /** Writes `count` samples of noise at `at`. */
  fill(sound: Int16Array, at: number, count: number): void {
    for (let i = 0; i < count; i++) {
      this.level += (this.wantedLevel - this.level) * LEVEL_STEP;
      const value = this.filter(this.white() * this.level);
      sound[at + i] = value > FULL_SCALE ? FULL_SCALE : value < -FULL_SCALE ? -FULL_SCALE : Math.round(value);
    }
  }

  /** Takes the level described at once instead of walking to it: a new silence begins. */
  settle(): void {
    this.level = this.wantedLevel;
  }

  /** Uniform in [-1, 1) (xorshift). */
  private white(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return x / 0x8000_0000;
  }

  /** All-pole lattice filter: y(n) = e(n) - k1 y(n-1) for one coefficient. */
  private filter(excitation: number): number {
    const { memory, reflections, order } = this;
    let forward = excitation;
    for (let i = order - 1; i >= 0; i--) {
      const reflection = reflections[i]!;
      forward -= reflection * memory[i]!;
      memory[i + 1] = memory[i]! + reflection * forward;
    }
    memory[0] = forward;
    return forward;
  }
}
