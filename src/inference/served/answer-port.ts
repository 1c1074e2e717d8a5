import type { ModelTask } from '../served-manifest.ts';
import type { TensorPort } from '../tensor.ts';

/** What graphs call their answers, the one that is meant first. */
const ANSWERS: Readonly<Record<Exclude<ModelTask, 'graph'>, readonly string[]>> = {
  embedding: ['last_hidden_state', 'token_embeddings', 'sentence_embedding'],
  'sparse-embedding': ['sparse', 'sparse_embedding', 'sentence_embedding', 'logits', 'token_embeddings'],
  'cross-encoder': ['logits'],
  classifier: ['logits'],
};

/** The output of a graph that answers texts: the one with a name that is known, else the first. Undefined: the graph answers nothing. */
export const answerPort = (task: Exclude<ModelTask, 'graph'>, outputs: readonly TensorPort[]): TensorPort | undefined => {
  const known = ANSWERS[task].flatMap((name) => outputs.filter((port) => port.name === name));
  return known[0] ?? outputs[0];
};
