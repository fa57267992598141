import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that systems hand out for port 0, so nobody else is given one in between. The lower ones are for
 * `freePorts`, the upper ones for the RTP of servers, which must hold no port that was given for anything else.
 */
const FIRST = 11_000;
const LAST = 19_000;
const RTP_LAST = 31_000;

/** The first of `count` ports for the RTP of one server: even, at random, not asked whether they are free. */
export function rtpPorts(count: number): number {
  return evenFrom(LAST, RTP_LAST - count);
}

/** The first of `count` ports in a row, even, that were all free on 127.0.0.1 for UDP and TCP just now. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = evenFrom(FIRST, LAST - count);
    const ports = Array.from({ length: count }, (_, i) => first + i);
    if ((await Promise.all(ports.map(isFree))).every((free) => free)) return first;
  }
}

function evenFrom(first: number, last: number): number {
  return first + 2 * Math.floor((Math.random() * (last - first)) / 2);
}

async function isFree(port: number): Promise<boolean> {
  const udp = createSocket('udp4');
  const tcp = createServer();
  try {
    udp.bind(port, '127.0.0.1');
    await once(udp, 'listening');
    tcp.listen(port, '127.0.0.1');
    await once(tcp, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    udp.close();
    if (tcp.listening) tcp.close();
  }
}
