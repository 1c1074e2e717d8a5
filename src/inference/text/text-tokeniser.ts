import type { FieldPath } from '../../contract/api/field-path.ts';
import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import { compileTokeniser } from './compile-tokeniser.ts';
import type { CompactForm } from './compact-form.ts';
import type { JsonRecord } from './config-json.ts';
import { readConfigJson } from './config-json.ts';
import { DoubleArray } from './pieces/double-array.ts';
import type { PieceModel } from './pieces/piece-model.ts';
import { pieceBytes } from './pieces/piece-model.ts';
import { pieceModelOf } from './pieces/piece-model-of.ts';
import { AddedTokens } from './steps/added-tokens.ts';
import { normaliserOf } from './steps/normaliser.ts';
import type { TemplateItem, Templates } from './steps/special-tokens.ts';
import { templatesOf } from './steps/special-tokens.ts';
import type { SplitText } from './steps/splitter.ts';
import { splitterOf } from './steps/splitter.ts';

/** What a graph reads of a text, or of two in a row. */
export interface TokenRow {
  readonly ids: readonly number[];
  /** Zero for the first text, one for the second. */
  readonly types: readonly number[];
}

export interface TokenisedText extends TokenRow {
  /** Tokens that were cut off: of a text of which only the beginning was read, at least so many. Zero: it is whole. [M155] */
  readonly cutTokens: number;
}

export interface EncodeOptions {
  readonly tokensMax: number;
  /** Cuts what is too long at its end, before the special tokens; of two texts, the second: where nothing of it would stay, they are refused. */
  readonly isTruncating: boolean;
  readonly at: FieldPath;
}

interface TokeniserParts {
  readonly added: AddedTokens;
  readonly split: SplitText;
  readonly pieces: PieceModel;
  readonly templates: Templates;
  readonly padId: number;
}

/** Texts to tokens as the `tokenizer.json` of a model says, special tokens included: the ids of the reference library, `tokenizers`. [M151] */
export class TextTokeniser {
  readonly #parts: TokeniserParts;

  private constructor(parts: TokeniserParts) {
    this.#parts = parts;
  }

  /** For padding, which no answer depends on. */
  get padId(): number {
    return this.#parts.padId;
  }

  /** Of a form that `compileTokeniser` has made. `at`: where the model's files stand in the request. Refuses steps that cannot be used. [M57] */
  static open({ json, units, scores, merges }: CompactForm, configJson: Uint8Array | undefined, at: FieldPath): Outcome<TextTokeniser> {
    const place = [...at, 'tokenizer.json'];
    const config = configJson === undefined ? ok<JsonRecord>({}) : readConfigJson(configJson, [...at, 'tokenizer_config.json']);
    if (!config.ok) return config;
    const normalise = normaliserOf(json['normalizer'], [...place, 'normalizer']);
    if (!normalise.ok) return normalise;
    const split = splitterOf(json['pre_tokenizer'], [...place, 'pre_tokenizer']);
    if (!split.ok) return split;
    const templates = templatesOf(json['post_processor'], [...place, 'post_processor']);
    if (!templates.ok) return templates;
    const trie = new DoubleArray(units);
    const pieces = pieceModelOf(json['model'] as JsonRecord, { trie, scores, merges }, [...place, 'model']);
    if (!pieces.ok) return pieces;
    const idOf = (token: string): number | undefined => {
      const id = trie.get(pieceBytes(token));
      return id < 0 ? undefined : id;
    };
    const pad = config.value['pad_token'];
    const padId = idOf(typeof pad === 'string' ? pad : '[PAD]') ?? 0;
    const added = new AddedTokens(json['added_tokens'], normalise.value, idOf);
    return ok(new TextTokeniser({ added, split: split.value, pieces: pieces.value, templates: templates.value, padId }));
  }

  /** Compiles and opens a file at once, for callers that nothing else waits for. */
  static ofFile(tokenizerJson: Uint8Array, configJson: Uint8Array | undefined, at: FieldPath): Outcome<TextTokeniser> {
    const compiling = compileTokeniser(tokenizerJson, [...at, 'tokenizer.json']);
    for (let step = compiling.next(); ; step = compiling.next())
      if (step.done === true) return step.value.ok ? TextTokeniser.open(step.value.value, configJson, at) : step.value;
  }

  /** A text, or a pair of texts, as one row of a graph's input. Refuses, or cuts, what has more tokens than the model takes. */
  encode(text: string, second: string | undefined, { tokensMax, isTruncating, at }: EncodeOptions): Outcome<TokenisedText> {
    const charsMax = tokensMax * MODEL_LIMITS.modelCharsPerToken;
    const chars = text.length + (second?.length ?? 0);
    if (chars > charsMax && !isTruncating)
      return refuseBeyond({ path: at, limit: { bound: charsMax }, value: chars, what: `has ${chars} characters` });
    // Read once, or where that was too little as much as is read at all.
    for (let readMax = charsMax; ; readMax = Math.max(charsMax, MODEL_LIMITS.modelCutCharsMax)) {
      const read = this.#read(second === undefined ? [text] : [text, second], readMax);
      if (read === undefined) return refuse('invalid_value', 'holds a character that the vocabulary of the model has no token for', at);
      const isSure = read.isWhole || (read.isBetweenWords && read.tokens >= tokensMax);
      if (isSure || readMax >= MODEL_LIMITS.modelCutCharsMax) return shortened(read, { tokensMax, isTruncating, at });
    }
  }

  /** The tokens of the first characters of a text, or of two. Undefined: there is one that the vocabulary has no token for. */
  #read(texts: readonly string[], charsMax: number): ReadTexts | undefined {
    let left = charsMax;
    const heads = texts.map((text) => {
      const own = head(text, left);
      left -= text.length;
      return own;
    });
    const contents: number[][] = [];
    for (const content of heads) {
      const ids: number[] = [];
      if (!this.#encode(content, ids)) return undefined;
      contents.push(ids);
    }
    const { single, pair } = this.#parts.templates;
    const template = texts.length === 1 ? single : pair;
    return {
      template,
      contents,
      tokens: tokensIn(template, contents),
      isWhole: left >= 0,
      isBetweenWords: heads.every((read, i) => /^(\s|$)/.test(texts[i]?.slice(read.length, read.length + 1) ?? '')),
    };
  }

  /** Appends the tokens of a text without those around it; false: it has a character that there is none for. */
  #encode(text: string, ids: number[]): boolean {
    const { added, split, pieces } = this.#parts;
    for (const section of added.sectionsOf(text)) {
      if (section.id === undefined) {
        for (const word of split([section])) if (!pieces.encode(word.text, ids)) return false;
      } else ids.push(section.id);
    }
    return true;
  }
}

/** Longer words are no words: WordPiece, too, reads those of up to 100 characters. */
const WORD_CHARS_MAX = 100;

/** What was read of a text, or of two, as their template takes it. */
interface ReadTexts {
  readonly template: readonly TemplateItem[];
  readonly contents: readonly (readonly number[])[];
  /** Those of the template, too. */
  readonly tokens: number;
  /** Whether that is all of them. */
  readonly isWhole: boolean;
  /** Whether they go on with a blank: a word whose end was not read may become something else with it, from its beginning on. */
  readonly isBetweenWords: boolean;
}

/** As many tokens as the model takes, if the rest may be cut off. */
function shortened(
  { template, contents, tokens, isWhole }: ReadTexts,
  { tokensMax, isTruncating, at }: EncodeOptions,
): Outcome<TokenisedText> {
  const excess = Math.max(0, tokens - tokensMax);
  const refuseTokens = (what: string) => refuseBeyond({ path: at, limit: { bound: tokensMax }, value: tokens, what });
  if (excess > 0 && !isTruncating) return refuseTokens(`has ${tokens} tokens`);
  const [, ofSecond] = contents;
  if (ofSecond !== undefined && excess > 0 && excess >= ofSecond.length)
    return refuseTokens(`has ${tokens} tokens, too many of them in the first text of its pair`);
  // Of what was not read nothing is known but that there was some.
  const cutTokens = isWhole ? excess : Math.max(1, excess);
  return ok({ ...filled(template, cut(contents, excess), tokensMax), cutTokens });
}

/** The first characters of a text, none of them halved; without the beginning of a word that goes on, unless that is longer than words are. */
function head(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text;
  const first = text.slice(0, Math.max(0, charsMax));
  for (let end = first.length; end > 0 && end >= first.length - WORD_CHARS_MAX; end -= 1)
    if (/\s/.test(text.charAt(end))) return first.slice(0, end);
  return /[\ud800-\udbff]$/.test(first) ? first.slice(0, -1) : first;
}

const tokensIn = (template: readonly TemplateItem[], contents: readonly (readonly number[])[]): number =>
  template.reduce((sum, item) => sum + ('ids' in item ? item.ids.length : (contents[item.text]?.length ?? 0)), 0);

/** Without so many tokens at the end of the last text, and of the one before if that is not enough. */
function cut(contents: readonly (readonly number[])[], count: number): (readonly number[])[] {
  let left = count;
  const kept = contents.toReversed().map((ids) => {
    const fewer = Math.min(left, ids.length);
    left -= fewer;
    return fewer === 0 ? ids : ids.slice(0, ids.length - fewer);
  });
  return kept.toReversed();
}

/** A template without texts may have more tokens than the model takes, too. */
function filled(template: readonly TemplateItem[], contents: readonly (readonly number[])[], tokensMax: number) {
  const [ids, types]: [number[], number[]] = [[], []];
  for (const item of template) {
    for (const id of 'ids' in item ? item.ids : (contents[item.text] ?? [])) {
      if (ids.length === tokensMax) break;
      ids.push(id);
      types.push(item.type);
    }
  }
  return { ids, types };
}
