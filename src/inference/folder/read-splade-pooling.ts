import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { Activation, Pooling } from '../served-manifest.ts';
import { isCount, readConfigJson } from '../text/config-json.ts';
import type { FolderFiles } from './folder-files.ts';

/** How weights of the vocabulary are made of the logits of a text's tokens. */
export interface SpladePooling {
  readonly task: 'sparse-embedding';
  readonly pooling: Extract<Pooling, 'max' | 'sum'>;
  readonly activation: Activation;
  readonly dimensions: number | undefined;
}

/** As the configuration of `SpladePooling` calls them: each is followed by log(1 + x). */
const ACTIVATIONS: Readonly<Record<string, Activation>> = { relu: 'log1p-relu', log1p_relu: 'log1p-log1p-relu' };

/**
 * Reads the `SpladePooling` of a SparseEncoder of sentence-transformers (5.0 and later): `pooling_strategy` `max` (SPLADE v2, Formal et al. 2021) or `sum`
 * (SPLADE), and `activation_function` `relu` or `log1p_relu`; `max` and `relu` where they are left out, as there. [M180]
 */
export function readSpladePooling(files: FolderFiles, folder: string, at: FieldPath): Outcome<SpladePooling> {
  const path = `${folder}/config.json`;
  const bytes = files.get(path);
  if (bytes === undefined) return refuse('invalid_value', 'is not in the folder', [...at, path]);
  const json = readConfigJson(bytes, [...at, path]);
  if (!json.ok) return json;
  const { pooling_strategy: pooling = 'max', activation_function: named = 'relu', word_embedding_dimension: dimensions } = json.value;
  if (pooling !== 'max' && pooling !== 'sum') return refuse('invalid_value', 'is neither max nor sum', [...at, path, 'pooling_strategy']);
  const activation = typeof named === 'string' && Object.hasOwn(ACTIVATIONS, named) ? ACTIVATIONS[named] : undefined;
  if (activation === undefined) return refuse('invalid_value', 'is neither relu nor log1p_relu', [...at, path, 'activation_function']);
  return ok({ task: 'sparse-embedding', pooling, activation, dimensions: isCount(dimensions) ? dimensions : undefined });
}
