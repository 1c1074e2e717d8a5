/** Longer questions have too much in them to be the same by chance of wording; those of several lines may be code. */
const CHARS_MAX = 512;

/** Greetings and thanks before and after a question. They must be set off by a mark: otherwise they may be what is asked about. */
const GREETING = /^(?:(?:hi|hello|hey|so|ok|okay)\s*[,!.]\s*|please,?\s+)+/iu;
const THANKS = /(?<=[,.!?;])\s*(?:(?:please|thanks|thank you|thx)[\s,.!?]*)+$/iu;

/** A first word that begins a question: it is no name, unless it is in capitals (WHO), and what it begins needs no question mark. */
const FIRST_WORD = /^(?:what|where|when|who|whose|which|why|how|is|are|was|were|do|does|did|can|could|will|would|should|may|am)\b/iu;

/** Marks that end a sentence. A mark after a space may be what is asked about, and stays. */
const FINAL_MARKS = /(?<=[\p{L}\p{N}"')])[?.!]+$/u;

/** Contractions that mean one thing only. Negations stay words of their own. */
const CONTRACTIONS: readonly (readonly [RegExp, string])[] = [
  [/\bcan't\b/giu, 'can not'],
  [/\bcannot\b/giu, 'can not'],
  [/\bwon't\b/giu, 'will not'],
  [/\b(is|are|was|were|do|does|did|could|would|should|has|have|had)n't\b/giu, '$1 not'],
  [/\b(what|where|when|who|how)'s\b/giu, '$1 is'],
  [/\bI'm\b/gu, 'I am'],
];

/**
 * A question in one of the forms in which it may be worded: without greetings, thanks, a final mark, differences of spaces and quotes, and
 * contractions. All other words stay, in their order and case, with numbers, names and negations: what has the same form asks the same. [U125]
 */
export function questionForm(text: string): string {
  if (text.length > CHARS_MAX || /[\n`]/.test(text)) return text;
  let form = text.normalize('NFC').replaceAll(/[‘’]/gu, "'").replaceAll(/[“”]/gu, '"').replaceAll(/\s+/gu, ' ').trim();
  for (const [contraction, words] of CONTRACTIONS) form = form.replaceAll(contraction, words);
  const bare = form.replace(GREETING, '').replace(THANKS, '');
  const [first] = FIRST_WORD.exec(bare) ?? [];
  if (first === undefined || (first.length > 1 && first === first.toUpperCase())) return form;
  return (first.toLowerCase() + bare.slice(first.length)).replace(/(?<=[\p{L}\p{N}])[,;]\s*$/u, '').replace(FINAL_MARKS, '');
}
