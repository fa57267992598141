import { clock, icon, KeyedList, make, say, since } from './dom.js';
import { MemberView } from './member-view.js';

const RUNNING = new Set(['fetching', 'queued', 'playing', 'paused']);
/** Ended plays shown below the running ones. */
const ENDED_SHOWN = 3;

/** One conference: its members, a form to play to them, and its plays. */
export class MpcView {
  #actions;
  #mpc;
  #views = new Map();
  #title = make('h2');
  #facts = make('span', { className: 'hint' });
  #memberList = make('ul', { className: 'members' });
  #playList = make('ul', { className: 'plays' });
  #members;
  #plays;
  #url = make('input', {
    name: 'url',
    type: 'url',
    required: true,
    placeholder: 'https://…/hello.mp3',
    autocomplete: 'off',
    spellcheck: false,
  });
  #target = make('select', { name: 'target' });
  #everyone = make('option', { value: 'all', textContent: 'Everyone' });
  #selected = make('option', { value: 'selected', textContent: 'Selected members' });
  #duck = make('input', { name: 'duck', type: 'checkbox' });
  #loop = make('input', { name: 'loop', type: 'checkbox' });

  constructor(actions) {
    this.#actions = actions;
    const end = make('button', { type: 'button', className: 'quiet danger', textContent: 'End for all' });
    end.addEventListener('click', () => actions.end(this.#mpc));
    const form = make(
      'form',
      { className: 'play-form' },
      make('label', {}, 'Play an mp3 or wav', this.#url),
      make('label', {}, 'To', this.#target),
      make('button', { type: 'submit', className: 'primary' }, icon('resume'), 'Play'),
      make(
        'div',
        { className: 'options' },
        make('label', { className: 'check' }, this.#duck, 'Lower speech meanwhile'),
        make('label', { className: 'check' }, this.#loop, 'Repeat until stopped'),
      ),
    );
    form.addEventListener('submit', (event) => this.#play(event));
    this.#target.append(this.#everyone, this.#selected);
    this.element = make(
      'article',
      { className: 'card mpc' },
      make('header', { className: 'mpc-head' }, this.#title, this.#facts, end),
      this.#memberList,
      form,
      this.#playList,
    );
    this.#members = new KeyedList(this.#memberList, (member) => this.#createMember(member));
    this.#plays = new KeyedList(this.#playList, () => new PlayView((play) => actions.stopPlay(this.#mpc, play)));
  }

  /** `{ mpc, members, plays }`; members and plays are absent while they are not known. */
  update({ mpc, members, plays }) {
    this.#mpc = mpc;
    this.element.dataset.mpc = mpc.friendly_name;
    say(this.#title, mpc.friendly_name);
    const count = members ? `${members.length} member${members.length === 1 ? '' : 's'} · ` : '';
    say(this.#facts, `${count}${clock(since(mpc.start_time ?? mpc.creation_time))}`);
    if (members) {
      this.#members.update(members, (member) => member.member_id);
      const present = new Set(members.map((member) => member.member_id));
      for (const id of [...this.#views.keys()]) if (!present.has(id)) this.#views.delete(id);
      this.#countSelected();
    }
    if (plays) this.#plays.update(shownPlays(plays), (play) => play.play_id);
  }

  #createMember(member) {
    const view = new MemberView({
      change: (who, fields) => this.#actions.change(this.#mpc, who, fields),
      kick: (who) => this.#actions.kick(this.#mpc, who),
      selected: () => {
        this.#target.value = this.#chosen().length > 0 ? 'selected' : 'all';
        this.#countSelected();
      },
    });
    this.#views.set(member.member_id, view);
    return view;
  }

  #chosen() {
    return [...this.#views.values()].filter((view) => view.select.checked).map((view) => view.id);
  }

  #countSelected() {
    const { length } = this.#chosen();
    say(this.#selected, length === 0 ? 'Selected members' : `Selected members (${length})`);
    this.#selected.disabled = length === 0;
    if (length === 0) this.#target.value = 'all';
  }

  #play(event) {
    event.preventDefault();
    const members = this.#target.value === 'all' ? 'all' : this.#chosen().join(',');
    this.#actions.play(this.#mpc, members, {
      url: this.#url.value.trim(),
      ...(this.#duck.checked && { duck: true }),
      ...(this.#loop.checked && { loop: 0 }),
    });
  }
}

function shownPlays(plays) {
  const running = plays.filter(({ status }) => RUNNING.has(status));
  const ended = plays.filter(({ status }) => !RUNNING.has(status));
  return [...running, ...ended.slice(0, ENDED_SHOWN)];
}

class PlayView {
  #play;
  #state = make('span', { className: 'chip' });
  #source = make('span', { className: 'source' });
  #time = make('time');
  #stop = make('button', { type: 'button', className: 'icon-only' }, icon('stop'));

  constructor(stop) {
    this.element = make('li', { className: 'play' }, this.#state, this.#source, this.#time, this.#stop);
    this.#stop.addEventListener('click', () => stop(this.#play));
  }

  update(play) {
    this.#play = play;
    const { status } = play;
    this.element.dataset.status = status;
    this.#state.className = `chip ${status === 'playing' ? 'live' : status === 'failed' ? 'bad' : ''}`;
    say(this.#state, status === 'failed' ? (play.reason ?? 'failed').replaceAll('_', ' ') : status);
    const detail = status === 'failed' && play.detail ? ` · ${play.detail}` : '';
    say(this.#source, `${describeTargets(play)} ${contentOf(play)}${detail}`);
    this.#source.title = [...play.urls, play.detail].filter(Boolean).join('\n');
    say(this.#time, clock(Math.max(0, ...play.targets.map((target) => target.played_ms))));
    this.#stop.hidden = !RUNNING.has(status);
    this.#stop.setAttribute('aria-label', `Stop ${contentOf(play)}`);
  }
}

/** What is played, for people: names of files, or the words that are spoken. */
function contentOf(play) {
  return play.speech ? `“${play.speech.text}”` : play.urls.map(fileOf).join(', ');
}

function describeTargets(play) {
  if (play.members === 'all') return 'to everyone:';
  const ids = play.targets.map((target) => target.member_id).filter(Boolean);
  return ids.length === 0 ? '' : `to ${ids.join(', ')}:`;
}

function fileOf(url) {
  try {
    const { pathname, host } = new URL(url);
    return decodeURIComponent(pathname.split('/').at(-1) || host);
  } catch {
    return url;
  }
}
