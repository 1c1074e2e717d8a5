import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { assert } from '../../kernel/assert.ts';
import { err, ok } from '../../kernel/result.ts';
import type { Addressed } from '../access-mode.ts';
import type { BuildPlan, SamplePart } from '../maintenance/outside-build.ts';
import { placed } from '../stored-vector.ts';
import { capacityLimitOf, shardCapacity } from '../engine/memtable.ts';
import { sliceBehind } from './list-rows.ts';
import { patchedBatch } from './patched-batch.ts';
import { resumeWrite } from '../receipts.ts';
import { rowsAt } from '../rows.ts';
import { seeing } from '../shard-header.ts';
import type { Deleted, DeleteSelection, Patched, ShardDelete, ShardPatch, UpsertBatch, Written } from '../shard-protocol.ts';
import { ReadableShard } from './readable-shard.ts';
import type { Row, VectorPlace } from '../stored-vector.ts';
import type { ShardHeader } from '../shard-header.ts';

/** A call of an attempt that trains the lists of a shard elsewhere. */
export interface BuildCall extends Addressed {
  readonly builder: string;
}

/** A shard that takes writes, each all or nothing: first the store, then the engine, which follows it. */
export class Shard extends ReadableShard {
  /** All or nothing. Refuses with `limit_exceeded` when the vectors do not fit, or with `idempotency_mismatch`. */
  upsert(batch: UpsertBatch, nowMs: number): Outcome<Written> {
    const found = this.access.pass(batch, true);
    if (!found.ok) return found;
    const header = found.value;
    assert(batch.values.length === batch.ids.length * header.dimensions, 'a batch has the dimensions of its index');
    assert(
      header.dimensions > 0 || batch.ids.every((_, i) => batch.vectorless?.[i] === true),
      'an index without dimensions has no vectors',
    );
    const resumed = resumeWrite(batch, batch.repetition, ({ idempotencyKey }) => this.store.receipts.find(idempotencyKey));
    if (!resumed.ok) return resumed;
    if (resumed.value.kind === 'repeated') return ok(resumed.value.written);
    const { positions } = resumed.value;
    // Some of it may be written, by locators of a generation that had several shards.
    const left = positions.length === batch.ids.length ? batch : { ...batch, ...rowsAt(batch, positions) };
    const replaced = this.store.replacedBy(left);
    const countNew = left.ids.length - replaced.length;
    const countMax = shardCapacity(header);
    if (header.count + countNew > countMax) {
      const name = capacityLimitOf(header);
      const message = `the index holds ${header.count} vectors: ${countNew} more exceed the ${countMax} that fit ${name}`;
      const { error } = refuse('limit_exceeded', message, 'vectors');
      return err({ ...error, limit: { name, bound: countMax }, value: header.count + countNew });
    }
    return ok({ ...this.#put(left, seeing(batch.lsnSeen, header), replaced, nowMs), count: batch.ids.length });
  }

  /** Refuses with `limit_exceeded` metadata that would outgrow a limit. */
  patch(patch: ShardPatch, nowMs: number): Outcome<Patched> {
    const scope = this.scopeOf(patch, true);
    if (!scope.ok) return scope;
    const { header, ordinal, among } = scope.value;
    if (ordinal === undefined) return ok({ count: 0, lsn: header.lsn, taken: patch.ids.length, missing: patch.ids });
    const change = patchedBatch(this.store, ordinal, among, patch, header);
    if (!change.ok) return change;
    const { batch, replaced, ...done } = change.value;
    if (replaced.length === 0) return ok({ ...done, lsn: header.lsn });
    return ok({ ...done, lsn: this.#put(batch, header, replaced, nowMs).lsn });
  }

  /** All or nothing, but for a filter, of which one slice is done. Ids that do not exist are not counted. */
  delete(deletion: ShardDelete): Outcome<Deleted> {
    const { selection, lsnSeen } = deletion;
    const found = this.access.pass(deletion, true);
    if (!found.ok) return found;
    if (selection.kind === 'all') {
      this.engine.drop();
      return ok({ ...this.store.deleteAll(seeing(lsnSeen, found.value)), next: null });
    }
    if (selection.kind === 'filter') return this.#deleteSlice(selection, found.value, lsnSeen);
    const namespace = this.store.namespaces.ordinalOf(selection.namespace);
    if (namespace === undefined) return ok({ count: 0, lsn: found.value.lsn, next: null });
    const rows = this.store.rowsOf(namespace, selection.ids);
    return ok({ ...this.#deleteRows(namespace, rows, seeing(lsnSeen, found.value)), next: null });
  }

  /** See `OutsideBuilds`. `builder`: the attempt of a job that trains the lists elsewhere. */
  beginBuild(call: BuildCall, nowMs: number): Outcome<BuildPlan> {
    const found = this.access.pass(call);
    return found.ok ? this.engine.builds(found.value).begin(call.builder, nowMs) : found;
  }

  readBuild(call: BuildCall & { readonly from: number }, nowMs: number): Outcome<SamplePart> {
    const found = this.access.pass(call);
    return found.ok ? this.engine.builds(found.value).sample(call.builder, call.from, nowMs) : found;
  }

  commitBuild(call: BuildCall & { readonly artefact: Uint8Array }): Outcome<null> {
    const found = this.access.pass(call, true);
    return found.ok ? this.engine.builds(found.value).commit(call.builder, call.artefact) : found;
  }

  #put(batch: UpsertBatch, header: ShardHeader, replaced: readonly VectorPlace[], nowMs: number): Written {
    const { written, places } = this.store.upsert(batch, header, replaced, nowMs);
    this.engine.remove(replaced);
    this.engine.put([...placed(places, batch, header.dimensions)], header, nowMs);
    return written;
  }

  #deleteSlice(
    { namespace, filter, after }: Extract<DeleteSelection, { kind: 'filter' }>,
    header: ShardHeader,
    lsnSeen: number | undefined,
  ): Outcome<Deleted> {
    const ordinal = this.store.namespaces.ordinalOf(namespace);
    if (ordinal === undefined) return ok({ count: 0, lsn: header.lsn, next: null });
    const found = this.accepted(filter, ordinal, header);
    if (!found.ok) return found;
    const { rows, next } = sliceBehind(this.store, ordinal, found.value, after);
    if (rows.length === 0) return ok({ count: 0, lsn: header.lsn, next });
    return ok({ ...this.#deleteRows(ordinal, rows, seeing(lsnSeen, header)), next });
  }

  #deleteRows(namespace: number, rows: readonly Row[], header: ShardHeader): Written {
    const written = this.store.deleteRows(namespace, rows, header);
    this.engine.remove(rows.map((row) => ({ row, namespace })));
    return written;
  }
}
