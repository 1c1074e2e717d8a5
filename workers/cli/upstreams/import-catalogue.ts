import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';

import { catalogueText, importedCatalogue } from './imported-catalogue.ts';

// Makes price-catalogue.json of LiteLLM's file of prices (docs/contributing.md): node workers/cli/upstreams/import-catalogue.ts WHEEL AS_OF

const [wheel = '', asOf = ''] = process.argv.slice(2);
const [, version] = /^litellm-([\d.]+)-.*\.whl$/.exec(basename(wheel)) ?? [];
if (version === undefined || !/^\d{4}-\d\d-\d\d$/.test(asOf)) {
  console.error('usage: import-catalogue.ts litellm-VERSION-....whl 2026-11-20 (the day on which that version was published)');
  process.exit(2);
}
const inWheel = (file: string): string => execFileSync('unzip', ['-p', wheel, file], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
const catalogue = importedCatalogue(inWheel('litellm/model_prices_and_context_window_backup.json'), {
  source: `LiteLLM ${version}`,
  address: 'https://github.com/BerriAI/litellm, model_prices_and_context_window_backup.json',
  licence: 'MIT: price-catalogue.licence.txt',
  as_of: asOf,
});
const file = new URL('price-catalogue.json', import.meta.url);
writeFileSync(file, catalogueText(catalogue));
writeFileSync(new URL('price-catalogue.licence.txt', import.meta.url), inWheel(`litellm-${version}.dist-info/licenses/LICENSE`));
const models = Object.values(catalogue.providers).map((of) => Object.keys(of).length);
console.log(`${models.reduce((sum, count) => sum + count, 0)} models of ${models.length} providers, ${readFileSync(file).length} bytes`);
