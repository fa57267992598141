/** Share of packets lost of late from which waiting for repair is worth its delay, and at which it no longer is. */
const WORTH_WAITING = 0.01;
const NOT_WORTH_WAITING = 0.002;
/** Packets over which the share is measured, roughly. */
const MEMORY_PACKETS = 250;
/** Attempts in a row without success after which the sender is believed to send nothing to repair from. */
const HOPELESS_ATTEMPTS = 5;

/**
 * Decides whether to wait for the packet after a lost one, which may carry it again (forward error correction): only when
 * packets are being lost, and as long as repair succeeds at all.
 */
export class LossRepair {
  /** Whether the delay should leave room for the packet after the next. */
  waiting = false;
  private lossShare = 0;
  private failures = 0;

  /** A packet was played; `lost`: others before it were missing. */
  notePlayed(lost: boolean): void {
    this.lossShare += ((lost ? 1 : 0) - this.lossShare) / MEMORY_PACKETS;
    if (this.lossShare > WORTH_WAITING) this.waiting = this.failures < HOPELESS_ATTEMPTS;
    else if (this.lossShare < NOT_WORTH_WAITING) this.waiting = false;
  }

  /** A repair was tried. */
  noteAttempt(succeeded: boolean): void {
    this.failures = succeeded ? 0 : this.failures + 1;
  }
}
