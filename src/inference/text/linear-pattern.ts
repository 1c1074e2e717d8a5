/** The patterns of well-known byte-pair tokenisers, each of which takes time linear in its text, although their form does not show it. */
const KNOWN = new Set([
  // cl100k, Llama 3.
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  // Qwen 2.
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
]);

const PATTERN_CHARS_MAX = 512;

/** A class of characters, an escape of one, or one that stands for itself. */
const ATOM = /^(?:\[\^?(?:\\[\s\S]|[^[\]\\])+\]|\\[pP]\{[A-Za-z_=]+\}|\\[^0-9pPkGbBAzZ]|\.|[^\\()[\]{}|*+?])/u;
const BOUNDED = /^(?:\?|\{(\d{1,2})(?:,(\d{1,2}))?\})/;
const UNBOUNDED = /^(?:[*+]|\{\d{1,2},\})/;
/** Nothing of one character follows, or one does. */
const LOOK = /^\(\?[!=](?:\[\^?(?:\\[^0-9]|[^[\]\\])+\]|\\[sSwWdD]|\\[pP]\{[A-Za-z_=]+\}|[^\\()[\]{}|*+?])\)/u;
const REPEATS_MAX = 16;

/**
 * Whether matching a pattern of a `tokenizer.json` takes time at most quadratic in the text, whatever the text: alternatives of single
 * characters in a row, of which one at most repeats without a bound. Patterns with groups, references or nested repetitions can take
 * exponential time and are refused, but for known ones. [M57]
 */
export function isBoundedPattern(source: string): boolean {
  if (KNOWN.has(source)) return true;
  if (source.length > PATTERN_CHARS_MAX) return false;
  let unbounded = 0;
  for (let rest = source; rest !== '';) {
    if (rest.startsWith('|')) {
      unbounded = 0;
      rest = rest.slice(1);
      continue;
    }
    const look = LOOK.exec(rest);
    if (look !== null) {
      rest = rest.slice(look[0].length);
      continue;
    }
    const atom = ATOM.exec(rest);
    if (atom === null) return false;
    rest = rest.slice(atom[0].length);
    const open = UNBOUNDED.exec(rest);
    if (open !== null) {
      unbounded += 1;
      if (unbounded > 1) return false;
    }
    const repeat = open ?? BOUNDED.exec(rest);
    if (repeat === null) continue;
    if (Number(repeat[2] ?? repeat[1] ?? 0) > REPEATS_MAX) return false;
    rest = rest.slice(repeat[0].length);
    // A second quantifier repeats the first one, or makes it lazy: neither is in real patterns.
    if (/^[*+?{]/.test(rest)) return false;
  }
  return true;
}
