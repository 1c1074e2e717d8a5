import type { Steps } from '../../kernel/stepped-work.ts';
import type { PostingPart } from './posting-part.ts';
import type { TermWalk } from './sparse-query.ts';

// Terms read and matched in a step: a term takes some 100 ns, and what accepts it up to ten times as long.
const STEP_TERMS = 8_192;
// What a term takes that is accepted, as terms: its lists are read.
const ACCEPTED_TERMS = 256;

/**
 * Terms of live rows that a walk accepts, each once, in order of code units. Every step asks for the parts anew, since those of the step before may
 * be merged and deleted. [TX41]
 */
export function* walkTerms(walk: TermWalk, partsNow: () => readonly PostingPart[]): Steps<string[]> {
  const found: string[] = [];
  for (let from = walk.prefix; ;) {
    const last = walkStep(walk, partsNow(), from, found);
    if (last === undefined) return found;
    yield undefined;
    // The first text behind the last one, in order of code units.
    from = `${last}\0`;
  }
}

/** Adds to `found` what is accepted, from a text on. Returns the last term that was read; undefined: there are no more, or enough are found. */
function walkStep(
  { space: { field }, prefix, accepts, countMax }: TermWalk,
  parts: readonly PostingPart[],
  from: string,
  found: string[],
): string | undefined {
  let read = 0;
  for (const term of union(parts.map((part) => part.termsFrom(field, from)))) {
    if (!term.startsWith(prefix)) return undefined;
    const isAccepted = accepts(term);
    if (isAccepted && isLive(parts, field, term)) found.push(term);
    if (found.length === countMax) return undefined;
    read += isAccepted ? ACCEPTED_TERMS : 1;
    if (read >= STEP_TERMS) return term;
  }
  return undefined;
}

/** What ascending sources have, each once. */
function* union(sources: readonly Iterable<string>[]): Generator<string, void> {
  const readers = sources.map((source) => source[Symbol.iterator]());
  const heads = readers.map((reader) => reader.next());
  for (;;) {
    let first: string | undefined;
    for (const { done, value } of heads) if (done !== true && (first === undefined || value < first)) first = value;
    if (first === undefined) return;
    yield first;
    heads.forEach(({ done, value }, i) => {
      if (done !== true && value === first) heads[i] = readers[i]!.next();
    });
  }
}

function isLive(parts: readonly PostingPart[], field: number, term: string): boolean {
  return parts.some((part) => {
    const list = part.find(field, term);
    return list !== undefined && list.count > part.deleted.among(list);
  });
}
