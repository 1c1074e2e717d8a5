/** What a fuzzy term asks for. */
export interface FuzzyTerm {
  readonly term: string;
  /** The most edits. */
  readonly distance: number;
  /** UTF-16 units at the start that have to agree. */
  readonly prefixLength: number;
}

/**
 * Compares terms with one: by how many UTF-16 units are put in, left out, replaced or exchanged with the next one (optimal string alignment;
 * Boytsov 2011, "Indexing methods for approximate dictionary searching"). Remembers the rows of the table that the next term shares with the
 * last one, so that terms are best given in order.
 */
export class FuzzyMatcher {
  /** All terms that match begin so. */
  readonly prefix: string;
  readonly #term: string;
  readonly #distance: number;
  /** One for each unit of `#last`, and one before: the distances between that start of it and each start of the term. */
  readonly #rows: Uint8Array[];
  #last = '';

  constructor({ term, distance, prefixLength }: FuzzyTerm) {
    this.prefix = term.slice(0, prefixLength);
    this.#term = term;
    this.#distance = distance;
    this.#rows = [Uint8Array.from({ length: term.length + 1 }, (_, i) => i)];
  }

  /** The edits between a term and this one; undefined where they are too many, or its start differs. */
  edits(candidate: string): number | undefined {
    if (Math.abs(candidate.length - this.#term.length) > this.#distance || !candidate.startsWith(this.prefix)) return undefined;
    let at = sharedLength(this.#last, candidate);
    for (; at < candidate.length; at += 1) {
      if (this.#addRow(candidate, at) > this.#distance) break;
    }
    this.#last = candidate.slice(0, Math.min(at + 1, candidate.length));
    if (at < candidate.length) return undefined;
    const edits = this.#rows[candidate.length]?.[this.#term.length] ?? Infinity;
    return edits <= this.#distance ? edits : undefined;
  }

  /** What a match with so many edits weighs beside one without any. */
  weight(edits: number, candidate: string): number {
    return 1 - edits / Math.max(1, Math.min(candidate.length, this.#term.length));
  }

  /** Fills the row of the candidate's start up to `at`. Returns less than any longer start of it can be away from the term, or as much. */
  #addRow(candidate: string, at: number): number {
    const term = this.#term;
    const above = this.#rows[at] ?? new Uint8Array(term.length + 1);
    const twoAbove = this.#rows[at - 1];
    const row = (this.#rows[at + 1] ??= new Uint8Array(term.length + 1));
    let least = (row[0] = at + 1);
    for (let i = 1; i <= term.length; i += 1) {
      const isSame = term.charCodeAt(i - 1) === candidate.charCodeAt(at);
      let edits = Math.min((above[i - 1] ?? 0) + (isSame ? 0 : 1), (above[i] ?? 0) + 1, (row[i - 1] ?? 0) + 1);
      if (twoAbove !== undefined && i > 1 && isExchange(term, i, candidate, at)) edits = Math.min(edits, (twoAbove[i - 2] ?? 0) + 1);
      row[i] = edits;
      least = Math.min(least, edits);
    }
    return least;
  }
}

const isExchange = (term: string, i: number, candidate: string, at: number): boolean =>
  term.charCodeAt(i - 1) === candidate.charCodeAt(at - 1) && term.charCodeAt(i - 2) === candidate.charCodeAt(at);

function sharedLength(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let i = 0;
  while (i < most && a.charCodeAt(i) === b.charCodeAt(i)) i += 1;
  return i;
}
