import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { ModelTask } from '../served-manifest.ts';
import type { TensorPort } from '../tensor.ts';
import { answerPort } from '../served/answer-port.ts';
import type { FolderFiles } from './folder-files.ts';
import { readFolderConfig } from './folder-files.ts';
import type { FolderPart } from './read-model-folder.ts';
import { sparsePart } from './read-model-folder.ts';

/** What a folder that was read is compared with. */
interface SparseGraph {
  readonly files: FolderFiles;
  readonly outputs: readonly TensorPort[];
  readonly statedTask: ModelTask | undefined;
  readonly at: FieldPath;
}

/**
 * What the graph of a folder says of its reading. A graph whose answer has a column for each token of the vocabulary is a sparse encoder, if neither the owner
 * nor `modules.json` says otherwise; of one that answers [batch, vocabulary] the weights are taken as they are, of one that answers [batch, sequence,
 * vocabulary] they are made of the logits. [M180]
 */
export function readSparseGraph(reading: FolderPart, graph: SparseGraph): Outcome<FolderPart> {
  const { files, outputs, statedTask, at } = graph;
  if (reading.task === 'embedding' && statedTask === undefined && !files.has('modules.json')) {
    const config = readFolderConfig(files, 'config.json', at);
    if (!config.ok) return config;
    const vocabulary = config.value?.['vocab_size'];
    const columns = answerPort('embedding', outputs)?.shape.at(-1);
    if (config.value === undefined || columns !== vocabulary || columns === reading.dimensions) return ok(reading);
    const sparse = sparsePart(reading, config.value, undefined, at);
    return sparse.ok ? fitted(sparse.value, outputs, at) : sparse;
  }
  return reading.task === 'sparse-embedding' ? fitted(reading, outputs, at) : ok(reading);
}

/** A sparse reading by the shape of what the graph answers. */
function fitted(reading: FolderPart, outputs: readonly TensorPort[], at: FieldPath): Outcome<FolderPart> {
  const { dimensions, graph } = reading;
  const port = answerPort('sparse-embedding', outputs);
  const columns = port?.shape.at(-1);
  if (port === undefined || port.type !== 'float32' || (typeof columns === 'number' && columns !== dimensions))
    return refuse(
      'invalid_value',
      `answers ${port?.name ?? 'nothing'} of ${String(columns)} columns; a sparse encoder has one for each of the ${dimensions} tokens of its vocabulary`,
      [...at, graph],
    );
  if (port.shape.length === 3) return ok(reading);
  if (port.shape.length === 2) return ok({ ...reading, pooling: 'none', activation: 'none' });
  return refuse(
    'invalid_value',
    `answers ${port.name} of ${port.shape.length} dimensions, neither [batch, vocabulary] nor [batch, sequence, vocabulary]`,
    [...at, graph],
  );
}
