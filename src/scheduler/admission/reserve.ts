import { must } from '../../kernel/assert.ts';
import type { JobId } from '../../kernel/ids.ts';
import { rootOf } from '../fairness/cohort-node.ts';
import { queuesBelow } from '../fairness/queues-below.ts';
import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';
import { acceptsPool } from '../model/accepts-pool.ts';
import { effectivePriority } from '../queue/effective-priority.ts';
import { expectedEndMs } from './expected-end.ts';
import { resourceClass } from './hold.ts';
import { tryOption } from './try-option.ts';
import type { Offer } from '../life/offer.ts';

/**
 * Holds places for a job that comes first in its resource class and has none: those that will be free soonest, so that others pass it only
 * with what it does not need, or if they are done before it starts. Without this, small jobs would keep a large one waiting for ever.
 */
export function reserve(cell: Cell, job: JobRecord): void {
  const patientUntilMs = job.submittedAtMs + cell.settings.headPatienceMs;
  if (cell.nowMs < patientUntilMs) return cell.wakeAt(patientUntilMs);
  const root = rootOf(cell.holdings.queueOf(job.spec)).spec.name;
  for (let option = 0; option < job.spec.options.length; option++) {
    const resource = resourceClass(job, option);
    const held = cell.reservations.of(root, resource);
    if (held !== undefined && (held.jobId === job.spec.id || !outranks(cell, job, cell.job(held.jobId)))) continue;
    const soonest = soonestPlace(cell, job, option);
    if (soonest === undefined) continue;
    if (held !== undefined) cell.releaseHold(held.jobId);
    const { startMs, after, offer } = soonest;
    const nodes = offer.placement.slots.map(({ node }) => node);
    cell.reservations.set({ root, resource, jobId: job.spec.id, option, after, startMs, nodes });
    return;
  }
}

/** One reservation gives way to another only for more priority, waiting included: the first stays first. */
const outranks = (cell: Cell, a: JobRecord, b: JobRecord): boolean => effectivePriority(cell, a) > effectivePriority(cell, b);

interface Soonest {
  /** Null when it depends on jobs that may take for ever. */
  readonly startMs: number | null;
  /** Who has to end first. */
  readonly after: readonly JobId[];
  readonly offer: Offer;
}

/** The place a job would have first if nobody new came and everybody took as long as it may; undefined when never. Changes nothing. */
export function soonestPlace(cell: Cell, job: JobRecord, option: number): Soonest | undefined {
  const owners = inTheWay(cell, job, option);
  const byEnd = owners
    .map((other) => ({ other, endMs: expectedEndMs(cell, other) }))
    .toSorted((a, b) => a.endMs - b.endMs || a.other.sequence - b.other.sequence);
  return cell.undo.trial(() => {
    for (const reservation of cell.reservations.all) cell.reservations.remove(reservation);
    const offerWithout = (gone: readonly JobRecord[]): Offer | undefined =>
      cell.undo.trial(() => {
        for (const other of gone) cell.holdings.supposeGone(other, must(other.attempt, 'an owner has an attempt'));
        const attempted = tryOption(cell, job, option, 'brief');
        return 'offer' in attempted ? attempted.offer : undefined;
      });
    const offerAfter = (count: number): Offer | undefined => offerWithout(byEnd.slice(0, count).map(({ other }) => other));
    // The soonest ends mostly do, so it looks among the first few, then among twice as many, and so on, and last halves the range it found.
    let best: { readonly count: number; readonly offer: Offer } | undefined;
    let low = 0;
    for (let count = 1; best === undefined; count *= 2) {
      const reached = Math.min(count, byEnd.length);
      const offer = offerAfter(reached);
      if (offer !== undefined) best = { count: reached, offer };
      else if (reached === byEnd.length) return undefined;
      else low = reached + 1;
    }
    while (low < best.count) {
      const middle: number = (low + best.count) >> 1;
      const offer = offerAfter(middle);
      if (offer === undefined) low = middle + 1;
      else best = { count: middle, offer };
    }
    const endMs = best.count === 0 ? cell.nowMs : (byEnd[best.count - 1]?.endMs ?? cell.nowMs);
    const gone = byEnd.slice(0, best.count).map(({ other }) => other);
    const { offer, after } = narrowed(gone, best.offer, offerWithout);
    return { startMs: endMs === Infinity ? null : Math.max(cell.nowMs, endMs), after: after.map(({ spec }) => spec.id), offer };
  });
}

/** Of those who will have gone, only those on the nodes in question, if that is enough. */
function narrowed(
  gone: readonly JobRecord[],
  offer: Offer,
  offerWithout: (gone: readonly JobRecord[]) => Offer | undefined,
): { readonly offer: Offer; readonly after: readonly JobRecord[] } {
  const nodes = new Set(offer.placement.slots.map(({ node }) => node));
  const there = gone.filter(({ attempt }) => attempt?.placement.slots.some(({ node }) => nodes.has(node)));
  const same = there.length < gone.length ? offerWithout(there) : undefined;
  return same === undefined ? { offer, after: gone } : { offer: same, after: there };
}

/** The owners of something the job could use: quota of the same tree, or a part of a pool that it accepts. */
function inTheWay(cell: Cell, job: JobRecord, option: number): readonly JobRecord[] {
  const wanted = must(job.spec.options[option], 'the option exists');
  const ids = new Set<JobId>();
  for (const { spec } of cell.fleet.pools) if (acceptsPool(wanted, spec)) for (const id of cell.holdings.ownersIn(spec.id)) ids.add(id);
  for (const queue of queuesBelow(rootOf(cell.holdings.queueOf(job.spec))))
    for (const { jobId } of cell.holdings.holders.of(queue)) ids.add(jobId);
  return Array.from(ids, (id) => cell.job(id));
}
