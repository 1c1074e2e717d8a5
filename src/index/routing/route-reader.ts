import type { Outcome } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { IndexId } from '../../kernel/ids.ts';
import { MemoryRegistry } from '../../kernel/memory-registry.ts';
import { err, ok } from '../../kernel/result.ts';
import { SharedWork } from '../../kernel/shared-work.ts';
import type { WakeUps } from '../../kernel/wake-ups.ts';
import { SHARED_WORK_BOUNDS, sharedRefusal } from '../../contract/api/shared-work.ts';
import { KnownRoutes } from './known-routes.ts';
import { Regions } from './regions.ts';
import type { RegionPage, RoutingSummary } from './routing-summary.ts';
import { completed } from './routing-summary.ts';
import type { MemoryHolder } from '../../kernel/memory-registry.ts';

/** The object of an index. Every call may be refused with `unavailable`. */
export interface RouteSource {
  readonly indexId: IndexId;
  /** See `summaryOf`. */
  routingSummary(known: number): Promise<Outcome<RoutingSummary>>;
  /** See `regionPage`. */
  regions(group: number, since: number): Promise<Outcome<RegionPage>>;
}

/**
 * The routes of indexes as a caller caches them: routing summaries, and the regions of those shard groups that were needed, in one memory
 * that is bounded in bytes. The regions of a group are valid for every version of the routes between which it did not change.
 */
export class RouteReader {
  readonly #summaries: RouteMemory<KnownRoutes>;
  readonly #regions: RouteMemory<{ readonly since: number; readonly regions: Regions }>;
  readonly #asked: SharedWork<Outcome<Regions>>;

  constructor(bytesMax: number, sharing: { readonly clock: Clock; readonly wakeUps: WakeUps }) {
    const memory = new MemoryRegistry(bytesMax);
    this.#asked = new SharedWork({ ...sharing, bounds: SHARED_WORK_BOUNDS });
    this.#summaries = new RouteMemory(memory, 'summary');
    this.#regions = new RouteMemory(memory, 'regions');
  }

  /** As they were when the index was last asked, if that is remembered. */
  remembered(indexId: IndexId): KnownRoutes | undefined {
    return this.#summaries.get(indexId);
  }

  /** The current state in the index's object. */
  async ask(source: RouteSource): Promise<Outcome<KnownRoutes>> {
    const { indexId } = source;
    const known = this.#summaries.get(indexId)?.summary;
    const answer = await source.routingSummary(known?.version ?? 0);
    if (!answer.ok) return answer;
    const { page, ...summary } = answer.value;
    if (page !== undefined) this.#keep(indexId, page, summary);
    const routes = new KnownRoutes(completed(summary, known), (group, since) => this.#regionsOf(source, summary, group, since));
    // Of two answers the later may be the older one.
    const last = this.#summaries.get(indexId)?.summary.version ?? 0;
    if (summary.version >= last) this.#summaries.keep(indexId, routes, routes.bytes);
    return ok(routes);
  }

  async #regionsOf(source: RouteSource, space: Space, group: number, since: number): Promise<Outcome<Regions>> {
    const key = `${source.indexId}/${group}`;
    const kept = this.#regions.get(key);
    if (kept?.since === since) return ok(kept.regions);
    const asked = await this.#asked.run(`${key}@${since}`, () => this.#ask(source, space, group, since));
    return asked.ok ? asked.value.value : err(sharedRefusal(asked.error, 'the regions of a shard group, which another call requests,'));
  }

  async #ask(source: RouteSource, space: Space, group: number, since: number): Promise<Outcome<Regions>> {
    const page = await source.regions(group, since);
    return page.ok ? ok(this.#keep(source.indexId, page.value, space)) : page;
  }

  #keep(indexId: IndexId, page: RegionPage, space: Space): Regions {
    const regions = new Regions(page, space);
    this.#regions.keep(`${indexId}/${page.group}`, { since: page.since, regions }, regions.bytes);
    return regions;
  }
}

type Space = Pick<RoutingSummary, 'dimensions'>;

/** Values of one kind that can be asked for again, in a memory that they share with others: the least recently used go first. */
class RouteMemory<T> {
  readonly #registry: MemoryRegistry;
  readonly #kind: string;
  readonly #kept = new Map<string, Kept<T>>();

  /** The memory registry requires names that no other holder of this kind uses. */
  constructor(registry: MemoryRegistry, kind: string) {
    this.#registry = registry;
    this.#kind = kind;
  }

  /** Marks it as used. */
  get(key: string): T | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#registry.claim(this.#nameOf(key), kept, kept.bytes);
    return kept.value;
  }

  /** Replaces an older value. A value larger than the whole memory is not kept. */
  keep(key: string, value: T, bytes: number): void {
    if (bytes > this.#registry.bytesMax) return;
    const kept: Kept<T> = {
      value,
      bytes,
      evict: () => {
        if (this.#kept.get(key) === kept) this.#kept.delete(key);
        return Infinity;
      },
    };
    this.#registry.claim(this.#nameOf(key), kept, bytes);
    this.#kept.set(key, kept);
  }

  #nameOf(key: string): string {
    return `${this.#kind}:${key}`;
  }
}

interface Kept<T> extends MemoryHolder {
  readonly value: T;
  readonly bytes: number;
}
