import { join } from 'node:path';
import { messageOf } from '../../src/contract/api/errors.ts';
import type { LineAnswerer } from './answer-line.ts';
import { embedBatch } from './batch-embedding.ts';
import type { GatewayModels } from './gateway-models.ts';
import type { AttemptScope, JobRunner, RunEnd } from './job-runner.ts';
import { failed } from './job-runner.ts';
import { persistently } from './persistently.ts';

type Scope = AttemptScope<'batch_embedding'>;

/** Embeds the lines of a file with one of the gateway's models, or a registered one. */
export const embeddingRunner =
  (models: GatewayModels): JobRunner<'batch_embedding'> =>
  async (scope) => {
    const { assignment, model: registered, signal } = scope;
    const model = await persistently(signal, () => models.use(assignment.model, registered));
    if (!model.ok) return failed('model_unavailable', messageOf(model.error));
    try {
      return await embed(model.value.answerer, scope);
    } finally {
      await model.value.release();
    }
  };

async function embed(answerer: LineAnswerer, { assignment, folder, artifacts, signal, onProgress }: Scope): Promise<RunEnd> {
  const [inputPath, outputPath] = [join(folder, 'input.jsonl'), join(folder, 'output.jsonl')];
  await artifacts.fetchInput(0, inputPath);
  signal.throwIfAborted();
  const errorsPath = join(folder, 'errors.jsonl');
  const openai = assignment.format === 'openai_batch' ? { errorsPath, model: assignment.model } : undefined;
  const done = await embedBatch({ inputPath, outputPath, openai, id: assignment.attempt, answerer, signal, onProgress });
  if (!done.ok) return { kind: 'failed', ...done.error };
  const outputs = [await artifacts.storeOutput(0, outputPath)];
  signal.throwIfAborted();
  // Where none failed there is no file of them.
  if (openai !== undefined && done.value.progress.failed > 0) outputs.push(await artifacts.storeOutput(1, errorsPath));
  signal.throwIfAborted();
  return { kind: 'done', ...done.value, outputs };
}
