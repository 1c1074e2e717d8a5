import { EMBEDDING_LIMITS } from '../../src/contract/embeddings/embedding-limits.ts';
import { cutTextsOf, truncatedReply } from '../../src/contract/embeddings/truncation.ts';

/** What a replica answers to a request for embeddings, or to a part of one. */
export interface Answered {
  readonly status_code: number;
  readonly body: unknown;
}

/** As the answer to a line has it, in the form for replicas. */
interface Embedded {
  readonly data: readonly { readonly index: number }[];
  readonly usage: { readonly total_tokens: number };
  /** There is one where the request asked for cutting. */
  readonly truncated?: object;
  readonly sluice: { readonly tokens: readonly number[]; readonly cut_tokens: readonly number[] };
}

/** Fewer characters than that take no longer in one thread than a message to another does. */
const PART_CHARS_MIN = 256;

/**
 * The bodies of a request with many texts as several with some of them each, of about the same length, which threads answer at the same time.
 * One that has no list of texts, or few, stays one. [P131]
 */
export function partsOf(body: string, countMax: number): readonly string[] {
  const request = parsed(body);
  const texts = request?.['input'];
  if (request === undefined || !Array.isArray(texts) || !texts.every((text) => typeof text === 'string')) return [body];
  const chars = texts.reduce((sum, text) => sum + text.length, 0);
  const count = Math.min(countMax, texts.length, Math.floor(chars / PART_CHARS_MIN));
  if (count < 2) return [body];
  const parts: string[][] = [[]];
  let before = 0;
  for (const text of texts) {
    // Where half of it belongs, all of it goes, so that no part is much longer than another.
    const due = Math.min(count - 1, Math.floor(((before + text.length / 2) / chars) * count));
    if (due >= parts.length && parts.at(-1)?.length !== 0) parts.push([]);
    parts.at(-1)?.push(text);
    before += text.length;
  }
  return parts.map((input) => JSON.stringify({ ...request, input }));
}

/** The answer to the whole of what was asked in parts, in their order; undefined: one of them was refused, or all together have too many tokens. */
export function joined(parts: readonly (Answered | undefined)[]): Answered | undefined {
  const bodies: Embedded[] = [];
  for (const part of parts) {
    if (part?.status_code !== 200) return undefined;
    bodies.push(part.body as Embedded);
  }
  const tokens = bodies.flatMap(({ sluice }) => sluice.tokens);
  const total = tokens.reduce((sum, count) => sum + count, 0);
  if (total > EMBEDDING_LIMITS.embeddingTokensMaxCount) return undefined;
  const data = bodies.flatMap((body) => body.data).map((vector, index) => ({ ...vector, index }));
  const [first] = bodies;
  const usage = { ...first?.usage, prompt_tokens: total, total_tokens: total };
  const cutTokens = bodies.flatMap(({ sluice }) => sluice.cut_tokens);
  const truncated = first?.truncated === undefined ? {} : truncatedReply('end', cutTextsOf(cutTokens));
  return { status_code: 200, body: { ...first, data, usage, ...truncated, sluice: { ...first?.sluice, tokens, cut_tokens: cutTokens } } };
}

function parsed(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}
