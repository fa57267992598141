import { msToSamples, type SampleRate } from '../audio/frame.ts';
import { type SoundMaker, unknownSound } from './local-sounds.ts';
import { wavFile } from './wav-writer.ts';

/** What is heard of a sound: tones together, one after the other. Silence has no tones. */
interface Section {
  readonly ms: number;
  readonly tonesHz: readonly number[];
}

/** Peak of one tone: 18 dB below full scale, as loud as a talker on the telephone. */
const TONE_PEAK = 32_767 * 10 ** (-18 / 20);
/** Tones swell and fade so long: a tone that is cut hard clicks. */
const EDGE_MS = 5;

/** Sounds that need no file. A ring is one period of the North American ringing tone, made to be repeated. */
const SECTIONS = {
  'beep:1': [{ ms: 250, tonesHz: [880] }],
  'beep:2': [
    { ms: 120, tonesHz: [660] },
    { ms: 60, tonesHz: [] },
    { ms: 120, tonesHz: [660] },
  ],
  ring: [
    { ms: 2000, tonesHz: [440, 480] },
    { ms: 4000, tonesHz: [] },
  ],
} as const satisfies Record<string, readonly Section[]>;

export type BuiltInSound = keyof typeof SECTIONS;

/** The scheme of the addresses of built-in sounds. */
export const SOUND_SCHEME = 'sound:';

/** The internal address of a built-in sound, for a play's `urls`. No user can write it into a URL field. */
export function soundAddress(name: BuiltInSound): string {
  return `${SOUND_SCHEME}//${name.replace(':', '-')}`;
}

const NAMES: ReadonlyMap<string, BuiltInSound> = new Map(
  (Object.keys(SECTIONS) as BuiltInSound[]).map((name) => [soundAddress(name), name]),
);

const SILENCE = /^sound:\/\/silence-(\d{1,3})$/;

/** The internal address of so many whole seconds of silence, 1 to 300. */
export function silenceAddress(seconds: number): string {
  return `${SOUND_SCHEME}//silence-${Math.min(300, Math.max(1, Math.round(seconds)))}`;
}

/** Makes the built-in sounds, at the rate they are asked for. */
export const builtInSounds: SoundMaker = ({ href }, sampleRate) => {
  const name = NAMES.get(href);
  if (name !== undefined) return [wavFile(samplesOf(SECTIONS[name], sampleRate), sampleRate)];
  const silence = SILENCE.exec(href);
  return [silence ? wavFile(new Int16Array(Number(silence[1]) * sampleRate), sampleRate) : unknownSound()];
};

function samplesOf(sections: readonly Section[], sampleRate: SampleRate): Int16Array {
  return Int16Array.from(sections.flatMap((section) => [...sectionSamples(section, sampleRate)]));
}

function sectionSamples({ ms, tonesHz }: Section, sampleRate: SampleRate): Int16Array {
  const edge = msToSamples(EDGE_MS, sampleRate);
  const samples = new Int16Array(msToSamples(ms, sampleRate));
  return samples.map((_, i) => {
    const level = Math.min(1, i / edge, (samples.length - 1 - i) / edge);
    const sum = tonesHz.reduce((total, hz) => total + Math.sin((2 * Math.PI * hz * i) / sampleRate), 0);
    return Math.round(TONE_PEAK * level * sum);
  });
}
