import { groupBy } from '../../kernel/grouped.ts';
import type { FoundChunk, Passage, PassagePart, StoredChunk } from './passage.ts';
import type { SupportedChunk, SupportSettings } from './supported-chunks.ts';
import { supportedChunks } from './supported-chunks.ts';

export interface AssemblySettings extends SupportSettings {
  /** Of all passages together. */
  readonly tokensMax: number;
}

/** What callers look up beside what a search found. */
export interface KnownChunks {
  /** Chunks near those found, by document and position: as many on either side as support them. */
  readonly around: readonly StoredChunk[];
  /** Short sections of chunks found, each with all of its chunks. */
  readonly sections: readonly (readonly StoredChunk[])[];
}

/** Of a section's characters: once so many are taken, the rest of it is as well. */
const SECTION_SHARE = 0.5;

/** Between chunks that were apart in the document: what was there is white space, or marks without words. */
const GAP = '\n\n';

/**
 * What a reader is given of what a search found: the chunks that are worth most with their neighbours' support, within a budget of tokens, those next to each other in
 * a document as one passage, the best first. Of a section that was taken by half the rest is taken as well. A chunk that does not fit is passed over, and so is a
 * text that was taken already. [DC31] [DC32] [DC33]
 */
export function assemblePassages(found: readonly FoundChunk[], { around, sections }: KnownChunks, settings: AssemblySettings): Passage[] {
  const taken = takenChunks(supportedChunks(found, around, settings), sections, settings.tokensMax);
  const byDocument = groupBy(taken, ({ chunk }) => chunk.document);
  const passages = [...byDocument.values()].flatMap(mergedChunks);
  passages.sort((a, b) => b.score - a.score || (a.document < b.document ? -1 : a.document > b.document ? 1 : a.begin - b.begin));
  return passages.map((passage, at) => ({ ...passage, number: at + 1 }));
}

function takenChunks(
  supported: readonly SupportedChunk[],
  sections: readonly (readonly StoredChunk[])[],
  tokensMax: number,
): SupportedChunk[] {
  const taken: SupportedChunk[] = [];
  const texts = new Set<string>();
  const wholes = new Map(
    sections.flatMap(([first, ...rest]) => (first === undefined ? [] : [[sectionOf(first), [first, ...rest]] as const])),
  );
  const takenChars = new Map<string, number>();
  let left = tokensMax;

  const take = (one: SupportedChunk): void => {
    const { chunk } = one;
    if (chunk.tokens > left || texts.has(chunk.text)) return;
    left -= chunk.tokens;
    texts.add(chunk.text);
    taken.push(one);
    const section = sectionOf(chunk);
    takenChars.set(section, (takenChars.get(section) ?? 0) + chunk.text.length);
  };

  for (const one of supported) {
    take(one);
    const section = sectionOf(one.chunk);
    const whole = wholes.get(section) ?? [];
    const chars = whole.reduce((sum, { text }) => sum + text.length, 0);
    if ((takenChars.get(section) ?? 0) < chars * SECTION_SHARE) continue;
    wholes.delete(section);
    for (const chunk of whole) take({ chunk, score: 0 });
  }
  return taken;
}

const sectionOf = ({ document, section }: StoredChunk): string => `${section} ${document}`;

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
