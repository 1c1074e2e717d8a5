import { assert } from '../kernel/assert.ts';
import { digestCount, takesAll } from './purge-predicate.ts';
import type { LoggedPredicate, Purgeable, PurgePredicate } from './purge-predicate.ts';

export interface PurgeLogBounds {
  readonly predicatesMax: number;
  /** Digests in all predicates together. */
  readonly digestsMax: number;
}

/**
 * The purges of one tenant, oldest first. Immutable.
 *
 * When it outgrows its bounds the oldest half becomes one predicate that takes everything, at the position of the newest it
 * replaces: entries from before may be computed again, none is ever served stale.
 */
export class PurgeLog {
  readonly entries: readonly LoggedPredicate[];
  readonly #bounds: PurgeLogBounds;
  /** Selector (see `selectorOf`) -> the newest position that took it. */
  readonly #newest: ReadonlyMap<string, number>;

  /** `entries` in rising order of position, as a log has had them. */
  constructor(entries: readonly LoggedPredicate[], bounds: PurgeLogBounds) {
    assert(bounds.predicatesMax >= 2, 'a log holds its newest predicate and what it collapsed');
    entries.forEach(({ position }, i) => assert(position > (entries[i - 1]?.position ?? 0), 'positions rise'));
    this.#bounds = bounds;
    this.entries = bounded(sinceLastEverything(entries), bounds);
    this.#newest = newestBySelector(this.entries);
  }

  /** Position of the newest purge; 0 when there has been none. */
  get position(): number {
    return this.entries.at(-1)?.position ?? 0;
  }

  append(predicate: PurgePredicate): PurgeLog {
    return this.extend([{ position: this.position + 1, predicate }]);
  }

  /** What a reader who knows the log up to `position` is missing. */
  since(position: number): readonly LoggedPredicate[] {
    return this.entries.filter((entry) => entry.position > position);
  }

  /** Takes in an answer of `since`; what it knows already, such as a late or repeated answer, changes nothing. */
  extend(tail: readonly LoggedPredicate[]): PurgeLog {
    const unknown = tail.filter((entry) => entry.position > this.position);
    return unknown.length === 0 ? this : new PurgeLog([...this.entries, ...unknown], this.#bounds);
  }

  /** Whether some purge took the entry: its fill had started when, as far as the filler knew, that purge was yet to come. */
  takes({ contractHash, digest, position }: Purgeable): boolean {
    if (position >= this.position) return false;
    const takenAt = (selector: string): boolean => (this.#newest.get(selector) ?? 0) > position;
    return takenAt('*:*') || takenAt(`${contractHash}:*`) || takenAt(`*:${digest}`) || takenAt(`${contractHash}:${digest}`);
  }
}

const selectorOf = (contractHash: string | null, digest: string): string => `${contractHash ?? '*'}:${digest}`;

function newestBySelector(entries: readonly LoggedPredicate[]): Map<string, number> {
  const newest = new Map<string, number>();
  for (const { position, predicate } of entries) {
    const digests = predicate.kind === 'everything' ? ['*'] : predicate.digests;
    for (const digest of digests) newest.set(selectorOf(predicate.contractHash, digest), position);
  }
  return newest;
}

/** Nothing before a purge of everything can take an entry that it leaves. */
function sinceLastEverything(entries: readonly LoggedPredicate[]): readonly LoggedPredicate[] {
  const last = entries.findLastIndex(({ predicate }) => takesAll(predicate));
  return last <= 0 ? entries : entries.slice(last);
}

function bounded(entries: readonly LoggedPredicate[], bounds: PurgeLogBounds): readonly LoggedPredicate[] {
  let kept = entries;
  while (kept.length > bounds.predicatesMax || (kept.length > 1 && countDigests(kept) > bounds.digestsMax)) {
    // Two at least: one alone would be replaced by itself, for ever.
    const collapsed = Math.max(2, Math.ceil(kept.length / 2));
    const position = kept[collapsed - 1]?.position ?? 0;
    kept = [{ position, predicate: { kind: 'everything', contractHash: null } }, ...kept.slice(collapsed)];
  }
  return kept;
}

const countDigests = (entries: readonly LoggedPredicate[]): number =>
  entries.reduce((count, { predicate }) => count + digestCount(predicate), 0);
