import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import type { IndexId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { ChangeCursor } from '../replication/change-page.ts';
import type { ShardHeader, VectorStore } from '../vector-store.ts';
import type { Gate } from './gate.ts';
import { admit, callerOf } from './gate.ts';

/** Who gets at the vectors of a shard. */
export class ShardGate {
  readonly #store: Pick<VectorStore, 'header' | 'gate' | 'setGate' | 'log' | 'raiseLsn'>;

  constructor(store: Pick<VectorStore, 'header' | 'gate' | 'setGate' | 'log' | 'raiseLsn'>) {
    this.#store = store;
  }

  /** The shard, for a caller who names its index. Refuses with `index_not_found`, or as `admit` does. */
  pass(named: IndexId, isWrite = false): Outcome<ShardHeader> {
    const { indexId, run } = callerOf(named);
    const header = this.#store.header();
    if (header?.indexId !== indexId) return notFound();
    const known = this.#store.gate();
    const admitted = admit(known, run, isWrite);
    if (!admitted.ok) return admitted;
    if (isWrite && run !== null && run > known.run) this.#store.setGate({ gate: known.gate, run });
    return ok(header);
  }

  /** Refuses with `stale_fence` a run that another one has taken over from, and with `index_not_found`. */
  set(indexId: IndexId, gate: Gate, run: number): Outcome<null> {
    if (this.#store.header()?.indexId !== indexId) return notFound();
    if (run < this.#store.gate().run) return refuse('stale_fence', 'another run of the follower has taken over');
    this.#store.setGate({ gate, run });
    return ok(null);
  }

  /** Where whoever follows the shard's changes from now on begins. Its clock then says `lsnMin` at least. */
  followedFrom(indexId: IndexId, lsnMin: number, nowMs: number): Outcome<ChangeCursor> {
    const known = this.#store.header();
    if (known?.indexId !== indexId) return notFound();
    if (known.lsn < lsnMin) this.#store.raiseLsn(lsnMin);
    const header = { ...known, lsn: Math.max(known.lsn, lsnMin) };
    this.#store.log.follow(header, nowMs);
    return ok({ lsn: header.lsn, row: header.nextRow - 1 });
  }
}

const notFound = () => refuse('index_not_found', 'the index was deleted', 'index');
