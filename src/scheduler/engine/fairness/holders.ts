import type { JobId } from '../../../kernel/ids.ts';
import type { UndoLog } from '../model/undo-log.ts';
import type { Holder, Rank } from './quota-coverage.ts';
import { QuotaCoverage, byRank } from './quota-coverage.ts';
import type { CohortNode } from './quota-tree.ts';
import { bundleToCover, rootOf } from './quota-tree.ts';

/** The holders of quota in each queue, by rank, and how well they are covered. */
export class Holders {
  readonly #undo: UndoLog;
  readonly #queues = new Map<CohortNode, QuotaCoverage>();
  /** What the holders of a queue hold together, by their priority and by resource. */
  readonly #sums = new Map<CohortNode, Map<number, Map<string, number>>>();
  /** The holders that the cohorts of deep trees cover, as far as nothing changed there. */
  readonly #covers = new Map<CohortNode, Cover>();
  /** Standings in deep trees that were asked for, as far as nothing changed there. */
  readonly #asked = new Map<CohortNode, Map<string, number>>();

  constructor(undo: UndoLog) {
    this.#undo = undo;
  }

  add(holder: Holder): void {
    this.#insert(holder);
    if (this.#undo.isOpen) this.#undo.note(() => this.#delete(holder));
  }

  remove(holder: Holder): void {
    this.#delete(holder);
    if (this.#undo.isOpen) this.#undo.note(() => this.#insert(holder));
  }

  /** Takes these holders instead of those before: queues may have other quotas now. */
  restart(holders: Iterable<Holder>): void {
    for (const known of [this.#queues, this.#sums, this.#covers, this.#asked]) known.clear();
    for (const holder of holders) this.#insert(holder);
  }

  /** Works out anew what the quotas of these cohorts and queues cover: they have others now. */
  requote(nodes: Iterable<CohortNode>): void {
    for (const node of nodes) {
      const known = this.#queues.get(node);
      this.#covers.delete(rootOf(node));
      this.#asked.delete(rootOf(node));
      if (known === undefined) continue;
      const anew = new QuotaCoverage(node);
      for (const holder of known.holders) anew.insert(holder);
      this.#queues.set(node, anew);
    }
  }

  /** How well the quota of a holder is covered: 0 by its own queue, more the further up its quota comes from. */
  standing(holder: Holder): number {
    const { queue, jobId } = holder;
    if (this.#in(queue).covers(holder)) return 0;
    const root = rootOf(queue);
    if (root.height <= 1) return 1;
    const known = this.#covers.get(root) ?? coverOf(root, (member) => this.#in(member).uncovered(null));
    this.#covers.set(root, known);
    return known.get(jobId) ?? root.height;
  }

  /** What the holders of a queue of a priority and above hold together, by resource. */
  heldFrom(queue: CohortNode, priority: number): Map<string, number> {
    const held = new Map<string, number>();
    for (const [its, sums] of this.#sums.get(queue) ?? []) {
      if (its >= priority) for (const [resource, quantity] of sums) held.set(resource, (held.get(resource) ?? 0) + quantity);
    }
    return held;
  }

  /** The holders of a queue of less priority, by rank. */
  below(queue: CohortNode, priority: number): readonly Holder[] {
    return this.#in(queue).below(priority);
  }

  /** The holders of a queue that its own quota does not cover, by rank. */
  uncovered(queue: CohortNode): readonly Holder[] {
    return this.#in(queue).open;
  }

  /** Whether a queue holds more than its own quota covers. */
  hasUncovered(queue: CohortNode): boolean {
    return this.#in(queue).hasUncovered;
  }

  /** Whether the quota of a queue leaves one without cover that comes after `rank`. */
  hasUncoveredBelow(queue: CohortNode, rank: Rank): boolean {
    return this.#in(queue).hasUncoveredBelow(rank);
  }

  /** The standing one would have that asks for quota. */
  standingWith(holder: Holder): number {
    const { queue } = holder;
    if (this.#in(queue).wouldCover(holder)) return 0;
    const root = rootOf(queue);
    return root.height > 1 ? this.#standingIn(root, holder) : 1;
  }

  #standingIn(root: CohortNode, holder: Holder): number {
    const { queue, jobId, bundle } = holder;
    const key = `${jobId} ${bundle.map(({ quantity }) => quantity).join(' ')}`;
    const asked = this.#asked.get(root) ?? new Map<string, number>();
    this.#asked.set(root, asked);
    const known = asked.get(key);
    if (known !== undefined) return known;
    const cover = coverOf(root, (member) => this.#in(member).uncovered(member === queue ? holder : null));
    const standing = cover.get(jobId) ?? root.height;
    asked.set(key, standing);
    return standing;
  }

  #in(queue: CohortNode): QuotaCoverage {
    const known = this.#queues.get(queue) ?? new QuotaCoverage(queue);
    this.#queues.set(queue, known);
    return known;
  }

  #insert(holder: Holder): void {
    this.#in(holder.queue).insert(holder);
    this.#changed(holder, 1);
  }

  #delete(holder: Holder): void {
    this.#in(holder.queue).delete(holder);
    this.#changed(holder, -1);
  }

  #changed({ queue, priority, bundle }: Holder, sign: 1 | -1): void {
    const byPriority = this.#sums.get(queue) ?? new Map<number, Map<string, number>>();
    const sums = byPriority.get(priority) ?? new Map<string, number>();
    for (const { resource, quantity } of bundle) sums.set(resource, (sums.get(resource) ?? 0) + sign * quantity);
    byPriority.set(priority, sums);
    this.#sums.set(queue, byPriority);
    this.#covers.delete(rootOf(queue));
    this.#asked.delete(rootOf(queue));
  }
}

/**
 * By job that a cohort's quota covers, and not its own queue's, how far up the tree that is: the height of the lowest such cohort. A quota covers its
 * holders by rank, each whole or not at all, so what a holder of lower rank does never changes the standing of one of higher rank, and jobs that
 * a quota does not cover can go without any other losing its cover.
 */
type Cover = ReadonlyMap<JobId, number>;

interface Covered {
  /** Those not covered up to here, by rank. */
  readonly open: readonly Holder[];
  /** By resource, what covered holders take of this node's subtree quota. */
  readonly used: ReadonlyMap<string, number>;
}

/** The jobs that the quotas of `node` and of the cohorts below cover. `coveredIn` returns those of a queue's quota. */
function coverOf(node: CohortNode, coveredIn: (queue: CohortNode) => Covered): Cover {
  const covered = new Map<JobId, number>();
  const cover = (member: CohortNode): Covered => {
    if (member.spec.eviction !== null) return coveredIn(member);
    const below = member.children.map((child) => ({ child, ...cover(child) }));
    const used = new Map<string, number>();
    for (const { child, used: usedThere } of below) {
      for (const [resource, quantity] of usedThere) {
        const beyond = Math.max(0, quantity - (child.accounts.get(resource)?.kept ?? 0));
        used.set(resource, (used.get(resource) ?? 0) + beyond);
      }
    }
    const open: Holder[] = [];
    for (const holder of below.flatMap((child) => child.open).toSorted(byRank)) {
      if (covers(member, used, holder)) covered.set(holder.jobId, member.height);
      else open.push(holder);
    }
    return { open, used };
  };
  cover(node);
  return covered;
}

/** Takes a holder under the quota of a node if it fits there whole. */
function covers(node: CohortNode, used: Map<string, number>, { queue, bundle }: Holder): boolean {
  const needed = bundleToCover(queue, bundle);
  const fits = needed.every(({ resource, quantity }) => {
    const account = node.accounts.get(resource);
    return account === undefined || (used.get(resource) ?? 0) + quantity <= account.subtree;
  });
  if (fits) for (const { resource, quantity } of needed) used.set(resource, (used.get(resource) ?? 0) + quantity);
  return fits;
}
