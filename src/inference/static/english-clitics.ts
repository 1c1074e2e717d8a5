const APOSTROPHE = 39;
const LOWER_N = 110;
const LOWER_T = 116;
/** Sets the bit by which ASCII letters in lower case differ from capitals. */
const lowerCase = (unit: number): number => unit | 32;

/** English clitics: GloVe's corpus was split before them, so `dog's` is `dog` + `'s` and `don't` is `do` + `n't`. */
const CLITIC_LETTERS_MAX = 2;
const CLITICS = new Set(['s', 't', 'm', 'd', 're', 've', 'll']);

/** End of the clitic whose apostrophe is at `at`, or `at` when there is none. */
export function endOfClitic(text: string, at: number, isWordAt: (text: string, at: number) => boolean): number {
  if (text.charCodeAt(at) !== APOSTROPHE) return at;
  let end = at + 1;
  while (end - at <= CLITIC_LETTERS_MAX && isWordAt(text, end)) end++;
  if (isWordAt(text, end)) return at;
  return CLITICS.has(text.slice(at + 1, end).toLowerCase()) ? end : at;
}

/** Whether `text[from .. at)` and the clitic behind it are a negation such as `don't`, whose `n` belongs to the clitic. */
export function isNegation(text: string, from: number, at: number, cliticEnd: number): boolean {
  const isT = cliticEnd === at + 2 && lowerCase(text.charCodeAt(at + 1)) === LOWER_T;
  return isT && lowerCase(text.charCodeAt(at - 1)) === LOWER_N && at - from > 1;
}
