import { admit } from '../life/begin-attempt.ts';
import { destine, requestEviction, toEach } from '../life/end-attempt.ts';
import type { Cell } from '../cell/cell.ts';
import { releaseHold } from '../cell/changes.ts';
import { nextRoundMs } from '../cell/timers.ts';
import { must } from '../../../kernel/assert.ts';
import { tryOption } from '../admission/try-option.ts';
import type { CohortNode, TimeSlice } from '../fairness/quota-tree.ts';
import { bundleOf, policyOf } from '../fairness/quota-tree.ts';
import type { Destination, JobRecord } from '../cell/job-record.ts';
import { owner } from '../cell/job-record.ts';
import { isOpenTo } from '../preemption/may-evict.ts';
import { attainedMs, speedsOf } from '../life/charge-segment.ts';
import type { Contender } from './least-attained.ts';
import { moveCostOf, turnOf, typesOf } from './least-attained.ts';

/** Lets the jobs of queues take turns whose round has come. [J261] */
export function turnRounds(cell: Cell): void {
  for (const name of cell.rounds.due(cell.nowMs)) turnRound(cell, name);
}

function turnRound(cell: Cell, name: string): void {
  const queue = cell.tree.queue(name);
  const slice = queue?.spec.timeSlice;
  if (queue === undefined || slice === undefined || cell.holdings.holders.below(queue, Infinity).length === 0) {
    const { roundAtMs: _, ...record } = cell.queue(name);
    return cell.saveQueue(record);
  }
  cell.saveQueue({ ...cell.queue(name), roundAtMs: nextRoundMs(cell.nowMs, slice.roundMs) });
  if (cell.isStopped(queue)) return;
  // A job that waits for its turn gets nodes by it: the nodes that were held for it are the others', too.
  const held = [...cell.reservations.all].filter(({ jobId }) => cell.jobs.get(jobId).spec.queue === name);
  for (const { jobId } of held) releaseHold(cell, jobId);
  const { leaving, placed } = planRound(cell, queue, slice);
  // All of them leave first: they go where others of them are.
  toEach(cell, leaving, (job) => requestEviction(cell, job, { reason: 'time_slice' }));
  for (const { job, offer } of placed) {
    const now = cell.jobs.get(job.spec.id);
    if (now.attempt === null) admit(cell, now, offer);
    else destine(cell, now, offer);
  }
}

/** What the jobs of a queue do in its next round. */
export interface RoundPlan {
  /** Jobs that give up the nodes they have. */
  readonly leaving: readonly JobRecord[];
  /** Jobs that get nodes: such as wait, and those of the leaving that go elsewhere. */
  readonly placed: readonly Placed[];
}

interface Placed {
  readonly job: JobRecord;
  readonly offer: Destination;
}

interface Candidate extends Contender {
  readonly job: JobRecord;
  /** Where it is; null when it waits. */
  readonly current: Destination | null;
}

/** A candidate that goes, and the nodes that are found for it. */
interface Going {
  readonly candidate: Candidate;
  readonly offer: Destination;
}

/**
 * Who of a queue goes in the next round, and where: by priority, then those that have attained least, as many as find nodes among those that
 * the queue has and those that are free; then jobs that ask for the same exchange types of accelerators for the most progress. Jobs that may not be
 * evicted stay where they are. Changes nothing. [J261]
 */
export function planRound(cell: Cell, queue: CohortNode, slice: TimeSlice): RoundPlan {
  const plan = planAmong(cell, queue, slice, openJobs(cell, queue));
  const mayLeave = withinBounds(cell, queue, plan.leaving);
  // Where more would leave than may at once, only as many of them may move, and the others stay.
  return mayLeave.length === plan.leaving.length ? plan : planAmong(cell, queue, slice, mayLeave);
}

/** `movable`: the placed jobs that may be asked to leave. */
function planAmong(cell: Cell, queue: CohortNode, slice: TimeSlice, movable: readonly JobRecord[]): RoundPlan {
  const candidates = candidatesOf(cell, queue, slice, movable);
  const turn = (candidate: Candidate): number =>
    turnOf(isSettled(cell, candidate, slice) ? candidate : { ...candidate, type: -1 }, moveCost);
  const moveCost = moveCostOf(slice.moveMs / 1_000, slice.roundMs / 1_000);
  const order = candidates.toSorted(
    (a, b) => b.job.spec.priority - a.job.spec.priority || turn(a) - turn(b) || a.job.sequence - b.job.sequence,
  );
  const placed: Placed[] = [];
  const staying = new Set<Candidate>();
  cell.undo.trial(() => {
    for (const { job } of candidates) supposeGone(cell, job);
    for (const { candidate, offer } of exchanged(cell, whoGoes(cell, order), moveCost)) {
      if (candidate.current !== null && isSame(candidate.current, offer)) staying.add(candidate);
      else placed.push({ job: candidate.job, offer });
    }
  });
  return { leaving: candidates.filter((each) => each.current !== null && !staying.has(each)).map(({ job }) => job), placed };
}

/** Whether a job has been where it is for half a round. One that only came between two rounds, as something was free, has no claim to stay. */
const isSettled = (cell: Cell, { job }: Candidate, { roundMs }: TimeSlice): boolean => cell.nowMs - admittedAtMs(job) >= roundMs / 2;

const isSame = (a: Destination, b: Destination): boolean => a.placement === b.placement;

/** The jobs that may go or stay as the plan says. */
function candidatesOf(cell: Cell, queue: CohortNode, slice: TimeSlice, movable: readonly JobRecord[]): readonly Candidate[] {
  const jobs = [...movable];
  for (const pending of cell.pending.of(queue)) {
    if (!cell.isHalted(pending)) for (const id of pending.jobs.all) jobs.push(cell.jobs.get(id));
  }
  return jobs.map((job): Candidate => {
    const attempt = owner(job);
    const current = attempt === null ? null : { option: attempt.option, poolId: attempt.poolId, placement: attempt.placement };
    return {
      job,
      current,
      speeds: speedsOf(cell, job),
      attainedS: attainedMs(cell, job, slice) / 1_000,
      type: current?.option ?? -1,
    };
  });
}

/** The placed jobs that may be evicted. */
const openJobs = (cell: Cell, queue: CohortNode): readonly JobRecord[] =>
  cell.holdings.holders
    .below(queue, Infinity)
    .map(({ jobId }) => cell.jobs.get(jobId))
    .filter((job) => job.spec.kind !== 'online_inference' && isOpenTo(cell, job));

/** Of jobs that are to leave, as many as may be leaving at once: those that have been there longest. */
function withinBounds(cell: Cell, queue: CohortNode, jobs: readonly JobRecord[]): readonly JobRecord[] {
  const leftIn = new Map<string, number>();
  const mayLeave = (place: string, countMax: number, isThere: (job: JobRecord) => boolean): boolean => {
    const left = leftIn.get(place) ?? countMax - [...cell.jobs.leaving].filter((id) => isThere(cell.jobs.get(id))).length;
    leftIn.set(place, left - 1);
    return left > 0;
  };
  const inTurn = jobs.toSorted((a, b) => admittedAtMs(a) - admittedAtMs(b) || a.sequence - b.sequence);
  return inTurn.filter(({ attempt }) => {
    const { poolId } = must(attempt, 'a holder has an attempt');
    const ofPool = cell.fleet.pool(poolId).spec.eviction?.leavingMaxCount ?? Infinity;
    return (
      mayLeave('queue', policyOf(queue).leavingMaxCount, ({ spec }) => spec.queue === queue.spec.name) &&
      mayLeave(poolId, ofPool, (job) => job.attempt?.poolId === poolId)
    );
  });
}

const admittedAtMs = ({ attempt }: JobRecord): number => attempt?.admittedAtMs ?? 0;

function supposeGone(cell: Cell, job: JobRecord): void {
  const attempt = owner(job);
  if (attempt !== null) cell.holdings.supposeGone(job, attempt);
}

/**
 * The candidates that find nodes, in their order. Those that have nodes keep them; where jobs that go would then find none, because what is left
 * lies scattered, all of them are placed anew.
 */
function whoGoes(cell: Cell, order: readonly Candidate[]): readonly Going[] {
  const anew = cell.undo.trial(() => placedInTurn(cell, order));
  const chosen = new Set(anew.map(({ candidate }) => candidate));
  const kept = order.flatMap((candidate): Going[] =>
    candidate.current !== null && chosen.has(candidate) ? [{ candidate, offer: candidate.current }] : [],
  );
  const apart = cell.undo.trial(() => {
    for (const { candidate, offer } of kept) supposePlaced(cell, candidate.job, offer);
    return placedInTurn(
      cell,
      order.filter((candidate) => candidate.current === null && chosen.has(candidate)),
    );
  });
  const going = kept.length + apart.length < anew.length ? anew : [...kept, ...apart];
  const at = new Map(order.map((candidate, index) => [candidate, index]));
  return going.toSorted((a, b) => (at.get(a.candidate) ?? 0) - (at.get(b.candidate) ?? 0));
}

/** Each in turn takes the nodes that it finds, those of its fastest option first. */
function placedInTurn(cell: Cell, order: readonly Candidate[]): readonly Going[] {
  const going: Going[] = [];
  // Jobs of a class are alike: where one found nothing, the next finds nothing.
  const placeless = new Set<string>();
  for (const candidate of order) {
    const { job, speeds } = candidate;
    if (placeless.has(job.classKey)) continue;
    const offer = firstOffer(cell, job, speeds);
    if (offer === undefined) {
      placeless.add(job.classKey);
      continue;
    }
    supposePlaced(cell, job, offer);
    going.push({ candidate, offer });
  }
  return going;
}

function firstOffer(cell: Cell, job: JobRecord, speeds: readonly number[]): Destination | undefined {
  const byS = [...speeds.keys()].toSorted((a, b) => (speeds[b] ?? 0) - (speeds[a] ?? 0) || a - b);
  for (const option of byS) {
    const attempted = tryOption(cell, job, option, 'brief');
    if ('offer' in attempted) return attempted.offer;
  }
  return undefined;
}

function supposePlaced(cell: Cell, { spec }: JobRecord, { option, placement }: Destination): void {
  const { accelerator } = must(spec.options[option], 'the option exists');
  cell.fleet.cluster.allocate(placement);
  cell.tree.take(cell.holdings.queueOf(spec), bundleOf(accelerator, placement.demand, placement.slots.length), 1);
}

/** Jobs that ask for the same but differ in how fast they are exchange their nodes, and take others that are free, for the most progress. */
function exchanged(cell: Cell, going: readonly Going[], moveCost: number): readonly Going[] {
  for (const { candidate, offer } of going) supposePlaced(cell, candidate.job, offer);
  const groups = new Map<string, Going[]>();
  for (const each of going) {
    const shape = shapeOf(each.candidate.job);
    groups.set(shape, [...(groups.get(shape) ?? []), each]);
  }
  return [...groups.values()].flatMap((group) => (group[0]?.candidate.speeds.length === 1 ? group : exchangedAmong(cell, group, moveCost)));
}

function exchangedAmong(cell: Cell, group: readonly Going[], moveCost: number): readonly Going[] {
  const orders = group.map(({ candidate }) => askedInOrder(candidate.job));
  const typeOf = (index: number, option: number): number => orders[index]?.findIndex((asked) => asked.option === option) ?? -1;
  const exemplar = must(group[0], 'a group has a member').candidate.job;
  const slots = (orders[0] ?? []).map((asked, type) => {
    const had = group.flatMap(({ offer }, index) => (typeOf(index, offer.option) === type ? [offer] : []));
    return [...had, ...spares(cell, exemplar, asked.option, group.length - had.length)];
  });
  const contenders = group.map(({ candidate }, index): Contender => ({
    attainedS: candidate.attainedS,
    type: candidate.current === null ? -1 : typeOf(index, candidate.current.option),
    speeds: (orders[index] ?? []).map(({ option }) => candidate.speeds[option] ?? 0),
  }));
  const types = typesOf(
    contenders,
    slots.map(({ length }) => length),
    moveCost,
  );
  const stays = group.map(({ offer }, index) => types[index] === typeOf(index, offer.option));
  const kept = new Set(group.flatMap(({ offer }, index) => (stays[index] === true ? [offer] : [])));
  const free = slots.map((offers) => offers.filter((offer) => !kept.has(offer)));
  return group.map(({ candidate, offer }, index) => {
    if (stays[index] === true) return { candidate, offer };
    const type = types[index] ?? -1;
    const { poolId, placement } = must(free[type]?.shift(), 'each type has its places');
    return { candidate, offer: { option: must(orders[index]?.[type], 'the option exists').option, poolId, placement } };
  });
}

/** Further placements by an option that are free, at most so many. */
function spares(cell: Cell, job: JobRecord, option: number, countMax: number): readonly Destination[] {
  const found: Destination[] = [];
  while (found.length < countMax) {
    const attempted = tryOption(cell, job, option, 'brief');
    if (!('offer' in attempted)) break;
    supposePlaced(cell, job, attempted.offer);
    found.push(attempted.offer);
  }
  return found;
}

/** What a job asks for by each option, but for how fast it is there, in an order that all jobs which ask for the same have in common. */
const askedInOrder = ({ spec }: JobRecord): readonly { readonly option: number; readonly asked: string }[] =>
  spec.options
    .map((wanted, option) => ({ option, asked: JSON.stringify({ ...wanted, throughputHintMilli: 0 }) }))
    .toSorted((a, b) => (a.asked < b.asked ? -1 : a.asked > b.asked ? 1 : a.option - b.option));

/** Jobs of one shape may have each other's nodes. */
const shapeOf = (job: JobRecord): string =>
  JSON.stringify([
    askedInOrder(job).map(({ asked }) => asked),
    job.avoids,
    job.spec.limits.priceMaxNanoDollarsPerHour,
    job.spec.weights?.model ?? null,
    job.spec.dataRegions,
  ]);
