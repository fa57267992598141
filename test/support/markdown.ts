/** The rows of every table in a page whose header is `header`, cells as written. */
export function tableRows(page: string, header: readonly string[]): string[][] {
  const rows: string[][] = [];
  let inTable = false;
  for (const line of page.split('\n')) {
    const cells = line.startsWith('|') ? splitCells(line) : undefined;
    if (!cells) inTable = false;
    else if (cells.join('|') === header.join('|')) inTable = true;
    else if (inTable && !/^[|\s:-]+$/.test(line)) rows.push(cells);
  }
  return rows;
}

/** A `\|` within a cell is a bar of the text. */
function splitCells(line: string): string[] {
  return line
    .trim()
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}
