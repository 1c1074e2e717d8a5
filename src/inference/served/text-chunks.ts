import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import { utf8 } from '../../kernel/bytes.ts';
import type { InputType } from './model-calls.ts';
import type { ModelReading } from '../served-manifest.ts';

/** Special tokens around a text. */
export const SPECIAL_TOKENS = 4;

export const promptOf = ({ prompts }: Pick<ModelReading, 'prompts'>, inputType: InputType | undefined): string =>
  (inputType === undefined ? undefined : prompts[inputType]) ?? '';

/** Hardly any text has more tokens than bytes; those of the prompt count, too, as the model sees them. */
export const tokensBound = (reading: Pick<ModelReading, 'prompts' | 'tokensMax'>, text: string, inputType: InputType | undefined): number =>
  Math.min(reading.tokensMax, utf8(promptOf(reading, inputType) + text).length + SPECIAL_TOKENS);

/** What is known of the version that is called. `runBoundMs`: of its longest text; undefined: not known. */
export interface ChunkedFor {
  readonly manifest: Pick<ModelReading, 'tokensMax'>;
  readonly runBoundMs: number | undefined;
}

/** So many tokens are bounded to less than `callBoundMsMax`, though texts be padded to twice their length. [M59] */
const chunkTokensMax = ({ manifest, runBoundMs = 0 }: ChunkedFor): number =>
  Math.min(MODEL_LIMITS.modelChunkTokensMax, (manifest.tokensMax * MODEL_LIMITS.callBoundMsMax) / (2 * runBoundMs));

/** Rows in calls of a few texts each, by what `bounds` says of their tokens, so that those of other requests run in between. `version`: for an isolate. `mostTokens`: of a call, where it may have fewer. */
export function textChunks(rows: Iterable<number>, bounds: readonly number[], version?: ChunkedFor, mostTokens = Infinity): number[][] {
  const tokensMax = Math.min(mostTokens, version === undefined ? MODEL_LIMITS.modelChunkTokensMax : chunkTokensMax(version));
  const chunks: number[][] = [];
  let tokens = Infinity;
  for (const row of rows) {
    const bound = bounds[row] ?? 0;
    const last = chunks.at(-1);
    if (last === undefined || last.length >= MODEL_LIMITS.modelChunkTextsCount || tokens + bound > tokensMax) {
      chunks.push([row]);
      tokens = bound;
    } else {
      last.push(row);
      tokens += bound;
    }
  }
  return chunks;
}
