/** Counts sockets per address and in total: the cheapest refusal there is. */
export class Places {
  readonly #perAddress: number;
  readonly #perNode: number;
  readonly #taken = new Map<string, number>();
  #total = 0;

  constructor(perAddress: number, perNode: number) {
    this.#perAddress = perAddress;
    this.#perNode = perNode;
  }

  get total(): number {
    return this.#total;
  }

  /** Takes a place; what comes back with it gives it back, once. */
  take(address: string): { ok: true; release: () => void } | { ok: false; reason: 'address_full' | 'node_full' } {
    const taken = this.#taken.get(address) ?? 0;
    if (this.#total >= this.#perNode) return { ok: false, reason: 'node_full' };
    if (taken >= this.#perAddress) return { ok: false, reason: 'address_full' };
    this.#taken.set(address, taken + 1);
    this.#total += 1;
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      this.#total -= 1;
      const left = (this.#taken.get(address) ?? 1) - 1;
      if (left === 0) this.#taken.delete(address);
      else this.#taken.set(address, left);
    };
    return { ok: true, release };
  }
}
