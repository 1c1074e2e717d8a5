import type { Outcome } from '../../contract/api/outcome.ts';
import type { LimitName } from '../../contract/limits/all-limits.ts';
import { ok } from '../../kernel/result.ts';
import type { EmbeddedTexts } from './text-embedder.ts';

/** A text, and which one of a batch it is. */
export interface RowText {
  readonly row: number;
  readonly text: string;
}

/** Texts that were embedded together. */
export interface EmbeddedPortion {
  readonly rows: readonly number[];
  readonly embedded: EmbeddedTexts;
}

/** What may be too much of some texts together that is not too much of each. */
const TOO_MANY: ReadonlySet<string> = new Set<LimitName>(['embeddingTokensMaxCount', 'embeddingNumbersMaxCount']);

/**
 * Embeds any number of texts in portions of at most `charsMax` characters, or of one text. The characters of a text bound neither its tokens nor
 * the numbers that are made of it, so a portion that is too much for one call is halved. [B46] Ends with the first refusal.
 */
export async function* embeddedPortions(
  texts: readonly RowText[],
  charsMax: number,
  embed: (portion: readonly RowText[]) => Promise<Outcome<EmbeddedTexts>>,
): AsyncGenerator<Outcome<EmbeddedPortion>, void> {
  const portions = portionsOf(texts, charsMax);
  for (let portion = portions.shift(); portion !== undefined; portion = portions.shift()) {
    const embedded = await embed(portion);
    if (!embedded.ok && portion.length > 1 && TOO_MANY.has(embedded.error.limit?.name ?? '')) {
      const half = Math.ceil(portion.length / 2);
      portions.unshift(portion.slice(0, half), portion.slice(half));
      continue;
    }
    if (!embedded.ok) return yield embedded;
    yield ok({ rows: portion.map(({ row }) => row), embedded: embedded.value });
  }
}

function portionsOf(texts: readonly RowText[], charsMax: number): (readonly RowText[])[] {
  const portions: RowText[][] = [];
  let chars = Number.POSITIVE_INFINITY;
  for (const one of texts) {
    chars += one.text.length;
    if (chars > charsMax) {
      portions.push([]);
      chars = one.text.length;
    }
    portions.at(-1)?.push(one);
  }
  return portions;
}
