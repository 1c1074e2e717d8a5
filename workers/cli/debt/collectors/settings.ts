import * as z from 'zod';
import { git, GitFailure } from '../repository/git.ts';
import type { Collection, Collector } from './collection.ts';
import { FactWriter, sha256Of } from './collection.ts';
import { anyJsonOf, inputFiles, jsonOf } from './input-files.ts';

const DAY_S = 86_400;

/** Keys of settings that no source file names. */
export const settings: Collector = async (collection) => {
  const inputs = await inputFiles(collection, collection.policy.inputs.settings);
  const [first] = inputs;
  if (first === undefined) return [];
  const writer = new FactWriter(collection, { tool: 'git grep', tool_version: '1' });
  const keys = inputs.map((input) => ({ input, paths: [...keysOf(anyJsonOf(input))] }));
  const named = await namedInSources(collection, new Set(keys.flatMap(({ paths }) => paths.map(lastOf))));
  for (const { input, paths } of keys) {
    for (const path of paths) if (!named.has(lastOf(path))) writer.write('unused-setting', input.file, 1, input, { symbol: path });
  }
  writer.census(
    'settings',
    keys.reduce((sum, { paths }) => sum + paths.length, 0),
    first,
    { files: inputs.length },
  );
  return writer.facts;
};

/** The paths of all keys of a value, such as `cache.ttl_s`; of arrays those of their members. */
function* keysOf(value: unknown, above = ''): Iterable<string> {
  if (Array.isArray(value)) {
    for (const one of value) yield* keysOf(one, above);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, child] of Object.entries(value)) {
      const path = above === '' ? key : `${above}.${key}`;
      const isLeaf = typeof child !== 'object' || child === null;
      if (isLeaf) yield path;
      else yield* keysOf(child, path);
    }
  }
}

const lastOf = (path: string): string => path.split('.').at(-1) ?? path;

/** Which of the words occur in a source file, as whole words. */
async function namedInSources({ repository, sources }: Collection, words: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  if (words.size === 0 || sources.files.length === 0) return new Set();
  const extensions = new Set(sources.files.map(({ path }) => `*.${path.split('.').at(-1)}`));
  const patterns = [...words].flatMap((word) => ['-e', word]);
  const asked = ['grep', '-h', '-o', '-w', '-F', ...patterns, repository.commit, '--', ...extensions];
  const found = await git(repository.root, ...asked).catch((error: unknown) => {
    // Nothing was found.
    if (error instanceof GitFailure && error.status === 1) return '';
    throw error;
  });
  return new Set(found.split('\n'));
}

const flagFile = z.record(z.string(), z.unknown());

/** Flags and experiments, and how long ago each was last changed, by `git blame`. */
export const flags: Collector = async (collection) => {
  const inputs = await inputFiles(collection, collection.policy.inputs.flags);
  const [first] = inputs;
  if (first === undefined || collection.repository.lacksTexts) return [];
  const writer = new FactWriter(collection, { tool: 'git blame', tool_version: '1' });
  let count = 0;
  for (const input of inputs) {
    const changed = await collection.lineTimes.of({ path: input.file, blob: input.sha256 });
    const lines = input.text.split('\n');
    for (const name of Object.keys(jsonOf(input, flagFile))) {
      count += 1;
      const times = rangeOf(lines, name).flatMap((line) => changed.get(line) ?? []);
      if (times.length === 0) continue;
      const days = (collection.repository.committedAtS - Math.max(...times)) / DAY_S;
      writer.write('flag-age', input.file, Math.max(0, days), input, { symbol: name });
    }
  }
  writer.census('flags', count, { file: first.file, sha256: sha256Of(inputs.map(({ sha256 }) => sha256).join('\n')) });
  return writer.facts;
};

/** The lines of a flag: from its key to the line before the next key of the same indent. */
function rangeOf(lines: readonly string[], name: string): number[] {
  const from = lines.findIndex((line) => line.trimStart().startsWith(`${JSON.stringify(name)}:`));
  if (from === -1) return [];
  const indent = /^\s*/.exec(lines[from] ?? '')?.[0] ?? '';
  const next = lines.findIndex(
    (line, i) => i > from && (line.startsWith(`${indent}"`) || (!line.startsWith(indent) && line.trim() !== '')),
  );
  const to = next === -1 ? from + 1 : next;
  return Array.from({ length: to - from }, (_, i) => from + i + 1);
}
