/** An element with properties, data attributes and children. Text is always text, never markup. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('aria-') || name === 'for') element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** A symbol of the page's sprite. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Sets text only when it changes: screen readers and selections stay undisturbed. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Keeps the children of `parent` in step with `items`: one view a key, made by `create`, told of news by its `update`,
 * in the order of the items. A view has an `element`.
 */
export class KeyedList {
  #parent;
  #create;
  #views = new Map();

  constructor(parent, create) {
    this.#parent = parent;
    this.#create = create;
  }

  update(items, keyOf) {
    const gone = new Set(this.#views.keys());
    let place = this.#parent.firstElementChild;
    for (const item of items) {
      const key = keyOf(item);
      gone.delete(key);
      let view = this.#views.get(key);
      if (!view) {
        view = this.#create(item);
        this.#views.set(key, view);
      }
      view.update(item);
      if (view.element === place) place = place.nextElementSibling;
      else this.#parent.insertBefore(view.element, place);
    }
    for (const key of gone) {
      this.#views.get(key).element.remove();
      this.#views.delete(key);
    }
  }
}

/** `65000` as `1:05`. */
export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value) => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** Milliseconds since a time as the API writes it, such as `2020-12-24 09:20:03+00:00`. */
export function since(time) {
  return Date.now() - Date.parse(time.replace(' ', 'T'));
}

/** Shows a message for a while. */
export function toast(text, isBad = false) {
  const message = make('p', { className: isBad ? 'toast bad' : 'toast', textContent: text });
  document.getElementById('toasts').append(message);
  setTimeout(() => message.remove(), isBad ? 8000 : 4000);
}
