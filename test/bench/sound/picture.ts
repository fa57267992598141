/* Line charts as SVG: a few kilobytes each, readable on light and dark pages. */

export interface Axis {
  readonly label: string;
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly number[];
}

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly Line[];
}

const WIDTH = 760;
const HEIGHT = 300;
const LEFT = 56;
const RIGHT = 16;
const TOP = 54;
const BOTTOM = 44;
/** Told apart by people who see colours differently, too. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#8a5a9e'];

/** Draws one chart. */
export function drawChart({ title, x, y, lines }: Chart): string {
  return svg(HEIGHT, chartParts(x, y, lines, title, 0));
}

/** Draws charts that share their x axis one above the other. */
export function drawStack(title: string, charts: readonly Omit<Chart, 'title'>[]): string {
  const parts = charts.map(({ x, y, lines }, i) => chartParts(x, y, lines, i === 0 ? title : '', i * HEIGHT));
  return svg(HEIGHT * charts.length, parts.join('\n'));
}

function svg(height: number, inside: string): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    inside,
    '</svg>',
    '',
  ].join('\n');
}

function chartParts(x: Axis, y: Axis, lines: readonly Line[], title: string, down: number): string {
  const toX = (value: number): number => LEFT + ((value - x.min) / (x.max - x.min)) * (WIDTH - LEFT - RIGHT);
  const toY = (value: number): number =>
    down + HEIGHT - BOTTOM - ((value - y.min) / (y.max - y.min)) * (HEIGHT - TOP - BOTTOM);
  const [top, bottom] = [toY(y.max), toY(y.min)];
  const parts = [`<text x="${LEFT}" y="${down + 20}" font-size="14" font-weight="bold">${escaped(title)}</text>`];
  for (const tick of x.ticks) {
    const at = round(toX(tick));
    parts.push(`<path d="M${at} ${top}V${bottom}" stroke="#ddd"/>`);
    parts.push(`<text x="${at}" y="${bottom + 16}" text-anchor="middle">${tick}</text>`);
  }
  for (const tick of y.ticks) {
    const at = round(toY(tick));
    parts.push(`<path d="M${LEFT} ${at}H${WIDTH - RIGHT}" stroke="#ddd"/>`);
    parts.push(`<text x="${LEFT - 6}" y="${at + 4}" text-anchor="end">${tick}</text>`);
  }
  parts.push(`<text x="${WIDTH - RIGHT}" y="${bottom + 34}" text-anchor="end">${escaped(x.label)}</text>`);
  parts.push(`<text x="${LEFT}" y="${top - 8}" fill="#555">${escaped(y.label)}</text>`);
  let legend = WIDTH - RIGHT;
  for (const [i, { name, points }] of [...lines.entries()].reverse()) {
    const colour = COLOURS[i % COLOURS.length];
    const path = points.map(([a, b]) => `${round(toX(clamp(a, x)))} ${round(toY(clamp(b, y)))}`).join('L');
    parts.push(`<path d="M${path}" fill="none" stroke="${colour}" stroke-width="1.3"/>`);
    parts.push(`<text x="${legend}" y="${top - 8}" text-anchor="end" fill="${colour}">${escaped(name)}</text>`);
    legend -= 18 + name.length * 6.6;
  }
  return parts.join('\n');
}

function clamp(value: number, { min, max }: Axis): number {
  return Math.max(min, Math.min(max, value));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
