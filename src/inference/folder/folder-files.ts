import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { JsonRecord } from '../text/config-json.ts';
import { readConfigJson } from '../text/config-json.ts';

/** The files of a folder by their paths, as far as its reader wants to see them (`isFolderConfig`); undefined: there, and not read. */
export type FolderFiles = ReadonlyMap<string, Uint8Array | undefined>;

/** Whether a file says how the model is used. */
export const isFolderConfig = (path: string): boolean => CONFIGS.has(path) || /^[^/]{1,32}\/config\.json$/.test(path);

const CONFIGS = new Set([
  'config.json',
  'tokenizer_config.json',
  'modules.json',
  'sentence_bert_config.json',
  'config_sentence_transformers.json',
]);

/** The object in a file of the folder; undefined: there is no such file. `at`: where the folder stands in the request. */
export function readFolderConfig(files: FolderFiles, path: string, at: FieldPath): Outcome<JsonRecord | undefined> {
  const bytes = files.get(path);
  return bytes === undefined ? ok(undefined) : readConfigJson(bytes, [...at, path]);
}
