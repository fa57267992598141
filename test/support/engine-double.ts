import {
  EngineBusy,
  type EngineRecording,
  type Leg,
  type LegChanges,
  type LegEvent,
  type LegId,
  type MediaEngine,
  type Play,
  type PlayAccepted,
  type PlayEndReason,
  type PlayEvent,
  type PlayRequest,
  type PlayStatus,
  type PlayTarget,
  type RecordingEnd,
  type RecordRequest,
  type RtpLeg,
  type StreamLeg,
} from '../../media/index.ts';

interface DoubleTarget extends PlayTarget {
  status: PlayStatus;
  playedMs: number;
  startLatencyMs: number | undefined;
  end: PlayEndReason | undefined;
}

/** A play that does what the test says, when it says so. */
export class DoublePlay implements Play {
  readonly id: string;
  readonly cache = 'miss';
  positionMs = 0;
  /** What was changed while it ran, in order. */
  readonly changes: string[] = [];
  readonly request: PlayRequest;
  readonly targets: DoubleTarget[];
  failure: Play['failure'];
  readonly #onEvent: (event: PlayEvent) => void;

  constructor(request: PlayRequest, onEvent: (event: PlayEvent) => void) {
    this.id = request.id;
    this.request = request;
    this.#onEvent = onEvent;
    this.targets = request.legs.map(targetOf);
  }

  get status(): PlayStatus {
    return this.targets.find((target) => target.end === undefined)?.status ?? this.targets[0]?.status ?? 'completed';
  }

  /** Sounds for all of its targets, and has done so for a while. */
  sound(playedMs: number): void {
    for (const target of this.targets) Object.assign(target, { status: 'playing', startLatencyMs: 40, playedMs });
  }

  /** Its first frame is out, as the engine tells it; somebody who was no target joined later. */
  start(leg: LegId, latencyMs?: number): void {
    if (!this.targets.some((target) => target.leg === leg)) this.targets.push(targetOf(leg));
    for (const target of this.targets) if (target.leg === leg) target.status = 'playing';
    this.#onEvent({ type: 'started', play: this, leg, latencyMs });
  }

  /** Ends for those targets that still hear it. */
  end(reason: PlayEndReason, legs: readonly LegId[] = this.targets.map(({ leg }) => leg)): void {
    let some = false;
    for (const target of this.targets) {
      if (target.end !== undefined || !legs.includes(target.leg)) continue;
      some = true;
      target.end = reason;
      target.status = reason === 'completed' || reason === 'stopped' ? reason : 'failed';
      this.#onEvent({ type: 'ended', play: this, leg: target.leg, reason, playedMs: target.playedMs, underruns: 0 });
    }
    if (some && this.targets.every((target) => target.end !== undefined))
      this.#onEvent({ type: 'finished', play: this });
  }

  fail(reason: PlayEndReason, detail: string): void {
    this.failure = { reason, detail };
    this.end(reason);
  }

  stop(legs?: readonly LegId[]): void {
    this.end('stopped', legs);
  }

  pause(): void {
    this.changes.push('pause');
  }

  resume(): void {
    this.changes.push('resume');
  }

  seek(positionMs: number): void {
    this.positionMs = positionMs;
    this.changes.push(`seek ${positionMs}`);
  }

  setGain(gainDb: number, rampMs: number): void {
    this.changes.push(`gain ${gainDb} in ${rampMs}`);
  }
}

function targetOf(leg: LegId): DoubleTarget {
  return { leg, status: 'fetching', playedMs: 0, startLatencyMs: undefined, underruns: 0, end: undefined };
}

/** A leg that remembers what it was told. */
export class DoubleLeg implements RtpLeg, StreamLeg {
  readonly id: LegId;
  readonly port = 0;
  conference: string;
  stats: Leg['stats'];
  readonly changes: LegChanges = {};
  closed = false;
  /** As they were sent, call by call. */
  readonly digits: string[] = [];
  /** Says what the engine would say of the leg. */
  readonly report: (event: LegEvent) => void;

  readonly #onMoved: (leg: LegId, from: string) => void;

  constructor(
    id: LegId,
    conference: string,
    report: (event: LegEvent) => void,
    onMoved: (leg: LegId, from: string) => void,
  ) {
    this.id = id;
    this.conference = conference;
    this.report = report;
    this.#onMoved = onMoved;
  }

  update(changes: LegChanges): void {
    Object.assign(this.changes, changes);
  }

  close(): void {
    this.closed = true;
  }

  sendDigits(digits: string): void {
    this.digits.push(digits);
  }

  async move(conference: string): Promise<void> {
    if (this.closed) throw new EngineBusy('the leg is closed');
    const from = this.conference;
    this.conference = conference;
    if (from !== conference) this.#onMoved(this.id, from);
  }

  write(): boolean {
    return true;
  }
  mark(): void {}
  clear(): void {}
}

/** A recording that hears what the test gives it. */
export class DoubleRecording implements EngineRecording {
  readonly sampleRate = 8000;
  missingFrames = 0;
  readonly request: RecordRequest;
  paused = false;
  #ended = false;

  constructor(request: RecordRequest) {
    this.request = request;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  stop(): void {
    this.end('stopped');
  }

  end(end: RecordingEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    // As from the engine: never within the call that ends it.
    setImmediate(() => this.request.onEnd(end));
  }
}

/** An engine without sound or threads: conferences, legs and plays as the API sees them. */
export class EngineDouble implements MediaEngine {
  readonly conferences = new Set<string>();
  readonly legs: DoubleLeg[] = [];
  readonly plays: DoublePlay[] = [];
  readonly recordings: DoubleRecording[] = [];
  /** Set to refuse further plays. */
  refusePlays: Extract<PlayAccepted, { ok: false }>['reason'] | undefined;

  openConference({ id }: { id: string }): void {
    this.conferences.add(id);
  }

  closeConference(id: string): void {
    this.conferences.delete(id);
    for (const recording of this.recordings) if (recording.request.conference === id) recording.end('conference_ended');
    for (const play of this.plays) if (play.request.conference === id) play.end('conference_ended');
  }

  async openRtpLeg(conference: string, _options: unknown, onEvent: (event: LegEvent) => void): Promise<DoubleLeg> {
    return this.#open(conference, onEvent);
  }

  async openStreamLeg(conference: string, _options: unknown, onEvent: (event: LegEvent) => void): Promise<DoubleLeg> {
    return this.#open(conference, onEvent);
  }

  play(request: PlayRequest, onEvent: (event: PlayEvent) => void): PlayAccepted {
    if (this.refusePlays) return { ok: false, reason: this.refusePlays };
    const play = new DoublePlay(request, onEvent);
    this.plays.push(play);
    return { ok: true, play };
  }

  record(request: RecordRequest): DoubleRecording {
    const recording = new DoubleRecording(request);
    this.recordings.push(recording);
    return recording;
  }

  snapshot(): ReturnType<MediaEngine['snapshot']> {
    return {
      workers: [],
      loads: [],
      rtpPortsFree: 100,
      legsRefused: { load: 0, ports: 0 },
      legsSilent: 0,
      playsActive: this.plays.filter((play) => play.status === 'playing').length,
      playQueueDepth: 0,
    };
  }

  async close(): Promise<void> {}

  #open(conference: string, onEvent: (event: LegEvent) => void): DoubleLeg {
    const leg = new DoubleLeg(this.legs.length + 1, conference, onEvent, (id, from) => {
      for (const play of this.plays) if (play.request.conference === from) play.end('member_left', [id]);
    });
    this.legs.push(leg);
    return leg;
  }
}
