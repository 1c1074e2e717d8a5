import { LIMITS } from '../../contract/limits.ts';
import { utf8 } from '../../kernel/bytes.ts';
import type { InputType } from './model-calls.ts';
import type { ModelReading } from './served-manifest.ts';

/** Special tokens around a text. */
const SPECIAL_TOKENS = 4;

export const promptOf = ({ prompts }: Pick<ModelReading, 'prompts'>, inputType: InputType | undefined): string =>
  (inputType === undefined ? undefined : prompts[inputType]) ?? '';

/** Hardly any text has more tokens than bytes; those of the prompt count, too, as the model sees them. */
export const tokensBound = (reading: Pick<ModelReading, 'prompts' | 'tokensMax'>, text: string, inputType: InputType | undefined): number =>
  Math.min(reading.tokensMax, utf8(promptOf(reading, inputType) + text).length + SPECIAL_TOKENS);

/** Rows in calls of a few texts each, by what `bounds` says of their tokens, so that those of other requests run in between. */
export function textChunks(rows: readonly number[], bounds: readonly number[]): number[][] {
  const chunks: number[][] = [];
  let tokens = Infinity;
  for (const row of rows) {
    const bound = bounds[row] ?? 0;
    const last = chunks.at(-1);
    if (last === undefined || last.length >= LIMITS.modelChunkTextsCount || tokens + bound > LIMITS.modelChunkTokensMax) {
      chunks.push([row]);
      tokens = bound;
    } else {
      last.push(row);
      tokens += bound;
    }
  }
  return chunks;
}
