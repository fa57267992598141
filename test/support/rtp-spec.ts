import { LegMemory } from '../../media/leg/leg-memory.ts';
import type { RtpLegSpec } from '../../media/worker/protocol.ts';

/** The peer of `rtpSpec`. */
export const PEER = '192.0.2.10';

/** A PCMU leg that is heard and spoken to, about to wrap its sequence numbers and timestamps. What it remembers is its own. */
export function rtpSpec(port: number, changes: Partial<RtpLegSpec> = {}): RtpLegSpec {
  return {
    kind: 'rtp',
    port,
    codec: { name: 'PCMU', payloadType: 0, clockRate: 8000, channels: 1 },
    dtmfPayloadType: undefined,
    comfortNoisePayloadType: undefined,
    remote: { address: PEER, port: 4000 },
    alsoTrusted: [],
    direction: 'sendrecv',
    started: true,
    cname: 'test',
    ssrc: 0xabcd,
    sequence: 65_530,
    timestamp: 4_294_967_000,
    memory: LegMemory.allocate(),
    ...changes,
  };
}
