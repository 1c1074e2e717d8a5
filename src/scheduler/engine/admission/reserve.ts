import { must } from '../../../kernel/assert.ts';
import type { JobId } from '../../../kernel/ids.ts';
import { rootOf } from '../fairness/quota-tree.ts';
import type { Cell } from '../cell/cell.ts';
import { releaseHold } from '../cell/changes.ts';
import type { ExpectedRelease } from '../cell/expected-ends.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { acceptsPool } from '../model/job-spec.ts';
import { resourceClass, mayClaim, patientUntil } from '../cell/feasibility.ts';
import { optionsInTime } from './in-time.ts';
import type { Offer } from '../cell/offer.ts';
import { tryOption } from './try-option.ts';

/**
 * Reserves nodes for the first job of its resource class without a placement: those that will be free soonest, so that others pass it only
 * with nodes it does not need, or if they end before it starts. Without this, small jobs would keep a large one waiting for ever.
 */
export function reserve(cell: Cell, job: JobRecord): void {
  const patientUntilMs = patientUntil(cell, job);
  if (cell.nowMs < patientUntilMs) return cell.wakeAt(patientUntilMs);
  const root = rootOf(cell.holdings.queueOf(job.spec)).spec.name;
  for (const option of optionsInTime(cell, job)) {
    const resource = resourceClass(job, option);
    const held = cell.reservations.of(root, resource);
    if (!mayClaim(cell, job, held)) continue;
    const soonest = soonestPlacement(cell, job, option);
    if (soonest === undefined) continue;
    if (held !== undefined) releaseHold(cell, held.jobId);
    const { startMs, after, offer } = soonest;
    const nodes = offer.placement.slots.map(({ node }) => node);
    cell.reservations.set({ root, resource, jobId: job.spec.id, option, after, startMs, nodes });
    return;
  }
}

interface Soonest {
  /** Null when it depends on jobs that may take for ever. */
  readonly startMs: number | null;
  /** The jobs that have to end first. */
  readonly after: readonly JobId[];
  readonly offer: Offer;
}

/** The first placement a job would have if no job came and all took as long as they may; undefined when never. Changes nothing. */
export function soonestPlacement(cell: Cell, job: JobRecord, option: number): Soonest | undefined {
  return cell.undo.trial(() => {
    for (const reservation of cell.reservations.all) cell.reservations.remove(reservation);
    const room = new ExpectedReleases(cell, job, option).firstRoom();
    if (room === undefined) return undefined;
    const endMs = room.endMs ?? cell.nowMs;
    return { startMs: endMs === Infinity ? null : Math.max(cell.nowMs, endMs), after: room.gone, offer: room.offer };
  });
}

/** Room for a job once others have left. */
interface LaterRoom {
  readonly offer: Offer;
  /** The expected releases of a job: the jobs that must have ended first. */
  readonly gone: readonly JobId[];
  /** When the last of these jobs has ended before there was room; null when none had to. */
  readonly endMs: number | null;
}

/** The owners of something that a job could use, quota of the same tree or a part of a pool that it accepts, in the order of their expected ends. */
class ExpectedReleases {
  readonly #cell: Cell;
  readonly #job: JobRecord;
  readonly #option: number;
  readonly #rest: Iterator<ExpectedRelease>;
  /** As many as were asked for. */
  readonly #first: ExpectedRelease[] = [];

  constructor(cell: Cell, job: JobRecord, option: number) {
    this.#cell = cell;
    this.#job = job;
    this.#option = option;
    this.#rest = inTheWay(cell, job, option);
  }

  /** The first moment at which there is room; undefined when there never is. To be asked on trial: for that long, others are supposed gone. */
  firstRoom(): LaterRoom | undefined {
    const found = this.#cell.undo.trial(() => this.#firstCount());
    if (found === undefined) return undefined;
    const { count, offer } = found;
    const gone = this.#first.slice(0, count).map(({ jobId }) => jobId);
    return { ...this.#narrowed(gone, offer), endMs: count === 0 ? null : (this.#first[count - 1]?.endMs ?? null) };
  }

  /** After how many there is room. The soonest mostly do, so it lets the first few go, then twice as many, and last halves the range it found. */
  #firstCount(): { readonly count: number; readonly offer: Offer } | undefined {
    const atOnce = this.#look();
    if (atOnce !== undefined) return { count: 0, offer: atOnce };
    let low = 0;
    let best: { readonly count: number; readonly offer: Offer } | undefined;
    for (let count = 1; best === undefined; count *= 2) {
      const reached = this.#reach(count);
      if (reached === low) return undefined;
      const offer = this.#letGo(low, reached);
      if (offer === undefined) low = reached;
      else best = { count: reached, offer };
    }
    while (best.count - low > 1) {
      const middle: number = (low + best.count) >> 1;
      const offer = this.#letGo(low, middle);
      if (offer === undefined) low = middle;
      else best = { count: middle, offer };
    }
    return best;
  }

  /** What there is once those from `low` up to `count` have ended, too; they count as ended afterwards unless that gives a placement. */
  #letGo(low: number, count: number): Offer | undefined {
    let offer: Offer | undefined;
    this.#cell.undo.allOrNothing((): true | undefined => {
      for (const { jobId } of this.#first.slice(low, count)) this.#suppose(jobId);
      offer = this.#look();
      return offer === undefined ? true : undefined;
    });
    return offer;
  }

  /** Of the jobs expected to end, only those on the nodes in question, if that is enough. */
  #narrowed(gone: readonly JobId[], offer: Offer): Pick<LaterRoom, 'offer' | 'gone'> {
    const nodes = new Set(offer.placement.slots.map(({ node }) => node));
    const there = gone.filter((id) => this.#cell.jobs.get(id).attempt?.placement.slots.some(({ node }) => nodes.has(node)));
    if (there.length === gone.length) return { offer, gone };
    const same = this.#cell.undo.trial(() => {
      for (const id of there) this.#suppose(id);
      return this.#look();
    });
    return same === undefined ? { offer, gone } : { offer: same, gone: there };
  }

  #suppose(id: JobId): void {
    const job = this.#cell.jobs.get(id);
    this.#cell.holdings.supposeGone(job, must(job.attempt, 'an owner has an attempt'));
  }

  #look(): Offer | undefined {
    const attempted = tryOption(this.#cell, this.#job, this.#option, 'brief');
    return 'offer' in attempted ? attempted.offer : undefined;
  }

  /** Makes sure that so many are known, if there are; answers how many are. */
  #reach(count: number): number {
    while (this.#first.length < count) {
      const next = this.#rest.next();
      if (next.done === true) break;
      this.#first.push(next.value);
    }
    return Math.min(count, this.#first.length);
  }
}

function inTheWay(cell: Cell, { spec }: JobRecord, option: number): Iterator<ExpectedRelease> {
  const wanted = must(spec.options[option], 'the option exists');
  const mine = rootOf(cell.holdings.queueOf(spec));
  return cell.ends.inOrder(({ poolId, root }) => root === mine || acceptsPool(wanted, cell.fleet.pool(poolId).spec));
}
