import type { Outcome } from '../../../contract/api/outcome.ts';
import { DOCUMENT_STORE_LIMITS } from '../../../contract/documents/document-store-limits.ts';
import { INDEX_LIMITS } from '../../../contract/indexes/index-limits.ts';
import { rowNameOf } from '../../../documents/store/row-id.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { dropOldest } from '../../../kernel/drop-oldest.ts';
import type { IndexId, TenantId } from '../../../kernel/ids.ts';
import { ok } from '../../../kernel/result.ts';
import { Composed } from '../../api/composed.ts';
import type { PinnedIndex } from '../../indexes/index-ref.ts';
import { pinnedTo } from '../../indexes/index-ref.ts';
import type { Due } from '../plans/due.ts';
import type { RowReaders } from './row-readers.ts';

interface ServedRowsParts {
  readonly readersOf: (tenantId: TenantId, index: PinnedIndex) => RowReaders;
  readonly clock: Clock;
}

/** Where a search reads. */
interface SearchPlace {
  readonly manifest: IndexManifest;
  readonly namespace: string;
  /** Until when it searches again, in milliseconds since the Unix epoch. Absent: there is no such limit. */
  readonly deadlineMs?: number | undefined;
  /** By when it has to be known what is served. Absent: as soon as the object says it. */
  readonly knownBy?: Due;
}

/** One kind of searches, to `ServedRows`. */
interface RoundsOf<T> {
  /** What it finds without the rows of these ids: it looks for as many more as they are. */
  readonly search: (excluded: readonly string[]) => Promise<Outcome<T>>;
  /** The ids of all rows that bear on what is found. */
  readonly met: (found: T) => readonly string[];
  /** Whether the page lacks rows without the hidden ones, and there may be more. */
  readonly isShort: (found: T, hidden: ReadonlySet<string>) => boolean;
}

/** What readers do not see of some rows. */
export interface Hidden {
  readonly hidden: ReadonlySet<string>;
  /** The edition of the documents by which that is so; null: none of the rows holds a document, whatever the documents are. */
  readonly edition: number | null;
}

/** What a search found, and which of that readers do not see. */
export interface FoundRound<T> extends Hidden {
  readonly found: T;
}

const { servedSearchRoundsMaxCount: roundsMax, documentRowsAskedMaxCount: rowsMax } = DOCUMENT_STORE_LIMITS;

const NOTHING_HIDDEN: Hidden = { hidden: new Set(), edition: null };

const holdsChunk = (id: string): boolean => rowNameOf(id) !== undefined;

/**
 * Which rows of indexes readers see: all but those that hold documents in versions that are not served. Of rows whose ids are no chunks' nothing is asked, so
 * indexes without documents pay nothing. [DC90] [DC91]
 */
export class ServedRows extends Composed<ServedRowsParts> {
  /** Indexes that were found to hold documents. */
  readonly #holding = new Set<IndexId>();

  /** In one reading, so that no two versions of a document are seen together. Refuses with `unavailable` and `deadline_exceeded`. */
  async hiddenAmong({ manifest, namespace, knownBy }: SearchPlace, ids: readonly string[]): Promise<Outcome<Hidden>> {
    const chunks = [...new Set(ids.filter(holdsChunk))];
    if (chunks.length === 0) return ok(NOTHING_HIDDEN);
    // Before it is asked: what is cached meanwhile is of an edition, too.
    this.#holding.add(manifest.id);
    dropOldest(this.#holding, INDEX_LIMITS.indexManifestsMaxCount);
    const reading = () => this.#readersOf(manifest).hidden(namespace, chunks);
    const hidden = await (knownBy === undefined ? reading() : knownBy.within('which documents are served', reading));
    return hidden.ok ? ok({ hidden: new Set(hidden.value.ids), edition: hidden.value.edition }) : hidden;
  }

  /**
   * Searches again without the rows that are not served until the page is full of those that are, or there are no more, or no more time. All that is answered is of
   * one reading of the documents, the last. Refuses as the first search does. [DC91]
   */
  async search<T>(place: SearchPlace, rounds: RoundsOf<T>): Promise<Outcome<FoundRound<T>>> {
    let excluded: readonly string[] = [];
    let last: FoundRound<T> | undefined;
    for (let round = 1; ; round += 1) {
      const found = await rounds.search(excluded);
      if (!found.ok) return last === undefined ? found : ok(last);
      const among = await this.hiddenAmong(place, [...rounds.met(found.value), ...excluded]);
      if (!among.ok) return last === undefined ? among : ok(last);
      const { hidden } = among.value;
      last = { found: found.value, ...among.value };
      // What was passed over may have come to be served meanwhile.
      const isMissing = excluded.some((id) => !hidden.has(id));
      const isWhole = !isMissing && (hidden.size === excluded.length || !rounds.isShort(found.value, hidden));
      if (isWhole || round === roundsMax || hidden.size > rowsMax || this.#isOver(place)) return ok(last);
      excluded = [...hidden];
    }
  }

  /** The edition of the documents that the index has now; null: it was not found to have any. Refuses with `unavailable`. [DC92] */
  async editionOf(manifest: IndexManifest): Promise<Outcome<number | null>> {
    return this.#holding.has(manifest.id) ? this.#readersOf(manifest).edition() : ok(null);
  }

  /** The documents that are there, of those that rows of these ids would be of. Refuses with `unavailable`. */
  async owners(manifest: IndexManifest, namespace: string, ids: readonly string[]): Promise<Outcome<readonly string[]>> {
    const chunks = ids.filter(holdsChunk);
    return chunks.length === 0 ? ok([]) : this.#readersOf(manifest).owners(namespace, chunks);
  }

  /** Refuses with `unavailable`. */
  count(manifest: IndexManifest): Promise<Outcome<number>> {
    return this.#readersOf(manifest).count();
  }

  #isOver({ deadlineMs = Infinity }: SearchPlace): boolean {
    return this.parts.clock.nowMs() >= deadlineMs;
  }

  #readersOf(manifest: IndexManifest): RowReaders {
    return this.parts.readersOf(manifest.tenantId, pinnedTo(manifest));
  }
}
