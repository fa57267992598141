import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { locate, type NameService } from '../../../../server/sip/locate.ts';
import { readUri } from '../../../../server/sip/uri.ts';

const names: NameService = {
  addresses: async (host, family) => {
    const known: Record<string, string> = {
      'pbx.test 4': '192.0.2.5',
      'pbx.test 6': '2001:db8::5',
      'sip2.test 4': '192.0.2.6',
    };
    const address = known[`${host} ${family}`];
    if (!address) throw new Error('ENOTFOUND');
    return [address];
  },
  services: async (name) => {
    if (name === '_sips._tcp.carrier.test') return [{ name: 'sip2.test', port: 5081, priority: 1 }];
    if (name !== '_sip._udp.carrier.test') throw new Error('ENODATA');
    return [
      { name: 'sip1.test', port: 5070, priority: 20 },
      { name: 'sip2.test', port: 5080, priority: 10 },
    ];
  },
};

async function find(text: string, ours = '192.0.2.1') {
  const read = readUri(text);
  assert.ok(read.ok, text);
  return locate(read.uri, ours, names);
}

suite('where a SIP address leads', () => {
  test('is what it says itself, with 5060 and UDP when it says nothing', async () => {
    assert.deepEqual(await find('sip:a@192.0.2.9'), { transport: 'UDP', address: '192.0.2.9', port: 5060 });
    assert.deepEqual(await find('sip:a@192.0.2.9:5099;transport=tcp'), {
      transport: 'TCP',
      address: '192.0.2.9',
      port: 5099,
    });
    assert.deepEqual(await find('sip:a@pbx.test'), { transport: 'UDP', address: '192.0.2.5', port: 5060 });
  });

  test('is the best SRV record when it names no port', async () => {
    assert.deepEqual(await find('sip:a@carrier.test'), { transport: 'UDP', address: '192.0.2.6', port: 5080 });
    assert.equal(
      await find('sip:a@carrier.test:5060'),
      undefined,
      'a port means the name itself, which has no address',
    );
  });

  test('by TLS is at 5061 or where its SRV record says, and is to be proven under the name that was called', async () => {
    const at = { transport: 'TLS', address: '192.0.2.5', port: 5061, name: 'pbx.test' };
    for (const text of ['sips:a@pbx.test', 'sip:a@pbx.test;transport=tls', 'sips:a@pbx.test;transport=tcp'])
      assert.deepEqual(await find(text), at, text);
    const byService = { transport: 'TLS', address: '192.0.2.6', port: 5081, name: 'carrier.test' };
    assert.deepEqual(await find('sips:a@carrier.test'), byService);
    const literal = { transport: 'TLS', address: '192.0.2.9', port: 5070, name: '192.0.2.9' };
    assert.deepEqual(await find('sips:a@192.0.2.9:5070'), literal);
    assert.equal(await find('sips:a@pbx.test;transport=udp'), undefined);
  });

  test('is nowhere by other ways, in another family of addresses, or without an address', async () => {
    assert.equal(await find('sip:a@192.0.2.9;transport=sctp'), undefined);
    assert.equal(await find('sip:a@192.0.2.9', '2001:db8::1'), undefined);
    assert.deepEqual((await find('sip:a@pbx.test', '2001:db8::1'))?.address, '2001:db8::5');
    assert.equal(await find('sip:a@nowhere.test'), undefined);
  });
});
