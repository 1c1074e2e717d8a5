import { must } from '../../kernel/assert.ts';
import type { Metric } from '../../contract/indexes/index-settings.ts';
import { placesOf } from '../routing/places-of.ts';
import { receivers } from '../routing/route-table.ts';
import { Router } from '../routing/router.ts';
import type { DrainOrder } from '../routing/shard-route.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { grouped } from '../../kernel/grouped.ts';
import { ok } from '../../kernel/result.ts';
import type { ShardHeader } from '../../ann/shard-header.ts';
import type { WholeRows } from './row-versions.ts';
import { rowsAt } from '../../ann/rows.ts';
import type { RowPut, RowsAsOf } from '../../ann/rows.ts';

/** Where a row should be, too or only. */
export interface RowWish {
  readonly to: readonly number[];
  /** Whether it belongs there rather than here. */
  readonly isNearer: boolean;
  /** Whether both may keep it. */
  readonly isShared: boolean;
}

/** What a shard under an order wishes for its rows. */
export class RowWishes {
  readonly #here: number;
  readonly #order: DrainOrder;
  readonly #router: Router;
  readonly #into: ReadonlySet<number>;
  /** Whether rows are assigned among all neighbouring shards, not only among those that vectors may be sent to. */
  readonly isWhole: boolean;

  constructor(here: number, order: DrainOrder, space: { readonly metric: Metric; readonly dimensions: number }) {
    const own = must(
      order.shards.find(({ ordinal }) => ordinal === here),
      'an order names the shard that it is for',
    );
    this.#here = here;
    this.#order = order;
    this.#router = new Router({ ...space, shards: order.shards });
    this.#into = new Set(receivers(own));
    this.isWhole = own.state.kind === 'tidying';
  }

  /** The shards among which rows are assigned. */
  get shards(): number {
    return this.#order.shards.length;
  }

  of(values: Float32Array, slot: number): RowWish | undefined {
    const places = placesOf(this.#router.placings(values, slot), this.#order.margin);
    return this.isWhole ? this.#inOrder(places) : this.#divided(places);
  }

  /** All shards that the row is assigned to, among those that may receive rows. */
  #inOrder(places: readonly number[]): RowWish | undefined {
    const isShared = places.includes(this.#here);
    const to = places.filter((place) => place !== this.#here);
    const isPossible = to.length > 0 && to.every((place) => this.#into.has(place));
    return isPossible ? { to, isNearer: !isShared, isShared } : undefined;
  }

  /** Between this shard and those that it gives some of its region to. */
  #divided(places: readonly number[]): RowWish | undefined {
    const to = places.find((place) => place !== this.#here);
    return to === undefined ? undefined : { to: [to], isNearer: places[0] === to, isShared: places.includes(this.#here) };
  }
}

/** Shards that get rows. Every call may be refused with `unavailable`. */
export interface RowTakers {
  put(ordinal: number, rows: RowPut): Promise<Outcome<unknown>>;
  /** Which of some rows would be news there, by their positions. */
  lacking(ordinal: number, rows: RowsAsOf): Promise<Outcome<number[]>>;
}

/** Of a slice of rows, one that may go where it should be, too or only. */
interface GrantedRow extends Pick<RowWish, 'to'> {
  /** Position in the slice. */
  readonly at: number;
  /** Whether it leaves the shard that sends it, so that its id counts elsewhere. */
  readonly isMove: boolean;
}

interface Slice {
  readonly found: WholeRows;
  readonly header: Pick<ShardHeader, 'indexId' | 'lsn'>;
  readonly since: number;
  /** See `RowMoves`. */
  readonly isWhole: boolean;
}

/** Sends granted rows to where they should be; answers those that are there now, or undefined if that is not known of all. */
export async function putRows<T extends GrantedRow>(takers: RowTakers, slice: Slice, granted: readonly T[]): Promise<T[] | undefined> {
  const { copies } = slice.found;
  // What moves counts where it comes to first, if it counted here: everything else is a copy.
  const pairs = granted.flatMap(({ at, to, isMove }) =>
    to.map((target, i) => ({ at, target, isCopy: !isMove || i > 0 || copies?.[at] === true })),
  );
  const unwilling = new Set<number>();
  const puts = [...grouped(pairs.map(({ target }) => target))].map(async ([target, members]) => {
    const sent = members.map((i) => pairs[i]!);
    const put = await (slice.isWhole ? putLacking : putAll)(takers, slice, target, sent);
    // If no row has to move, the write does not wait for a shard that is full or changing.
    if (!put.ok && slice.isWhole && UNWILLING.has(put.error.code)) unwilling.add(target);
    return put.ok || unwilling.has(target);
  });
  const isKnown = (await Promise.all(puts)).every(Boolean);
  return isKnown ? granted.filter(({ to }) => !to.some((target) => unwilling.has(target))) : undefined;
}

/** As what a shard refuses that has no room, or whose region is no longer what it was, or that is no more. */
const UNWILLING: ReadonlySet<string> = new Set(['index_growing', 'stale_route', 'index_not_found']);

/** A row of the slice, as it is sent. */
interface SentRow {
  readonly at: number;
  /** See `Rows.copies`. */
  readonly isCopy: boolean;
}

function putAll(takers: RowTakers, { found, header, since }: Slice, target: number, sent: readonly SentRow[]): Promise<Outcome<unknown>> {
  const positions = sent.map(({ at }) => at);
  const versions = positions.map((at) => found.versions[at]!);
  const copies = sent.map(({ isCopy }) => isCopy);
  const { indexId, lsn: lsnSeen } = header;
  return takers.put(target, { indexId, routeVersion: since, versions, lsnSeen, ...rowsAt(found, positions), copies });
}

/** Most rows are where they should be already: so it is asked first. */
async function putLacking(takers: RowTakers, slice: Slice, target: number, sent: readonly SentRow[]): Promise<Outcome<unknown>> {
  const { found, header } = slice;
  const keys = { ids: sent.map(({ at }) => found.ids[at]!), namespaces: sent.map(({ at }) => found.namespaces[at]!) };
  const versions = sent.map(({ at }) => found.versions[at]!);
  const copies = sent.map(({ isCopy }) => isCopy);
  const lacking = await takers.lacking(target, { indexId: header.indexId, versions, copies, ...keys });
  if (!lacking.ok || lacking.value.length === 0) return lacking;
  const put = await putAll(
    takers,
    slice,
    target,
    lacking.value.map((i) => sent[i]!),
  );
  return put.ok ? ok(null) : put;
}
