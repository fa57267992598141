import { audioFixture, wavFile } from '../../support/audio-files.ts';
import { type Attack, isOver } from '../attack.ts';
import { stopPlays } from './source.ts';

const PLAYS = 1000;
const AT_ONCE = 32;
/** One in so many has to go through ffmpeg. */
const MP3_EVERY = 25;
/** Half a second of silence: bystanders are judged by what they hear. */
const SILENCE = wavFile({ tag: 1, bits: 16, channels: 1, sampleRate: 8000, data: Buffer.alloc(8000) });
/** Sound that is no sound: its header says that it goes on, and its frames are cut away. */
const MP3 = audioFixture('mono-8000-cbr.mp3').subarray(0, 200);

export const thousandPlays: Attack = {
  name: 'plays',
  about: 'a thousand plays of a thousand URLs, to every member that is there, as fast as they are answered',
  counts: {
    answered: ['partyline_plays_total{result="completed"}', 'partyline_plays_total{result="stopped"}'],
    refused: ['partyline_http_refusals_total', 'partyline_clip_failures_total'],
  },
  run: async (front) => {
    const { server, source, bystanders } = front;
    const wav = source.file('/thousand.wav', SILENCE);
    const mp3 = source.file('/thousand.mp3', MP3);
    const wrong: string[] = [];
    const latencies: number[] = [];
    const tally = { taken: 0, full: 0 };
    let sent = 0;
    const ask = async (): Promise<void> => {
      while (sent < PLAYS || !isOver(front)) {
        sent += 1;
        const { room, memberId } = bystanders[sent % bystanders.length]!;
        const url = `${sent % MP3_EVERY === 0 ? mp3 : wav}?${front.serial()}`;
        const began = performance.now();
        const { status, headers } = await server.api('POST', `/MultiPartyCall/name_${room}/Member/${memberId}/Play/`, {
          url,
        });
        latencies.push(performance.now() - began);
        if (status === 202) tally.taken += 1;
        else if (status === 429 && headers.get('retry-after') !== null) tally.full += 1;
        else wrong.push(`a play got ${status}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, ask));
    await stopPlays(front);
    latencies.sort((a, b) => a - b);
    const p99 = latencies[Math.floor(latencies.length * 0.99)] ?? 0;
    return {
      sent,
      wrong,
      note: `${tally.taken} taken, ${tally.full} too many; answers in ${p99.toFixed(0)} ms at p99`,
    };
  },
};
