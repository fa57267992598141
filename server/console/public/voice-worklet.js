/* Runs on the audio thread: microphone to 20 ms messages, messages to loudspeaker. `sampleRate` is the context's. */

const WIRE_RATE = 16000;
const FRAME = 320;
/** Sound held back before it plays, in samples: covers the network's jitter. */
const START = 3 * FRAME;
/** More than this is delay without use: the oldest goes. */
const MOST = 12 * FRAME;
const LEVEL_EVERY = WIRE_RATE / 10;

/** Turns samples of one rate into another by drawing straight lines between them; exact when the rates are equal. */
class Stretch {
  constructor(from, to) {
    this.step = from / to;
    this.position = 0;
    this.last = 0;
  }

  /** Calls `emit` for every sample that falls due once `sample` is known. */
  push(sample, emit) {
    while (this.position < 1) {
      emit(this.last + (sample - this.last) * this.position);
      this.position += this.step;
    }
    this.position -= 1;
    this.last = sample;
  }
}

/** What was heard and not yet played, at the wire's rate. */
class Playout {
  constructor() {
    this.samples = new Float32Array(2 * MOST);
    this.length = 0;
    this.playing = false;
  }

  add(frame) {
    if (this.length + frame.length > MOST) this.drop(this.length + frame.length - START);
    for (let i = 0; i < frame.length; i++) this.samples[this.length + i] = frame[i] / 32768;
    this.length += frame.length;
    if (this.length >= START) this.playing = true;
  }

  /** The next `count` samples; silence while it gathers. */
  take(count) {
    const out = new Float32Array(count);
    if (!this.playing) return out;
    const ready = Math.min(count, this.length);
    out.set(this.samples.subarray(0, ready));
    this.drop(ready);
    if (ready < count) this.playing = false;
    return out;
  }

  drop(count) {
    const gone = Math.min(count, this.length);
    this.samples.copyWithin(0, gone, this.length);
    this.length -= gone;
  }
}

class Voice extends AudioWorkletProcessor {
  constructor() {
    super();
    this.muted = false;
    this.down = new Stretch(sampleRate, WIRE_RATE);
    this.up = new Stretch(WIRE_RATE, sampleRate);
    this.playout = new Playout();
    this.frame = new Int16Array(FRAME);
    this.filled = 0;
    this.owed = 0;
    this.ready = [];
    this.said = 0;
    this.heard = 0;
    this.sinceLevels = 0;
    this.port.onmessage = ({ data }) => {
      if (data.heard) this.playout.add(new Int16Array(data.heard, 0, data.heard.byteLength >> 1));
      if (data.muted !== undefined) this.muted = data.muted;
    };
  }

  process([[microphone]], [[speaker]]) {
    if (microphone) for (const sample of microphone) this.down.push(sample, (value) => this.say(value));
    this.play(speaker);
    this.sinceLevels += (speaker.length * WIRE_RATE) / sampleRate;
    if (this.sinceLevels >= LEVEL_EVERY) this.reportLevels();
    return true;
  }

  say(value) {
    const sample = Math.max(-1, Math.min(1, this.muted ? 0 : value));
    this.said = Math.max(this.said, Math.abs(sample));
    this.frame[this.filled] = Math.round(sample * 32767);
    this.filled += 1;
    if (this.filled < FRAME) return;
    this.filled = 0;
    if (this.muted) return;
    // WebSocket and every machine a browser runs on agree: little-endian.
    this.port.postMessage({ said: this.frame.buffer }, [this.frame.buffer]);
    this.frame = new Int16Array(FRAME);
  }

  play(speaker) {
    this.owed += (speaker.length * WIRE_RATE) / sampleRate;
    const count = Math.floor(this.owed);
    this.owed -= count;
    for (const sample of this.playout.take(count)) {
      this.heard = Math.max(this.heard, Math.abs(sample));
      this.up.push(sample, (value) => this.ready.push(value));
    }
    for (let i = 0; i < speaker.length; i++) speaker[i] = this.ready[i] ?? 0;
    this.ready.splice(0, speaker.length);
  }

  reportLevels() {
    this.port.postMessage({ levels: { said: this.said, heard: this.heard } });
    this.said = 0;
    this.heard = 0;
    this.sinceLevels = 0;
  }
}

registerProcessor('voice', Voice);
