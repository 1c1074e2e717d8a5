import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import { must, unreachable } from '../../kernel/assert.ts';
import { flatRowBytes } from '../flat/scanner.ts';
import type { ShardHeader } from '../shard-header.ts';
import { BulkWrites } from './bulk-writes.ts';
import { calibrate } from './calibrate.ts';
import { flush, migrate } from './fill-lists.ts';
import type { NextTask } from './next-task.ts';
import { nextTask } from './next-task.ts';
import type { Task } from './background-work.ts';
import { maintainLists } from './maintain-lists.ts';
import { builtElsewhereUntilMs } from './outside-build.ts';
import { train } from './train.ts';
import type { MaintainedShard, MaintenanceResources } from './maintained-shard.ts';

// Without a write for this long, a shard is quiet.
const QUIET_MS = 5_000;
// How soon a shard asks again whether it is its turn to train.
const TURN_RETRY_MS = 1_000;

/** Keeps the posting lists of a shard as good as new, in slices between its calls. */
export class Maintenance {
  readonly #shard: MaintainedShard;
  readonly #resources: MaintenanceResources;
  readonly #name: string;
  #wroteMs = 0;
  readonly #bulk: BulkWrites;
  readonly #maintainedCounts = new Map<number, number>();
  #task: { readonly kind: NextTask['kind']; readonly run: Task } | undefined;

  constructor(shard: MaintainedShard, resources: MaintenanceResources, name: string) {
    this.#shard = shard;
    this.#resources = resources;
    this.#name = name;
    this.#bulk = new BulkWrites(shard.sizes.bulkRowsMin, flatRowBytes(shard.identity.dimensions));
  }

  /** Whether a shard with this header may have something to do. */
  isDue(header: ShardHeader): boolean {
    const count = this.#shard.store.vectorCount(header);
    return this.#isWorthLists(count) || this.#shard.lists.listSets().length > 0;
  }

  /** Follows a write of so many rows. */
  wrote(rows: number, nowMs: number): void {
    this.#wroteMs = nowMs;
    this.#bulk.wrote(rows, nowMs);
  }

  /** How long after a write to begin: once an import pauses, or after some more writes. [V196] */
  delayMs(nowMs: number): number {
    return this.#bulk.isUnderWay(nowMs) ? INDEX_LIMITS.bulkPauseMs : INDEX_LIMITS.shardSweepDelayMs;
  }

  /** Does a slice; returns when to continue, in milliseconds since the Unix epoch, or undefined when none is due. */
  step(nowMs: number): number | undefined {
    const waitUntilMs = this.#bulk.waitUntilMs(nowMs);
    if (waitUntilMs !== undefined) return waitUntilMs;
    const quietMs = this.#wroteMs + QUIET_MS;
    this.#task ??= this.#choose(quietMs <= nowMs, nowMs);
    if (this.#task === undefined) {
      if (this.#shard.store.lists.sweep()) return nowMs;
      return quietMs > nowMs ? quietMs : undefined;
    }
    const { kind, run } = this.#task;
    if (kind === 'train' && !this.#resources.turn.take(this.#name, nowMs)) return nowMs + TURN_RETRY_MS;
    this.#task = undefined;
    this.#resources.pace.begins(nowMs);
    // A task that throws is not continued.
    if (run.next().done === true) this.#resources.turn.release(this.#name);
    else this.#task = { kind, run };
    return nowMs;
  }

  /** Gives up what is being done: the lists are no longer what they were. */
  stop(): void {
    this.#task?.run.return();
    this.#task = undefined;
    this.#maintainedCounts.clear();
    this.#resources.turn.release(this.#name);
  }

  #choose(isQuiet: boolean, nowMs: number): { kind: NextTask['kind']; run: Task } | undefined {
    const { store, lists } = this.#shard;
    const count = store.vectorCount(must(store.header(), 'a shard under maintenance is open'));
    const listSets = lists.listSets();
    const elsewhereUntilMs = builtElsewhereUntilMs(this.#shard);
    const next = nextTask(
      {
        count,
        unlistedCount: store.unlistedRows().size,
        isWorthLists: this.#isWorthLists(count),
        isQuiet,
        isTraining: elsewhereUntilMs === undefined && store.lists.checkpoint() !== undefined,
        isBuiltElsewhere: elsewhereUntilMs !== undefined && elsewhereUntilMs > nowMs,
        listSets,
        entryCounts: this.#entryCounts(),
        maintainedCounts: this.#maintainedCounts,
      },
      this.#shard.sizes,
    );
    return next && { kind: next.kind, run: this.#run(next) };
  }

  *#run(next: NextTask): Task {
    const shard = this.#shard;
    const [first, second] = shard.lists.listSets();
    const newest = second ?? first;
    switch (next.kind) {
      case 'train':
        yield* train(shard, this.#resources, this.#name);
        // A new list set numbers its lists from the start.
        this.#maintainedCounts.clear();
        return;
      case 'flush':
        return yield* flush(shard, must(newest, 'there are lists').id, shard.store.unlistedRows().firstBehind(0, shard.sizes.flushRowsMax));
      case 'migrate':
        return yield* migrate(shard, must(first, 'there is an old list set').id, must(second, 'there is a new one').id);
      case 'maintain':
        yield* maintainLists(shard, must(newest, 'there are lists').id, next.lists);
        this.#rememberMaintained(next.lists);
        return;
      case 'calibrate':
        return yield* calibrate(shard, must(newest, 'there are lists').id);
      default:
        return unreachable(next);
    }
  }

  #isWorthLists(count: number): boolean {
    const { identity, sizes } = this.#shard;
    return count >= sizes.listedCountMin(identity.dimensions);
  }

  /** The remaining lists are as good as they get, until their counts change. */
  #rememberMaintained(lists: readonly number[]): void {
    const counts = this.#entryCounts();
    for (const list of lists) this.#maintainedCounts.set(list, counts.get(list) ?? 0);
    for (const list of this.#maintainedCounts.keys()) if (!counts.has(list)) this.#maintainedCounts.delete(list);
  }

  /** The entry counts of the newest list set, by list. */
  #entryCounts(): Map<number, number> {
    const newest = this.#shard.lists.listSets().at(-1);
    return new Map(newest && Array.from(newest.centroids.keys(), (list) => [list, newest.lists.entryCount(list)]));
  }
}
