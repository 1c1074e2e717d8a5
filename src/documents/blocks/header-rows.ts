import { DOCUMENT_LIMITS } from '../../contract/documents/document-limits.ts';
import type { HeaderRows, Span } from './block.ts';

/** The rows that name columns, in a text that begins at a place of the document; null where they are longer than `headerCharsMax`. */
export function headerRows(text: string, { begin, end }: Span, at: number): HeaderRows | null {
  return end - begin > DOCUMENT_LIMITS.headerCharsMax ? null : { begin: at + begin, end: at + end, text: text.slice(begin, end) };
}
