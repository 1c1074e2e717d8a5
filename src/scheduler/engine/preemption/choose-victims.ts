import { must } from '../../../kernel/assert.ts';
import type { Blocker, Offer } from '../cell/offer.ts';
import type { Attempted } from '../admission/try-option.ts';
import { tryOption } from '../admission/try-option.ts';
import type { CohortNode, Bundle } from '../fairness/quota-tree.ts';
import { available, amountOf, policyOf } from '../fairness/quota-tree.ts';
import type { Cell } from '../cell/cell.ts';
import { bundleHeld } from '../cell/holdings.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { CheapestRoom } from './cheapest-room.ts';
import type { Victim } from './may-evict.ts';
import { byCost } from './may-evict.ts';
import { shareOfPpm } from '../fairness/dominant-share.ts';
import type { Holder } from '../fairness/quota-coverage.ts';

/** The victims, and the placement that they free. */
export interface EvictionPlan {
  readonly victims: readonly Victim[];
  readonly offer: Offer;
}

/**
 * The victims to evict so that a job fits by an option, out of the permitted ones, cheapest first; undefined when that does not help. Makes
 * room on the cheapest nodes and gets the quota from the cheapest holders, in either order, spares every victim it can, and takes the
 * cheaper of both. Where neither gives a placement, as with reserved nodes, it takes the cheapest, one more at a time. Changes nothing.
 */
export function chooseVictims(cell: Cell, job: JobRecord, option: number, legal: readonly Victim[]): EvictionPlan | undefined {
  const search = new Search(cell, job, option, legal);
  if (search.isWithoutRoom) return undefined;
  const plans = search.beginnings.map((first) => search.find(first)).filter((plan) => plan !== undefined);
  if (plans.length === 0) return search.findByCost();
  return plans.reduce<EvictionPlan | undefined>(
    (best, plan) => (best === undefined || costOf(plan) < costOf(best) ? plan : best),
    undefined,
  );
}

const costOf = ({ victims }: EvictionPlan): number => victims.reduce((sum, { cost }) => sum + cost, 0);

/** Victims that are tried one after the other where nothing shows which of them would help. */
const TRIED_MAX = 64;

class Search {
  readonly #cell: Cell;
  readonly #job: JobRecord;
  readonly #option: number;
  readonly #queue: CohortNode;
  readonly #legal: readonly Victim[];
  readonly #trade: FairTrade;
  /** Room among all of them. */
  #room: CheapestRoom | undefined;
  /** What the job is offered as things are. */
  readonly #asIs: Attempted;
  /** The victims whose leaving makes room in the present state, once computed. */
  #forRoomAsIs: { readonly victims: readonly Victim[] | undefined } | undefined;
  /** Whether nothing but room or quota was found short, and not even all victims together give that. */
  #isHopeless = true;

  constructor(cell: Cell, job: JobRecord, option: number, legal: readonly Victim[]) {
    this.#cell = cell;
    this.#job = job;
    this.#option = option;
    this.#queue = cell.holdings.queueOf(job.spec);
    this.#trade = new FairTrade(cell, cell.holdings.holderOf(job, option));
    // One that not even alone could go fairly is none.
    this.#legal = legal.filter((victim) => victim.reason !== 'fair_share' || this.#trade.isFair([victim]));
    this.#asIs = this.tryWithout([]);
  }

  /** Whether there would be no room if all of them left: then quota is of no use. */
  get isWithoutRoom(): boolean {
    return !('offer' in this.#asIs) && this.#roomAsIs() === undefined && this.#isHopeless;
  }

  /** With what to begin: where room is short as things are, or cannot be made as they are, both are the same. */
  get beginnings(): readonly ('room' | 'quota')[] {
    if (this.#roomAsIs() === undefined) return ['quota'];
    return 'blocker' in this.#asIs && this.#asIs.blocker.kind === 'no_room' ? ['room'] : ['quota', 'room'];
  }

  /** The placement of the job once the eviction of these was requested: exactly what it then gets. */
  tryWithout(victims: readonly Victim[]): Attempted {
    return this.#without(victims, () => tryOption(this.#cell, this.#job, this.#option, 'brief'));
  }

  /** Takes victims for what is short, beginning with room or with quota, and spares those it turns out not to need. */
  find(first: 'room' | 'quota'): EvictionPlan | undefined {
    const chosen: Victim[] = first === 'room' ? [...(this.#roomAsIs() ?? [])] : [];
    for (;;) {
      const attempted = chosen.length === 0 ? this.#asIs : this.tryWithout(chosen);
      if ('offer' in attempted) return this.#spared({ victims: chosen, offer: attempted.offer });
      const more = this.#forWhatIsShort(chosen, attempted.blocker);
      if (more === undefined || more.length === 0) return undefined;
      chosen.push(...more);
    }
  }

  /** Takes the cheapest first, whatever is short, and spares those it turns out not to need. */
  findByCost(): EvictionPlan | undefined {
    if (this.#isHopeless || !('offer' in this.tryWithout(this.#legal))) return undefined;
    const chosen: Victim[] = [];
    for (const victim of this.#legal.toSorted(byCost).slice(0, TRIED_MAX)) {
      if (!this.#mayAdd(chosen, victim)) continue;
      chosen.push(victim);
      const attempted = this.tryWithout(chosen);
      if ('offer' in attempted) return this.#spared({ victims: chosen, offer: attempted.offer });
    }
    return undefined;
  }

  #forWhatIsShort(chosen: readonly Victim[], blocker: Blocker): readonly Victim[] | undefined {
    if (blocker.kind === 'quota') return this.#forQuota(chosen, blocker.resource);
    if (blocker.kind === 'no_room') return chosen.length === 0 ? this.#roomAsIs() : this.#forRoom(chosen);
    this.#isHopeless = false;
    return undefined;
  }

  #roomAsIs(): readonly Victim[] | undefined {
    this.#forRoomAsIs ??= { victims: this.#forRoom([]) };
    return this.#forRoomAsIs.victims;
  }

  #forRoom(chosen: readonly Victim[]): readonly Victim[] | undefined {
    const taken = new Set(chosen);
    const open = this.#legal.filter((victim) => this.#mayAdd(chosen, victim) || taken.has(victim));
    const isAll = open.length === this.#legal.length;
    if (isAll) this.#room ??= new CheapestRoom(this.#cell, this.#job, this.#option, open);
    const room = isAll ? this.#room : undefined;
    const more = (room ?? new CheapestRoom(this.#cell, this.#job, this.#option, open)).find(taken);
    if (more !== undefined && this.#mayAddAll(chosen, more)) return more;
    if (more !== undefined || !isAll) this.#isHopeless = false;
    return undefined;
  }

  /** The cheapest one more whose leaving gives the job's queue more of the resource. */
  #forQuota(chosen: readonly Victim[], resource: string): readonly Victim[] | undefined {
    const left = this.#without(chosen, () => available(this.#queue, resource));
    const helps = new Map<CohortNode, boolean>();
    let next: Victim | undefined;
    for (const victim of this.#legal) {
      if (next !== undefined && byCost(next, victim) < 0) continue;
      if (chosen.includes(victim) || amountOf(bundleHeld(victim.job), resource) === 0) continue;
      // Whether something is given back to others depends on what the whole queue uses, so it is the same for all of its jobs.
      const queue = this.#cell.holdings.queueOf(victim.job.spec);
      const isHelp = helps.get(queue) ?? this.#without([...chosen, victim], () => available(this.#queue, resource)) > left;
      helps.set(queue, isHelp);
      if (!isHelp) continue;
      if (this.#mayAdd(chosen, victim)) next = victim;
      else this.#isHopeless = false;
    }
    return next === undefined ? undefined : [next];
  }

  /**
   * Spares victims without which it fits as well, the dearest first. One of the job's own queue that stays adds to that queue's share, so
   * victims chosen for fair share are checked again.
   */
  #spared(plan: EvictionPlan): EvictionPlan {
    let best = plan;
    for (const victim of plan.victims.toSorted((a, b) => b.cost - a.cost)) {
      const victims = best.victims.filter((other) => other !== victim);
      const attempted = this.tryWithout(victims);
      if ('offer' in attempted && this.#trade.isFair(victims)) best = { victims, offer: attempted.offer };
    }
    return best;
  }

  #mayAdd(chosen: readonly Victim[], victim: Victim): boolean {
    // A victim chosen for another reason makes no share less fair.
    const isFair = victim.reason !== 'fair_share' || this.#trade.isFair([...chosen, victim]);
    return isFair && withinBudget(this.#cell, chosen, victim);
  }

  /** Each of them may go, and all of them together. */
  #mayAddAll(chosen: readonly Victim[], more: readonly Victim[]): boolean {
    const isWithin = more.every((victim, index) => withinBudget(this.#cell, [...chosen, ...more.slice(0, index)], victim));
    return isWithin && this.#trade.isFair([...chosen, ...more]);
  }

  #without<T>(victims: readonly Victim[], look: () => T): T {
    return this.#cell.undo.trial(() => {
      for (const { job } of victims) this.#cell.holdings.supposeLeaving(job, must(job.attempt, 'a victim has an attempt'));
      return look();
    });
  }
}

/** Whether one more may leave its queue, and its pool, besides those that are leaving and those that are chosen to. */
function withinBudget(cell: Cell, chosen: readonly Victim[], { job }: Victim): boolean {
  const ofQueue = policyOf(cell.holdings.queueOf(job.spec)).leavingMaxCount;
  const ofPool = job.attempt === null ? undefined : cell.fleet.pool(job.attempt.poolId).spec.eviction?.leavingMaxCount;
  const queueMax = Math.min(ofQueue, ofPool ?? Infinity);
  if (queueMax === Infinity) return true;
  const leaving = [...[...cell.jobs.leaving].map((id) => cell.jobs.get(id)), ...chosen.map((victim) => victim.job)];
  const count = (isLike: (other: JobRecord) => boolean): number => leaving.filter(isLike).length;
  const inQueue = count(({ spec }) => spec.queue === job.spec.queue);
  const inPool = count(({ attempt }) => attempt?.poolId === job.attempt?.poolId);
  return inQueue < queueMax && inPool < (ofPool ?? Infinity);
}

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
