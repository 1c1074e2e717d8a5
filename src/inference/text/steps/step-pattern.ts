import { WORD_CHAR } from './unicode-classes.ts';

/** Contractions whatever their case; the long s is an s. */
const CONTRACTIONS = "'(?:[sSſ]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])";
const IGNORING_CASE = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";

/**
 * A pattern of a `tokenizer.json`, which is one of Oniguruma's, as JavaScript's; undefined: it says something that JavaScript has no equal of. The
 * pattern has passed `isBoundedPattern`.
 */
export function stepPattern(source: string): RegExp | undefined {
  try {
    return new RegExp(translated(source), 'gu');
  } catch {
    return undefined;
  }
}

/** A text as a pattern. */
export const literalPattern = (text: string): RegExp => new RegExp(text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`), 'gu');

function translated(source: string): string {
  if (source.startsWith(IGNORING_CASE)) return CONTRACTIONS + translated(source.slice(IGNORING_CASE.length));
  let [isInClass, pattern] = [false, ''];
  for (const [part] of source.matchAll(/\\[pP]\{[^}]*\}|\\[\s\S]|[\s\S]/gu)) {
    pattern += part.length > 1 ? escapeOf(part, isInClass) : charOf(part, isInClass);
    if (part === '[') isInClass = true;
    else if (part === ']') isInClass = false;
  }
  return pattern;
}

function charOf(char: string, isInClass: boolean): string {
  if (isInClass) return char;
  if (char === '.') return String.raw`[^\n]`;
  if (char === '^') return String.raw`(?:(?<![\s\S])|(?<=\n))`;
  return char === '$' ? String.raw`(?:(?=\n)|(?![\s\S]))` : char;
}

/** Escapes that mean other characters than JavaScript's. */
const ESCAPES: Readonly<Record<string, string>> = {
  s: String.raw`\p{White_Space}`,
  S: String.raw`\P{White_Space}`,
  d: String.raw`\p{Nd}`,
  D: String.raw`\P{Nd}`,
  a: String.raw`\x07`,
  e: String.raw`\x1b`,
};
/** Without the joiners, which Oniguruma does not count as part of words. */
const ONIGURUMA_WORD = WORD_CHAR.replace(String.raw`\p{Join_Control}`, '');

function escapeOf(escape: string, isInClass: boolean): string {
  const name = escape[1] ?? '';
  if (name === 'p' || name === 'P') return propertyOf(escape);
  if (name === 'w') return isInClass ? ONIGURUMA_WORD.slice(1, -1) : ONIGURUMA_WORD;
  if (name === 'W' && !isInClass) return `[^${ONIGURUMA_WORD.slice(1)}`;
  if (name === 'h') return isInClass ? '0-9a-fA-F' : '[0-9a-fA-F]';
  const known = ESCAPES[name];
  if (known !== undefined) return known;
  // Those of other letters are the same, or none of JavaScript's, which refuses them; of signs that need none it takes no escape.
  return /[\w$()*+./?[\\\]^{|}]|-/u.test(name) ? escape : name;
}

/** Scripts have their names alone in Oniguruma. */
function propertyOf(escape: string): string {
  const name = escape.slice(3, -1);
  try {
    return new RegExp(escape, 'u').source;
  } catch {
    return `${escape.slice(0, 2)}{Script=${name}}`;
  }
}
