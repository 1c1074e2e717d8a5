import type { FieldPath } from '../../contract/api/field-path.ts';
import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import { makesVectors } from '../embedding-output.ts';
import type { ModelReading, ModelTask } from '../served-manifest.ts';
import type { JsonRecord } from '../text/config-json.ts';
import { isCount } from '../text/config-json.ts';
import type { FolderFiles } from './folder-files.ts';
import { readFolderConfig } from './folder-files.ts';
import type { ModelHead } from './read-head.ts';
import { readHead } from './read-head.ts';
import type { SentenceModules } from './read-sentence-modules.ts';
import { readSentenceModules } from './read-sentence-modules.ts';

/** What the owner of a model says instead of its folder. */
export interface StatedReading {
  readonly task?: ModelTask;
  readonly graph?: string;
}

/** What a folder says; which files its graph keeps weights in is the graph's to say. */
export type FolderPart = Omit<ModelReading, 'externalData'>;

/**
 * Reads how a model is used from a folder in the layout of Hugging Face and sentence-transformers. A refusal names the file and the field
 * below `at`. A folder without `config.json` is a graph alone. [M55]
 */
export function readModelFolder(files: FolderFiles, stated: StatedReading, at: FieldPath): Outcome<FolderPart> {
  const graph = chooseGraph([...files.keys()], stated.graph, at);
  if (!graph.ok) return graph;
  const config = readFolderConfig(files, 'config.json', at);
  if (!config.ok) return config;
  if (config.value === undefined || stated.task === 'graph') return ok({ ...GRAPH_ALONE, graph: graph.value });
  if (!files.has('tokenizer.json')) return refuse('invalid_value', 'is not in the folder', [...at, 'tokenizer.json']);

  const sentences = readSentenceModules(files, at);
  if (!sentences.ok) return sentences;
  const head = readHead(config.value, [...at, 'config.json']);
  if (!head.ok) return head;
  const tokensMax = readTokensMax(config.value, files, sentences.value?.tokensMax, at);
  if (!tokensMax.ok) return tokensMax;
  const common = { ...GRAPH_ALONE, graph: graph.value, tokensMax: tokensMax.value };
  const task = stated.task ?? sentences.value?.task ?? head.value.task;
  if (task === 'embedding' || task === 'sparse-embedding') return vectorPart(common, task, config.value, sentences.value, at);
  return headPart(common, task, head.value, [...at, 'config.json', 'id2label']);
}

function vectorPart(
  common: FolderPart,
  task: 'embedding' | 'sparse-embedding',
  config: JsonRecord,
  sentences: SentenceModules | undefined,
  at: FieldPath,
): Outcome<FolderPart> {
  const fits = checkModules(sentences, task, at);
  if (!fits.ok) return fits;
  return (task === 'embedding' ? embeddingPart : sparsePart)(common, config, sentences, at);
}

/** Whether `modules.json` is that of a model for the task. */
function checkModules(sentences: SentenceModules | undefined, task: ModelTask, at: FieldPath): Outcome<null> {
  if (sentences === undefined || !makesVectors(task) || task === sentences.task) return ok(null);
  const what = `has the modules of a model for ${sentences.task}, and the task is stated to be ${task}`;
  return refuse('invalid_value', what, [...at, 'modules.json']);
}

function headPart(
  common: FolderPart,
  task: 'cross-encoder' | 'classifier',
  { labels, activation }: ModelHead,
  at: FieldPath,
): Outcome<FolderPart> {
  if (task === 'classifier' ? labels.length === 0 : labels.length !== 1)
    return refuse('invalid_value', `has ${labels.length} labels; a cross-encoder has one, a classifier one or more`, at);
  return ok({ ...common, task, labels: task === 'classifier' ? labels : [], activation });
}

/** Without sentence-transformers' files: the mean of the tokens, as sentence-transformers takes a plain encoder. */
function embeddingPart(common: FolderPart, config: JsonRecord, sentences: SentenceModules | undefined, at: FieldPath): Outcome<FolderPart> {
  const dimensions = sentences?.dimensions ?? config['hidden_size'] ?? config['dim'];
  if (!isCount(dimensions)) return refuse('invalid_value', 'is no number of dimensions', [...at, 'config.json', 'hidden_size']);
  const { pooling, isNormalised, prompts } = sentences ?? { pooling: 'mean', isNormalised: true, prompts: {} };
  return ok({ ...common, task: 'embedding', dimensions, pooling, isNormalised, prompts });
}

/**
 * Without sentence-transformers' files: SPLADE v2, the largest log(1 + max(0, x)) of a text's tokens. A graph that answers that itself is recognised by its
 * shape (`readSparseGraph`). [M180]
 */
export function sparsePart(
  common: FolderPart,
  config: JsonRecord,
  sentences: SentenceModules | undefined,
  at: FieldPath,
): Outcome<FolderPart> {
  const dimensions = config['vocab_size'];
  if (!isCount(dimensions)) return refuse('invalid_value', 'is no number of token ids', [...at, 'config.json', 'vocab_size']);
  const { pooling, activation, isNormalised, prompts } = sentences ?? SPLADE;
  return ok({ ...common, task: 'sparse-embedding', dimensions, pooling, activation, isNormalised, prompts });
}

const SPLADE = { pooling: 'max', activation: 'log1p-relu', isNormalised: false, prompts: {} } as const;

const GRAPH_ALONE = {
  task: 'graph',
  tokensMax: 0,
  dimensions: 0,
  pooling: 'none',
  isNormalised: false,
  labels: [],
  activation: 'none',
  prompts: {},
} as const satisfies Omit<FolderPart, 'graph'>;

/** The graph that serves: the one that is stated, the one that is not quantised, or the only one. */
function chooseGraph(paths: readonly string[], stated: string | undefined, at: FieldPath): Outcome<string> {
  if (stated !== undefined) return paths.includes(stated) ? ok(stated) : refuse('invalid_value', 'is not in the folder', [...at, stated]);
  const graphs = paths.filter((path) => path.endsWith('.onnx'));
  const graph = ['onnx/model.onnx', 'model.onnx'].find((path) => graphs.includes(path)) ?? (graphs.length === 1 ? graphs[0] : undefined);
  if (graph !== undefined) return ok(graph);
  if (graphs.length === 0) return refuse('invalid_value', 'hold no ONNX file', at);
  return refuse('invalid_value', `hold several ONNX files (${graphs.slice(0, 8).join(', ')}): name the one that serves`, at);
}

/** The least of what the folder's files allow, and of what is served here. */
function readTokensMax(config: JsonRecord, files: FolderFiles, sentenceTokensMax: number | undefined, at: FieldPath): Outcome<number> {
  const tokenizer = readFolderConfig(files, 'tokenizer_config.json', at);
  if (!tokenizer.ok) return tokenizer;
  // RoBERTa counts positions from the one behind that of padding.
  const unused = /roberta|camembert|mpnet/i.test(String(config['model_type'])) ? 2 : 0;
  const positions = config['max_position_embeddings'];
  const length = tokenizer.value?.['model_max_length'];
  const allowed = [sentenceTokensMax, isCount(positions) ? positions - unused : undefined, typeof length === 'number' ? length : undefined];
  const tokensMax = Math.min(MODEL_LIMITS.modelTokensMax, ...allowed.filter((value) => value !== undefined));
  // Two special tokens, and one of the text.
  return tokensMax >= 3 && Number.isInteger(tokensMax)
    ? ok(tokensMax)
    : refuse('invalid_value', `leaves ${tokensMax} tokens to a text`, [...at, 'config.json', 'max_position_embeddings']);
}
