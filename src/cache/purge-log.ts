import { assert } from '../kernel/assert.ts';
import type { LoggedPredicate, Purgeable, PurgeMode, PurgePredicate } from './purge-predicate.ts';
import { hasTerms, isEverything, termCount } from './purge-predicate.ts';

export interface PurgeLogBounds {
  readonly predicatesMax: number;
  /** Digests and tags in all predicates together. */
  readonly termsMax: number;
}

/** What the purges of a log mean for an entry. `soft-purged`: since then, on the log's clock, only for callers that accept stale ones. */
export type PurgeVerdict =
  | { readonly kind: 'valid' }
  | { readonly kind: 'soft-purged'; readonly sinceMs: number }
  | { readonly kind: 'purged' };

const VALID: PurgeVerdict = { kind: 'valid' };
const PURGED: PurgeVerdict = { kind: 'purged' };

/**
 * The purges of one cache, oldest first. Immutable.
 *
 * When it outgrows its bounds the oldest half becomes one hard predicate that takes everything, at the position of the newest it
 * replaces: entries from before may be computed again, none is ever served stale.
 */
export class PurgeLog {
  readonly entries: readonly LoggedPredicate[];
  readonly #bounds: PurgeLogBounds;
  readonly #matcher: PurgeMatcher;

  /** `entries` in rising order of position, as a log has had them. */
  constructor(entries: readonly LoggedPredicate[], bounds: PurgeLogBounds) {
    assert(bounds.predicatesMax >= 2, 'a log holds its newest predicate and what it collapsed');
    entries.forEach(({ position }, i) => assert(position > (entries[i - 1]?.position ?? 0), 'positions rise'));
    this.#bounds = bounds;
    this.entries = bounded(sinceLastEverything(entries), bounds);
    this.#matcher = new PurgeMatcher(this.entries);
  }

  /** Position of the newest purge; 0 when there has been none. */
  get position(): number {
    return this.entries.at(-1)?.position ?? 0;
  }

  append(predicate: PurgePredicate, mode: PurgeMode, atMs: number): PurgeLog {
    return this.extend([{ position: this.position + 1, predicate, mode, atMs }]);
  }

  /** The log without the texts and tags of its purges: where it has any, one purge of everything replaces them all. */
  withoutTerms(): PurgeLog {
    const last = this.entries.at(-1);
    if (last === undefined || !this.entries.some(({ predicate }) => hasTerms(predicate))) return this;
    return new PurgeLog([{ ...last, predicate: {}, mode: 'hard' }], this.#bounds);
  }

  /** The purges after `position` that a reader lacks. */
  since(position: number): readonly LoggedPredicate[] {
    return this.entries.filter((entry) => entry.position > position);
  }

  /** Takes in an answer of `since`; purges it already has, such as in a late or repeated answer, change nothing. */
  extend(tail: readonly LoggedPredicate[]): PurgeLog {
    const unknown = tail.filter((entry) => entry.position > this.position);
    return unknown.length === 0 ? this : new PurgeLog([...this.entries, ...unknown], this.#bounds);
  }

  /** Purges count for the entry when its fill had started while, as far as the filler knew, they were yet to come. */
  verdictOf(entry: Purgeable): PurgeVerdict {
    if (entry.position >= this.position) return VALID;
    let sinceMs = Infinity;
    for (const { mode, atMs } of this.#matcher.matching(entry)) {
      if (mode === 'hard') return PURGED;
      sinceMs = Math.min(sinceMs, atMs);
    }
    return sinceMs === Infinity ? VALID : { kind: 'soft-purged', sinceMs };
  }
}

/** Nothing before a hard purge of everything can take an entry that it leaves. */
function sinceLastEverything(entries: readonly LoggedPredicate[]): readonly LoggedPredicate[] {
  const last = entries.findLastIndex(({ predicate, mode }) => mode === 'hard' && isEverything(predicate));
  return last <= 0 ? entries : entries.slice(last);
}

function bounded(entries: readonly LoggedPredicate[], bounds: PurgeLogBounds): readonly LoggedPredicate[] {
  let kept = entries;
  while (kept.length > bounds.predicatesMax || (kept.length > 1 && countTerms(kept) > bounds.termsMax)) {
    // Two at least: one alone would be replaced by itself, for ever.
    const collapsed = Math.max(2, Math.ceil(kept.length / 2));
    const { position = 0, atMs = 0 } = kept[collapsed - 1] ?? {};
    kept = [{ position, predicate: {}, mode: 'hard', atMs }, ...kept.slice(collapsed)];
  }
  return kept;
}

const countTerms = (entries: readonly LoggedPredicate[]): number =>
  entries.reduce((count, { predicate }) => count + termCount(predicate), 0);

interface Compiled {
  readonly logged: LoggedPredicate;
  readonly tags: ReadonlySet<string> | undefined;
}

/** Finds the purges that match an entry. Those by digest are found by it; the others are tried one by one. */
export class PurgeMatcher {
  readonly #byDigest = new Map<string, Compiled[]>();
  readonly #others: Compiled[] = [];

  /** `entries` in rising order of position. */
  constructor(entries: readonly LoggedPredicate[]) {
    for (const logged of entries) {
      const { digests, tags } = logged.predicate;
      const compiled = { logged, tags: tags === undefined ? undefined : new Set(tags) };
      if (digests === undefined) this.#others.push(compiled);
      for (const digest of new Set(digests)) {
        const known = this.#byDigest.get(digest);
        if (known === undefined) this.#byDigest.set(digest, [compiled]);
        else known.push(compiled);
      }
    }
  }

  /** The purges that the filler did not have, newest first. */
  *matching(entry: Purgeable): Generator<LoggedPredicate, void, undefined> {
    for (const candidates of [this.#others, this.#byDigest.get(entry.digest) ?? []]) {
      for (let i = candidates.length - 1; i >= 0; i--) {
        const candidate = candidates[i];
        if (candidate === undefined || candidate.logged.position <= entry.position) break;
        if (matches(candidate, entry)) yield candidate.logged;
      }
    }
  }
}

/** All selectors but the digests, by which the candidates were found. */
function matches({ logged: { predicate }, tags }: Compiled, entry: Purgeable): boolean {
  const { tagPrefix, models, model, modelVersion, filledBeforeMs, filledBy } = predicate;
  return (
    (models === undefined || models.some((name) => answersTo(entry, name))) &&
    (model === undefined || model === entry.model) &&
    (modelVersion === undefined || modelVersion === entry.modelVersion) &&
    (filledBeforeMs === undefined || entry.knownMs < filledBeforeMs) &&
    (filledBy === undefined || entry.filledBy === undefined || entry.filledBy === filledBy) &&
    (tags === undefined || entry.tags.some((tag) => tags.has(tag))) &&
    (tagPrefix === undefined || entry.tags.some((tag) => tag.startsWith(tagPrefix)))
  );
}

const answersTo = ({ model, modelVersion, otherModels = [] }: Purgeable, name: string): boolean =>
  name === model || name === `${model}@${modelVersion}` || otherModels.includes(name);
