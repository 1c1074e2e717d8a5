import * as z from 'zod';

import type { Collector } from './collection.ts';
import { FactWriter } from './collection.ts';
import { inputFiles, jsonOf } from './input-files.ts';

const named = z.array(z.object({ name: z.string() })).default([]);
/** What `knip --reporter json` prints, as far as it is read. */
const knipReport = z.object({
  issues: z.array(
    z.object({
      file: z.string(),
      files: named,
      exports: named,
      types: named,
      dependencies: named,
      devDependencies: named,
      optionalPeerDependencies: named,
    }),
  ),
});

/** Files, exports and dependencies that nothing uses, by knip's report. It is not run: its configuration is code of the repository. */
export const deadCode: Collector = async (collection) => {
  const { dead_code } = collection.policy.inputs;
  const [input] = dead_code === undefined ? [] : await inputFiles(collection, [dead_code]);
  if (input === undefined) return [];
  const writer = new FactWriter(collection, { tool: 'knip', tool_version: 'json' });
  const { issues } = jsonOf(input, knipReport);
  for (const { file, files, exports, types, dependencies, devDependencies } of issues) {
    if (files.length > 0) writer.write('unused-code', file, 1, input);
    for (const { name } of [...exports, ...types]) writer.write('unused-code', file, 1, input, { symbol: name });
    for (const { name } of [...dependencies, ...devDependencies]) {
      writer.write('unused-dependency', `npm:${name}`, 1, input, { detail: { declared_in: file } });
    }
  }
  writer.census('dead-code', collection.sources.files.length, input);
  return writer.facts;
};
