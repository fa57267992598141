import { Api } from './api.js';
import { KeyedList, make, say, toast } from './dom.js';
import { MpcView } from './mpc-view.js';
import { Phone } from './phone.js';

const POLL_MS = 1000;
/** Conferences whose members and plays are asked for in one round. */
const MOST_DETAILED = 20;
const ACCOUNT = 'partyline.account';
const THEME = 'partyline.theme';

const $ = (id) => document.getElementById(id);

let api;
let phone;
/** The member that this page is, as `start` said: `{ mpcUuid, memberId }`. */
let me;
let timer;

const mpcs = new KeyedList(
  $('mpcs'),
  () =>
    new MpcView({
      change: (mpc, member, fields) => act(api.updateMember(mpc.mpc_uuid, member.member_id, fields)),
      kick: (mpc, member) => act(api.kick(mpc.mpc_uuid, member.member_id)),
      end: (mpc) => {
        if (confirm(`End ${mpc.friendly_name} for everyone?`)) void act(api.end(mpc.mpc_uuid));
      },
      play: (mpc, members, fields) =>
        act(api.play(mpc.mpc_uuid, members, fields), (answer) => {
          const { length } = answer.mpcMemberId;
          toast(`Playing to ${length} member${length === 1 ? '' : 's'} of ${answer.mpcName}`);
        }),
      stopPlay: (mpc, play) => act(api.stopPlay(mpc.mpc_uuid, play.play_id)),
    }),
);

/** Runs an action, says what went wrong, and shows its effect at once. */
async function act(action, onDone = () => {}) {
  try {
    onDone(await action);
  } catch (error) {
    toast(error.message, true);
  }
  await refresh();
}

/** One round of questions; the next follows a second after its answer. */
async function refresh() {
  clearTimeout(timer);
  const asked = api;
  if (!asked) return;
  try {
    if (!document.hidden) await show(asked);
  } catch (error) {
    if (asked !== api) return;
    if (error.status === 401) {
      signOut('The account is no longer accepted');
      return;
    }
    node('lost', error.message);
  }
  if (asked === api) {
    clearTimeout(timer);
    timer = setTimeout(refresh, POLL_MS);
  }
}

async function show(asked) {
  const { objects, meta } = await asked.mpcs();
  const rooms = await Promise.all(objects.slice(0, MOST_DETAILED).map((mpc) => details(asked, mpc)));
  if (asked !== api) return;
  mpcs.update(rooms, ({ mpc }) => mpc.mpc_uuid);
  say($('mpc-count'), String(meta.count));
  $('nobody').hidden = meta.count > 0;
  $('more').hidden = meta.count <= rooms.length;
  say($('more'), `${meta.count - rooms.length} more are not shown.`);
  const names = rooms.map(({ mpc }) => mpc.friendly_name);
  if (names.join('\n') !== [...$('mpc-names').children].map((option) => option.value).join('\n'))
    $('mpc-names').replaceChildren(...names.map((value) => make('option', { value })));
  node('ready', 'live');
}

/** A conference may end between two questions: then it is shown as it was until the next round. */
async function details(asked, mpc) {
  const [members, plays] = await Promise.all([
    asked.members(mpc.mpc_uuid).catch(() => undefined),
    asked.plays(mpc.mpc_uuid).catch(() => undefined),
  ]);
  const you = me?.mpcUuid === mpc.mpc_uuid ? me.memberId : undefined;
  return { mpc, members: members?.map((member) => ({ ...member, you: member.member_id === you })), plays };
}

function node(state, text) {
  $('node').dataset.state = state;
  say($('node'), text);
}

// Signing in

function showSignIn(fault = '') {
  $('floor').hidden = true;
  $('sign-out').hidden = true;
  $('sign-in').hidden = false;
  say($('sign-in-fault'), fault);
  node('', '');
  $('sign-in').elements.authId.focus();
}

function showFloor() {
  $('sign-in').hidden = true;
  $('floor').hidden = false;
  $('sign-out').hidden = false;
}

function signOut(fault) {
  phone?.leave();
  api = undefined;
  clearTimeout(timer);
  sessionStorage.removeItem(ACCOUNT);
  mpcs.update([], () => '');
  showSignIn(fault);
}

$('sign-in').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { authId, authToken } = Object.fromEntries(new FormData(event.target));
  const candidate = new Api(authId.trim(), authToken.trim());
  const submit = event.target.querySelector('button');
  submit.disabled = true;
  try {
    await candidate.mpcs();
    sessionStorage.setItem(ACCOUNT, JSON.stringify([authId.trim(), authToken.trim()]));
    event.target.reset();
    api = candidate;
    showFloor();
    await refresh();
  } catch (error) {
    const refused = error.status === 401 || error.status === 404;
    say($('sign-in-fault'), refused ? 'The server does not know this account' : error.message);
  }
  submit.disabled = false;
});

$('sign-out').addEventListener('click', () => signOut());

// The microphone

$('join').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  const name = form.elements.mpc.value.trim();
  const call = new Phone();
  phone = call;
  say($('phone-fault'), '');
  form.hidden = true;
  $('call').hidden = false;
  $('call').dataset.state = 'connecting';
  $('call-mute').hidden = form.elements.listenOnly.checked;
  showMuted(false);
  say($('call-state'), `Joining ${name} …`);
  call.addEventListener('live', ({ detail }) => {
    $('call').dataset.state = 'live';
    me = detail;
    say($('call-state'), `You are member ${detail.memberId} of ${name}`);
    void refresh();
  });
  call.addEventListener('levels', ({ detail }) => {
    $('said').value = loudness(detail.said);
    $('heard').value = loudness(detail.heard);
  });
  call.addEventListener('ended', ({ detail }) => {
    form.hidden = false;
    $('call').hidden = true;
    $('call').dataset.state = 'ended';
    phone = undefined;
    me = undefined;
    if (detail) toast(`You left ${name}: ${detail.replaceAll('_', ' ')}`);
    void refresh();
  });
  try {
    await call.join({ api, name, role: form.elements.role.value, listenOnly: form.elements.listenOnly.checked });
  } catch (error) {
    say($('phone-fault'), error.message);
  }
});

$('call-leave').addEventListener('click', () => phone?.leave());

$('call-mute').addEventListener('click', () => {
  if (!phone) return;
  phone.muted = !phone.muted;
  showMuted(phone.muted);
});

function showMuted(muted) {
  const button = $('call-mute');
  button.setAttribute('aria-pressed', String(muted));
  button.querySelector('use').setAttribute('href', muted ? '#icon-mic-off' : '#icon-mic');
  say(button.querySelector('span'), muted ? 'Unmute me' : 'Mute me');
}

/** Ears and this meter hear 60 dB: 0.001 is its foot, 1 its top. */
function loudness(peak) {
  return Math.max(0, 1 + Math.log10(Math.max(peak, 1e-4)) / 3);
}

// Dark and light

$('theme').addEventListener('click', () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme
    ? root.dataset.theme === 'dark'
    : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = isDark ? 'light' : 'dark';
  localStorage.setItem(THEME, root.dataset.theme);
});

const theme = localStorage.getItem(THEME);
if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void refresh();
});
addEventListener('pagehide', () => phone?.leave());

const account = sessionStorage.getItem(ACCOUNT);
if (account) {
  api = new Api(...JSON.parse(account));
  showFloor();
  void refresh();
} else showSignIn();
