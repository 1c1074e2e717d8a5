import { indexLost } from '../../index/index-lifecycle.ts';
import type { IndexManifest } from '../../index/index-manifest.ts';
import { indexObjectName } from '../../index/index-manifest.ts';
import type { ErrorCode } from '../../contract/api/errors.ts';
import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { IndexId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { IndexDirectory } from './index-directory.ts';
import { dropOldest } from '../../kernel/drop-oldest.ts';

/** Far longer, together, than a change of generations takes. */
const MOVING_WAITS_MS = [10, 20, 40, 80, 160, 320, 640, 1_280, 2_560];

interface Entry {
  readonly manifest: IndexManifest;
  readonly expiresAtMs: number;
  /** From then on the next call has it renewed, while all go on using it. */
  renewAtMs: number;
}

/** Of the TTL: the rest is far longer than a renewal takes. */
const RENEWED_AFTER_MS = VECTOR_LIMITS.indexManifestTtlMs / 2;
/** Since a renewal died with the call that began it, another call begins the next. */
const RENEWAL_RETRY_MS = VECTOR_LIMITS.indexManifestTtlMs / 4;

/**
 * The manifests this isolate cached a moment ago; those in use are renewed ahead of time, so that no call waits for them. An old manifest never gives a wrong answer: a success was confirmed by the shard, which
 * knows its index id, and a refusal is checked against the directory before it is believed.
 */
export class ManifestCache {
  readonly #directory: IndexDirectory;
  readonly #clock: Clock;
  readonly #sleep: (ms: number) => Promise<void>;
  readonly #background: (work: Promise<unknown>) => void;
  // In the order they were asked for: the oldest comes first.
  readonly #entries = new Map<string, Entry>();

  /** `background` keeps work running when the call that began it is over. */
  constructor(
    directory: IndexDirectory,
    clock: Clock,
    sleep: (ms: number) => Promise<void> = async () => undefined,
    background: (work: Promise<unknown>) => void = () => undefined,
  ) {
    this.#directory = directory;
    this.#clock = clock;
    this.#sleep = sleep;
    this.#background = background;
  }

  /** As `once`, and again while the index switches generations, which takes some milliseconds. */
  async using<T>(tenantId: TenantId, name: string, work: (manifest: IndexManifest) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    for (const waitMs of MOVING_WAITS_MS) {
      const outcome = await this.#once(tenantId, name, work);
      if (outcome.ok || outcome.error.code !== 'index_moving') return outcome;
      await this.#sleep(waitMs);
    }
    return this.#once(tenantId, name, work);
  }

  /** The index of that name as its object states now, for work that stays with it. */
  current(tenantId: TenantId, name: string): Promise<Outcome<IndexManifest>> {
    return this.#ask(tenantId, name);
  }

  /**
   * Does `work` on the index of that name. Once more if the manifest it was refused under proves to be that of an earlier index, or of
   * the index before it had several shards.
   */
  async #once<T>(tenantId: TenantId, name: string, work: (manifest: IndexManifest) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const cached = this.#cached(tenantId, name);
    const isKnown = cached !== undefined;
    const first = isKnown ? ok(cached) : await this.#ask(tenantId, name);
    if (!first.ok) return first;
    const outcome = await work(first.value);
    if (outcome.ok || (!isKnown && !isDoubtful(outcome.error.code))) return outcome;
    const staleVersion = outcome.error.code === 'stale_route' ? (first.value.routeVersion ?? 0) : undefined;
    const asked = await this.#ask(tenantId, name, staleVersion);
    if (!asked.ok) return asked;
    const again = isAnother(first.value, asked.value, outcome.error.code) ? await work(asked.value) : outcome;
    if (again.ok || !isDoubtful(again.error.code)) return again;
    return again.error.code === 'stale_route' ? REORGANISED : this.#lost(tenantId, name, asked.value.id);
  }

  /**
   * An object of the index reports that there is no such index. It is believed if the index's own object confirms it. If not, the object
   * has lost its storage: no answer of it counts. [G41]
   */
  async #lost(tenantId: TenantId, name: string, id: IndexId): Promise<Outcome<never>> {
    const asked = await this.#ask(tenantId, name);
    if (!asked.ok) return asked;
    // Another index has the name by now: it is found when the call is repeated.
    return asked.value.id === id ? indexLost(name) : REORGANISED;
  }

  #cached(tenantId: TenantId, name: string): IndexManifest | undefined {
    const key = indexObjectName(tenantId, name);
    const entry = this.#entries.get(key);
    const nowMs = this.#clock.nowMs();
    if (entry === undefined || entry.expiresAtMs <= nowMs) return undefined;
    if (entry.renewAtMs <= nowMs) {
      entry.renewAtMs = nowMs + RENEWAL_RETRY_MS;
      this.#background(this.#renew(tenantId, name, key, entry, nowMs));
    }
    return entry.manifest;
  }

  /** What cannot be renewed serves until it expires; what was asked for meanwhile is newer. [G60] */
  async #renew(tenantId: TenantId, name: string, key: string, entry: Entry, sentAtMs: number): Promise<void> {
    const asked = await this.#directory.describe(tenantId, name).catch(() => undefined);
    if (asked?.ok === true && this.#entries.get(key) === entry) this.#keep(key, asked.value, sentAtMs);
  }

  async #ask(tenantId: TenantId, name: string, staleVersion?: number): Promise<Outcome<IndexManifest>> {
    const key = indexObjectName(tenantId, name);
    const sentAtMs = this.#clock.nowMs();
    this.#entries.delete(key);
    const asked = await this.#directory.describe(tenantId, name, staleVersion);
    if (asked.ok) this.#keep(key, asked.value, sentAtMs);
    return asked;
  }

  /** Its time is counted from before it was asked for, so that an entry is never older than it seems. */
  #keep(key: string, manifest: IndexManifest, sentAtMs: number): void {
    const entry = { manifest, expiresAtMs: sentAtMs + VECTOR_LIMITS.indexManifestTtlMs, renewAtMs: sentAtMs + RENEWED_AFTER_MS };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    dropOldest(this.#entries, INDEX_LIMITS.indexManifestsMaxCount);
  }
}

/** What a part of an index refuses with when it and the caller know different indexes or routes. */
const isDoubtful = (code: ErrorCode): boolean => code === 'stale_route' || code === 'index_not_found';

/** Whether the work is to be repeated: on another index, or by other routes. */
const isAnother = (before: IndexManifest, now: IndexManifest, code: ErrorCode): boolean =>
  before.id !== now.id || (isDoubtful(code) && before.routeVersion !== now.routeVersion);

const REORGANISED = refuse('unavailable', 'the index is being resharded; retry');
