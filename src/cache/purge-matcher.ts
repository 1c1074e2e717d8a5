import type { LoggedPredicate, Purgeable } from './purge-predicate.ts';

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
  const { tagPrefix, model, modelVersion, filledBeforeMs, filledBy } = predicate;
  return (
    (model === undefined || model === entry.model) &&
    (modelVersion === undefined || modelVersion === entry.modelVersion) &&
    (filledBeforeMs === undefined || entry.knownMs < filledBeforeMs) &&
    (filledBy === undefined || entry.filledBy === undefined || entry.filledBy === filledBy) &&
    (tags === undefined || entry.tags.some((tag) => tags.has(tag))) &&
    (tagPrefix === undefined || entry.tags.some((tag) => tag.startsWith(tagPrefix)))
  );
}
