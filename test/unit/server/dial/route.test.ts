import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type RouteRules, routeTo } from '../../../../server/dial/route.ts';
import { dialHosts, numberPrefixes, trunkUri } from '../../../../server/dial/settings.ts';

function rules(
  changes: {
    readonly hosts?: string;
    readonly trunk?: string;
    readonly prefixes?: string;
    readonly tls?: boolean;
  } = {},
): RouteRules {
  const uri = trunkUri.parse(changes.trunk ?? '');
  return {
    hosts: dialHosts.parse(changes.hosts ?? ''),
    trunk: uri && { uri, credentials: undefined },
    prefixes: numberPrefixes.parse(changes.prefixes ?? ''),
    ownHosts: ['192.0.2.1', 'partyline.test'],
    isUser: (name) => name === 'alice',
    tls: changes.tls ?? true,
  };
}

/** The address that is called, or why nobody is. */
function where(destination: string, changes: Parameters<typeof rules>[0] = {}): string {
  const routed = routeTo(destination, rules(changes));
  if (!routed.ok) return routed.reason;
  return routed.route.kind === 'user' ? `user ${routed.route.user}` : routed.route.uri;
}

suite('nothing may be called by default', () => {
  for (const destination of [
    '+4930123456',
    '0019005551234',
    'sip:bob@pbx.example.com',
    'sip:bob@127.0.0.1',
    'sip:alice@evil.example',
  ])
    test(destination, () => assert.ok(['no_trunk', 'host'].includes(where(destination)), where(destination)));
});

suite('a number', () => {
  const trunk = { trunk: 'sip:trunk.example:5080;transport=tcp', prefixes: '49,+1212' };

  test('goes by TLS to a trunk that is asked for so', () => {
    for (const [uri, expected] of [
      ['sips:trunk.example', 'sips:4930@trunk.example'],
      ['sip:trunk.example:5061;transport=tls', 'sip:4930@trunk.example:5061;transport=tls'],
    ] as const)
      assert.equal(where('4930', { trunk: uri, prefixes: '49' }), expected, uri);
  });

  test('goes to the trunk when its first digits are allowed, with or without a plus', () => {
    assert.equal(where('+4930123456', trunk), 'sip:+4930123456@trunk.example:5080;transport=tcp');
    assert.equal(where('12125550100', trunk), 'sip:12125550100@trunk.example:5080;transport=tcp');
  });

  test('does not when they are not: premium and international numbers stay where they are', () => {
    for (const number of ['0019005551234', '19005551234', '+19005551234', '4', '0049301234', '011493012345'])
      assert.equal(where(number, trunk), 'number', number);
  });

  test('is nothing but digits', () => {
    for (const number of ['49 30', '49/30', '49;phone-context=x', '+49@evil.example', '49\r\nX: y'])
      assert.equal(where(number, trunk), 'malformed', number);
  });
});

suite('a sip: address', () => {
  const hosts = { hosts: 'pbx.example.com, 192.0.2.7:5070, 10.1.2.0/24, [2001:db8::7]:5062' };

  test('goes where the setting says, at its port, and nothing else of it is sent', () => {
    assert.equal(where('sip:bob@PBX.example.com', hosts), 'sip:bob@PBX.example.com');
    assert.equal(where('sip:bob@192.0.2.7:5070;transport=tcp', hosts), 'sip:bob@192.0.2.7:5070;transport=tcp');
    assert.equal(where('sip:bob@10.1.2.99', hosts), 'sip:bob@10.1.2.99');
    assert.equal(where('sip:bob@[2001:db8::7]:5062', hosts), 'sip:bob@[2001:db8::7]:5062');
    assert.equal(
      where('sip:bob:secret@pbx.example.com;maddr=203.0.113.9;lr?Route=%3Csip:evil%3E', hosts),
      'sip:bob@pbx.example.com',
    );
  });

  test('does not go to another port, a name below, or a neighbour', () => {
    for (const address of [
      'sip:bob@pbx.example.com:5061',
      'sip:bob@a.pbx.example.com',
      'sip:bob@192.0.2.7',
      'sip:bob@10.1.3.1',
      'sip:bob@[2001:db8::7]',
    ])
      assert.equal(where(address, hosts), 'host', address);
  });

  test('by TLS is at 5061 unless it says otherwise, and is not called without a certificate of ours', () => {
    for (const [address, expected] of [
      ['sips:bob@pbx.example.com', 'sips:bob@pbx.example.com'],
      ['sips:bob@pbx.example.com:5061;transport=tcp', 'sips:bob@pbx.example.com:5061;transport=tcp'],
      ['sip:bob@pbx.example.com;transport=TLS', 'sip:bob@pbx.example.com;transport=tls'],
      ['sip:bob@192.0.2.7:5070;transport=tls', 'sip:bob@192.0.2.7:5070;transport=tls'],
      ['sips:bob@192.0.2.7', 'host'],
      ['sips:bob@pbx.example.com:5060', 'host'],
      ['sips:alice@192.0.2.1', 'host'],
    ] as const) {
      assert.equal(where(address, hosts), expected, address);
      const withoutTls = where(address, { ...hosts, tls: false });
      assert.equal(withoutTls, expected === 'host' ? 'host' : 'no_tls', address);
    }
  });

  test('has a user of plain characters, and UDP, TCP or TLS', () => {
    for (const address of [
      'sip:pbx.example.com',
      'sip:b%6fb@pbx.example.com',
      'sip:bob@pbx.example.com;transport=sctp',
      'sips:bob@pbx.example.com;transport=udp',
      'sip:@pbx.example.com',
      'sip:',
    ])
      assert.equal(where(address, hosts), 'malformed', address);
  });

  test('of a user of ours goes to her phones', () => {
    assert.equal(where('sip:alice@192.0.2.1:5060'), 'user alice');
    assert.equal(where('sip:alice@PARTYLINE.test'), 'user alice');
    assert.equal(where('alice'), 'user alice');
    assert.equal(where('bob'), 'unknown_user');
    assert.equal(where('sip:bob@192.0.2.1'), 'host');
  });
});

suite('the settings', () => {
  test('name what they cannot read', () => {
    for (const text of ['10.1.2.0/33', 'host:0', 'host:99999', 'a b', '10.1/16', '[::1', 'pbx.example.com/24'])
      assert.equal(dialHosts.safeParse(text).success, false, text);
    for (const text of [
      'trunk.example',
      'sip:user@trunk.example',
      'sips:trunk.example;transport=udp',
      'sip:trunk.example;transport=ws',
    ])
      assert.equal(trunkUri.safeParse(text).success, false, text);
    for (const text of ['4x', '49,*']) assert.equal(numberPrefixes.safeParse(text).success, false, text);
  });
});
