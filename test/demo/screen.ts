/*
 * Where the demo is shown. On a terminal: colour, and a few lines that change in place while something goes on.
 * Anywhere else: plain lines, one after the other, the same words.
 */

const FRAME_MS = 80;
const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const STYLES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

export type Style = keyof typeof STYLES;

export interface ScreenOptions {
  readonly write: (text: string) => void;
  /** Lines may be redrawn in place. */
  readonly live: boolean;
  readonly colour: boolean;
  readonly columns: number;
}

export class Screen {
  readonly #options: ScreenOptions;

  constructor(options: ScreenOptions) {
    this.#options = options;
  }

  paint(style: Style, text: string): string {
    if (!this.#options.colour) return text;
    const [on, off] = STYLES[style];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  }

  line(text = ''): void {
    this.#options.write(`${text === '' ? '' : `  ${text}`}\n`);
  }

  /** A step that is behind us: what, and how it went. */
  step(what: string, detail: string, ok = true): void {
    const sign = ok ? this.paint('green', '✓') : this.paint('red', '✗');
    this.line(`${sign} ${pad(what, 22)} ${this.paint('dim', detail)}`);
  }

  /** Shows what goes on while it goes on; nothing of it stays. A line that names it, where nothing can be redrawn. */
  async during<T>(what: string, work: Promise<T>, lines: () => readonly string[] = () => []): Promise<T> {
    const { live, write, columns } = this.#options;
    if (!live) {
      this.line(`… ${what}`);
      return work;
    }
    let drawn = 0;
    let frame = 0;
    const erase = (): void => {
      if (drawn > 0) write(`\u001b[${drawn}A\u001b[0J`);
      drawn = 0;
    };
    const draw = (): void => {
      const spinner = this.paint('cyan', SPINNER[frame++ % SPINNER.length] ?? '');
      const block = [`${spinner} ${what}`, ...lines()].map((text) => `  ${cut(text, columns - 3)}\n`);
      erase();
      write(block.join(''));
      drawn = block.length;
    };
    write('\u001b[?25l');
    draw();
    const timer = setInterval(draw, FRAME_MS);
    try {
      return await work;
    } finally {
      clearInterval(timer);
      erase();
      write('\u001b[?25h');
    }
  }

  /** Rows under a header, every column as wide as its widest cell. */
  table(header: readonly string[], rows: readonly (readonly string[])[]): void {
    const widths = header.map((title, i) => Math.max(width(title), ...rows.map((row) => width(row[i] ?? ''))));
    const laid = (row: readonly string[]): string =>
      row
        .map((cell, i) => pad(cell, widths[i] ?? 0))
        .join('  ')
        .trimEnd();
    this.line(this.paint('bold', laid(header)));
    this.line(this.paint('dim', widths.map((columns) => '─'.repeat(columns)).join('  ')));
    for (const row of rows) this.line(laid(row));
  }
}

/** A level as a bar: -60 dBFS is empty, 0 is full. */
export function bar(db: number, cells: number): string {
  return filled(Math.max(0, Math.min(1, (db + 60) / 60)), cells);
}

/** A share from 0 to 1 as a bar, in eighths of a cell. */
export function filled(share: number, cells: number): string {
  const eighths = Math.round(share * cells * 8);
  const part = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8] ?? '';
  return `${'█'.repeat(eighths >> 3)}${part}`.padEnd(cells, ' ');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences that colours are made of.
const ESCAPES = /\u001b\[[0-9;?]*[A-Za-z]/g;

export function width(text: string): number {
  return [...text.replace(ESCAPES, '')].length;
}

export function pad(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - width(text)));
}

/** Cuts a line that would wrap, as a wrapped one could not be erased again; colours of the rest are lost. */
function cut(text: string, columns: number): string {
  return width(text) <= columns ? text : `${[...text.replace(ESCAPES, '')].slice(0, columns - 1).join('')}…`;
}
