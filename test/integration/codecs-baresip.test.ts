import assert from 'node:assert/strict';
import { after, afterEach, before, type TestContext, test } from 'node:test';
import { Baresip, type BaresipCodec, hasModule } from '../support/baresip.ts';
import { lacking, requireProgram } from '../support/programs.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { levelAt, sinad } from '../support/tones.ts';

const ANA_HZ = 440;
const BOB_HZ = 900;

interface Quality {
  readonly codec: string;
  readonly packets_received: number;
  readonly packets_sent: number;
  readonly packets_lost: number;
  readonly concealed_share: number;
  readonly jitter_ms: number;
  readonly playout_delay_ms: number;
  readonly mos: number;
}

let server: TestServer;
const phones: Baresip[] = [];

before(async () => {
  server = await startServer({ SAMPLE_RATE_BY_MPC: 'wide-*:16000' });
});

afterEach(async () => {
  await Promise.all(phones.splice(0).map((phone) => phone.stop()));
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

async function call(mpc: string, name: string, hz: number, codec: BaresipCodec): Promise<Baresip> {
  const phone = await Baresip.start({ name, hz, codec });
  phones.push(phone);
  await phone.dial(`sip:${mpc}@127.0.0.1:${server.sipPort}`);
  return phone;
}

async function quality(mpc: string, member: number): Promise<Quality> {
  const { body } = await server.api('GET', `/MultiPartyCall/name_${mpc}/Participant/${member}/`);
  return (body as { quality: Quality }).quality;
}

interface Sound {
  readonly samples: Int16Array;
  readonly sampleRate: number;
}

/** The last so many milliseconds of what it has heard, once there is that much more; of stereo the left side. */
async function listen(phone: Baresip, ms: number): Promise<Sound> {
  const heard = async (): Promise<Sound> => {
    const { samples, sampleRate, channels } = await phone.heard();
    return { samples: samples.filter((_, i) => i % channels === 0), sampleRate };
  };
  const before = (await heard()).samples.length;
  return until(
    `${ms} ms more sound`,
    async () => {
      const { samples, sampleRate } = await heard();
      const wanted = (sampleRate * ms) / 1000;
      return samples.length >= before + wanted && { samples: samples.subarray(-wanted), sampleRate };
    },
    10_000,
  );
}

/** How clean a tone is in its usual 100 ms: a stall of the machine spoils one of them, a fault of the sound all. */
function usualSinad({ samples, sampleRate }: Sound, hz: number): number {
  const length = sampleRate / 10;
  const parts = Array.from({ length: Math.floor(samples.length / length) }, (_, i) =>
    sinad(samples.subarray(i * length, (i + 1) * length), sampleRate, hz),
  );
  return parts.sort((a, b) => a - b)[parts.length >> 1] ?? 0;
}

function hasCodec(t: TestContext, codec: BaresipCodec): boolean {
  if (!requireProgram(t, 'baresip')) return false;
  const file = codec.startsWith('PCM') ? 'g711' : codec.toLowerCase();
  return hasModule(file) || lacking(t, `baresip has no ${file}.so`);
}

for (const [mpcRate, codecs] of [
  ['narrow', ['PCMU', 'PCMA', 'G722', 'L16', 'opus']],
  ['wide', ['G722', 'opus']],
] as const) {
  for (const codec of codecs) {
    test(`baresip with ${codec} in a ${mpcRate} MPC: tones both ways, nothing lost, figures that are true`, async (t) => {
      if (!hasCodec(t, codec)) return;
      const mpc = `${mpcRate}-${codec}`;
      const ana = await call(mpc, 'ana', ANA_HZ, codec);
      const bob = await call(mpc, 'bob', BOB_HZ, 'PCMU');
      await Promise.all([listen(ana, 1000), listen(bob, 1000)]);
      const [byAna, byBob] = await Promise.all([listen(ana, 2000), listen(bob, 2000)]);
      for (const [who, heard, other, own] of [
        ['ana', byAna, BOB_HZ, ANA_HZ],
        ['bob', byBob, ANA_HZ, BOB_HZ],
      ] as const) {
        const { samples, sampleRate } = heard;
        assert.ok(levelAt(samples, sampleRate, other) > (codec === 'opus' ? -20 : -15), `${who} hears the other`);
        assert.ok(levelAt(samples, sampleRate, own) < -45, `${who} does not hear herself`);
        const clean = usualSinad(heard, other);
        // Opus at 20 kbit/s makes something like a tone of a tone; a gap or a click would spoil any of them.
        assert.ok(clean > (codec === 'opus' ? 15 : 30), `${who}: clean to ${clean.toFixed(1)} dB`);
      }
      const seen = await until('a report of a second', async () => {
        const now = await quality(mpc, 1);
        return now.packets_received > 100 && now;
      });
      assert.equal(seen.codec, codec);
      assert.equal(seen.packets_lost, 0);
      // The phone's clock is a timer on a busy machine; what it sends late is late, and is not our loss.
      assert.ok(seen.concealed_share < 0.05, `${seen.concealed_share} concealed`);
      assert.ok(seen.jitter_ms > 0 && seen.jitter_ms < 50, `${seen.jitter_ms} ms of jitter`);
      assert.ok(seen.playout_delay_ms > 0 && seen.playout_delay_ms < 300, `${seen.playout_delay_ms} ms of delay`);
      assert.ok(seen.mos > 3.5 && seen.mos <= 4.41, `MOS ${seen.mos}`);
    });
  }
}
