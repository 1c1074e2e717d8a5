import coverageLibrary from 'istanbul-lib-coverage';
import { relative } from 'node:path';

import type { Collector } from './collection.ts';
import { FactWriter } from './collection.ts';
import { anyJsonOf, inputFiles } from './input-files.ts';

interface Branches {
  readonly missed: number;
  readonly all: number;
}

/** Branches that no test takes, from istanbul's JSON or lcov. A file of several reports counts as the best of them. */
export const coverage: Collector = async (collection) => {
  const inputs = await inputFiles(collection, collection.policy.inputs.coverage);
  const [first] = inputs;
  if (first === undefined) return [];
  const writer = new FactWriter(collection, { tool: 'istanbul-lib-coverage', tool_version: '3.2.2' });
  const known = new Map(collection.sources.files.filter(({ isBeside }) => !isBeside).map((source) => [source.path, source]));
  const best = new Map<string, Branches & { readonly input: (typeof inputs)[number] }>();
  for (const input of inputs) {
    for (const [path, branches] of input.file.endsWith('.json') ? ofIstanbul(anyJsonOf(input)) : ofLcov(input.text)) {
      const file = path.startsWith('/') ? relative(collection.repository.root, path) : path;
      const before = best.get(file);
      if (known.has(file) && (before === undefined || branches.missed < before.missed)) best.set(file, { ...branches, input });
    }
  }
  for (const [file, { missed, all, input }] of best) {
    if (missed > 0) writer.write('missed-branches', file, missed, input, { detail: { branches: all } });
  }
  writer.census('coverage', best.size, first, { reports: inputs.length, files_without: known.size - best.size });
  return writer.facts;
};

function* ofIstanbul(json: unknown): Iterable<readonly [string, Branches]> {
  const map = coverageLibrary.createCoverageMap(json as Parameters<typeof coverageLibrary.createCoverageMap>[0]);
  for (const file of map.files()) {
    const { total, covered } = map.fileCoverageFor(file).toSummary().branches;
    yield [file, { missed: total - covered, all: total }];
  }
}

/** `SF:path`, then `BRDA:line,block,branch,taken` for each branch, then `end_of_record`. */
function* ofLcov(text: string): Iterable<readonly [string, Branches]> {
  let [path, missed, all] = ['', 0, 0];
  for (const line of text.split('\n')) {
    if (line.startsWith('SF:')) [path, missed, all] = [line.slice(3).trim(), 0, 0];
    else if (line.startsWith('BRDA:')) {
      all += 1;
      if (/,(-|0)\s*$/.test(line)) missed += 1;
    } else if (line.startsWith('end_of_record')) yield [path, { missed, all }];
  }
}
