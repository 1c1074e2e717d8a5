import { isRecord } from '../config-json.ts';
import type { Normalise } from './normaliser.ts';
import { SPACE } from './unicode-classes.ts';

/** A token of `added_tokens`, which texts are searched for before they are split. */
interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Found only where no part of a word is beside it. */
  readonly isWord: boolean;
  /** Takes the white space before it, or behind it. */
  readonly takesLeft: boolean;
  readonly takesRight: boolean;
  /** Searched for in the normalised text. */
  readonly isNormalised: boolean;
}

/** A part of a text: one of these tokens, or what is to be split. */
export interface TextSection {
  readonly text: string;
  /** Absent: it is text. */
  readonly id?: number;
  readonly isFirst: boolean;
}

/** Finds the added tokens of a tokenizer in texts, the longest where several begin, and normalises what is between them. */
export class AddedTokens {
  readonly #normalise: Normalise;
  readonly #raw: TokenFinder;
  readonly #normalised: TokenFinder;

  /** `added`: has passed `checkTokeniser`. `idOf`: of a token that the vocabulary has, too. */
  constructor(added: unknown, normalise: Normalise, idOf: (content: string) => number | undefined) {
    const tokens = (Array.isArray(added) ? (added as unknown[]) : []).filter(isRecord).map((token): AddedToken => {
      const content = String(token['content']);
      const isNormalised = token['normalized'] ?? token['special'] !== true;
      return {
        id: idOf(content) ?? Number(token['id']),
        content: isNormalised === true ? normalise(content) : content,
        isWord: token['single_word'] === true,
        takesLeft: token['lstrip'] === true,
        takesRight: token['rstrip'] === true,
        isNormalised: isNormalised === true,
      };
    });
    this.#normalise = normalise;
    this.#raw = new TokenFinder(tokens.filter(({ isNormalised }) => !isNormalised));
    this.#normalised = new TokenFinder(tokens.filter(({ isNormalised }) => isNormalised));
  }

  sectionsOf(text: string): TextSection[] {
    const sections = this.#raw.split({ text, isFirst: true }).flatMap((section) => {
      if (section.id !== undefined) return [section];
      const normal = this.#normalise(section.text);
      return this.#normalised.split({ text: normal, isFirst: section.isFirst });
    });
    return sections.filter((section) => section.text !== '');
  }
}

const ENDS_WITH_WORD = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const BEGINS_WITH_WORD = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const SPACE_BEFORE = new RegExp(`(?<!${SPACE})${SPACE}+$`, 'u');
const SPACE_BEHIND = new RegExp(`^${SPACE}*`, 'u');

class TokenFinder {
  readonly #byContent: ReadonlyMap<string, AddedToken>;
  readonly #pattern: RegExp | undefined;

  constructor(tokens: readonly AddedToken[]) {
    this.#byContent = new Map(tokens.filter(({ content }) => content !== '').map((token) => [token.content, token]));
    const longestFirst = [...this.#byContent.keys()].toSorted((a, b) => b.length - a.length);
    const alternatives = longestFirst.map((content) => content.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`));
    this.#pattern = alternatives.length === 0 ? undefined : new RegExp(alternatives.join('|'), 'gu');
  }

  split(section: TextSection): TextSection[] {
    const { text, isFirst } = section;
    if (this.#pattern === undefined || text === '') return [section];
    const sections: TextSection[] = [];
    let from = 0;
    for (const { 0: match, index } of text.matchAll(this.#pattern)) {
      const token = this.#byContent.get(match);
      const behind = index + match.length;
      if (token === undefined || (token.isWord && !standsAlone(text, index, behind))) continue;
      const start = token.takesLeft ? Math.max(from, index - lengthOf(SPACE_BEFORE, text.slice(from, index))) : index;
      const end = token.takesRight ? behind + lengthOf(SPACE_BEHIND, text.slice(behind)) : behind;
      if (start > from) sections.push({ text: text.slice(from, start), isFirst: isFirst && from === 0 });
      sections.push({ text: text.slice(start, end), id: token.id, isFirst: false });
      from = end;
    }
    if (from === 0) return [section];
    if (from < text.length) sections.push({ text: text.slice(from), isFirst: false });
    return sections;
  }
}

const lengthOf = (pattern: RegExp, text: string): number => pattern.exec(text)?.[0].length ?? 0;

const standsAlone = (text: string, start: number, end: number): boolean =>
  !ENDS_WITH_WORD.test(text.slice(Math.max(0, start - 2), start)) && !BEGINS_WITH_WORD.test(text.slice(end, end + 2));
