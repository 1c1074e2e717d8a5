import { GUARDRAIL_LIMITS } from '../../contract/guardrails/guardrail-limits.ts';
import type { Hook } from '../../contract/guardrails/guardrails.ts';
import { utf8 } from '../../kernel/bytes.ts';
import { must } from '../../kernel/assert.ts';
import { isObject, parsedObject } from '../protocol/json.ts';
import type { Finding } from './guard.ts';

export type ClassifierHook = Extract<Hook, { kind: 'classifier' }>;

/** Answers what a hook objects to, by a model of an upstream; undefined: it has no verdict. */
export type Moderate = (hook: ClassifierHook, texts: readonly string[]) => Promise<Finding | undefined>;

/** What a classifier has found: scores row-major, one a label for each piece. */
interface ClassesOfPieces {
  readonly labels: readonly string[];
  readonly scores: Float32Array;
}

/** So that what stands across the end of a piece is seen whole by the next one. */
const OVERLAP = 1 / 8;

/**
 * The texts in pieces that a model of so many tokens reads whole: a text that is cut off could hide its end. Undefined: they are more than a hook
 * judges. Blank texts are left out. [U119]
 */
export function piecesOf(texts: readonly string[], tokensMax: number): string[] | undefined {
  // Tokens of prose have some four bytes; a piece of shorter ones is refused by the model, and not judged in part.
  const bytesMax = 2 * tokensMax;
  const pieces: string[] = [];
  for (const text of texts) {
    if (text.trim() === '') continue;
    if (utf8(text).length <= bytesMax) pieces.push(text);
    else pieces.push(...cut(text, bytesMax));
    if (pieces.length > GUARDRAIL_LIMITS.guardrailPiecesMaxCount) return undefined;
  }
  return pieces;
}

function cut(text: string, bytesMax: number): string[] {
  const pieces: string[] = [];
  let [piece, bytes] = ['', 0];
  for (const char of text) {
    const more = utf8(char).length;
    if (bytes + more > bytesMax) {
      pieces.push(piece);
      if (pieces.length > GUARDRAIL_LIMITS.guardrailPiecesMaxCount) return pieces;
      piece = Array.from(piece)
        .slice(-Math.ceil(piece.length * OVERLAP))
        .join('');
      bytes = utf8(piece).length;
    }
    piece += char;
    bytes += more;
  }
  return [...pieces, piece];
}

/** How many pieces have a label whose score reaches its threshold. */
export function countAbove({ labels, scores }: ClassesOfPieces, thresholds: ClassifierHook['thresholds']): number {
  let count = 0;
  for (let row = 0; row < scores.length; row += labels.length) {
    if (labels.some((label, at) => must(scores[row + at], 'a score a label') >= (thresholds[label] ?? Infinity))) count += 1;
  }
  return count;
}

/** Names a model of an upstream, which is asked for moderations, and no registered classifier. */
export const isOfUpstream = ({ model }: Pick<ClassifierHook, 'model'>): boolean => model.includes('/');

/**
 * How many pieces have a category whose score reaches its threshold, by an answer of `/v1/moderations`. Undefined: it is no verdict on each piece and each
 * of the categories. [U177]
 */
export function countModerated(answer: string, pieces: number, thresholds: ClassifierHook['thresholds']): Finding | undefined {
  const results = parsedObject(answer)?.['results'];
  if (!Array.isArray(results) || results.length !== pieces) return undefined;
  let count = 0;
  for (const result of results) {
    const scores = isObject(result) ? result['category_scores'] : undefined;
    if (!isObject(scores)) return undefined;
    const categories = Object.entries(thresholds).map(([category, threshold]) => ({ score: scores[category], threshold }));
    if (!categories.every(({ score }) => typeof score === 'number')) return undefined;
    if (categories.some(({ score, threshold }) => Number(score) >= threshold)) count += 1;
  }
  return { count };
}

/** The first label of a hook that a model has not. */
export const strangeLabel = ({ thresholds }: ClassifierHook, labels: readonly string[]): string | undefined =>
  Object.keys(thresholds).find((label) => !labels.includes(label));
