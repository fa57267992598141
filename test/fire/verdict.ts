/** What one attack did, and what bystanders had of it. */
export interface Row {
  readonly attack: string;
  readonly legs: number;
  readonly seconds: number;
  readonly tries: number;
  readonly sent: number;
  readonly answered: number | undefined;
  readonly refused: number | undefined;
  readonly dropped: number | undefined;
  readonly skipped: number;
  readonly concealed: number;
  readonly judgesConcealed: boolean;
  /** Packets that bystanders should have had, and of those the late and the missing. */
  readonly packets: number;
  readonly late: number;
  readonly missing: number;
  readonly latenessMs: number;
  /** How long the machine stood still. */
  readonly stalledMs: number;
  /** Processor time that neither the server, nor its callers, nor the attackers had: of other processes and machines. */
  readonly foreignCores: number;
  readonly alive: boolean;
  readonly rssMb: number;
  readonly grownMb: number;
  readonly note: string;
  readonly faults: readonly string[];
}

const TICK_MS = 20;
/** Above what any attack may leave behind. */
const MOST_GROWN_MB = 200;
/** Packets that a window in which the machine stood still may have late or missing for each tick of that: all legs'. */
const SLACK = 2;
/** The kernel's own work for the packets is among what is nobody's, and takes up to half a core. */
const DISTURBING_CORES = 0.75;
/** Share of frames that may be concealed while others take the processor from the mixers. */
const DISTURBED_SHARE = 0.02;
/** Share of packets that may be late by more than a tick: whoever plays them has a buffer for that, and conceals nothing. */
const LATE_SHARE = 0.02;

/** Whether something beside the attack kept the server from its work. */
export function isDisturbed({ stalledMs, foreignCores }: Row): boolean {
  return stalledMs > 0 || foreignCores > DISTURBING_CORES;
}

/** Everything that must not be, in words; empty when all is well. What disturbed the machine excuses so much and no more. */
export function judge(row: Row): string[] {
  const { skipped, concealed, late, missing, legs } = row;
  const ticks = Math.ceil(row.stalledMs / TICK_MS);
  const packets = ticks * legs * SLACK;
  const shared = row.foreignCores > DISTURBING_CORES ? Math.floor(row.packets * DISTURBED_SHARE) : 0;
  const over = (count: number, most: number, what: string): string[] =>
    count > most ? [`${count} ${what}${most > 0 ? `, ${most} allowed` : ''}`] : [];
  return [
    ...row.faults,
    ...(row.alive ? [] : ['the server does not answer']),
    ...(row.sent > 0 ? [] : ['nothing was sent']),
    ...over(skipped, ticks, 'ticks skipped'),
    ...(row.judgesConcealed ? over(concealed, packets + shared, 'frames concealed') : []),
    ...over(late, packets + Math.floor(row.packets * LATE_SHARE), 'packets late'),
    ...over(missing, packets, 'packets missing'),
    ...over(Math.round(row.grownMb), MOST_GROWN_MB, 'MB more memory'),
  ];
}

/** As Markdown. */
export function tableOf(rows: readonly Row[]): string {
  const number = (value: number | undefined): string => (value === undefined ? '–' : value.toLocaleString('en'));
  return [
    '| attack | calls | s | sent | answered | refused | dropped | ticks skipped | frames concealed | packets late, missing | machine stood, others took | memory | holds |',
    '|---|---|---|---|---|---|---|---|---|---|---|---|---|',
  ]
    .concat(
      rows.map((row) =>
        [
          '',
          `${row.attack}${row.tries > 1 ? ` (try ${row.tries})` : ''}`,
          row.legs,
          row.seconds.toFixed(0),
          number(row.sent),
          number(row.answered),
          number(row.refused),
          number(row.dropped),
          row.skipped,
          row.judgesConcealed ? row.concealed : 'own',
          `${row.late}, ${row.missing} of ${number(row.packets)}`,
          `${row.stalledMs} ms, ${(row.foreignCores * 100).toFixed(0)} %`,
          `${row.rssMb.toFixed(0)} MB (${row.grownMb >= 0 ? '+' : ''}${row.grownMb.toFixed(0)})`,
          judge(row).length === 0 ? 'yes' : '**NO**',
          '',
        ]
          .join(' | ')
          .trim(),
      ),
    )
    .join('\n');
}
