import type { QueueRecord } from '../machine/records.ts';

/** When the queues whose jobs take turns have their next rounds. It follows their records. */
export class RoundTimes {
  readonly #atMs = new Map<string, number>();

  note({ name, roundAtMs }: Pick<QueueRecord, 'name' | 'roundAtMs'>): void {
    if (roundAtMs === undefined) this.#atMs.delete(name);
    else this.#atMs.set(name, roundAtMs);
  }

  nextDueMs(): number {
    return Math.min(Infinity, ...this.#atMs.values());
  }

  /** The queues whose round has come, by name: so their order does not depend on how the cell came to know them. */
  due(nowMs: number): readonly string[] {
    return [...this.#atMs].flatMap(([name, atMs]) => (atMs <= nowMs ? [name] : [])).sort();
  }
}

/** Rounds begin at whole multiples of their length, so that none has to be remembered when a queue has been idle. */
export const nextRoundMs = (nowMs: number, roundMs: number): number => (Math.floor(nowMs / roundMs) + 1) * roundMs;
