import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DEFAULT_LIMITS } from '../../../../server/sip/limits.ts';
import type { SipRequest, SipResponse } from '../../../../server/sip/message.ts';
import { readDatagram } from '../../../../server/sip/reader.ts';
import { Transactions } from '../../../../server/sip/transaction.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { CallScript } from '../../../support/sip-script.ts';
import { FakeFlow } from './doubles.ts';

function setUp(maxOpen = 100) {
  const clock = new HandClock(0);
  return {
    clock,
    flow: new FakeFlow(),
    script: new CallScript({ uri: 'sip:x@y' }),
    transactions: new Transactions({ clock, maxOpen }),
  };
}

function readMessage(text: string): SipRequest | SipResponse {
  const result = readDatagram(Buffer.from(text), DEFAULT_LIMITS);
  assert.ok(result.outcome === 'message', JSON.stringify(result));
  return result.message;
}

function readRequest(text: string): SipRequest {
  const message = readMessage(text);
  assert.ok(message.kind === 'request');
  return message;
}

function responseTo(branch: string, method: string, status: number): SipResponse {
  const text = `SIP/2.0 ${status} X\r\nVia: SIP/2.0/UDP h;branch=${branch}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@c>;tag=2\r\nCall-ID: x\r\nCSeq: 1 ${method}\r\n\r\n`;
  const message = readMessage(text);
  assert.ok(message.kind === 'response');
  return message;
}

const OK = Buffer.from('SIP/2.0 200 OK\r\n\r\n');
const BUSY = Buffer.from('SIP/2.0 486 Busy\r\n\r\n');

/** When something was sent, in ms, looked at every 100 ms. */
function timesOf(clock: HandClock, flow: FakeFlow, ms: number): number[] {
  const times: number[] = [];
  flow.take();
  for (const end = clock.now() + ms; clock.now() < end; ) {
    clock.advance(100);
    for (const _ of flow.take()) times.push(clock.now());
  }
  return times;
}

suite('a request of ours', () => {
  test('is repeated at doubling intervals of at most 4 s, and given up after 32 s', () => {
    const { clock, flow, transactions } = setUp();
    const heard: unknown[] = [];
    transactions.send('BYE', 'z9hG4bKb', OK, flow, (response) => heard.push(response));
    assert.equal(flow.sent.length, 1);
    assert.deepEqual(
      timesOf(clock, flow, 40_000),
      [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500],
    );
    assert.deepEqual(heard, ['timeout']);
    assert.equal(transactions.open, 0);
  });

  test('is sent once over TCP, and given up after 32 s all the same', () => {
    const { clock, transactions } = setUp();
    const flow = new FakeFlow({ transport: 'TCP' });
    const heard: unknown[] = [];
    transactions.send('BYE', 'z9hG4bKb', OK, flow, (response) => heard.push(response));
    assert.deepEqual(timesOf(clock, flow, 40_000), []);
    assert.deepEqual(heard, ['timeout']);
  });

  test('hears its final answer once, and takes the copies quietly', () => {
    const { clock, flow, transactions } = setUp();
    const heard: unknown[] = [];
    transactions.send('BYE', 'z9hG4bKb', OK, flow, (response) => heard.push(response));
    assert.equal(transactions.respond(responseTo('z9hG4bKb', 'BYE', 100), flow), true);
    assert.equal(heard.length, 0);
    assert.equal(transactions.respond(responseTo('z9hG4bKb', 'BYE', 200), flow), true);
    assert.equal(transactions.respond(responseTo('z9hG4bKb', 'BYE', 200), flow), true);
    assert.equal(heard.length, 1);
    assert.deepEqual(timesOf(clock, flow, 40_000), []);
    assert.equal(transactions.respond(responseTo('z9hG4bKb', 'BYE', 200), flow), false, 'forgotten after 5 s');
    assert.equal(clock.pending, 0);
  });

  test('does not hear answers of another branch or method', () => {
    const { flow, transactions } = setUp();
    transactions.send('BYE', 'z9hG4bKb', OK, flow, () => assert.fail());
    assert.equal(transactions.respond(responseTo('z9hG4bKc', 'BYE', 200), flow), false);
    assert.equal(transactions.respond(responseTo('z9hG4bKb', 'INVITE', 200), flow), false);
    transactions.close();
  });
});

suite('a request of a peer', () => {
  test('is known again by branch, sender and method', () => {
    const { flow, script, transactions } = setUp();
    const text = script.request('INFO');
    transactions.answer(readRequest(text), flow);
    assert.equal(transactions.absorb(readRequest(text), flow), true);
    assert.equal(
      transactions.absorb(readRequest(text.replace('127.0.0.1:5999;branch', '127.0.0.1:6999;branch')), flow),
      false,
    );
    assert.equal(transactions.absorb(readRequest(text.replaceAll('INFO', 'BYE')), flow), false);
    transactions.close();
  });

  test('of an old sender without a branch is known by what else it says', () => {
    const { flow, script, transactions } = setUp();
    const text = script.request('INFO', { headers: { Via: 'SIP/2.0/UDP old' } });
    transactions.answer(readRequest(text), flow);
    assert.equal(transactions.absorb(readRequest(text), flow), true);
    assert.equal(
      transactions.absorb(readRequest(script.request('INFO', { headers: { Via: 'SIP/2.0/UDP old' } })), flow),
      false,
    );
    transactions.close();
  });

  test('gets its answer again, at the address the copy came from, for 32 s', () => {
    const { clock, flow, script, transactions } = setUp();
    const text = script.request('INFO');
    transactions.answer(readRequest(text), flow)?.respond(200, OK);
    const moved = new FakeFlow({ port: 7777 });
    clock.advance(31_900);
    assert.equal(transactions.absorb(readRequest(text), moved), true);
    assert.deepEqual(moved.statuses, [200]);
    clock.advance(100);
    assert.equal(transactions.absorb(readRequest(text), moved), false);
  });

  test('gets only one final answer', () => {
    const { flow, script, transactions } = setUp();
    const transaction = transactions.answer(readRequest(script.request('INVITE')), flow);
    transaction?.respond(486, BUSY);
    transaction?.respond(200, OK);
    assert.deepEqual(flow.statuses, [486]);
    transactions.close();
  });

  test('that is an accepted INVITE swallows its copies, for the dialog repeats the answer', () => {
    const { flow, script, transactions } = setUp();
    const text = script.request('INVITE');
    transactions.answer(readRequest(text), flow)?.respond(200, OK);
    assert.equal(transactions.absorb(readRequest(text), flow), true);
    assert.deepEqual(flow.statuses, [200]);
    transactions.close();
  });

  test('that is a refused INVITE is repeated at most every 4 s until the ACK, whose copies are swallowed for 5 s', () => {
    const { clock, flow, script, transactions } = setUp();
    const invite = script.request('INVITE');
    transactions.answer(readRequest(invite), flow)?.respond(486, BUSY);
    assert.deepEqual(timesOf(clock, flow, 12_000), [500, 1500, 3500, 7500, 11_500]);
    const ack = readRequest(script.request('ACK', { branch: script.inviteBranch }));
    assert.equal(transactions.absorb(ack, flow), true);
    assert.equal(transactions.absorb(ack, flow), true);
    assert.deepEqual(timesOf(clock, flow, 5000), []);
    assert.equal(transactions.absorb(ack, flow), false);
    assert.equal(clock.pending, 0);
  });

  test('is forgotten at 32 s when a refusal is never acknowledged', () => {
    const { clock, flow, script, transactions } = setUp();
    transactions.answer(readRequest(script.request('INVITE')), flow)?.respond(486, BUSY);
    clock.advance(32_000);
    assert.equal(transactions.open, 0);
    assert.equal(clock.pending, 0);
  });

  test('is not taken when too many are open', () => {
    const { flow, script, transactions } = setUp(1);
    assert.ok(transactions.answer(readRequest(script.request('INFO')), flow));
    assert.equal(transactions.answer(readRequest(script.request('INFO')), flow), undefined);
    transactions.close();
    assert.equal(transactions.open, 0);
  });
});
