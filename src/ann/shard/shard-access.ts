import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { IndexId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Addressed, AccessMode } from '../access-mode.ts';
import { AccessControl, notFound } from '../access-mode.ts';
import type { KeyedReceipt, ReceiptPage } from '../receipts.ts';
import type { ChangeCursor } from '../store/change-log.ts';
import type { ShardHeader } from '../shard-header.ts';
import type { VectorStore } from '../store/vector-store.ts';

type StoreOfAccess = Pick<VectorStore, 'header' | 'access' | 'setAccess' | 'log' | 'raiseLsn' | 'receipts'>;

/** Which callers get access to the vectors of a shard. */
export class ShardAccess {
  readonly #store: StoreOfAccess;
  readonly #control: AccessControl;

  constructor(store: StoreOfAccess) {
    this.#store = store;
    this.#control = new AccessControl({
      indexId: () => store.header()?.indexId,
      access: () => store.access(),
      setAccess: (state) => store.setAccess(state),
    });
  }

  /** The header of the shard, for a call that may be served. Refuses with `index_not_found`, or as `admit` does. */
  pass(call: Addressed, isWrite = false): Outcome<ShardHeader> {
    const header = this.#store.header();
    if (header === undefined) return notFound();
    const passed = this.#control.pass(call, isWrite, header.indexId);
    return passed.ok ? ok(header) : passed;
  }

  /** Refuses with `stale_fence` a run that another one has taken over from, and with `index_not_found`. */
  set(indexId: IndexId, mode: AccessMode, fencingToken: number): Outcome<null> {
    return this.#control.set(indexId, mode, fencingToken);
  }

  /** Where a follower that starts now begins. From then on the shard's clock is at least at `lsnMin`. */
  followedFrom(indexId: IndexId, lsnMin: number, nowMs: number): Outcome<ChangeCursor> {
    const known = this.#store.header();
    if (known?.indexId !== indexId) return notFound();
    if (known.lsn < lsnMin) this.#store.raiseLsn(lsnMin);
    const header = { ...known, lsn: Math.max(known.lsn, lsnMin) };
    this.#store.log.follow(header, nowMs);
    return ok({ lsn: header.lsn, row: header.nextRow - 1 });
  }

  /** For a follower: receipts of requests that changed after a position. */
  receiptsBehind(indexId: IndexId, after: number, countMax: number = INDEX_LIMITS.receiptPageMaxCount): Outcome<ReceiptPage> {
    if (this.#store.header()?.indexId !== indexId) return notFound();
    return ok(this.#store.receipts.behind(after, countMax));
  }

  /** Called by a follower: receipts of requests that were written to another generation. Refuses as `pass` does. */
  adoptReceipts(call: Addressed, receipts: readonly KeyedReceipt[]): Outcome<null> {
    const passed = this.pass(call, true);
    if (!passed.ok) return passed;
    this.#store.receipts.adopt(receipts);
    return ok(null);
  }
}
