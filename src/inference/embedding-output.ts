import type { Outcome } from '../contract/api/outcome.ts';
import { refuse } from '../contract/api/outcome.ts';
import { refuseBeyond } from '../contract/limits/limit-refusal.ts';
import { ok } from '../kernel/result.ts';
import type { ModelReading, ModelTask } from './served-manifest.ts';

/** What a text becomes: one vector, the numbers of one that are not zero, or a vector for each of its tokens. */
export type EmbeddingOutput = 'dense' | 'sparse' | 'tokens';

/** Whether models of a task make vectors, of whatever form. */
export const makesVectors = (task: ModelTask): boolean => task === 'embedding' || task === 'sparse-embedding';

/** The form of vectors that a model makes where none is asked for. */
export const ownOutput = (task: ModelTask): EmbeddingOutput => (task === 'sparse-embedding' ? 'sparse' : 'dense');

/** Refuses a form of vectors that a model does not make, naming both. Token vectors are those that a model pools: one that answers pooled ones has none. [M183] */
export function outputFor(
  model: string,
  { task, pooling }: Pick<ModelReading, 'task' | 'pooling'>,
  asked: EmbeddingOutput | undefined,
): Outcome<EmbeddingOutput> {
  const own = ownOutput(task);
  if (asked === undefined || asked === own) return ok(own);
  if (asked === 'tokens' && own === 'dense' && pooling !== 'none') return ok('tokens');
  const others = own === 'dense' && pooling !== 'none' ? 'dense and tokens' : own;
  return refuse('invalid_value', `is ${asked}; ${model} makes ${others}`, 'output');
}

/** Refuses texts whose sparse or token vectors are more than one answer has. [M183] */
export const tooManyNumbers = (value: number, output: EmbeddingOutput): Outcome<never> =>
  refuseBeyond({
    path: 'input',
    limit: 'embeddingNumbersMaxCount',
    value,
    what: `has ${output === 'tokens' ? 'token' : 'sparse'} vectors of ${value} numbers, or more`,
    advice: 'send fewer or shorter texts',
  });
