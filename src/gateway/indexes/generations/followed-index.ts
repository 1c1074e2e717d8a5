import type { Caller, AccessMode } from '../../../ann/access-mode.ts';
import { followerWith } from '../../../ann/access-mode.ts';
import type { KeyedReceipt, ReceiptPage } from '../../../ann/receipts.ts';
import type { ChangeCursor, ChangePage, ShardChanges, ShardFollow } from '../../../ann/store/change-log.ts';
import type { FeedCursor, ReceiptCursor } from '../../../index/generations/generation-state.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import { receiptsByLocator } from '../../../index/locators/locator-of.ts';
import { VECTOR_LIMITS } from '../../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import type { RoutingSummary } from '../../../index/routing/routing-summary.ts';
import { ok } from '../../../kernel/result.ts';
import { allOf } from '../../../contract/api/outcome.ts';
import type { FeedPage, FollowedShards, ReceiptCarriage } from './change-feed.ts';

/** The objects of a generation, one by one, for following them and for changing their access modes. Every call may be refused with `unavailable`. */
export interface FollowedObjects {
  /** Its shards and locators. */
  members(manifest: IndexManifest): Promise<Outcome<Pick<RoutingSummary, 'version' | 'shards' | 'locators'>>>;
  followedFrom(manifest: IndexManifest, shard: number, lsnMin: number): Promise<Outcome<ChangeCursor>>;
  changesSince(manifest: IndexManifest, shard: number, follow: ShardFollow): Promise<Outcome<ShardChanges>>;
  /** Of a locator, or of an only shard (null): receipts that changed after a position. */
  receiptsBehind(manifest: IndexManifest, locator: number | null, after: number): Promise<Outcome<ReceiptPage>>;
  /** Refuses with `stale_route` what came for an only shard that is one of several by now. */
  adoptReceipts(manifest: IndexManifest, locator: number | null, receipts: readonly KeyedReceipt[], caller: Caller): Promise<Outcome<null>>;
  shardCount(manifest: IndexManifest, shard: number, caller: Caller): Promise<Outcome<number>>;
  locatorCount(manifest: IndexManifest, locator: number, caller: Caller): Promise<Outcome<number>>;
  setShardAccess(manifest: IndexManifest, shard: number, mode: AccessMode, fencingToken: number): Promise<Outcome<null>>;
  /** Once that is answered, no write of the excluded callers is under way. */
  setLocatorAccess(manifest: IndexManifest, locator: number, mode: AccessMode, fencingToken: number): Promise<Outcome<null>>;
}

/** Where the changes of a shard begin that was opened while they were followed. */
const BEGINNING = { lsn: 0, row: 0 };

interface Parts {
  readonly shards: readonly number[];
  /** Without any, the only shard is its own gatekeeper. */
  readonly locators: readonly number[];
}

/** What keeps receipts: a locator, or the only shard. */
const nameOf = (locator: number | null): string => (locator === null ? 'shard' : `locator ${locator}`);

/** Receipts by the objects that must have them in an index of this many locators. */
function addressed(receipts: readonly KeyedReceipt[], locators: number): [number | null, readonly KeyedReceipt[]][] {
  if (locators > 0) return [...receiptsByLocator(receipts, locators)];
  return receipts.length === 0 ? [] : [[null, receipts]];
}

/** The shards of an index for a follower, however many there are and become. */
export class FollowedIndex implements FollowedShards {
  readonly #objects: FollowedObjects;

  constructor(objects: FollowedObjects) {
    this.#objects = objects;
  }

  async begin(manifest: IndexManifest, before: FeedCursor | null): Promise<Outcome<FeedCursor>> {
    const parts = await this.#partsOf(manifest);
    if (!parts.ok) return parts;
    const { shards } = parts.value;
    const lsnMin = Math.max(0, ...Object.values(before ?? {}).map(({ lsn }) => lsn));
    const begun = await allOf(shards.map((shard) => this.#objects.followedFrom(manifest, shard, lsnMin)));
    return begun.ok ? ok(Object.fromEntries(shards.map((shard, at) => [shard, begun.value[at] ?? BEGINNING]))) : begun;
  }

  async changes(manifest: IndexManifest, cursor: FeedCursor): Promise<Outcome<FeedPage | null>> {
    const parts = await this.#partsOf(manifest);
    if (!parts.ok) return parts;
    const { shards } = parts.value;
    // A shard that was given up took with it the changes that it had not sent.
    if (Object.keys(cursor).some((shard) => !shards.includes(Number(shard)))) return ok(null);
    const answers = await allOf(
      shards.map((shard) => {
        const after = cursor[shard] ?? BEGINNING;
        return this.#objects.changesSince(manifest, shard, { indexId: manifest.id, after, countMax: VECTOR_LIMITS.changePageMaxCount });
      }),
    );
    if (!answers.ok) return answers;
    const pages: ChangePage[] = answers.value.flatMap((page) => (page.kind === 'page' ? [page] : []));
    const isCleared = pages.some((page) => page.isCleared);
    // It had one shard when everything was deleted, and what other shards have sent since must not be sent again.
    if (pages.length < shards.length || (isCleared && shards.length > 1)) return ok(null);
    const keys = pages.flatMap(({ removed, upserted }) => [removed, upserted]);
    return ok({
      isCleared,
      changed: { namespaces: keys.flatMap(({ namespaces }) => namespaces), ids: keys.flatMap(({ ids }) => ids) },
      next: Object.fromEntries(shards.map((shard, at) => [shard, pages[at]?.next ?? BEGINNING])),
      isComplete: pages.every((page) => page.isComplete),
    });
  }

  async carryReceipts({ from, to, run }: ReceiptCarriage, after: ReceiptCursor | null): Promise<Outcome<ReceiptCursor>> {
    const parts = await allOf([this.#partsOf(from), this.#partsOf(to)]);
    if (!parts.ok) return parts;
    const [source, target] = parts.value.map(({ locators }) => locators);
    const keepers: readonly (number | null)[] = source === undefined || source.length === 0 ? [null] : source;
    const pages = await allOf(keepers.map((keeper) => this.#objects.receiptsBehind(from, keeper, after?.[nameOf(keeper)] ?? 0)));
    if (!pages.ok) return pages;
    const caller = followerWith(run);
    const adopted = await allOf(
      pages.value
        .flatMap(({ receipts }) => addressed(receipts, target?.length ?? 0))
        .map(([keeper, receipts]) => this.#objects.adoptReceipts(to, keeper, receipts, caller)),
    );
    if (!adopted.ok) return adopted;
    return ok(Object.fromEntries(keepers.map((keeper, at) => [nameOf(keeper), pages.value[at]?.next ?? 0])));
  }

  async count(manifest: IndexManifest, run: number): Promise<Outcome<number>> {
    const parts = await this.#partsOf(manifest);
    if (!parts.ok) return parts;
    const { shards, locators } = parts.value;
    const caller = followerWith(run);
    // Of several shards, the locators know each id once.
    const counts = await allOf(
      locators.length === 0
        ? shards.map((shard) => this.#objects.shardCount(manifest, shard, caller))
        : locators.map((locator) => this.#objects.locatorCount(manifest, locator, caller)),
    );
    return counts.ok ? ok(counts.value.reduce((sum, count) => sum + count, 0)) : counts;
  }

  /** Locators are kept from writing before their shards are, and let write after them. */
  async setAccess(manifest: IndexManifest, mode: AccessMode, fencingToken: number): Promise<Outcome<null>> {
    const parts = await this.#partsOf(manifest);
    if (!parts.ok) return parts;
    const { shards, locators } = parts.value;
    const steps = [
      () => locators.map((locator) => this.#objects.setLocatorAccess(manifest, locator, mode, fencingToken)),
      () => shards.map((shard) => this.#objects.setShardAccess(manifest, shard, mode, fencingToken)),
    ];
    for (const step of mode === 'open' ? steps.toReversed() : steps) {
      const set = await allOf(step());
      if (!set.ok) return set;
    }
    return ok(null);
  }

  async #partsOf(manifest: IndexManifest): Promise<Outcome<Parts>> {
    const members = await this.#objects.members(manifest);
    if (!members.ok) return members;
    const { version, shards, locators } = members.value;
    if (version === 0) return ok({ shards: [0], locators: [] });
    return ok({ shards: shards.map(({ ordinal }) => ordinal), locators: Array.from({ length: locators }, (_, locator) => locator) });
  }
}
