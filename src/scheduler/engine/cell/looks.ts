/** A class of waiting jobs that is looked at is one; a placement that is sought among so many nodes, with so many classes to weigh, is as much as so many. */
export const placementLooks = (nodes: number, classes: number): number => 4 + Math.ceil(nodes / 10 + classes / 20);

/** Thrown where a supposition has looked at as much as it may; no bug, and caught where the bound was set. */
class LooksSpent extends Error {}

/**
 * Counts what deciding looks at, and bounds it where something is only supposed: on trial, so that what a step would do is given up in the middle, and
 * undone. Decisions that hold are never bounded. A count, and no clock: the same cell gives the same answers on any machine.
 */
export class Looks {
  #taken = 0;
  #atMost = Infinity;

  /** Since the cell was made. */
  get taken(): number {
    return this.#taken;
  }

  take(count: number): void {
    this.#taken += count;
    if (this.#taken > this.#atMost) throw new LooksSpent();
  }

  /** Supposes something on trial, with so many looks at most, and within those of what it is a part of; undefined where they did not suffice. */
  within<T>(count: number, suppose: () => T): T | undefined {
    const before = this.#atMost;
    const own = this.#taken + count;
    this.#atMost = Math.min(before, own);
    try {
      return suppose();
    } catch (error) {
      // What it is a part of has nothing left either: given up there.
      if (error instanceof LooksSpent && this.#taken <= before) return undefined;
      throw error;
    } finally {
      this.#atMost = before;
    }
  }
}
