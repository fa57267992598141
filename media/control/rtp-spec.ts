import { randomBytes } from 'node:crypto';
import type { RtpLegOptions } from '../engine.ts';
import { LegMemory } from '../leg/leg-memory.ts';
import { srtpSpec } from '../srtp/srtp-terms.ts';
import type { RtpLegSpec } from '../worker/protocol.ts';

/**
 * All that a mixer must know of a new leg on a port; its streams begin where nobody can guess (RFC 3550 section 5.1), but far
 * enough from where numbers wrap that a phone which misses the first packets counts no rollover wrongly (RFC 3711 section 3.3.1).
 */
export function newRtpSpec(options: RtpLegOptions, port: number): RtpLegSpec {
  const random = randomBytes(20);
  return {
    kind: 'rtp',
    port,
    codec: options.codec,
    dtmfPayloadType: options.dtmfPayloadType,
    dtmfClockRate: options.dtmfClockRate,
    comfortNoisePayloadType: options.comfortNoisePayloadType,
    remote: options.remote,
    alsoTrusted: options.alsoTrusted ?? [],
    direction: options.direction,
    started: false,
    srtp: options.srtp && srtpSpec(options.srtp, undefined),
    cname: random.toString('hex', 10),
    ssrc: random.readUInt32BE(0),
    sequence: random.readUInt16BE(4) >> 1,
    timestamp: random.readUInt32BE(6),
    memory: LegMemory.allocate(),
  };
}
