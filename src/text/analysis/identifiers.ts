import type { EmitTerm } from './term.ts';
import { TERM_USE } from './term.ts';
import type { WordForms } from './word-forms.ts';
import { isPartBoundary, partKind } from './word-scanner.ts';

/**
 * Emits an identifier as it is written, but for its case, at its first part's position, and each part at its own. It counts once. Returns how
 * many positions it takes.
 */
export function emitIdentifier(text: string, start: number, end: number, position: number, forms: WordForms, emit: EmitTerm): number {
  emit(forms.folded(text.slice(start, end)), position, start, end, TERM_USE.counts | TERM_USE.bag);
  let parts = 0;
  let from = start;
  for (let at = start + 1; at <= end; at += 1) {
    if (at < end && !isPartBoundary(text, at)) continue;
    if (partKind(text, from) !== 'sign') {
      const term = forms.termOf(text.slice(from, at));
      if (term !== '') emit(term, position + parts, from, at, TERM_USE.bag | TERM_USE.chain);
      parts += 1;
    }
    from = at;
  }
  return Math.max(parts, 1);
}
