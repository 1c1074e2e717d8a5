import type { Grant } from '../src/contract/attempt.ts';
import { LIMITS } from '../src/contract/limits.ts';
import type { AgentId } from '../src/pools/agent-lease.ts';
import { assign } from '../src/pools/agent-lease.ts';
import type { SqlitePoolStore } from '../src/pools/sqlite-pool-store.ts';

/** One request of an agent that waits. */
class Waiter {
  readonly agentId: AgentId;
  #called = false;
  #wake: () => void = () => {};

  constructor(agentId: AgentId) {
    this.agentId = agentId;
  }

  call(): void {
    this.#called = true;
    this.#wake();
  }

  /** Whether it was called within `waitMs`. */
  async until(waitMs: number): Promise<boolean> {
    if (this.#called) return true;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    return this.#called;
  }
}

/** The agents that wait for work in this moment, longest first. They vanish with the object's memory, and then ask again. */
export class WaitingAgents {
  readonly #waiters = new Map<AgentId, Waiter>();

  get count(): number {
    return this.#waiters.size;
  }

  /** Counts the agent as waiting. An older request of the same agent, which can no longer be answered usefully, is cancelled. */
  join(agentId: AgentId): Waiter {
    this.call(agentId);
    const waiter = new Waiter(agentId);
    this.#waiters.set(agentId, waiter);
    return waiter;
  }

  leave(waiter: Waiter): void {
    if (this.#waiters.get(waiter.agentId) === waiter) this.#waiters.delete(waiter.agentId);
  }

  /** The agent that has waited longest. */
  next(): AgentId | undefined {
    return this.#waiters.keys().next().value;
  }

  /** Ends the wait of an agent, if it waits. */
  call(agentId: AgentId): void {
    const waiter = this.#waiters.get(agentId);
    this.#waiters.delete(agentId);
    waiter?.call();
  }
}

interface WorkClaimParts {
  readonly store: SqlitePoolStore;
  readonly waiting: WaitingAgents;
  /** Asks the scheduler for at most `count` grants. */
  readonly fetch: (count: number) => Promise<readonly Grant[]>;
  readonly onAssigned: () => Promise<void>;
}

/** Asks the scheduler for as much work as agents wait for, and hands it out; one such errand at a time. */
export class WorkClaim {
  readonly #parts: WorkClaimParts;
  #running: Promise<void> | undefined;

  constructor(parts: WorkClaimParts) {
    this.#parts = parts;
  }

  run(): Promise<void> {
    this.#running ??= this.#fetchAll().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #fetchAll(): Promise<void> {
    for (let wanted; (wanted = Math.min(this.#parts.waiting.count, LIMITS.schedulerBatchMaxCount)) > 0;) {
      const grants = await this.#parts.fetch(wanted);
      await this.#handOut(grants);
      if (grants.length < wanted) return;
    }
  }

  async #handOut(grants: readonly Grant[]): Promise<void> {
    if (grants.length === 0) return;
    const { store, waiting, onAssigned } = this.#parts;
    const nowMs = Date.now();
    // An agent may have stopped waiting meanwhile: an attempt that was not taken ends as never started, and the scheduler soon knows.
    for (const grant of grants) {
      const agentId = waiting.next();
      const lease = assign(grant, agentId ?? ('agt_none' as AgentId), nowMs);
      store.save(agentId === undefined ? { ...lease, lost: true } : lease);
      if (agentId !== undefined) waiting.call(agentId);
    }
    await onAssigned();
  }
}
