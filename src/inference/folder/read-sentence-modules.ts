import type { FieldPath } from '../../contract/api/field-path.ts';
import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import type { Activation, Pooling, Prompts } from '../served-manifest.ts';
import { isCount, isRecord, readConfigJson, readConfigValue, textIn } from '../text/config-json.ts';
import type { FolderFiles } from './folder-files.ts';
import { readFolderConfig } from './folder-files.ts';
import { readSpladePooling } from './read-splade-pooling.ts';

/** What sentence-transformers does with the vectors, or the logits, of a text's tokens. */
export interface SentenceModules {
  readonly task: 'embedding' | 'sparse-embedding';
  /** Of a sparse encoder's logits. */
  readonly activation: Activation;
  readonly pooling: Pooling;
  readonly isNormalised: boolean;
  readonly dimensions: number | undefined;
  readonly tokensMax: number | undefined;
  readonly prompts: Prompts;
}

/** As `1_Pooling/config.json` calls them. */
const POOLINGS: Readonly<Record<string, Pooling>> = {
  pooling_mode_cls_token: 'cls',
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_max_tokens: 'max',
  pooling_mode_mean_sqrt_len_tokens: 'mean-sqrt-len',
  pooling_mode_lasttoken: 'last-token',
};

/** Undefined: the folder has no `modules.json`. Modules that are not served are refused, not left out: vectors would be others. [M55] */
export function readSentenceModules(files: FolderFiles, at: FieldPath): Outcome<SentenceModules | undefined> {
  const modules = readModules(files, at);
  if (!modules.ok) return modules;
  if (modules.value === undefined) return ok(undefined);
  const { poolingPath, isSparse, isNormalised } = modules.value;
  const pooling = isSparse ? readSpladePooling(files, poolingPath, at) : readPooling(files, poolingPath, at);
  if (!pooling.ok) return pooling;
  const tokensMax = readSentenceLength(files, at);
  if (!tokensMax.ok) return tokensMax;
  const prompts = readPrompts(files, at);
  return prompts.ok ? ok({ ...pooling.value, isNormalised, tokensMax: tokensMax.value, prompts: prompts.value }) : prompts;
}

const TRANSFORMERS: ReadonlySet<string | undefined> = new Set(['Transformer', 'MLMTransformer']);

function readModules(
  files: FolderFiles,
  at: FieldPath,
): Outcome<{ poolingPath: string; isSparse: boolean; isNormalised: boolean } | undefined> {
  const list = readModuleList(files, at);
  if (!list.ok || list.value === undefined) return list as Outcome<undefined>;
  let poolingPath: string | undefined;
  let [isSparse, isNormalised] = [false, false];
  for (const [i, module] of list.value.entries()) {
    const kind = kindOf(module);
    if (i === 0 && TRANSFORMERS.has(kind)) isSparse = kind === 'MLMTransformer';
    else if (kind === (isSparse ? 'SpladePooling' : 'Pooling') && poolingPath === undefined && isRecord(module))
      poolingPath = textIn(module, 'path', '');
    else if (kind === 'Normalize' && poolingPath !== undefined) isNormalised = true;
    else
      return refuse(
        'invalid_value',
        'is none of the modules that are served: Transformer and Pooling, or MLMTransformer and SpladePooling, and Normalize',
        [...at, 'modules.json', i, 'type'],
      );
  }
  return poolingPath === undefined
    ? refuse('invalid_value', `has no ${isSparse ? 'SpladePooling' : 'Pooling'}`, [...at, 'modules.json'])
    : ok({ poolingPath, isSparse, isNormalised });
}

function readModuleList(files: FolderFiles, at: FieldPath): Outcome<readonly unknown[] | undefined> {
  const bytes = files.get('modules.json');
  if (bytes === undefined) return ok(undefined);
  const json = readConfigValue(bytes, [...at, 'modules.json']);
  if (!json.ok) return json;
  return Array.isArray(json.value) ? ok(json.value as unknown[]) : refuse('invalid_value', 'is no list', [...at, 'modules.json']);
}

type PoolingPart = Pick<SentenceModules, 'task' | 'pooling' | 'activation' | 'dimensions'>;

function readPooling(files: FolderFiles, folder: string, at: FieldPath): Outcome<PoolingPart> {
  const path = `${folder}/config.json`;
  const bytes = files.get(path);
  if (bytes === undefined) return refuse('invalid_value', 'is not in the folder', [...at, path]);
  const json = readConfigJson(bytes, [...at, path]);
  if (!json.ok) return json;
  const chosen = Object.entries(json.value).flatMap(([name, value]) => (name.startsWith('pooling_mode_') && value === true ? [name] : []));
  const pooling = chosen.length === 1 ? POOLINGS[chosen[0]!] : undefined;
  if (pooling === undefined)
    return refuse('invalid_value', `has ${chosen.join(', ') || 'no pooling mode'}; one of ${Object.keys(POOLINGS).join(', ')} is served`, [
      ...at,
      path,
    ]);
  if (json.value['include_prompt'] === false)
    return refuse('invalid_value', 'leaves prompts out of the pooling, which is not served', [...at, path, 'include_prompt']);
  const dimensions = json.value['word_embedding_dimension'];
  return ok({ task: 'embedding', pooling, activation: 'none', dimensions: isCount(dimensions) ? dimensions : undefined });
}

function readSentenceLength(files: FolderFiles, at: FieldPath): Outcome<number | undefined> {
  const config = readFolderConfig(files, 'sentence_bert_config.json', at);
  if (!config.ok) return config;
  if (config.value?.['do_lower_case'] === true)
    return refuse('invalid_value', 'is true: texts are lower-cased by the normalizer of tokenizer.json alone', [
      ...at,
      'sentence_bert_config.json',
      'do_lower_case',
    ]);
  const tokensMax = config.value?.['max_seq_length'];
  return ok(isCount(tokensMax) ? tokensMax : undefined);
}

const kindOf = (module: unknown): string | undefined => (isRecord(module) ? String(module['type']).split('.').at(-1) : '');

/** `passage` is also called `document`. A prompt for texts of no stated kind would change all vectors: it is refused. */
function readPrompts(files: FolderFiles, at: FieldPath): Outcome<Prompts> {
  const name = 'config_sentence_transformers.json';
  const config = readFolderConfig(files, name, at);
  if (!config.ok) return config;
  const standing = config.value?.['default_prompt_name'];
  if (typeof standing === 'string' && standing !== '')
    return refuse('invalid_value', 'names a prompt for texts that are neither query nor passage, which is not served', [
      ...at,
      name,
      'default_prompt_name',
    ]);
  const stated = config.value?.['prompts'];
  if (!isRecord(stated)) return ok({});
  const query = readPrompt(stated['query'], [...at, name, 'prompts', 'query']);
  if (!query.ok) return query;
  const passage = readPrompt(stated['passage'] ?? stated['document'], [...at, name, 'prompts', 'passage']);
  if (!passage.ok) return passage;
  return ok({
    ...(query.value === undefined ? {} : { query: query.value }),
    ...(passage.value === undefined ? {} : { passage: passage.value }),
  });
}

function readPrompt(value: unknown, at: FieldPath): Outcome<string | undefined> {
  if (value === undefined || value === null || value === '') return ok(undefined);
  if (typeof value !== 'string') return refuse('invalid_value', 'is no text', at);
  return value.length <= MODEL_LIMITS.modelPromptCharsMax
    ? ok(value)
    : refuseBeyond({ path: at, limit: 'modelPromptCharsMax', value: value.length, what: `has ${value.length} characters` });
}
