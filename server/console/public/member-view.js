import { clock, icon, make, say, since } from './dom.js';

/** A mean opinion score below this sounds bad to most people. */
const POOR_MOS = 3.6;

/** One member of a conference. `actions` is what its buttons do. */
export class MemberView {
  #actions;
  #member;
  #face = make('span', { className: 'face' });
  #name = make('strong');
  #role = make('span', { className: 'chip' });
  #you = make('span', { className: 'chip you', textContent: 'you', hidden: true });
  #since = make('span');
  #talking = make('span', { className: 'chip live', textContent: 'talking', hidden: true });
  #muted = make('span', { className: 'chip warn', textContent: 'muted', hidden: true });
  #held = make('span', { className: 'chip warn', textContent: 'on hold', hidden: true });
  #quality = make('span', { className: 'chip bad', hidden: true });
  #mute = tool('mic');
  #hold = tool('pause');
  #kick = tool('leave');
  /** Whether plays to "selected members" go to this one. */
  select = make('input', { type: 'checkbox' });

  constructor(actions) {
    this.#actions = actions;
    this.element = make(
      'li',
      { className: 'member' },
      this.select,
      this.#face,
      make(
        'div',
        { className: 'who' },
        this.#name,
        make(
          'div',
          { className: 'chips' },
          this.#role,
          this.#you,
          this.#since,
          this.#talking,
          this.#muted,
          this.#held,
          this.#quality,
        ),
      ),
      make('div', { className: 'tools' }, this.#mute, this.#hold, this.#kick),
    );
    this.select.addEventListener('change', () => this.#actions.selected());
    this.#mute.addEventListener('click', () => this.#actions.change(this.#member, { mute: !this.#member.mute }));
    this.#hold.addEventListener('click', () => this.#actions.change(this.#member, { hold: !this.#member.hold }));
    this.#kick.addEventListener('click', () => this.#actions.kick(this.#member));
    this.#kick.classList.add('danger');
  }

  get id() {
    return this.#member.member_id;
  }

  update(member) {
    this.#member = member;
    const who = nameOf(member);
    const { dataset } = this.element;
    dataset.member = member.member_id;
    dataset.talking = String(member.talking === true && !member.mute);
    dataset.held = String(member.hold === true);
    say(this.#face, member.member_id);
    this.#face.style.setProperty('--hue', String((Number(member.member_id) * 67 + 150) % 360));
    say(this.#name, who);
    say(this.#role, member.role);
    this.#you.hidden = member.you !== true;
    say(this.#since, clock(since(member.join_time)));
    this.#talking.hidden = dataset.talking !== 'true';
    this.#muted.hidden = member.mute !== true;
    this.#held.hidden = member.hold !== true;
    const mos = member.quality?.mos ?? null;
    this.#quality.hidden = mos === null || mos >= POOR_MOS;
    if (mos !== null) say(this.#quality, `poor line, MOS ${mos.toFixed(1)}`);
    this.select.setAttribute('aria-label', `Select ${who}`);
    press(this.#mute, member.mute, member.mute ? `Unmute ${who}` : `Mute ${who}`, member.mute ? 'mic-off' : 'mic');
    press(this.#hold, member.hold, member.hold ? `Resume ${who}` : `Hold ${who}`, member.hold ? 'resume' : 'pause');
    label(this.#kick, `Remove ${who}`);
  }
}

function nameOf(member) {
  const address = member.member_address || 'unknown';
  return `${address} · ${member.member_id}`;
}

function tool(symbol) {
  return make('button', { type: 'button', className: 'icon-only' }, icon(symbol));
}

function label(button, text) {
  button.title = text;
  button.setAttribute('aria-label', text);
}

function press(button, isPressed, text, symbol) {
  label(button, text);
  button.setAttribute('aria-pressed', String(isPressed === true));
  button.querySelector('use').setAttribute('href', `#icon-${symbol}`);
}
