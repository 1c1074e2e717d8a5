import type { AgentId } from '../src/pools/agent-lease.ts';

/** The agents that wait for work in this moment, longest first. They vanish with the object's memory, and then ask again. */
export class WaitingAgents {
  readonly #calls = new Map<AgentId, () => void>();

  get count(): number {
    return this.#calls.size;
  }

  /** Counts the agent as waiting until it is called or `waitMs` have passed. */
  wait(agentId: AgentId, waitMs: number): Promise<void> {
    this.call(agentId);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.call(agentId), waitMs);
      this.#calls.set(agentId, () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** The agent that has waited longest. */
  next(): AgentId | undefined {
    return this.#calls.keys().next().value;
  }

  /** Ends the wait of an agent, if it waits. */
  call(agentId: AgentId): void {
    const call = this.#calls.get(agentId);
    this.#calls.delete(agentId);
    call?.();
  }
}
