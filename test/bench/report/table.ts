/** A table as it is printed and as it is kept. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** Right-aligned columns under their names, as Markdown also reads them. */
export function printTable({ title, columns, rows }: Table): string {
  const cells = [columns, ...rows].map((row) => row.map(String));
  const widths = columns.map((_, i) => Math.max(3, ...cells.map((row) => (row[i] ?? '').length)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, i) => (i === 0 ? (row[i] ?? '').padEnd(width) : (row[i] ?? '').padStart(width))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  const [head = [], ...body] = cells;
  return [title, '', line(head), rule, ...body.map(line), ''].join('\n');
}

/** So many significant digits, without an exponent. */
export function digits(value: number, significant = 3): string {
  if (!Number.isFinite(value)) return '-';
  if (value === 0) return '0';
  const decimals = Math.max(0, significant - 1 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(decimals, 6));
}

export function percent(share: number): string {
  return Number.isFinite(share) ? `${digits(share * 100, share < 0.001 ? 2 : 3)} %` : '-';
}

/** How many times `base` a value is, such as `0.34x`. */
export function ratio(value: number, base: number): string {
  return base > 0 && Number.isFinite(value) ? `${digits(value / base, 3)}x` : '-';
}

/** `p50 / p99 / max` of a spread in ms. */
export function spread(values: { readonly p50: number; readonly p99: number; readonly max?: number }): string {
  const parts = values.max === undefined ? [values.p50, values.p99] : [values.p50, values.p99, values.max];
  return parts.map((value) => (Number.isFinite(value) ? value.toFixed(2) : '-')).join(' / ');
}
