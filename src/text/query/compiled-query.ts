/** A text query over the terms of one field. Weights are those of all groups around it, multiplied. */
export type CompiledQuery =
  | CompiledLeaf
  /** All of `must`, `minimum` of `should` at least and none of `not`; `must` or `should` has members, and `minimum` is at most those of `should`. */
  | {
      readonly kind: 'group';
      readonly must: readonly CompiledQuery[];
      readonly should: readonly CompiledQuery[];
      readonly not: readonly CompiledQuery[];
      readonly minimum: number;
    }
  /** Matches nothing: it has no word that is searched, such as stop words only. */
  | { readonly kind: 'nothing' };

export type CompiledLeaf =
  | { readonly kind: 'term'; readonly term: string; readonly weight: number }
  | CompiledPhrase
  /** Terms that begin so. */
  | { readonly kind: 'prefix'; readonly prefix: string; readonly weight: number }
  /** Terms that `FuzzyMatcher` accepts. */
  | { readonly kind: 'fuzzy'; readonly term: string; readonly distance: number; readonly prefixLength: number; readonly weight: number };

/** Two terms or more. */
export interface CompiledPhrase {
  readonly kind: 'phrase';
  readonly terms: readonly string[];
  /** Where each term stands, from the first one's 0 on; ascending. */
  readonly offsets: readonly number[];
  readonly slop: number;
  readonly weight: number;
}
