import { RE2JS } from 're2js';

import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { Span } from './find-pii.ts';

/** Regular expressions that search a text in time linear in its length, whatever they are (RE2). */
export class PatternSet {
  readonly #patterns: readonly RE2JS[];

  private constructor(patterns: readonly RE2JS[]) {
    this.#patterns = patterns;
  }

  /** Refuses what RE2 does not read, such as a look-behind or a back-reference, naming its place. */
  static compile(patterns: readonly string[], path: FieldPath): Outcome<PatternSet> {
    const compiled: RE2JS[] = [];
    for (const [at, pattern] of patterns.entries()) {
      try {
        const expression = RE2JS.compile(pattern);
        if (expression.matcher('').find())
          return refuse('invalid_value', 'finds the empty text, so it would find everything', [...path, at]);
        compiled.push(expression);
      } catch (error) {
        return refuse('invalid_value', `is no regular expression in RE2's syntax: ${error instanceof Error ? error.message : ''}`, [
          ...path,
          at,
        ]);
      }
    }
    return ok(new PatternSet(compiled));
  }

  /** Where any of them matches, in the order of the text; of those that overlap the first, and of those the longest. */
  find(text: string): Span[] {
    const all: Span[] = [];
    for (const pattern of this.#patterns) {
      const matcher = pattern.matcher(text);
      while (matcher.find()) all.push({ start: matcher.start(), end: matcher.end(), kind: 'match' });
    }
    all.sort((a, b) => a.start - b.start || b.end - a.end);
    const spans: Span[] = [];
    for (const span of all) if (span.start >= (spans.at(-1)?.end ?? 0)) spans.push(span);
    return spans;
  }
}
