import type { IndexManifest } from '../../ann/index-manifest.ts';
import type { Place } from '../../ann/routing/locator-store.ts';
import type { LocatedRemoval, LocatedWrite, LocatedWritten, RowKeys } from '../../ann/routing/rows.ts';
import type { Repetition, Written } from '../../ann/shard-protocol.ts';
import type { Outcome } from '../../contract/outcome.ts';

/** The locators of an index, one by one; see `Locator` for what they refuse. Every call may be refused with `unavailable`. */
export interface LocatorCalls {
  write(manifest: IndexManifest, locator: number, write: LocatedWrite): Promise<Outcome<LocatedWritten>>;
  remove(manifest: IndexManifest, locator: number, removal: LocatedRemoval): Promise<Outcome<Written>>;
  clear(manifest: IndexManifest, locator: number): Promise<Outcome<Written>>;
  claim(manifest: IndexManifest, locator: number, repetition: Repetition): Promise<Outcome<Written | null>>;
  find(manifest: IndexManifest, locator: number, keys: RowKeys): Promise<Outcome<(Place | undefined)[]>>;
  counts(
    manifest: IndexManifest,
    locator: number,
  ): Promise<Outcome<{ readonly ids: number; readonly writes: number; readonly namespaces: readonly string[] }>>;
}
