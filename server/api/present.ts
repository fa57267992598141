import { publicUrl } from '../../media/clip/index.ts';
import type { MemberFacts, MpcFacts } from '../history/index.ts';
import type { ExitCause, MpcEndCause, MpcRef, PlayForm, PlayRecord } from '../mpc/index.ts';
import { type Contact, userUri } from '../sip/index.ts';
import type { User } from '../users/index.ts';

/*
 * Domain to Plivo's JSON: the only file that knows its shapes. Field names, nulls and spellings are the wire contract;
 * fields that Plivo does not have come last in each object.
 */

const END_CAUSES: Readonly<Record<MpcEndCause, { readonly code: number; readonly text: string }>> = {
  no_active_participants: { code: 1000, text: 'No Active Participants' },
  stay_alone_not_permitted: { code: 1010, text: 'Stay Alone Not Permitted' },
  max_duration: { code: 2000, text: 'Max Duration Reached' },
  hangup_api: { code: 3000, text: 'Hangup API Triggered' },
};

const EXIT_CAUSES: Readonly<Record<ExitCause, string>> = {
  hangup: 'Participant Call Hangup',
  kicked: 'Kicked Out of Multiparty Call',
  mpc_ended: 'Multiparty Call Ended',
  transferred: 'Participant Call Transferred',
  no_rtp: 'Participant Call Hangup',
  lost: 'Participant Call Hangup',
  shutdown: 'Multiparty Call Ended',
};

const STATUSES = { initialized: 'Initialized', active: 'Active', ended: 'Ended' } as const;

export function endCauseCode(cause: MpcEndCause): number {
  return END_CAUSES[cause].code;
}

/** `2020-12-24 09:20:03+00:00`. */
export function presentTime(date: Date | undefined): string | null {
  return date === undefined ? null : `${date.toISOString().slice(0, 19).replace('T', ' ')}+00:00`;
}

/** Whole seconds between two moments, or null while one of them is to come. */
function seconds(from: Date | undefined, to: Date | undefined): number | null {
  return from && to ? Math.round((to.getTime() - from.getTime()) / 1000) : null;
}

/** `/v1/Account/{auth_id}`, to which all resource URIs belong. */
export function accountPath(authId: string): string {
  return `/v1/Account/${authId}`;
}

/** By UUID unless the client asked by name: a name is only good while the MPC lives. */
export function mpcPath(authId: string, mpc: MpcFacts, by: MpcRef['by'] = 'uuid'): string {
  const segment = by === 'name' ? `name_${encodeURIComponent(mpc.name)}` : `uuid_${mpc.uuid}`;
  return `${accountPath(authId)}/MultiPartyCall/${segment}/`;
}

export function playPath(authId: string, play: PlayRecord): string {
  return `${mpcPath(authId, play.mpc)}Play/${play.id}/`;
}

export function presentMpc(authId: string, mpc: MpcFacts, by: MpcRef['by'] = 'uuid'): Record<string, unknown> {
  const path = mpcPath(authId, mpc, by);
  const end = mpc.endCause && END_CAUSES[mpc.endCause];
  return {
    billed_amount: null,
    billed_duration: null,
    creation_time: presentTime(mpc.createdAt),
    duration: seconds(mpc.startedAt, mpc.endedAt),
    end_time: presentTime(mpc.endedAt),
    friendly_name: mpc.name,
    mpc_uuid: mpc.uuid,
    participants: `${path}Participant/`,
    recording: mpc.recording ?? 'not-recording',
    resource_uri: path,
    start_time: presentTime(mpc.startedAt),
    status: STATUSES[mpc.status],
    stay_alone: mpc.terms?.stayAlone ?? true,
    sub_account: null,
    termination_cause: end?.text ?? null,
    termination_cause_code: end?.code ?? null,
    max_duration: mpc.terms?.maxDurationMs === undefined ? null : mpc.terms.maxDurationMs / 1000,
    max_participants: mpc.terms?.maxParticipants ?? null,
  };
}

export function presentMember(authId: string, mpc: MpcFacts, member: MemberFacts): Record<string, unknown> {
  return {
    billed_amount: null,
    billed_duration: null,
    call_uuid: member.callUuid,
    coach_mode: member.present ? member.coach : null,
    duration: seconds(member.joinedAt, member.exitedAt),
    end_mpc_on_exit: member.terms.endMpcOnExit,
    exit_cause: member.exitCause ? EXIT_CAUSES[member.exitCause] : null,
    exit_time: presentTime(member.exitedAt),
    hold: member.present ? member.held : null,
    join_time: presentTime(member.joinedAt),
    member_address: member.address,
    member_id: member.id,
    mpc_uuid: mpc.uuid,
    mute: member.present ? member.muted : null,
    resource_uri: `${mpcPath(authId, mpc)}Participant/${member.id}/`,
    role: member.role,
    start_mpc_on_enter: member.terms.startMpcOnEnter,
    quality: member.present ? presentQuality(member) : null,
    talking: member.present ? member.talking : null,
  };
}

function presentQuality(member: MemberFacts): Record<string, unknown> | null {
  const { stats } = member;
  if (!stats) return null;
  return {
    codec: stats.codec,
    packets_received: stats.packetsReceived,
    packets_sent: stats.packetsSent,
    packets_lost: stats.packetsLost,
    frames_concealed: stats.framesConcealed,
    concealed_share: Math.round(stats.concealedShare * 10_000) / 10_000,
    jitter_ms: round(stats.jitterMs),
    playout_delay_ms: round(stats.playoutDelayMs),
    round_trip_ms: stats.roundTripMs === undefined ? null : round(stats.roundTripMs),
    mos: stats.mos === undefined ? null : round(stats.mos),
  };
}

export function presentPlay(authId: string, play: PlayRecord): Record<string, unknown> {
  const { state } = play;
  return {
    play_id: play.id,
    status: state.status,
    reason: state.failure?.reason ?? null,
    detail: state.failure?.detail ?? null,
    mpc_uuid: play.mpc.uuid,
    mpc_name: play.mpc.name,
    ...presentForm(play.form),
    urls: play.spoken ? [] : play.urls,
    speech: play.spoken ?? null,
    ...presentOptions(play),
    cache: state.cache,
    position_ms: Math.round(state.positionMs),
    creation_time: presentTime(play.createdAt),
    end_time: presentTime(play.endedAt),
    targets: state.targets.map((target) => ({
      member_id: target.memberId ?? null,
      status: target.status,
      reason: target.end ?? null,
      played_ms: Math.round(target.playedMs),
      start_latency_ms: target.startLatencyMs === undefined ? null : round(target.startLatencyMs),
      underruns: target.underruns,
    })),
    resource_uri: playPath(authId, play),
  };
}

/** As they would be asked for, but for the volume, which is that of now. */
function presentOptions({ options, gainDb, normalizeLufs, callback }: PlayRecord): Record<string, unknown> {
  const { duck } = options;
  return {
    loop: options.loop,
    volume: gainDb,
    normalize: normalizeLufs ?? false,
    start_ms: options.startMs,
    length: options.lengthMs === undefined ? null : options.lengthMs / 1000,
    fade_in_ms: options.fadeInMs,
    fade_out_ms: options.fadeOutMs,
    mix: options.mix,
    mode: options.mode,
    layer: options.layer,
    covered: options.covered,
    priority: options.priority,
    duck: duck ? { gain_db: duck.gainDb, attack_ms: duck.attackMs, release_ms: duck.releaseMs } : null,
    later_joiners: options.laterJoiners,
    callback_url: callback ? publicUrl(callback.url) : null,
    callback_method: callback?.method ?? null,
  };
}

/** As it was asked for: `members` is what the path said, `call_uuid` stands instead for a Call Play. */
function presentForm(form: PlayForm): Record<string, unknown> {
  switch (form.by) {
    case 'all':
      return { members: 'all', except: form.except, role: form.roles, call_uuid: null };
    case 'ids':
      return { members: form.ids, except: [], role: [], call_uuid: null };
    case 'call':
      return { members: null, except: [], role: [], call_uuid: form.callUuid };
  }
}

/** `phone`: the one that registered last. Several may be registered; Plivo's fields have room for one. */
export function presentEndpoint(authId: string, user: User, phone: Contact | undefined): Record<string, unknown> {
  const account = accountPath(authId);
  return {
    alias: user.alias,
    application: user.appId === null ? null : `${account}/Application/${user.appId}/`,
    endpoint_id: user.id,
    resource_uri: `${account}/Endpoint/${user.id}/`,
    sip_contact: phone?.uri ?? null,
    sip_expires: phone ? phone.expiresAt.toISOString().slice(0, 19).replace('T', ' ') : null,
    sip_registered: phone ? 'true' : 'false',
    sip_uri: userUri(user.username, user.realm),
    sip_user_agent: phone?.userAgent || null,
    sub_account: null,
    username: user.username,
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
