import type { Outcome } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { Block, Heading, Span } from './block.ts';

/** Of one page: the path of headings goes on from the page before it. */
export interface PageReading {
  readonly text: string;
  readonly page: number | null;
  readonly span: Span;
  /** The path of headings that is open; readers put theirs in. */
  headings: readonly Heading[];
}

/** A form feed, which programs that take the text out of pages put between them. */
const PAGE_BREAK = '\f';

/** Reads pages one by one, so that no block is on two of them. [DC4] */
export function* readPages(
  text: string,
  blocks: Block[],
  readPage: (reading: PageReading, blocks: Block[]) => Generator<undefined, void>,
): Generator<undefined, Outcome<string>> {
  const isPaged = text.includes(PAGE_BREAK);
  let headings: readonly Heading[] = [];
  for (let begin = 0, page = 1; begin <= text.length; page += 1) {
    const found = isPaged ? text.indexOf(PAGE_BREAK, begin) : -1;
    const end = found < 0 ? text.length : found;
    const reading: PageReading = { text, page: isPaged ? page : null, span: { begin, end }, headings };
    yield* readPage(reading, blocks);
    ({ headings } = reading);
    begin = end + 1;
    yield;
  }
  return ok(text);
}
