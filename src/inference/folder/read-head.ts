import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import { ok } from '../../kernel/result.ts';
import type { Activation, ModelTask } from '../served-manifest.ts';
import type { JsonRecord } from '../text/config-json.ts';
import { isRecord } from '../text/config-json.ts';

/** What the last layer of a model answers. */
export interface ModelHead {
  readonly task: Exclude<ModelTask, 'graph'>;
  readonly labels: readonly string[];
  readonly activation: Activation;
}

const LABEL_CHARS_MAX = 256;

/** Reads `architectures`, the labels and the activation of a `config.json`. `at`: where it stands. [M55] */
export function readHead(config: JsonRecord, at: FieldPath): Outcome<ModelHead> {
  const architectures = config['architectures'];
  const architecture = Array.isArray(architectures) ? String(architectures[0]) : '';
  if (!architecture.endsWith('ForSequenceClassification')) {
    if (architecture === '' || /(Model|ForMaskedLM|ForPreTraining)$/.test(architecture))
      return ok({ task: 'embedding', labels: [], activation: 'none' });
    return refuse('invalid_value', `is ${architecture}; dense and sparse embedding models, cross-encoders and classifiers are served`, [
      ...at,
      'architectures',
      0,
    ]);
  }
  const labels = readLabels(config['id2label'], [...at, 'id2label']);
  if (!labels.ok) return labels;
  const isSingle = labels.value.length === 1;
  const stated = readActivation(config, at);
  if (!stated.ok) return stated;
  const usual = isSingle || config['problem_type'] === 'multi_label_classification' ? 'sigmoid' : 'softmax';
  return ok({ task: isSingle ? 'cross-encoder' : 'classifier', labels: labels.value, activation: stated.value ?? usual });
}

/** By their numbers, from 0 on without a gap. */
function readLabels(map: unknown, at: FieldPath): Outcome<string[]> {
  if (!isRecord(map)) return refuse('invalid_value', 'is no object of labels by their numbers', at);
  const count = Object.keys(map).length;
  if (count > MODEL_LIMITS.modelLabelsMaxCount)
    return refuseBeyond({ path: at, limit: 'modelLabelsMaxCount', value: count, what: `has ${count} labels` });
  const labels: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const label = map[String(i)];
    if (typeof label !== 'string' || label.length > LABEL_CHARS_MAX)
      return refuse('invalid_value', `is no label of at most ${LABEL_CHARS_MAX} characters`, [...at, String(i)]);
    labels.push(label);
  }
  return count === 0 ? refuse('invalid_value', 'has no label', at) : ok(labels);
}

/** What sentence-transformers writes of the last step of a cross-encoder. */
function readActivation(config: JsonRecord, at: FieldPath): Outcome<Activation | undefined> {
  const section = config['sentence_transformers'];
  const inSection = isRecord(section) ? section['activation_fn'] : undefined;
  const stated = inSection ?? config['sbert_ce_default_activation_function'];
  if (stated === undefined || stated === null) return ok(undefined);
  const name = typeof stated === 'string' ? stated.split('.').at(-1) : undefined;
  if (name === 'Sigmoid') return ok('sigmoid');
  if (name === 'Identity') return ok('none');
  const field = inSection === undefined ? ['sbert_ce_default_activation_function'] : ['sentence_transformers', 'activation_fn'];
  return refuse('invalid_value', 'is neither Sigmoid nor Identity', [...at, ...field]);
}
