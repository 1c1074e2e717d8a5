import { DATA_TYPE, tensorOf } from '../../src/inference/build/graph/onnx-graph.ts';
import { TOKENISER_CONFIG_FILE, TOKENISER_FILE } from '../../src/inference/served/contract-hash.ts';
import { TOKEN_INPUTS } from '../../src/inference/served/token-runs.ts';
import { STATIC_TABLE_NAMES, tokeniserOf } from '../../src/inference/static/static-model.ts';
import { TextTokeniser } from '../../src/inference/text/text-tokeniser.ts';
import { utf8 } from '../../src/kernel/bytes.ts';
import { must } from '../../src/kernel/assert.ts';
import { messageOf } from '../../src/contract/api/errors.ts';
import { UnusableInput } from './build-error.ts';
import type { FeedsOfText } from './calibration.ts';
import type { ModelFolder } from './model-folder.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isFolderConfig } from '../../src/inference/folder/folder-files.ts';
import { readModelFolder } from '../../src/inference/folder/read-model-folder.ts';
import type { ModelReading } from '../../src/inference/served-manifest.ts';

/** How texts become the inputs of a model: by the vocabulary in its graph, if it is a static model of Sluice, else by its tokeniser file. */
export const textInputs = (folder: ModelFolder): FeedsOfText => wordInputs(folder) ?? tokenInputs(folder);

function wordInputs({ graph }: ModelFolder): FeedsOfText {
  const words = graph.metadata.get(STATIC_TABLE_NAMES.vocabulary);
  const [input] = graph.inputs;
  if (words === undefined || input === undefined) return undefined;
  const tokeniser = tokeniserOf({ tokeniser: graph.metadata.get(STATIC_TABLE_NAMES.tokeniser), vocabulary: utf8(words) });
  if (tokeniser === undefined) return undefined;
  return (text) => {
    const ids = BigInt64Array.from(tokeniser.tokenise(text).ids, BigInt);
    // The graph takes at least one token: the unknown one, whose row is zero.
    const padded = ids.length === 0 ? BigInt64Array.of(0n) : ids;
    return { [input]: tensorOf(DATA_TYPE.int64, [1, padded.length], padded) };
  };
}

/** Texts that are too long are cut. */
function tokenInputs(folder: ModelFolder): FeedsOfText {
  const { inputs } = folder.graph;
  const tokenised = inputs.every((name) => TOKEN_INPUTS.includes(name)) ? tokenisedFolder(folder) : undefined;
  if (tokenised === undefined || tokenised.reading.task === 'graph') return undefined;
  const { files, reading } = tokenised;
  const opened = TextTokeniser.ofFile(must(files.get(TOKENISER_FILE), 'a tokenised folder has it'), files.get(TOKENISER_CONFIG_FILE), []);
  if (!opened.ok) throw new UnusableInput(messageOf(opened.error));
  return (text) => {
    const encoded = opened.value.encode(text, undefined, { tokensMax: reading.tokensMax, isTruncating: true, at: [] });
    if (!encoded.ok) throw new UnusableInput(messageOf(encoded.error));
    const { ids, types } = encoded.value;
    const values: Readonly<Record<string, readonly number[]>> = {
      input_ids: ids,
      attention_mask: ids.map(() => 1),
      token_type_ids: types,
      position_ids: ids.map((_, at) => at),
    };
    return Object.fromEntries(
      inputs.map((name) => [name, tensorOf(DATA_TYPE.int64, [1, ids.length], BigInt64Array.from(values[name] ?? [], BigInt))]),
    );
  };
}

/** A folder with a tokeniser file: how its model is used, and the small files that say so. */
export interface TokenisedFolder {
  readonly reading: ModelReading;
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/** Undefined: the folder has no tokeniser file. Throws where the folder says nothing that is served. */
export function tokenisedFolder(folder: ModelFolder): TokenisedFolder | undefined {
  const { root, graphPath, others } = folder;
  if (!others.includes(TOKENISER_FILE)) return undefined;
  const wanted = others.filter((path) => path === TOKENISER_FILE || path === TOKENISER_CONFIG_FILE || isFolderConfig(path));
  const files = new Map(wanted.map((path) => [path, new Uint8Array(readFileSync(join(root, path)))]));
  if (folder.reading !== undefined) return { reading: folder.reading, files };
  const part = readModelFolder(new Map<string, Uint8Array | undefined>([...files, [graphPath, undefined]]), { graph: graphPath }, []);
  if (!part.ok) throw new UnusableInput(`${root}: ${messageOf(part.error)}.`);
  return { reading: { ...part.value, externalData: [] }, files };
}
