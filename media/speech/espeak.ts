import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { executable, type Failed, failed, onPath, PRLIMIT, Slots } from '../clip/index.ts';
import type { Clock } from '../time/clock.ts';
import type { Speech, SpeechEngine, SpeechLanguage, SpeechVoice } from './engine.ts';
import { Speaking, type SpeakingEnd } from './speaking.ts';

export interface EspeakOptions {
  /** Processes at once, and texts that may wait for one. */
  readonly processes: number;
  readonly queue: number;
  /** Wall clock of one text. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  /** A text was spoken, in so many seconds. */
  readonly onSpoken: (seconds: number) => void;
}

export type EspeakChoice =
  | { readonly ok: true; readonly engine: SpeechEngine }
  /** `why` is for the log. */
  | { readonly ok: false; readonly why: string };

const NAME = 'espeak-ng';
const PROOF_MS = 10_000;
/** A voice's own variant of each language, the same whatever the language. */
const VARIANTS: Readonly<Record<SpeechVoice, string>> = { woman: 'f3', man: 'm3' };
const CPU_SECONDS = 10;
const MEMORY_BYTES = 256 * 2 ** 20;
/** What we are willing to hand to the program as an argument. */
const TAG = /^[a-z0-9]{2,8}(-[a-z0-9]{1,8}){0,6}$/;

/** Finds espeak-ng, the configured one or that on PATH, and proves that it speaks. */
export async function chooseEspeak(configured: string | undefined, options: EspeakOptions): Promise<EspeakChoice> {
  const path = configured === undefined ? await onPath(NAME) : resolve(configured);
  if (path === undefined) return { ok: false, why: `${NAME} is not installed` };
  if (!(await executable(path))) return { ok: false, why: `${path} is no program` };
  const [version, table] = await Promise.all([ask(path, '--version'), ask(path, '--voices')]);
  const languages = parseVoices(table ?? '');
  if (version === undefined || languages.length === 0) return { ok: false, why: `${path} is no ${NAME}` };
  for (const prlimit of (await executable(PRLIMIT)) ? [PRLIMIT, undefined] : [undefined]) {
    const name = `${NAME} ${/\d[\w.-]*/.exec(version)?.[0] ?? ''}`.trim();
    const engine = new Espeak({ ...options, path, prlimit, name, languages });
    if (await proves(engine)) return { ok: true, engine };
  }
  return { ok: false, why: `${path} does not speak` };
}

/** espeak-ng as it is run for every text: a process each, under limits, the text on its standard input. */
class Espeak implements SpeechEngine {
  readonly name: string;
  readonly languages: readonly SpeechLanguage[];
  readonly #options: EspeakOptions & { readonly path: string; readonly prlimit: string | undefined };
  readonly #slots: Slots;

  constructor(
    options: EspeakOptions & Pick<SpeechEngine, 'name' | 'languages'> & { path: string; prlimit: string | undefined },
  ) {
    this.#options = options;
    this.name = options.name;
    this.languages = options.languages;
    this.#slots = new Slots({ total: options.processes, queue: options.queue });
  }

  async *synthesize(speech: Speech, signal: AbortSignal): AsyncGenerator<Uint8Array | Failed> {
    const { clock, deadlineMs, onSpoken } = this.#options;
    const slot = await this.#slots.enter('', signal);
    if (slot === 'aborted') return;
    if (slot === 'busy') return yield failed('busy', 'too many texts wait to be spoken');
    const startedAt = clock.now();
    const speaking = new Speaking({
      command: this.#command(speech),
      text: plain(speech.text),
      deadlineMs,
      clock,
      signal,
    });
    try {
      yield* speaking.pieces();
      const failure = failureOf(await speaking.end, deadlineMs);
      if (failure) yield failure;
      else onSpoken((clock.now() - startedAt) / 1000);
    } finally {
      speaking.kill();
      slot.leave();
    }
  }

  #command({ voice, language }: Speech): readonly string[] {
    const { path, prlimit } = this.#options;
    if (!this.languages.some(({ tag }) => tag === language)) throw new Error(`no language ${language}`);
    const speak = [path, '--stdin', '--stdout', '-b', '1', '-v', `${language}+${VARIANTS[voice]}`];
    if (prlimit === undefined) return speak;
    return [prlimit, `--data=${MEMORY_BYTES}`, `--cpu=${CPU_SECONDS}`, '--core=0', '--nofile=32', '--', ...speak];
  }
}

/**
 * Text as nothing but text: espeak-ng takes control characters for commands and `[[` for the beginning of phonemes. It is
 * never told to read markup, which could name files.
 */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').replace(/\[(?=\[)/g, '[ ');
}

function failureOf(end: SpeakingEnd, deadlineMs: number): Failed | undefined {
  switch (end.status) {
    case 'finished':
      return end.bytes > 0 ? undefined : failed('speech_failed', 'there was nothing to say');
    case 'hung':
      return failed('speech_failed', `${NAME} took longer than ${deadlineMs} ms`);
    case 'failed':
      return failed('speech_failed', `${NAME} ended with ${end.with}`);
    case 'killed':
      return undefined;
  }
}

/** Rows of `--voices`: priority, tag, age and gender, name, file, and further tags with their priorities. */
export function parseVoices(table: string): readonly SpeechLanguage[] {
  const languages = new Map<string, SpeechLanguage>();
  for (const line of table.split('\n')) {
    const [, tag = '', name = '', others = ''] =
      /^\s*\d+\s+(\S+)\s+\S+\s+(\S+)\s+\S+\s*((?:\(\S+ \d+\))*)\s*$/.exec(line) ?? [];
    const lower = tag.toLowerCase();
    if (!TAG.test(lower) || languages.has(lower)) continue;
    const also = new Map(Array.from(others.matchAll(/\((\S+) (\d+)\)/g), ([, other, rank]) => [other!, Number(rank)]));
    languages.set(lower, { tag: lower, name: name.replaceAll('_', ' ').trim(), also });
  }
  return [...languages.values()];
}

async function proves(engine: SpeechEngine): Promise<boolean> {
  const language = engine.languages.find(({ tag }) => tag.startsWith('en')) ?? engine.languages[0]!;
  for await (const piece of engine.synthesize(
    { text: 'one', voice: 'woman', language: language.tag },
    AbortSignal.timeout(PROOF_MS),
  ))
    if (piece instanceof Uint8Array && piece.length > 0) return true;
  return false;
}

function ask(path: string, question: string): Promise<string | undefined> {
  return new Promise((done) => {
    execFile(path, [question], { timeout: PROOF_MS, killSignal: 'SIGKILL', env: {} }, (error, stdout) => {
      done(error ? undefined : stdout);
    });
  });
}
