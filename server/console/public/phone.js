/** Sound on the wire: L16 little-endian at 16 kHz, 20 ms a message. */
const CONTENT_TYPE = 'audio/x-l16;rate=16000';
const SAMPLE_RATE = 16000;
const MICROPHONE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
/** What waits to be sent above this many bytes is late: newer speech is worth more. */
const MAX_BACKLOG_BYTES = 32_000;

/**
 * Joins one conference with the microphone and the loudspeaker of this machine.
 *
 * Events: `live` (`detail` is the start message), `levels` (`{ said, heard }`, 0 to 1), `ended` (`detail` is why, empty
 * when it was us).
 */
export class Phone extends EventTarget {
  #socket;
  #context;
  #microphone;
  #voice;
  #muted = false;
  #over = false;

  /** Asks for the microphone unless `listenOnly`, then connects. Throws a readable error when that cannot be. */
  async join({ api, name, role, listenOnly }) {
    try {
      if (!listenOnly) this.#microphone = await askForMicrophone();
      await this.#startSound();
      const { url, protocols } = await api.stream(name);
      await this.#connect(
        `${url}?content_type=${encodeURIComponent(CONTENT_TYPE)}&framing=binary&role=${role}`,
        protocols,
      );
    } catch (error) {
      this.#end('');
      throw error;
    }
  }

  get muted() {
    return this.#muted;
  }

  set muted(muted) {
    this.#muted = muted;
    this.#voice?.port.postMessage({ muted });
  }

  leave() {
    this.#end('');
  }

  async #startSound() {
    let source;
    try {
      this.#context = new AudioContext({ sampleRate: SAMPLE_RATE, latencyHint: 'interactive' });
      source = this.#microphone && this.#context.createMediaStreamSource(this.#microphone);
    } catch {
      // Not every browser joins a microphone to a context of another rate; there the worklet changes it.
      await this.#context?.close();
      this.#context = new AudioContext({ latencyHint: 'interactive' });
      source = this.#microphone && this.#context.createMediaStreamSource(this.#microphone);
    }
    await this.#context.audioWorklet.addModule('/console/voice-worklet.js');
    this.#voice = new AudioWorkletNode(this.#context, 'voice', {
      numberOfInputs: 1,
      numberOfOutputs: 1,
      outputChannelCount: [1],
      channelCount: 1,
      channelCountMode: 'explicit',
    });
    this.#voice.port.onmessage = ({ data }) => this.#fromVoice(data);
    source?.connect(this.#voice);
    this.#voice.connect(this.#context.destination);
    await this.#context.resume();
  }

  #connect(url, protocols) {
    const socket = new WebSocket(url, protocols);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    return new Promise((resolve, reject) => {
      socket.onmessage = ({ data }) => {
        if (typeof data !== 'string') {
          this.#voice?.port.postMessage({ heard: data }, [data]);
          return;
        }
        const message = JSON.parse(data);
        if (message.event !== 'start') return;
        this.#tell('live', message.start);
        resolve();
      };
      socket.onclose = ({ code, reason }) => {
        reject(new Error('The server did not let the microphone in'));
        this.#end(reason || `connection closed (${code})`);
      };
    });
  }

  #fromVoice({ said, levels }) {
    if (levels) this.#tell('levels', levels);
    const socket = this.#socket;
    if (said && socket?.readyState === WebSocket.OPEN && socket.bufferedAmount < MAX_BACKLOG_BYTES) socket.send(said);
  }

  #end(reason) {
    if (this.#over) return;
    this.#over = true;
    if (this.#socket) {
      this.#socket.onclose = null;
      this.#socket.onmessage = null;
      this.#socket.close(1000);
    }
    for (const track of this.#microphone?.getTracks() ?? []) track.stop();
    this.#context?.close();
    this.#tell('ended', reason);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

async function askForMicrophone() {
  if (!navigator.mediaDevices)
    throw new Error('Browsers give the microphone to https pages and localhost only. You can still listen.');
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: MICROPHONE });
  } catch (error) {
    throw new Error(
      error.name === 'NotAllowedError'
        ? 'The browser was not allowed to use the microphone. You can still listen.'
        : 'There is no microphone. You can still listen.',
    );
  }
}
