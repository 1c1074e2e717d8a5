import type { AttemptReport, ReportVerdict } from '../contract/jobs/attempt.ts';
import { attemptOfReport } from '../contract/jobs/attempt.ts';
import { modelOf } from '../contract/jobs/job-facts.ts';
import { JOB_LIMITS } from '../contract/jobs/job-limits.ts';
import type { PoolEffect, PoolMessage, PoolOrders } from '../contract/pools/pool-exchange.ts';
import { ROOT_PARTITION } from '../contract/pools/pool-partition.ts';
import { must } from '../kernel/assert.ts';
import type { Clock } from '../kernel/clock.ts';
import type { AttemptId } from '../kernel/ids.ts';
import type { AgentId, AgentLease } from './agent-lease.ts';
import { assign, ended, leaving, replaced, reportOn, reported, swept, waiting } from './agent-lease.ts';
import type { SqlitePoolStore } from './sqlite-pool-store.ts';
import { StartWindow } from './start-window.ts';

const BATCH = JOB_LIMITS.schedulerBatchMaxCount;

interface PoolSyncParts {
  readonly store: SqlitePoolStore;
  /** Calls the scheduler. */
  readonly exchange: (message: PoolMessage) => Promise<PoolOrders>;
  readonly clock: Clock;
  readonly pause: (ms: number) => Promise<void>;
  /** Agents that were silent up to then are so by their own fault. [P120] */
  readonly judgedMs: () => number;
  /** The pool was deleted. */
  readonly onGone: () => Promise<void>;
  /** An agent got an attempt, or shall forget weights. */
  readonly onAssigned: (agentId: AgentId) => void;
  /** An agent shall go. */
  readonly onRetired: (agentId: AgentId) => void;
  /** The agents that are there, or to come, may be others. */
  readonly onScaled: () => void;
}

/** A report whose verdict a caller waits for. */
interface Question {
  readonly report: AttemptReport;
  readonly answer: (verdict: ReportVerdict) => void;
  readonly fail: (reason: unknown) => void;
}

/**
 * Synchronises a pool with the scheduler. What the pool has to report is in its rows, so nothing is lost with its memory; it acknowledges an
 * effect only once it has written down what follows from it. Exchanges run one at a time, so that no answer is older than the rows it changes.
 */
export class PoolSync {
  /** How many attempts may wait for the agents. */
  readonly starts = new StartWindow();
  readonly #parts: PoolSyncParts;
  #questions: Question[] = [];
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  /** Nodes that the scheduler counts and the pool does not know: it says that they are gone. Answered again if they are forgotten. */
  #strangers: readonly AgentId[] = [];
  /** When exchanges last began. */
  #begunAtMs = 0;

  constructor(parts: PoolSyncParts) {
    this.#parts = parts;
  }

  /** Reports all that is on record by now, and does what is to be done. Fails when the scheduler cannot be reached. */
  run(): Promise<void> {
    // The one under way may have read the rows already. One that still waits for its turn reports what comes meanwhile, too. [P31]
    this.#next ??= this.#inTurn(this.#running);
    return this.#next;
  }

  async #inTurn(before: Promise<void> | undefined): Promise<void> {
    await before?.catch(() => undefined);
    const { clock, pause } = this.#parts;
    const waitMs = Math.min(this.#begunAtMs + JOB_LIMITS.poolGatherMs - clock.nowMs(), JOB_LIMITS.poolGatherMs);
    if (waitMs > 0) await pause(waitMs);
    // Else `run` would not have stored this promise yet.
    else await Promise.resolve();
    this.#next = undefined;
    this.#begunAtMs = clock.nowMs();
    this.#running = this.#exchangeAll().finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** Reports one thing, and answers what the scheduler makes of it. Fails when the scheduler cannot be reached. */
  ask(report: AttemptReport): Promise<ReportVerdict> {
    const verdict = new Promise<ReportVerdict>((answer, fail) => this.#questions.push({ report, answer, fail }));
    // The exchange that takes the question answers it, or fails it.
    this.run().catch(() => undefined);
    return verdict;
  }

  async #exchangeAll(): Promise<void> {
    while (await this.#exchange());
  }

  /** Whether there may be more. */
  async #exchange(): Promise<boolean> {
    const { store, exchange, clock, onGone } = this.#parts;
    const questions = this.#questions.splice(0, BATCH);
    const pool = store.identity();
    if (pool === undefined) {
      questions.forEach(({ answer }) => answer('stale'));
      return false;
    }
    try {
      const nowMs = clock.nowMs();
      // An agent that says that it asks no more is away at once: it does so from 0 on.
      const judgedMs = Math.max(0, Math.min(nowMs, this.#parts.judgedMs()));
      this.#sweep(judgedMs);
      const asked = new Set(questions.map(({ report }) => attemptOfReport(report)));
      const leases = store.due(nowMs, BATCH).filter(({ grant }) => !asked.has(grant.attemptId));
      const reports = [...questions.map(({ report }) => report), ...leases.flatMap((lease) => reportOn(lease) ?? [])].slice(0, BATCH);
      const left = store.absent(judgedMs, BATCH - this.#strangers.length);
      const joined = store.arrived(nowMs, BATCH);
      const weights = store.weights.due(BATCH);
      const orders = await exchange({
        poolId: pool.id,
        ...partitionOf(pool),
        reports,
        left: [...left, ...this.#strangers.map((nodeId) => ({ nodeId, isLost: true }))],
        joined,
        ...(weights.length === 0 ? {} : { weights }),
        nodeCount: store.joinedCount() + joined.length - left.length,
        carriedOut: store.carriedOut(),
        startsMax: this.starts.room(store.waitingCount(), store.joinedCount(), nowMs),
      });
      // The pool may have been erased meanwhile.
      if (orders.isGone === true || store.identity() === undefined) {
        questions.forEach(({ answer }) => answer('stale'));
        if (orders.isGone === true) await onGone();
        return false;
      }
      reports.forEach((report, position) => this.#obey(report, must(orders.verdicts[position], 'a verdict for each report')));
      this.#strangers = [];
      const isRecounted = this.#count(orders, joined, left);
      store.weights.reported(weights);
      for (const { effect } of orders.effects) this.#carryOut(effect);
      const isScaled = store.setComing(orders.coming) || [joined, left, orders.effects].some(({ length }) => length > 0);
      if (isScaled) this.#parts.onScaled();
      const last = orders.effects.at(-1);
      if (last !== undefined) store.didCarryOut(last.sequence);
      questions.forEach(({ answer }, position) => answer(must(orders.verdicts[position], 'a verdict for each report')));
      const isFull = [reports, left, joined, weights, orders.effects].some(({ length }) => length === BATCH);
      return isFull || isRecounted || store.hasEnded() || this.#questions.length > 0;
    } catch (reason) {
      for (const { fail } of questions) fail(reason);
      throw reason;
    }
  }

  /** Takes attempts from agents that were silent; one that waits for an agent does so as long as that asks for work. */
  #sweep(judgedMs: number): void {
    const { store } = this.#parts;
    for (const lease of store.ended(judgedMs, BATCH)) {
      const asksUntilMs = lease.waits === true ? store.askingUntilMs(lease.agentId) : 0;
      store.save(swept(asksUntilMs > judgedMs ? waiting(lease, asksUntilMs) : lease, judgedMs));
    }
  }

  /** Notes which agents the scheduler counts now; whether they are others than the pool thought, so that it has to speak again. [P19] */
  #count({ counted }: PoolOrders, joined: Parameters<SqlitePoolStore['moved']>[0], left: Parameters<SqlitePoolStore['moved']>[1]): boolean {
    const { store } = this.#parts;
    if (counted === undefined) {
      store.moved(joined, left);
      return false;
    }
    const { isChanged, unknown } = store.recount(counted);
    this.#strangers = unknown.slice(0, BATCH);
    return isChanged || unknown.length > 0;
  }

  #obey(report: AttemptReport, verdict: ReportVerdict): void {
    const { store } = this.#parts;
    // Read again: a heartbeat may have come while the scheduler was asked.
    const lease = store.find(attemptOfReport(report));
    if (lease === undefined) return;
    if (verdict === 'stale' || (report.kind !== 'progress' && report.kind !== 'saved')) return store.remove(lease.grant.attemptId);
    // One that is asked for again begins with what it has saved.
    if (report.kind === 'saved') return store.save({ ...lease, grant: { ...lease.grant, checkpoint: report.checkpoint } });
    const known = reported(lease, report, this.#parts.clock.nowMs());
    const isAsked = !lease.lost && (verdict === 'cancel' || verdict === 'stop');
    store.save(isAsked ? { ...known, command: verdict } : known);
  }

  #carryOut(effect: PoolEffect): void {
    const { store, onRetired, onAssigned } = this.#parts;
    switch (effect.kind) {
      case 'start':
        return this.#start(effect);
      case 'retire':
        store.retire(effect.nodeId as AgentId);
        return onRetired(effect.nodeId as AgentId);
      case 'unload':
        store.weights.unload(effect.nodeId as AgentId, effect.model);
        return onAssigned(effect.nodeId as AgentId);
      case 'stop':
        return this.#change(effect.attemptId, (lease) => ({ ...lease, command: effect.command }));
      case 'regroup':
        return this.#change(effect.attemptId, (lease) => replaced(lease, effect));
      case 'leave':
        return this.#change(effect.attemptId, (lease) => leaving(lease, effect.graceMs, this.#parts.clock.nowMs()));
      case 'kill':
        return this.#change(effect.attemptId, (lease) =>
          ended(lease, {
            kind: 'failed',
            reason: lease.command === 'cancel' ? 'cancelled' : 'released',
            message: 'the agent did not stop in time',
          }),
        );
    }
  }

  /** Hands an attempt to an agent, which asks for it as long as it is there. */
  #start({ grant, nodeId }: Extract<PoolEffect, { kind: 'start' }>): void {
    const { store, onAssigned } = this.#parts;
    if (store.find(grant.attemptId) !== undefined) return;
    const agentId = nodeId as AgentId;
    store.add(assign(grant, agentId, store.presentUntilMs(agentId)));
    const model = modelOf(grant.work);
    if (model !== null) store.weights.keep(agentId, model);
    onAssigned(agentId);
  }

  #change(attemptId: AttemptId, next: (lease: AgentLease) => AgentLease): void {
    const { store } = this.#parts;
    const lease = store.find(attemptId);
    if (lease === undefined || lease.lost) return;
    const changed = next(lease);
    store.save(changed);
    // An agent that was made to stop is busy until it asks for work.
    if (changed.lost) store.leaves(lease.agentId);
  }
}

/** The root is known by naming none. */
const partitionOf = ({ partition }: { readonly partition: number }) => (partition === ROOT_PARTITION ? {} : { partition });
