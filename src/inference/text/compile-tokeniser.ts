import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import { ok } from '../../kernel/result.ts';
import { checkTokeniser } from './check-tokeniser.ts';
import type { CompactForm } from './compact-form.ts';
import { compactBytesOf } from './compact-form.ts';
import type { JsonRecord } from './config-json.ts';
import { readConfigJson, textIn } from './config-json.ts';
import { buildDoubleArray } from './pieces/build-double-array.ts';
import { DoubleArray } from './pieces/double-array.ts';
import type { JsonSpan } from './pieces/json-spans.ts';
import { membersIn, rootSpan } from './pieces/json-spans.ts';
import type { Merges } from './pieces/read-merges.ts';
import { readMerges } from './pieces/read-merges.ts';
import type { Vocabulary } from './pieces/read-vocabulary.ts';
import { readVocabulary } from './pieces/read-vocabulary.ts';

const NO_MERGES: Merges = {
  starts: new Uint32Array(0),
  seconds: new Uint32Array(0),
  merged: new Uint32Array(0),
  ranks: new Uint32Array(0),
};

/**
 * The compact form of a `tokenizer.json` of up to `tokeniserBytesMax`. The file is never parsed as a whole: its vocabulary is read some thousand entries
 * at a time, so that beside the file no more is in memory than the form and, while it is built, some three times as much. Yields after a few
 * milliseconds of work each, so that a caller can let others run. Refuses what `checkTokeniser` refuses, a vocabulary that is none, and one whose form
 * would be larger than `tokeniserFormBytesMax`. [M57] [M150]
 */
export function* compileTokeniser(bytes: Uint8Array, at: FieldPath): Generator<void, Outcome<CompactForm>> {
  if (bytes.length > MODEL_LIMITS.tokeniserBytesMax)
    return refuseBeyond({ path: at, limit: 'tokeniserBytesMax', value: bytes.length, what: `has ${bytes.length} bytes` });
  const parts = yield* partsOf(bytes, at);
  if (!parts.ok) return parts;
  const { json, vocabularySpan, mergesSpan } = parts.value;
  const checked = checkTokeniser(json, at);
  if (!checked.ok) return checked;
  const modelAt = [...at, 'model'];
  const vocabulary = yield* readVocabulary(bytes, vocabularySpan, checked.value === 'Unigram', [...modelAt, 'vocab']);
  if (!vocabulary.ok) return vocabulary;
  const units = yield* buildDoubleArray(vocabulary.value, vocabulary.value.ids);
  if (units === undefined) return tooLarge([...modelAt, 'vocab']);
  const prefix = textIn(json['model'] as JsonRecord, 'continuing_subword_prefix', '');
  const mergesAt = [...modelAt, 'merges'];
  const merges =
    checked.value === 'BPE' ? yield* readMerges(bytes, mergesSpan, { trie: new DoubleArray(units), prefix }, mergesAt) : ok(NO_MERGES);
  if (!merges.ok) return merges;
  const form = { json, units, scores: scoresOf(vocabulary.value), merges: merges.value };
  return compactBytesOf(form) <= MODEL_LIMITS.tokeniserFormBytesMax ? ok(form) : tooLarge(modelAt, compactBytesOf(form));
}

const tooLarge = (path: FieldPath, value?: number) =>
  refuseBeyond({ path, limit: 'tokeniserFormBytesMax', what: 'takes more memory', ...(value === undefined ? {} : { value }) });

interface FileParts {
  /** Without the vocabulary and the merges. */
  readonly json: JsonRecord;
  readonly vocabularySpan: JsonSpan;
  readonly mergesSpan: JsonSpan;
}

const NOTHING: JsonSpan = { from: 0, to: 0 };

function* partsOf(bytes: Uint8Array, at: FieldPath): Generator<void, Outcome<FileParts>> {
  const root = yield* membersIn(bytes, rootSpan(bytes));
  if (root === undefined) return refuse('invalid_value', 'is no JSON object in UTF-8, or has a name twice', at);
  const modelSpan = root.get('model') ?? NOTHING;
  const model = yield* membersIn(bytes, modelSpan);
  if (model === undefined) return refuse('invalid_value', 'is no object, or has a name twice', [...at, 'model']);
  const [vocabularySpan, mergesSpan] = [model.get('vocab') ?? NOTHING, model.get('merges') ?? NOTHING];
  const cut = [vocabularySpan, mergesSpan].filter(({ to }) => to > 0).toSorted((a, b) => a.from - b.from);
  const rest = new Uint8Array(bytes.length - cut.reduce((sum, { from, to }) => sum + to - from, 0) + NULL.length * cut.length);
  let [from, length] = [0, 0];
  const add = (part: Uint8Array): void => {
    rest.set(part, length);
    length += part.length;
  };
  for (const span of cut) {
    add(bytes.subarray(from, span.from));
    add(NULL);
    from = span.to;
  }
  add(bytes.subarray(from));
  const json = readConfigJson(rest, at, 'tokeniserStepsBytesMax');
  return json.ok ? ok({ json: json.value, vocabularySpan, mergesSpan }) : json;
}

const NULL = new TextEncoder().encode('null');

/** In half the memory where that loses nothing: SentencePiece computes with numbers of 32 bits. */
function scoresOf({ scores }: Vocabulary): CompactForm['scores'] {
  const narrow = Float32Array.from(scores);
  return narrow.every((score, i) => score === scores[i]) ? narrow : Float64Array.from(scores);
}
