/* The process behind PacketsOnly: one line with a port on stdin lets a leg in, and one line on stdout says where to. */
import { createSocket, type Socket } from 'node:dgram';
import { createInterface } from 'node:readline';

const HOST = '127.0.0.1';
const FRAME_MS = 20;
const FRAME_SAMPLES = 160;
const HEADER_BYTES = 12;
const SILENCE = 0xff;

interface Leg {
  readonly socket: Socket;
  readonly packet: Buffer;
  sequence: number;
}

const legs: Leg[] = [];
const origin = performance.now();
let tick = 0;

function admit(port: number): void {
  const socket = createSocket({ type: 'udp4' });
  socket.on('error', () => {});
  socket.on('message', () => {});
  socket.bind(0, HOST, () => {
    process.stdout.write(`${socket.address().port}\n`);
    socket.connect(port, HOST, () => {
      const packet = Buffer.alloc(HEADER_BYTES + FRAME_SAMPLES, SILENCE);
      packet.writeUInt16BE(0x8000, 0);
      packet.writeUInt32BE(legs.length + 1, 8);
      legs.push({ socket, packet, sequence: 0 });
    });
  });
}

function run(): void {
  tick += 1;
  for (const leg of legs) {
    leg.sequence = (leg.sequence + 1) & 0xffff;
    leg.packet.writeUInt16BE(leg.sequence, 2);
    leg.packet.writeUInt32BE((tick * FRAME_SAMPLES) >>> 0, 4);
    leg.socket.send(leg.packet);
  }
  setTimeout(run, Math.max(0, origin + (tick + 1) * FRAME_MS - performance.now()));
}

createInterface({ input: process.stdin })
  .on('line', (line) => admit(Number(line)))
  .on('close', () => process.exit(0));
process.stdout.write('0\n');
run();
