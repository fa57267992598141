/*
 * A network that loses, delays, reorders and repeats packets on a fake clock, the same way each time for the same random
 * source. All times are ms on the receiver's clock.
 */

/** Ms that a packet sent at `sendMs` spends in the network. */
export type NetworkDelay = (sendMs: number, random: () => number) => number;

export interface NetworkConditions {
  /** Default: 30 ms for every packet. */
  readonly delay?: NetworkDelay;
  /** Share of packets lost, each on its own. */
  readonly loss?: number;
  /** Loss in bursts: share of packets after which one begins, and its mean length in packets. */
  readonly burst?: { readonly share: number; readonly packets: number };
  /** Share of packets delivered twice; the copy comes up to 30 ms later. */
  readonly duplicate?: number;
  /** Share of packets held back by `reorderMs`, 25 when left out. */
  readonly reorder?: number;
  readonly reorderMs?: number;
}

/** Every packet takes `ms`. */
export function steady(ms: number): NetworkDelay {
  return () => ms;
}

/** `ms`, and up to `spread` more, evenly distributed: packets overtake each other when `spread` exceeds the packet time. */
export function uneven(ms: number, spread: number): NetworkDelay {
  return (_sendMs, random) => ms + random() * spread;
}

/** `ms` and a bell-shaped jitter of standard deviation `deviation`, never sooner than `ms`. */
export function bellShaped(ms: number, deviation: number): NetworkDelay {
  return (_sendMs, random) => {
    const bell = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return ms + Math.abs(bell) * deviation;
  };
}

/** `ms`, but each `everyMs` the network stands still for `stallMs` and then delivers all at once. */
export function stalling(ms: number, everyMs: number, stallMs: number): NetworkDelay {
  return (sendMs) => {
    const phase = sendMs % everyMs;
    return phase >= everyMs - stallMs ? ms + everyMs - phase : ms;
  };
}

interface Flight<Packet> {
  readonly packet: Packet;
  readonly arrivalMs: number;
}

/** Takes packets in sending order and hands them out in order of arrival. */
export class NetworkSimulator<Packet> {
  /** Packets that never arrive. */
  lost = 0;
  private readonly conditions: NetworkConditions;
  private readonly random: () => number;
  private readonly flights: Flight<Packet>[] = [];
  private burstLeft = 0;

  constructor(conditions: NetworkConditions, random: () => number) {
    this.conditions = conditions;
    this.random = random;
  }

  send(packet: Packet, sendMs: number): void {
    const { random } = this;
    const { delay = steady(30), duplicate = 0, reorder = 0, reorderMs = 25 } = this.conditions;
    if (this.isLost()) {
      this.lost++;
      return;
    }
    const arrivalMs = sendMs + delay(sendMs, random) + (reorder > 0 && random() < reorder ? reorderMs : 0);
    this.launch({ packet, arrivalMs });
    if (duplicate > 0 && random() < duplicate) this.launch({ packet, arrivalMs: arrivalMs + random() * 30 });
  }

  /** Hands over all that arrives up to and at `nowMs`. */
  deliver(nowMs: number, receive: (packet: Packet, arrivalMs: number) => void): void {
    const { flights } = this;
    while (flights.length > 0 && flights[0]!.arrivalMs <= nowMs) {
      const { packet, arrivalMs } = flights.shift()!;
      receive(packet, arrivalMs);
    }
  }

  private isLost(): boolean {
    const { loss = 0, burst } = this.conditions;
    if (this.burstLeft > 0) {
      this.burstLeft--;
      return true;
    }
    if (burst !== undefined && this.random() < burst.share) {
      // Geometric: each further packet of the burst is as likely as the one before.
      while (this.random() < 1 - 1 / burst.packets) this.burstLeft++;
      return true;
    }
    return loss > 0 && this.random() < loss;
  }

  /** Keeps the flights sorted; a new one lands near the end. */
  private launch(flight: Flight<Packet>): void {
    let at = this.flights.length;
    while (at > 0 && this.flights[at - 1]!.arrivalMs > flight.arrivalMs) at--;
    this.flights.splice(at, 0, flight);
  }
}
