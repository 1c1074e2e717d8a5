import type { PostingPart } from './posting-part.ts';
import type { TermWalk } from './sparse-query.ts';

// Terms read and matched in a step: a term takes some 100 ns, and what accepts it as long.
const STEP_TERMS = 16_384;

/** Terms of live rows that a walk accepts, each once, in order of code units. */
export function* walkTerms(
  { space: { field }, prefix, accepts, countMax }: TermWalk,
  parts: readonly PostingPart[],
): Generator<undefined, string[]> {
  const sources = parts.map((part) => part.termsFrom(field, prefix)[Symbol.iterator]());
  const heads = sources.map((source) => source.next());
  const found: string[] = [];
  for (let step = 1; found.length < countMax; step += 1) {
    if (step % STEP_TERMS === 0) yield undefined;
    let first: string | undefined;
    for (const { done, value } of heads) if (done !== true && (first === undefined || value < first)) first = value;
    if (first === undefined || !first.startsWith(prefix)) break;
    heads.forEach(({ done, value }, i) => {
      if (done !== true && value === first) heads[i] = sources[i]!.next();
    });
    if (accepts(first) && isLive(parts, field, first)) found.push(first);
  }
  return found;
}

function isLive(parts: readonly PostingPart[], field: number, term: string): boolean {
  return parts.some((part) => {
    const list = part.find(field, term);
    return list !== undefined && list.count > part.deleted.among(list);
  });
}
