import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlayPosition } from '../../../../media/control/play-position.ts';

test('it begins where it was told and waits there for the first frame', () => {
  const position = new PlayPosition(1500);
  assert.equal(position.at(10_000), 1500);
  position.started(20_000);
  assert.equal(position.at(20_000), 1500);
  assert.equal(position.at(20_045), 1540, 'it goes on in whole frames');
});

test('between reports it goes on by the clock, and no further than one report', () => {
  const position = new PlayPosition(0);
  position.started(0);
  position.reported(180, false, 200);
  assert.equal(position.at(300), 280);
  assert.equal(position.at(5000), 380);
});

test('a pause holds it at once, and a report that is near enough does not move it', () => {
  const position = new PlayPosition(0);
  position.started(0);
  position.reported(180, false, 200);
  position.pause(290);
  assert.equal(position.at(290), 260);
  position.reported(240, false, 300);
  assert.equal(position.at(300), 260, 'a report from before the pause');
  position.reported(280, true, 400);
  assert.equal(position.at(10_000), 260);
  position.reported(160, true, 600);
  assert.equal(position.at(10_000), 160, 'a guess that was wrong is corrected');
  position.resume(20_000);
  assert.equal(position.at(20_000), 160);
  position.reported(300, true, 20_010);
  assert.equal(position.at(20_100), 260, 'a report from before the resume');
});

test('a seek holds until reports can know of it', () => {
  const position = new PlayPosition(0);
  position.started(0);
  position.reported(1000, false, 1000);
  position.seek(9000, 1100);
  position.reported(1100, false, 1110);
  assert.equal(position.at(1110), 9000);
  position.reported(9180, false, 1300);
  assert.equal(position.at(1300), 9180);
});

test('a seek while paused is seen at once and stands still', () => {
  const position = new PlayPosition(0);
  position.started(0);
  position.pause(500);
  position.seek(5000, 600);
  position.reported(5000, true, 800);
  assert.equal(position.at(9000), 5000);
});

test('one that is covered stands still until it goes on', () => {
  const position = new PlayPosition(0);
  position.started(0);
  position.reported(400, true, 400);
  assert.equal(position.at(900), 400);
  position.reported(400, false, 1000);
  assert.equal(position.at(1040), 440);
});

test('the end stops it where it is', () => {
  const position = new PlayPosition(0);
  position.started(0);
  position.reported(400, false, 400);
  position.end(450);
  assert.equal(position.at(99_999), 440);
});
