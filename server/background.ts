/** The part of the server's logger that tells of faults. */
export interface ErrorLog {
  error(fields: object, message: string): void;
}

/**
 * Lets work go on that nobody waits for. What it throws is a mistake of ours or a fault of the machine: it is logged, and ends
 * neither the process nor anything but this work.
 */
export function inBackground(work: Promise<unknown>, what: string, log: ErrorLog): void {
  work.catch((error: unknown) => log.error({ err: error }, `${what} failed`));
}
