import { shareOfPpm } from '../fairness/dominant-share.ts';
import type { Holder } from '../fairness/quota-coverage.ts';
import type { Bundle, CohortNode } from '../fairness/quota-tree.ts';
import type { Cell } from '../cell/cell.ts';
import { bundleHeld } from '../cell/holdings.ts';
import type { Victim } from './may-evict.ts';

/** Decides whether evictions for the sake of shares are fair. Counts; changes nothing. */
export class FairTrade {
  readonly #cell: Cell;
  readonly #asking: Holder;
  readonly #held = new Map<CohortNode, readonly [ReadonlyMap<string, number>, ReadonlyMap<string, number>]>();

  constructor(cell: Cell, asking: Holder) {
    this.#cell = cell;
    this.#asking = asking;
  }

  /** Whether every queue that evens out keeps at least the share that the job's queue gets, by all jobs and by those that matter as much. */
  isFair(victims: readonly Victim[]): boolean {
    if (victims.every(({ reason }) => reason !== 'fair_share')) return true;
    const { queue, bundle } = this.#asking;
    const queues = new Set(victims.flatMap(({ job, reason }) => (reason === 'fair_share' ? [this.#cell.holdings.queueOf(job.spec)] : [])));
    const own = this.#sharesAfter(queue, victims, bundle);
    return [...queues].every((other) => this.#sharesAfter(other, victims, []).every((share, which) => share >= (own[which] ?? 0)));
  }

  /** The queue's share by all its jobs, and by those of the job's priority and above, without the victims and with `more`. */
  #sharesAfter(queue: CohortNode, victims: readonly Victim[], more: Bundle): readonly [number, number] {
    const [all, above] = this.#heldBy(queue).map((held) => new Map(held)) as [Map<string, number>, Map<string, number>];
    for (const { job } of victims) {
      if (this.#cell.holdings.queueOf(job.spec) !== queue) continue;
      add(all, bundleHeld(job), -1);
      if (job.attempt !== null && job.attempt.priority >= this.#asking.priority) {
        add(above, this.#cell.holdings.holderWith(job, job.attempt).bundle, -1);
      }
    }
    add(all, more, 1);
    add(above, more, 1);
    return [shareOfPpm(queue, all), shareOfPpm(queue, above)];
  }

  #heldBy(queue: CohortNode): readonly [ReadonlyMap<string, number>, ReadonlyMap<string, number>] {
    const known = this.#held.get(queue);
    if (known !== undefined) return known;
    const all = new Map([...queue.accounts].map(([resource, { held }]) => [resource, held]));
    const counted = [all, this.#cell.holdings.holders.heldFrom(queue, this.#asking.priority)] as const;
    this.#held.set(queue, counted);
    return counted;
  }
}

function add(held: Map<string, number>, bundle: Bundle, sign: 1 | -1): void {
  for (const { resource, quantity } of bundle) held.set(resource, (held.get(resource) ?? 0) + sign * quantity);
}
