import type { FieldPath } from '../../contract/api/field-path.ts';
import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import type { JsonRecord } from './config-json.ts';
import { isRecord } from './config-json.ts';
import { isBoundedPattern } from './linear-pattern.ts';
import { isTokenId } from './pieces/read-vocabulary.ts';

/** The steps that may be in a `tokenizer.json`, by the field that they stand in. */
const STEPS = {
  normalizer: 'BertNormalizer Lowercase NFC NFD NFKC NFKD Precompiled Prepend Replace Sequence Strip StripAccents',
  pre_tokenizer: 'BertPreTokenizer ByteLevel Digits Metaspace Punctuation Sequence Split Whitespace WhitespaceSplit',
  post_processor: 'BertProcessing ByteLevel RobertaProcessing Sequence TemplateProcessing',
} as const;

type StepField = keyof typeof STEPS;

/** How the words of a text become pieces. */
export type ModelType = 'WordPiece' | 'BPE' | 'Unigram';

const NESTED: Readonly<Record<StepField, string>> = {
  normalizer: 'normalizers',
  pre_tokenizer: 'pretokenizers',
  post_processor: 'processors',
};

/** What a step may put in front of a text, or a word have before it counts as unknown: real ones have one, and a hundred. */
const PREPENDED_CHARS_MAX = 16;
const WORD_CHARS_MAX = 256;
export const WORD_CHARS_DEFAULT = 100;
/** Two texts, and special tokens before, between and behind them. */
const TEMPLATE_ITEMS_MAX = 16;

/**
 * Whether the steps and the options of a `tokenizer.json`, which is given without its vocabulary, tokenise any text in bounded time and memory: known
 * steps, bounded patterns, no step that makes a text longer by a factor that others multiply. Answers the type of its model. [M57]
 */
export function checkTokeniser(json: JsonRecord, at: FieldPath): Outcome<ModelType> {
  const counted = { steps: 0, byteLevels: 0, maps: 0 };
  for (const field of Object.keys(STEPS) as StepField[]) {
    const checked = checkStep(json[field] ?? null, field, [...at, field], counted);
    if (!checked.ok) return checked;
  }
  const model = checkModel(json['model'], [...at, 'model']);
  if (!model.ok) return model;
  const added = checkAddedTokens(json['added_tokens'] ?? [], [...at, 'added_tokens']);
  return added.ok ? model : added;
}

interface CountedSteps {
  steps: number;
  byteLevels: number;
  maps: number;
}

function checkStep(step: unknown, field: StepField, at: FieldPath, counted: CountedSteps): Outcome<void> {
  if (step === null) return ok(undefined);
  if (!isRecord(step)) return refuse('invalid_value', 'is no object', at);
  counted.steps += 1;
  if (counted.steps > MODEL_LIMITS.tokeniserStepsMaxCount)
    return refuseBeyond({ path: at, limit: 'tokeniserStepsMaxCount', value: counted.steps, what: `is the step ${counted.steps}` });
  const type = step['type'];
  if (typeof type !== 'string' || !STEPS[field].split(' ').includes(type))
    return refuse('invalid_value', `is none of ${STEPS[field]}`, [...at, 'type']);
  if (type === 'Sequence') {
    const list = step[NESTED[field]];
    if (!Array.isArray(list)) return refuse('invalid_value', 'is no list', [...at, NESTED[field]]);
    for (const [i, inner] of list.entries()) {
      const checked = checkStep(inner, field, [...at, NESTED[field], i], counted);
      if (!checked.ok) return checked;
    }
  }
  if (isSecondOfItsKind(type, field, counted)) return refuse('invalid_value', `is the second ${type} step`, at);
  return type === 'TemplateProcessing' ? checkTemplates(step, at) : checkTexts(step, type, at);
}

/** Each ByteLevel would write the bytes of the one before as letters of two bytes: twice as many each time; a map may make a text thirty times as long. */
function isSecondOfItsKind(type: string, field: StepField, counted: CountedSteps): boolean {
  if (field === 'pre_tokenizer' && type === 'ByteLevel') return (counted.byteLevels += 1) > 1;
  return type === 'Precompiled' && (counted.maps += 1) > 1;
}

/** Each template may repeat no text: templates in a sequence would multiply. */
function checkTemplates(step: JsonRecord, at: FieldPath): Outcome<void> {
  for (const name of ['single', 'pair']) {
    const items = step[name];
    if (!Array.isArray(items) || items.length > TEMPLATE_ITEMS_MAX)
      return refuse('invalid_value', `is no list of at most ${TEMPLATE_ITEMS_MAX} items`, [...at, name]);
    const texts = items.flatMap((item: unknown) => (isRecord(item) && isRecord(item['Sequence']) ? [item['Sequence']['id']] : []));
    if (new Set(texts).size < texts.length) return refuse('invalid_value', 'repeats a text', [...at, name]);
  }
  return ok(undefined);
}

/** The texts in a step, by which it could make others longer or take long. */
function checkTexts(step: JsonRecord, type: string, at: FieldPath): Outcome<void> {
  if (type === 'Prepend' && !isText(step['prepend'], PREPENDED_CHARS_MAX))
    return refuse('invalid_value', `is no text of at most ${PREPENDED_CHARS_MAX} characters`, [...at, 'prepend']);
  if (type === 'Metaspace') {
    for (const name of ['replacement', 'str_rep'])
      if (step[name] !== undefined && !isText(step[name], 1)) return refuse('invalid_value', 'is not one character', [...at, name]);
  }
  return type === 'Replace' || type === 'Split' ? checkPattern(step, type, at) : ok(undefined);
}

function checkPattern(step: JsonRecord, type: 'Replace' | 'Split', at: FieldPath): Outcome<void> {
  const pattern = step['pattern'];
  const { String: literal, Regex: regex } = isRecord(pattern) ? pattern : {};
  if (typeof regex === 'string' ? !isBoundedPattern(regex) : typeof literal !== 'string' || literal === '')
    return refuse('invalid_value', 'is no text, and no pattern whose time is bounded: alternatives of characters, one of them repeated', [
      ...at,
      'pattern',
    ]);
  const content = step['content'] ?? '';
  if (type === 'Replace' && !isText(content, typeof regex === 'string' ? 1 : String(literal).length))
    return refuse('invalid_value', 'is longer than what it replaces', [...at, 'content']);
  return ok(undefined);
}

const isText = (value: unknown, charsMax: number): boolean => typeof value === 'string' && value.length <= charsMax;

function checkModel(model: unknown, at: FieldPath): Outcome<ModelType> {
  if (!isRecord(model)) return refuse('invalid_value', 'is no object', at);
  const type = model['type'];
  if (type === 'Unigram') {
    return isTokenId(model['unk_id']) ? ok(type) : refuse('invalid_value', 'is no position in vocab', [...at, 'unk_id']);
  }
  if (type !== 'WordPiece' && type !== 'BPE') return refuse('invalid_value', 'is none of WordPiece, BPE, Unigram', [...at, 'type']);
  const chars = model['max_input_chars_per_word'] ?? WORD_CHARS_DEFAULT;
  if (!Number.isInteger(chars) || Number(chars) < 1 || Number(chars) > WORD_CHARS_MAX)
    return refuse('invalid_value', `is no number from 1 to ${WORD_CHARS_MAX}`, [...at, 'max_input_chars_per_word']);
  for (const name of ['continuing_subword_prefix', 'end_of_word_suffix', 'unk_token'])
    if (!isText(model[name] ?? '', PREPENDED_CHARS_MAX)) return refuse('invalid_value', 'is no short text', [...at, name]);
  if (Number(model['dropout'] ?? 0) !== 0) return refuse('invalid_value', 'makes other tokens each time', [...at, 'dropout']);
  return ok(type);
}

function checkAddedTokens(added: unknown, at: FieldPath): Outcome<void> {
  if (!Array.isArray(added)) return refuse('invalid_value', 'is no list', at);
  if (added.length > MODEL_LIMITS.tokeniserAddedTokensMaxCount)
    return refuseBeyond({ path: at, limit: 'tokeniserAddedTokensMaxCount', value: added.length, what: `has ${added.length} tokens` });
  const wrong = added.findIndex(
    (token: unknown) => !isRecord(token) || !isTokenId(token['id']) || !isText(token['content'], WORD_CHARS_MAX) || token['content'] === '',
  );
  return wrong < 0 ? ok(undefined) : refuse('invalid_value', 'is no token with an id and a content', [...at, wrong]);
}
