import { servedContractHash } from '../../../src/inference/served/contract-hash.ts';
import type { ModelBucket } from '../../../src/inference/served/model-bucket.ts';
import type { ModelReading, ModelRef, ServedFile } from '../../../src/inference/served-manifest.ts';
import { modelFileKey } from '../../../src/inference/served-manifest.ts';
import { sha256Hex, utf8 } from '../../../src/kernel/bytes.ts';
import { bertModel, encodeModel } from './bert-graph.ts';
import type { BertShape, Weights } from './bert-weights.ts';
import { bertWeights, SMALL_BERT } from './bert-weights.ts';

export type Folder = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

const json = (value: unknown): Uint8Array<ArrayBuffer> => new Uint8Array(utf8(JSON.stringify(value)));

const WORDS = 'the a of to and in river lock gate water canal boat opens closes weir bank keeper dawn rain low high flow spills'.split(' ');
const LETTERS = 'abcdefghijklmnopqrstuvwxyz'.split('');

/** `vocab` of a WordPiece tokeniser: special tokens, words, letters. */
export const VOCABULARY: Readonly<Record<string, number>> = Object.fromEntries(
  [...new Set(['[PAD]', '[UNK]', '[CLS]', '[SEP]', ...WORDS, '##s', ...LETTERS])]
    .slice(0, SMALL_BERT.vocabulary)
    .map((token, id) => [token, id]),
);

export const tokenizerJson = () => ({
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]'].map((content, id) => ({ id, content, special: true, normalized: false })),
  normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
  pre_tokenizer: { type: 'BertPreTokenizer' } as object,
  post_processor: {
    type: 'TemplateProcessing',
    single: [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0)],
    pair: [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0), sequence('B', 1), special('[SEP]', 1)],
    special_tokens: { '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] }, '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] } },
  },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: VOCABULARY,
  } as object,
});

const special = (id: string, type: number) => ({ SpecialToken: { id, type_id: type } });
const sequence = (id: string, type: number) => ({ Sequence: { id, type_id: type } });

export interface BertFolder {
  readonly files: Folder;
  readonly shape: BertShape;
  readonly weights: Weights;
}

/** A folder as Hugging Face has it, of a small BERT with weights of a seed. */
export function bertFolder(
  task: 'embedding' | 'cross-encoder' | 'classifier' = 'embedding',
  { seed = 1, pooling = 'mean_tokens', shape: sizes = SMALL_BERT } = {},
): BertFolder {
  const labels = { embedding: undefined, 'cross-encoder': 1, classifier: 3 }[task];
  const shape = labels === undefined ? sizes : { ...sizes, labels };
  const weights = bertWeights(shape, seed);
  const config = {
    architectures: [labels === undefined ? 'BertModel' : 'BertForSequenceClassification'],
    model_type: 'bert',
    hidden_size: shape.hidden,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    intermediate_size: shape.inner,
    max_position_embeddings: shape.positions,
    vocab_size: shape.vocabulary,
    ...(labels === undefined ? {} : { id2label: Object.fromEntries(Array.from({ length: labels }, (_, i) => [i, `label ${i}`])) }),
  };
  const files = new Map<string, Uint8Array<ArrayBuffer>>([
    ['config.json', json(config)],
    ['tokenizer.json', json(tokenizerJson())],
    ['tokenizer_config.json', json({ tokenizer_class: 'BertTokenizer', model_max_length: shape.positions, pad_token: '[PAD]' })],
    ['onnx/model.onnx', encodeModel(bertModel(shape, weights))],
  ]);
  if (labels === undefined) {
    const modules = ['Transformer', 'Pooling', 'Normalize'].map((name, idx) => ({
      idx,
      name: String(idx),
      path: idx === 0 ? '' : `${idx}_${name}`,
      type: `sentence_transformers.models.${name}`,
    }));
    files.set('modules.json', json(modules));
    const modes = ['cls_token', 'mean_tokens', 'max_tokens', 'mean_sqrt_len_tokens', 'lasttoken'];
    const chosen = Object.fromEntries(modes.map((mode) => [`pooling_mode_${mode}`, mode === pooling]));
    files.set('1_Pooling/config.json', json({ word_embedding_dimension: shape.hidden, ...chosen }));
    files.set('sentence_bert_config.json', json({ max_seq_length: 32, do_lower_case: false }));
    const prompts = { query: 'the ', passage: 'of ' };
    files.set('config_sentence_transformers.json', json({ prompts, default_prompt_name: null }));
  }
  return { files, shape, weights };
}

export const servedFiles = (folder: Folder): Promise<ServedFile[]> =>
  Promise.all([...folder].map(async ([path, bytes]) => ({ path, bytes: bytes.length, sha256: await sha256Hex(bytes) })));

export async function modelRef(folder: Folder, reading: ModelReading, owner = 'tenant'): Promise<ModelRef> {
  const files = await servedFiles(folder);
  const contractHash = await servedContractHash(reading, files);
  return { owner, model: 'test', version: '1', manifest: { ...reading, files, contractHash } };
}

/** A bucket in memory, with the files of folders. */
export class MemoryBucket implements ModelBucket {
  readonly files = new Map<string, Uint8Array<ArrayBuffer>>();
  reads = 0;

  async put(folder: Folder, owner = 'tenant'): Promise<void> {
    for (const bytes of folder.values()) this.files.set(modelFileKey(owner, await sha256Hex(bytes)), bytes);
  }

  read(key: string, bytes: number): Promise<Uint8Array<ArrayBuffer> | 'absent' | 'other-length'> {
    this.reads += 1;
    const found = this.files.get(key);
    return Promise.resolve(found === undefined ? 'absent' : found.length === bytes ? found : 'other-length');
  }
}
