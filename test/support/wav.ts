/** A recording as a test reads or writes it: 16-bit samples, interleaved when there are several channels. */
export interface Recording {
  readonly sampleRate: number;
  readonly channels: number;
  readonly samples: Int16Array;
}

const HEADER_BYTES = 44;
const PCM_FORMAT = 1;

/** A mono 16-bit WAV file. */
export function writeWav(samples: Int16Array, sampleRate: number): Buffer {
  const file = Buffer.alloc(HEADER_BYTES + samples.length * 2);
  file.write('RIFF', 0, 'latin1');
  file.writeUInt32LE(file.length - 8, 4);
  file.write('WAVEfmt ', 8, 'latin1');
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(PCM_FORMAT, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(sampleRate, 24);
  file.writeUInt32LE(sampleRate * 2, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36, 'latin1');
  file.writeUInt32LE(samples.length * 2, 40);
  samples.forEach((sample, i) => {
    file.writeInt16LE(sample, HEADER_BYTES + i * 2);
  });
  return file;
}

/** Reads a 16-bit PCM WAV file; anything else is a test's mistake and throws. A recorder cut short may lie about sizes. */
export function readWav(file: Buffer): Recording {
  if (file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE')
    throw new Error('not a WAV');
  let sampleRate = 0;
  let channels = 0;
  for (let at = 12; at + 8 <= file.length; ) {
    const kind = file.toString('latin1', at, at + 4);
    const body = at + 8;
    const length = Math.min(file.readUInt32LE(at + 4), file.length - body);
    if (kind === 'fmt ') {
      const bits = file.readUInt16LE(body + 14);
      if (bits !== 16) throw new Error(`a WAV of ${bits} bits`);
      channels = file.readUInt16LE(body + 2);
      sampleRate = file.readUInt32LE(body + 4);
    } else if (kind === 'data') {
      const samples = Int16Array.from({ length: length >> 1 }, (_, i) => file.readInt16LE(body + i * 2));
      return { sampleRate, channels, samples };
    }
    at = body + length + (length & 1);
  }
  throw new Error('a WAV without data');
}
