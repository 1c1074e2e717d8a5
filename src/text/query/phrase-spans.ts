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
  positions: readonly ArrayLike<number>[],
  found: (first: number, last: number) => void,
): void {
  // Positions only move forward, as those of the term before do.
  const next = new Uint32Array(offsets.length);
  const starts = positions[0] ?? [];
  for (let i = 0; i < starts.length; i += 1) {
    const first = starts[i] ?? 0;
    let at = first;
    let left = slop;
    for (let term = 1; term < offsets.length && left >= 0; term += 1) {
      const wanted = at + (offsets[term] ?? 0) - (offsets[term - 1] ?? 0);
      const of = positions[term] ?? [];
      let k = next[term] ?? 0;
      while (k < of.length && (of[k] ?? 0) < wanted) k += 1;
      next[term] = k;
      if (k === of.length) return;
      at = of[k] ?? 0;
      left -= at - wanted;
    }
    if (left >= 0) found(first, at);
  }
}
