/** What is matched of a phrase: its terms' offsets from the first one, ascending, and the positions that may be left out in between, in all. */
interface Phrase {
  readonly offsets: readonly number[];
  readonly slop: number;
}

/**
 * Where a phrase occurs: calls `found` with the positions of its first and last term, once for each occurrence of the first term that begins
 * one. The terms stand in order, each at its distance from the one before or up to `slop` positions further, in all.
 * @param positions Of each term in the text, ascending.
 */
export function eachPhraseSpan(
  { offsets, slop }: Phrase,
  positions: readonly (readonly number[])[],
  found: (first: number, last: number) => void,
): void {
  // Of each term, the first position that was not passed: those wanted only grow.
  const next = new Uint32Array(offsets.length);
  for (const first of positions[0] ?? []) {
    let at = first;
    let left = slop;
    for (let term = 1; term < offsets.length && left >= 0; term += 1) {
      const wanted = at + (offsets[term] ?? 0) - (offsets[term - 1] ?? 0);
      const of = positions[term] ?? [];
      while ((of[next[term] ?? 0] ?? Infinity) < wanted) next[term] = (next[term] ?? 0) + 1;
      at = of[next[term] ?? 0] ?? Infinity;
      left -= at - wanted;
    }
    if (left >= 0) found(first, at);
  }
}
