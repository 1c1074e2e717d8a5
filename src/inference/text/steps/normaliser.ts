import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { ok } from '../../../kernel/result.ts';
import type { JsonRecord } from '../config-json.ts';
import { isRecord, textIn } from '../config-json.ts';
import { PrecompiledMap } from './precompiled-map.ts';
import { literalPattern, stepPattern } from './step-pattern.ts';
import { DROPPED, IDEOGRAPH, MARK, NONSPACING_MARK, SPACE } from './unicode-classes.ts';

/** Makes one text of the many that mean the same to a model. */
export type Normalise = (text: string) => string;

const unchanged: Normalise = (text) => text;

/** The field `normalizer` of a `tokenizer.json`, whose steps have passed `checkTokeniser`. Refuses a pattern or a map that cannot be used. */
export function normaliserOf(step: unknown, at: FieldPath): Outcome<Normalise> {
  if (!isRecord(step)) return ok(unchanged);
  switch (step['type']) {
    case 'Sequence':
      return inSequence(step['normalizers'], at);
    case 'BertNormalizer':
      return ok(bertNormaliser(step));
    case 'Lowercase':
      return ok(lowerCase);
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD': {
      const form = step['type'];
      return ok((text) => text.normalize(form));
    }
    case 'Precompiled': {
      const map = PrecompiledMap.open(step['precompiled_charsmap'], [...at, 'precompiled_charsmap']);
      return map.ok ? ok((text) => map.value.normalise(text)) : map;
    }
    case 'Prepend': {
      const front = String(step['prepend']);
      return ok((text) => (text === '' ? text : front + text));
    }
    case 'Replace':
      return replacer(step, at);
    case 'Strip':
      return ok(stripper(step));
    default:
      return ok((text) => text.replace(MARKS, ''));
  }
}

function inSequence(steps: unknown, at: FieldPath): Outcome<Normalise> {
  const all: Normalise[] = [];
  for (const [i, step] of (Array.isArray(steps) ? (steps as unknown[]) : []).entries()) {
    const normalise = normaliserOf(step, [...at, 'normalizers', i]);
    if (!normalise.ok) return normalise;
    all.push(normalise.value);
  }
  return ok((text) => all.reduce((normal, normalise) => normalise(normal), text));
}

const [MARKS, NONSPACING_MARKS] = [new RegExp(MARK, 'gu'), new RegExp(NONSPACING_MARK, 'gu')];
const [DROPPED_CHARS, SPACES, IDEOGRAPHS] = [new RegExp(DROPPED, 'gu'), new RegExp(SPACE, 'gu'), new RegExp(IDEOGRAPH, 'gu')];

function bertNormaliser(step: JsonRecord): Normalise {
  const lowers = (step['lowercase'] ?? true) === true;
  const strips = (step['strip_accents'] ?? lowers) === true;
  const [cleans, separates] = [(step['clean_text'] ?? true) === true, (step['handle_chinese_chars'] ?? true) === true];
  return (text) => {
    let normal = cleans ? text.replace(DROPPED_CHARS, '').replace(SPACES, ' ') : text;
    if (separates) normal = normal.replace(IDEOGRAPHS, ' $& ');
    if (strips) normal = normal.normalize('NFD').replace(NONSPACING_MARKS, '');
    return lowers ? lowerCase(normal) : normal;
  };
}

/** Character by character: JavaScript alone writes the sigma at the end of a word in another way. */
const lowerCase: Normalise = (text) => text.replaceAll('Σ', 'σ').toLowerCase();

function stripper(step: JsonRecord): Normalise {
  const left = (step['strip_left'] ?? true) === true ? `^${SPACE}+` : undefined;
  const right = (step['strip_right'] ?? true) === true ? `(?<!${SPACE})${SPACE}+$` : undefined;
  const ends = [left, right].filter((end) => end !== undefined);
  if (ends.length === 0) return unchanged;
  const pattern = new RegExp(ends.join('|'), 'gu');
  return (text) => text.replace(pattern, '');
}

function replacer(step: JsonRecord, at: FieldPath): Outcome<Normalise> {
  const pattern = patternOf(step['pattern'], at);
  if (!pattern.ok) return pattern;
  const content = textIn(step, 'content', '');
  return ok((text) => text.replace(pattern.value, () => content));
}

/** `{ "String": … }` or `{ "Regex": … }`. */
export function patternOf(pattern: unknown, at: FieldPath): Outcome<RegExp> {
  const { String: literal, Regex: regex } = isRecord(pattern) ? pattern : {};
  const found = typeof regex === 'string' ? stepPattern(regex) : literalPattern(String(literal));
  return found === undefined ? refuse('invalid_value', 'is a pattern that is not known here', [...at, 'pattern']) : ok(found);
}
