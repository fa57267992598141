import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientAddresses } from '../../../server/client-address.ts';

const asked = (remoteAddress: string, forwarded?: string) => ({
  headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  socket: { remoteAddress },
});

test('without a proxy of ours nobody is believed about anybody', () => {
  const addresses = new ClientAddresses([]);
  assert.equal(addresses.of(asked('192.0.2.1', '198.51.100.7')), '192.0.2.1');
  assert.equal(new ClientAddresses(['10.0.0.0/8']).of(asked('192.0.2.1', '198.51.100.7')), '192.0.2.1');
});

test('a proxy of ours tells who asked it, and through how many of ours', () => {
  const addresses = new ClientAddresses(['10.0.0.0/8', '::1/128']);
  assert.equal(addresses.of(asked('::ffff:10.0.0.5', '198.51.100.7')), '198.51.100.7');
  assert.equal(addresses.of(asked('::1', '198.51.100.7, 10.1.1.1, 10.2.2.2')), '198.51.100.7');
  assert.equal(addresses.of(asked('10.0.0.5')), '10.0.0.5', 'its own questions are its own');
});

test('what a client wrote in front is not believed, nor what is no address', () => {
  const addresses = new ClientAddresses(['10.0.0.0/8']);
  assert.equal(addresses.of(asked('10.0.0.5', '203.0.113.1, 198.51.100.7')), '198.51.100.7');
  for (const text of ['', 'unknown', '198.51.100.7:4711', '999.1.1.1', '<script>'])
    assert.equal(addresses.of(asked('10.0.0.5', text)), '10.0.0.5');
  assert.equal(addresses.of(asked('10.0.0.5', '10.0.0.6,'.repeat(5000))), '10.0.0.5');
});

test('that a request came by TLS is believed of its own socket and of our proxies', () => {
  const addresses = new ClientAddresses(['10.0.0.0/8']);
  const told = (remoteAddress: string) => ({ headers: { 'x-forwarded-proto': 'https' }, socket: { remoteAddress } });
  assert.equal(addresses.isSecure(told('10.0.0.5')), true);
  assert.equal(addresses.isSecure(told('192.0.2.1')), false);
  assert.equal(addresses.isSecure(asked('10.0.0.5')), false);
});
