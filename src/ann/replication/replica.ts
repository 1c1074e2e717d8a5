import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import { CLIENT, STALE_ROUTE, admit } from '../access-mode.ts';
import type { ShardEngine } from '../shard/shard-engine.ts';
import type { Routed } from '../shard-protocol.ts';
import type { VectorStore } from '../store/vector-store.ts';
import type { ShardChanges, ShardFollow } from '../store/change-log.ts';
import type { FollowerState, FollowerStore } from '../store/follower-store.ts';
import { applyChanges } from './changes.ts';
import type { ReadConsistency } from './read-consistency.ts';

/** Asks the shard of that object name what changed. */
type AskPrimary = (primary: string, follow: ShardFollow) => Promise<Outcome<ShardChanges>>;

/** How a replica stands after a page. */
type PullResult = 'complete' | 'behind' | 'unreachable' | 'gone';

/** When to continue, in milliseconds since the Unix epoch; `gone`: it was erased meanwhile. */
type ReplicaStep = { readonly kind: 'step'; readonly nextMs: number } | { readonly kind: 'gone' };

interface ReplicaParts {
  readonly store: VectorStore;
  readonly engine: ShardEngine;
  readonly state: FollowerStore;
  readonly ask: AskPrimary;
}

/**
 * A shard that follows another one, its primary: copies it, applies what changed since, page by page, and answers reads that may miss
 * what it does not have yet. Never written to otherwise.
 */
export class Replica {
  readonly #parts: ReplicaParts;
  #pulling: Promise<PullResult> | undefined;
  #pullAtMs = -Infinity;
  #isRead = false;

  constructor(parts: ReplicaParts) {
    this.#parts = parts;
  }

  /** Undefined when this is no replica. */
  get state(): FollowerState | undefined {
    return this.#parts.store.header() === undefined ? undefined : this.#parts.state.get();
  }

  /** Makes this shard, opened and empty, a replica. Repeating it changes nothing. */
  follow(primary: string): void {
    if (this.state === undefined) this.#parts.state.put({ primary, cursor: null, completeLsn: null, since: 0, isClosed: false });
  }

  /** Requests one page and applies it; concurrent callers wait for the same one. */
  pull(nowMs: number, lsnMin = 0): Promise<PullResult> {
    this.#pulling ??= this.#pull(nowMs, lsnMin).finally(() => (this.#pulling = undefined));
    return this.#pulling;
  }

  /** Asks for what is new if it is time to: soon again while it is behind or read, now and then otherwise. */
  async step(nowMs: number): Promise<ReplicaStep> {
    if (nowMs < this.#pullAtMs) return { kind: 'step', nextMs: this.#pullAtMs };
    const result = await this.pull(nowMs);
    if (result === 'gone') return { kind: 'gone' };
    const afterMs = {
      behind: 0,
      complete: this.#isRead ? INDEX_LIMITS.replicaPullMs : INDEX_LIMITS.replicaPullIdleMs,
      unreachable: INDEX_LIMITS.replicaRetryMs,
    }[result];
    this.#isRead = false;
    this.#pullAtMs = nowMs + afterMs;
    return { kind: 'step', nextMs: this.#pullAtMs };
  }

  /**
   * The LSN up to which the answer to a read is complete. Refused with `unavailable` when that is not enough, and the primary has to be
   * asked; with `stale_route` or `index_moving` as the primary would, as far as this replica is informed.
   */
  async readable(consistency: ReadConsistency, nowMs: number, { routeVersion = 0 }: Routed = {}): Promise<Outcome<number>> {
    if (consistency.kind === 'strong' || this.#completeLsn < 0) return BEHIND;
    this.#isRead = true;
    const lsnMin = consistency.kind === 'eventual' ? 0 : consistency.lsn;
    for (let pulls = 0; pulls < INDEX_LIMITS.replicaReadPullsMaxCount && this.#completeLsn < lsnMin; pulls += 1) {
      const result = await this.pull(nowMs, lsnMin);
      if (result !== 'complete' && result !== 'behind') return BEHIND;
    }
    const admitted = this.#admit(routeVersion);
    if (!admitted.ok) return admitted;
    return this.#completeLsn >= lsnMin ? ok(this.#completeLsn) : BEHIND;
  }

  /**
   * By the version that came together with the changes that follow from it: so no caller misses rows that left by a resharding that its
   * table lacks.
   */
  #admit(routeVersion: number): Outcome<null> {
    const { since, isClosed } = must(this.state, 'a replica that has copied knows how its primary stands');
    return routeVersion < since ? STALE_ROUTE : admit({ mode: isClosed ? 'closed' : 'open', fencingToken: 0 }, CLIENT, false);
  }

  get #completeLsn(): number {
    return this.state?.completeLsn ?? -1;
  }

  async #pull(nowMs: number, lsnMin: number): Promise<PullResult> {
    const { store, engine, state, ask } = this.#parts;
    const before = must(this.state, 'only a replica pulls');
    const { indexId } = must(store.header(), 'a replica is open');
    const { primary, cursor } = before;
    const answered = await ask(primary, { indexId, after: cursor, countMax: VECTOR_LIMITS.changePageMaxCount, lsnMin });
    // Erased meanwhile.
    if (this.state === undefined) return 'gone';
    // Also where the primary has no index: it may have lost its storage, of which this is a copy. The index's object orders its erasure.
    // [G41]
    if (!answered.ok) return 'unreachable';
    const changes = answered.value;
    if (changes.kind === 'snapshot-needed') {
      this.#beginAnew(before);
      return 'behind';
    }
    const { next: cursorNext, lsn, isComplete, since, isClosed } = changes;
    const next = { primary, cursor: cursorNext, completeLsn: isComplete ? lsn : before.completeLsn, since, isClosed };
    applyChanges(store, engine, changes, nowMs, () => state.put(next));
    return isComplete ? 'complete' : 'behind';
  }

  /** Too far behind for the log, so what it holds may have been removed long ago: it answers nothing until it has a new copy. */
  #beginAnew(before: FollowerState): void {
    const { store, engine, state } = this.#parts;
    engine.drop();
    store.atomically(() => {
      store.deleteAll(must(store.header(), 'a replica is open'));
      state.put({ ...before, cursor: null, completeLsn: null });
    });
  }
}

const BEHIND = refuse('unavailable', 'the replica does not have what the read asks for');
