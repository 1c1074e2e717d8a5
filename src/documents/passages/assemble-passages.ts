import { groupBy } from '../../kernel/grouped.ts';
import type { FoundChunk, Passage, PassagePart, StoredChunk } from './passage.ts';
import type { SupportedChunk, SupportSettings } from './supported-chunks.ts';
import { supportedChunks } from './supported-chunks.ts';

export interface AssemblySettings extends SupportSettings {
  /** Of all passages together. */
  readonly tokensMax: number;
}

/** Of a section's characters: once so many are taken, the rest of it is as well. */
const SECTION_SHARE = 0.5;

/** Between chunks that were apart in the document: what was there is white space, or marks without words. */
const GAP = '\n\n';

/**
 * What a reader is given of what a search found: the chunks that are worth most with their neighbours' support, within a budget of tokens, those next to each other in
 * a document as one passage, the best first. `around` has the chunks near those found, which callers look up by document and position, and of short sections all.
 * A chunk that does not fit is passed over. [DC31] [DC32] [DC33]
 */
export function assemblePassages(found: readonly FoundChunk[], around: readonly StoredChunk[], settings: AssemblySettings): Passage[] {
  const taken = takenChunks(supportedChunks(found, around, settings), [...found, ...around], settings.tokensMax);
  const byDocument = groupBy(taken, ({ chunk }) => chunk.document);
  const passages = [...byDocument.values()].flatMap(mergedChunks);
  passages.sort((a, b) => b.score - a.score || (a.document < b.document ? -1 : a.document > b.document ? 1 : a.begin - b.begin));
  return passages.map((passage, at) => ({ ...passage, number: at + 1 }));
}

function takenChunks(supported: readonly SupportedChunk[], known: readonly StoredChunk[], tokensMax: number): SupportedChunk[] {
  const taken: SupportedChunk[] = [];
  const texts = new Set<string>();
  const sectionChars = new Map<string, number>();
  const bySection = groupBy(known, sectionOf);
  let left = tokensMax;

  const take = (one: SupportedChunk): boolean => {
    const { chunk } = one;
    if (chunk.tokens > left || texts.has(chunk.text)) return false;
    left -= chunk.tokens;
    texts.add(chunk.text);
    taken.push(one);
    const section = sectionOf(chunk);
    sectionChars.set(section, (sectionChars.get(section) ?? 0) + chunk.end - chunk.begin);
    return true;
  };

  for (const one of supported) {
    const { chunk } = one;
    const section = sectionOf(chunk);
    const enough = (chunk.section.end - chunk.section.begin) * SECTION_SHARE;
    if (!take(one) || (sectionChars.get(section) ?? 0) < enough) continue;
    for (const rest of bySection.get(section) ?? []) take({ chunk: rest, score: 0 });
  }
  return taken;
}

const sectionOf = ({ document, section }: StoredChunk): string => `${section.begin} ${section.end} ${document}`;

/** Chunks of one document: those next to each other, or that overlap, are one passage. */
function mergedChunks(taken: readonly SupportedChunk[]): Omit<Passage, 'number'>[] {
  const merged: Omit<Passage, 'number'>[] = [];
  let position = -Infinity;
  for (const { chunk, score } of taken.toSorted((a, b) => a.chunk.begin - b.chunk.begin || b.chunk.end - a.chunk.end)) {
    const last = merged.at(-1);
    const isNext = last !== undefined && (chunk.begin <= last.end || chunk.position === position + 1);
    if (isNext) merged.splice(-1, 1, joined(last, chunk, score));
    else {
      const { document, begin, end, text, tokens } = chunk;
      merged.push({ document, begin, end, text, tokens, score, parts: [partOf(chunk, begin, 0)] });
    }
    ({ position } = chunk);
  }
  return merged;
}

function joined(passage: Omit<Passage, 'number'>, chunk: StoredChunk, score: number): Omit<Passage, 'number'> {
  const tokens = passage.tokens + chunk.tokens;
  const best = Math.max(passage.score, score);
  if (chunk.end <= passage.end) return { ...passage, tokens, score: best };
  const begin = Math.max(chunk.begin, passage.end);
  const before = passage.text + (begin > passage.end ? GAP : '');
  return {
    ...passage,
    end: chunk.end,
    text: before + chunk.text.slice(begin - chunk.begin),
    tokens,
    score: best,
    parts: [...passage.parts, partOf(chunk, begin, before.length)],
  };
}

const partOf = ({ document, end, page, line, headings }: StoredChunk, begin: number, at: number): PassagePart => ({
  document,
  begin,
  end,
  page,
  line,
  headings,
  at,
});
