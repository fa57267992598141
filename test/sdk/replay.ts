import { connect } from 'node:net';

export interface Reply {
  readonly status: number;
  readonly head: string;
  readonly text: string;
}

/** Sends these bytes as they are and gives the one answer to them, on a connection that the far side may keep. */
export function replay(url: string, bytes: string): Promise<Reply> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const socket = connect(Number(port), hostname);
    const read = (): void => {
      const reply = replyIn(received);
      if (!reply) return;
      resolve(reply);
      socket.destroy();
    };
    socket.on('data', (data) => {
      received = Buffer.concat([received, data]);
      read();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`no whole answer came: ${received.toString()}`)));
    socket.write(bytes);
  });
}

function replyIn(received: Buffer): Reply | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = received.subarray(0, end).toString('latin1');
  const body = received.subarray(end + 4);
  const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
  if (/^transfer-encoding:/im.test(head)) throw new Error('an answer in chunks, which this does not read');
  if (body.length < length) return undefined;
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]), head, text: body.toString() };
}
