import { messageOf } from '../../src/contract/api/errors.ts';
import { UNIGRAM_TOKENISER_VERSION, SCORE_STEP, WORD_MARK } from '../../src/inference/static/unigram-tokeniser.ts';
import { isRecord } from '../../src/inference/text/config-json.ts';
import { TextTokeniser } from '../../src/inference/text/text-tokeniser.ts';
import { utf8 } from '../../src/kernel/bytes.ts';
import { UnusableInput } from './build-error.ts';
import type { PieceVocabulary } from './piece-vocabulary.ts';

export interface UnigramCut {
  /** Of the teacher's pieces the most likely of all its languages. */
  readonly likely: number;
  /** Pieces altogether: the rest are those that the texts have most often. */
  readonly count: number;
}

/**
 * The part of a teacher's unigram vocabulary that a table has rows of. Each character of a piece is a piece, too, if the teacher has it, so that no word
 * of these characters is hashed. Refuses a tokeniser that is no unigram model.
 */
export function unigramVocabulary(tokeniserFile: Uint8Array, texts: readonly string[], { likely, count }: UnigramCut): PieceVocabulary {
  const file: unknown = JSON.parse(new TextDecoder().decode(tokeniserFile));
  const model = isRecord(file) ? file['model'] : undefined;
  if (!isRecord(model) || model['type'] !== 'Unigram' || !Array.isArray(model['vocab']))
    throw new UnusableInput('the teacher has no unigram tokeniser.');
  const scored = model['vocab'] as readonly (readonly [piece: string, score: number])[];
  const byId = scored.map(([piece, score], id) => ({ id, piece, score }));
  // Special tokens have no score, and a piece with a newline would be two.
  const pieces = byId.filter(({ piece, score }) => score < 0 && !piece.includes('\n')).toSorted((a, b) => b.score - a.score || a.id - b.id);
  const seen = seenPieces(tokeniserFile, texts, scored.length);
  const chosen = new Set(pieces.slice(0, likely).map(({ piece }) => piece));
  const places = new Map(pieces.map(({ piece }, place) => [piece, place]));
  for (const piece of chosen) addWithChars(piece, chosen, places);
  const frequent = pieces.toSorted((a, b) => (seen[b.id] ?? 0) - (seen[a.id] ?? 0) || b.score - a.score || a.id - b.id);
  for (const { piece } of frequent) {
    if (chosen.size >= count) break;
    addWithChars(piece, chosen, places);
  }
  const kept = pieces.filter(({ piece }) => chosen.has(piece));
  return {
    tokeniser: UNIGRAM_TOKENISER_VERSION,
    bytes: utf8(linesOf(kept)).slice(),
    texts: kept.map(({ piece }) => (piece === WORD_MARK ? piece : piece.replaceAll(WORD_MARK, ' ').trim())),
    ids: kept.map((_, at) => at + 1),
  };
}

function addWithChars(piece: string, chosen: Set<string>, places: ReadonlyMap<string, number>): void {
  for (const part of [piece, ...Array.from(piece)]) if (places.has(part)) chosen.add(part);
}

/** How often the texts have each piece, by the teacher's id. */
function seenPieces(tokeniserFile: Uint8Array, texts: readonly string[], count: number): Float64Array {
  const opened = TextTokeniser.ofFile(tokeniserFile, undefined, []);
  if (!opened.ok) throw new UnusableInput(messageOf(opened.error));
  const seen = new Float64Array(count);
  for (const text of texts) {
    const row = opened.value.encode(text, undefined, { tokensMax: 512, isTruncating: true, at: [] });
    if (!row.ok) throw new UnusableInput(messageOf(row.error));
    for (const id of row.value.ids) seen[id] = (seen[id] ?? 0) + 1;
  }
  return seen;
}

/** Pieces in falling order of their scores, each `SCORE_STEP` below the last an empty line. */
function linesOf(pieces: readonly { readonly piece: string; readonly score: number }[]): string {
  let level = 0;
  return pieces
    .map(({ piece, score }) => {
      const steps = Math.round(-score / SCORE_STEP) - level;
      level += steps;
      return '\n'.repeat(steps) + piece;
    })
    .join('\n');
}
