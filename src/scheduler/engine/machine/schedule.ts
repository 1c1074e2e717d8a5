import { makeOthersShrink } from '../elastic/shrink.ts';
import { admit } from '../life/begin-attempt.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { QueueHeads } from '../admission/queue-heads.ts';
import { Advice } from '../admission/advice.ts';
import type { CandidatePlan } from '../admission/candidate-plans.ts';
import { affordablePools, candidatePlans } from '../admission/candidate-plans.ts';
import { firstOf } from '../cell/feasibility.ts';
import { lateRunMs, optionsInTime, optionsTooLate, tooLateForAllMs } from '../admission/in-time.ts';
import type { Offer } from '../cell/offer.ts';
import { reserve } from '../admission/reserve.ts';
import type { Attempted, NodeSet } from '../admission/try-option.ts';
import { tryOption } from '../admission/try-option.ts';
import { requestEviction } from '../life/end-attempt.ts';
import type { EvictionPlan } from '../preemption/choose-victims.ts';
import { chooseVictims } from '../preemption/choose-victims.ts';
import { mayEvict } from '../preemption/may-evict.ts';

/**
 * Places waiting jobs until no other can be placed: takes the next job, admits it if it fits, else if victims can be evicted for it; the
 * class of a job that cannot be placed sleeps. Stops after `admissionsMaxCount`, to continue with the next event or at once. `isDecided`: on trial,
 * whether what is asked is known, and the rest does not matter.
 */
export function schedule(cell: Cell, isDecided: () => boolean = () => false): void {
  const heads = new QueueHeads(cell);
  const advice = new Advice(cell);
  for (let admitted = 0; admitted < cell.settings.admissionsMaxCount && !isDecided();) {
    const pending = heads.next();
    if (pending === undefined) return;
    const job = firstOf(cell, pending);
    if (admitWhereFree(cell, job, advice) || makeOthersShrink(cell, job) || preempt(cell, job)) {
      admitted += 1;
      heads.changed(pending.root);
    } else {
      reserve(cell, job);
      cell.pending.sleep(pending);
      heads.slept(pending);
    }
  }
}

function admitWhereFree(cell: Cell, job: JobRecord, advice: Advice): boolean {
  const offer = trustedPlacement(cell, job, advice);
  if (offer !== undefined) admit(cell, job, offer);
  return offer !== undefined;
}

/** A free placement with as few nodes as possible that may be dead, those that have been there longest since: found by bisection. [J266] */
function trustedPlacement(cell: Cell, job: JobRecord, advice: Advice): Offer | undefined {
  let best = freePlacement(cell, job, advice);
  const doubts = cell.fleet.doubted(cell.nowMs);
  if (best === undefined || !best.placement.slots.some(({ node }) => doubts.has(node))) return best;
  const doubted = [...doubts].toSorted(([a, aUntilMs], [b, bUntilMs]) => aUntilMs - bUntilMs || a - b).map(([node]) => node);
  for (let [low, high] = [0, doubted.length]; low < high;) {
    const middle = (low + high) >> 1;
    const offer = freePlacement(cell, job, advice, new Set(doubted.slice(middle)));
    if (offer === undefined) low = middle + 1;
    else [best, high] = [offer, middle];
  }
  return best;
}

/** The nodes where the job's own work costs least, unless other waiting jobs should rather have them. */
function freePlacement(cell: Cell, job: JobRecord, advice: Advice, without?: NodeSet): Offer | undefined {
  if (hasNoChoice(cell, job)) return offerOf(tryOption(cell, job, 0, 'brief', { without }));
  const tooLate = optionsTooLate(cell, job);
  if (tooLate.size > 0) cell.wakeAt(tooLateForAllMs(cell, job));
  const plans = candidatePlans(cell, job).filter(({ option }) => !tooLate.has(option));
  const advised = plans.length > 1 ? advice.of(job) : undefined;
  if (advised !== undefined && !tooLate.has(advised.plan.option)) {
    const { plan, nodes } = advised;
    for (const among of nodes.size > 0 ? [nodes, undefined] : [undefined]) {
      const offer = offerOf(tryOption(cell, job, plan.option, 'brief', { pools: [plan.pool], among, without }));
      if (offer !== undefined && !isTooFew(cell, job, offer)) return offer;
    }
  }
  let late: Offer | undefined;
  for (const tied of inTurn(plans)) {
    const offer = leastWasteful(cell, job, tied, without);
    if (offer !== undefined && !isTooFew(cell, job, offer)) return offer;
    late ??= offer;
  }
  return late;
}

/** Whether a job would not be done in time on as many nodes as there are for it. [J321] */
const isTooFew = (cell: Cell, job: JobRecord, { option, placement }: Offer): boolean =>
  lateRunMs(cell, job, option, placement.slots.length) !== null;

/** Of plans that cost the job as much, the offer that wastes least; of equals, the first. More nodes come before less waste. */
function leastWasteful(cell: Cell, job: JobRecord, tied: readonly CandidatePlan[], without: NodeSet | undefined): Offer | undefined {
  let best: { readonly offer: Offer; readonly waste: number } | undefined;
  for (const { option, pool } of tied) {
    const offer = offerOf(tryOption(cell, job, option, 'brief', { pools: [pool], without }));
    if (offer === undefined) continue;
    // Without accelerators there is nothing to waste.
    if (tied.length === 1 || !cell.fleet.hasAccelerators(pool.pool.spec.id)) return best?.offer ?? offer;
    const { demand, slots } = offer.placement;
    const waste = cell.placer.waste(demand, slots);
    const more = slots.length - (best?.offer.placement.slots.length ?? 0);
    if (best === undefined || more > 0 || (more === 0 && waste < best.waste)) best = { offer, waste };
  }
  return best?.offer;
}

function hasNoChoice(cell: Cell, { spec }: JobRecord): boolean {
  const pools = affordablePools(cell, spec, 0);
  return spec.options.length === 1 && ('kind' in pools || pools.length === 1);
}

const offerOf = (attempted: Attempted): Offer | undefined => ('offer' in attempted ? attempted.offer : undefined);

/** Plans in their order, those that tie together in the place of the first of them. */
function inTurn(plans: readonly CandidatePlan[]): Iterable<readonly CandidatePlan[]> {
  const turns = new Map<string, CandidatePlan[]>();
  for (const plan of plans) {
    const tied = turns.get(plan.tie);
    if (tied === undefined) turns.set(plan.tie, [plan]);
    else tied.push(plan);
  }
  return turns.values();
}

/** Evicts others for a job without a placement, if it may: those whose eviction costs least. Returns whether the job has a placement now. */
function preempt(cell: Cell, job: JobRecord): boolean {
  const plan = evictionPlanFor(cell, job);
  if (plan === undefined) return false;
  for (const { job: victim, reason } of plan.victims) requestEviction(cell, cell.jobs.get(victim.spec.id), { reason, forJob: job.spec.id });
  admit(cell, job, plan.offer);
  return true;
}

/** Some of the options of a job, the one by which its work costs least first. */
function byCost(cell: Cell, job: JobRecord, options: readonly number[]): Iterable<number> {
  if (options.length < 2) return options;
  return new Set(candidatePlans(cell, job).flatMap(({ option }) => (options.includes(option) ? [option] : [])));
}

/** The option for which others can be evicted, by which its work costs least, of those in time if there are any; and the victims. Changes nothing. */
function evictionPlanFor(cell: Cell, job: JobRecord): EvictionPlan | undefined {
  for (const option of byCost(cell, job, optionsInTime(cell, job))) {
    const legal = mayEvict(cell, cell.holdings.holderOf(job, option));
    const plan = legal.length === 0 ? undefined : chooseVictims(cell, job, option, legal);
    if (plan !== undefined) return plan;
  }
  return undefined;
}
