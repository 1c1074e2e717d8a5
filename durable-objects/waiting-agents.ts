import type { AgentId } from '../src/pools/agent-lease.ts';

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

/** The agents that wait for work in this moment. They vanish with the object's memory, and then ask again. */
export class WaitingAgents {
  readonly #waiters = new Map<AgentId, Waiter>();

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

  /** Ends the wait of all, or of those that are meant. */
  callAll(isMeant: (agentId: AgentId) => boolean = () => true): void {
    for (const agentId of this.#waiters.keys()) if (isMeant(agentId)) this.call(agentId);
  }

  /** Ends the wait of an agent, if it waits. */
  call(agentId: AgentId): void {
    const waiter = this.#waiters.get(agentId);
    this.#waiters.delete(agentId);
    waiter?.call();
  }
}
