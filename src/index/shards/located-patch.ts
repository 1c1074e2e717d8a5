import { editedRows } from '../../ann/row-edit.ts';
import { sliceCountOf } from '../../ann/vector-edit.ts';
import type { IndexManifest } from '../index-manifest.ts';
import type { Patched, ShardPatch, ShardVectors, Written } from '../../ann/shard-protocol.ts';
import type { Filter } from '../../contract/vectors/filter.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { Authority } from '../../contract/tenancy/write-lease.ts';
import type { LocatedListing } from './located-listing.ts';
import type { LocatedReads } from './located-reads.ts';
import type { LocatedWrites } from './located-writes.ts';

const EVERYTHING = { values: true, metadata: true, text: true, contents: true };

/** How often vectors are read again because another call wrote them meanwhile. */
const ATTEMPTS_MAX = 8;

/** Changes vectors of an index of several shards: reads them and writes what they become, unless they were written in between. */
export class LocatedPatch {
  readonly #reads: LocatedReads;
  readonly #listing: LocatedListing;
  readonly #writes: LocatedWrites;

  constructor(reads: LocatedReads, listing: LocatedListing, writes: LocatedWrites) {
    this.#reads = reads;
    this.#listing = listing;
    this.#writes = writes;
  }

  /** A slice of the change: as many of its ids as may be held at once. */
  async patch(manifest: IndexManifest, patch: ShardPatch, authority: Authority | null): Promise<Outcome<Patched>> {
    const taken = sliceCountOf(patch.edit, 0, patch.ids.length, manifest.dimensions);
    const asked = patch.ids.slice(0, taken);
    let [left, count, lsn] = [asked, 0, 0];
    const there = new Set<string>();
    for (let attempt = 0; left.length > 0; attempt += 1) {
      if (attempt === ATTEMPTS_MAX) return refuse('unavailable', 'the vectors are being written continuously; retry');
      const found = await this.#reads.fetch(manifest, {
        indexId: patch.indexId,
        caller: patch.caller,
        namespace: patch.namespace,
        ids: left,
        include: EVERYTHING,
      });
      if (!found.ok) {
        const isTooLarge = attempt === 0 && taken > 1 && found.error.limit?.name === 'retrievalReplyBytesMax';
        return isTooLarge ? this.patch(manifest, { ...patch, ids: asked.slice(0, Math.ceil(taken / 2)) }, authority) : found;
      }
      for (const id of found.value.ids) there.add(id);
      const accepted = await this.#accepted(manifest, patch, found.value.ids);
      if (!accepted.ok) return accepted;
      const written = await this.#write(manifest, patch, found.value, accepted.value, authority);
      if (!written.ok) return written;
      count += written.value.count;
      lsn = Math.max(lsn, written.value.lsn);
      left = written.value.overtaken;
    }
    return ok({ count, lsn, taken, missing: asked.filter((id) => !there.has(id)) });
  }

  /** The ids that the patch's filter accepts. */
  async #accepted(
    manifest: IndexManifest,
    { indexId, caller, namespace, filter }: ShardPatch,
    ids: readonly string[],
  ): Promise<Outcome<Set<string>>> {
    if (filter === null) return ok(new Set(ids));
    const both: Filter = { kind: 'and', of: [{ kind: 'ids', ids }, filter] };
    const selected = await this.#listing.selected(manifest, { indexId, caller, namespace, filter: both });
    return selected.ok ? ok(selected.value.ids) : selected;
  }

  /** Writes what the change makes of the rows that it accepts; those that are so already count as written. */
  async #write(
    manifest: IndexManifest,
    patch: ShardPatch,
    found: ShardVectors,
    accepted: ReadonlySet<string>,
    authority: Authority | null,
  ): Promise<Outcome<Written & { readonly overtaken: string[] }>> {
    const chosen = [...found.ids.keys()].filter((at) => accepted.has(found.ids[at] ?? ''));
    const edited = editedRows(found, chosen, patch, manifest);
    if (!edited.ok) return edited;
    const { rows, positions } = edited.value;
    const unchanged = chosen.length - positions.length;
    if (positions.length === 0) return ok({ count: unchanged, lsn: found.lsn, overtaken: [] });
    const { indexId, caller } = patch;
    const expected = positions.map((at) => found.versions?.[at] ?? 0);
    const written = await this.#writes.replace(manifest, { indexId, caller, ...rows, repetition: null }, expected, authority);
    return written.ok ? ok({ ...written.value, count: written.value.count + unchanged }) : written;
  }
}
