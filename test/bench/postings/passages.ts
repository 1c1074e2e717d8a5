import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { must } from '../../../src/kernel/assert.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { readSynsets } from '../../../workers/builds/wordnet-files.ts';
import { ROOT } from '../../../workers/local/paths.ts';
import type { Collection } from '../encoders/collections.ts';
import { STOP_WORDS } from './libraries.ts';

const PASSAGES = 500_000;
const [PASSAGE_CHARS_MAX, PASSAGE_CHARS_MIN] = [300, 60];
/** What has fewer is data, not text. */
const PASSAGE_WORDS_MIN = 8;
const [QUERIES, QUERY_WORDS] = [300, 4];

/**
 * Half a million passages: the glosses of WordNet, and what the packages in node_modules document and program, by pieces of some lines. A query has
 * four words of one passage, which is to be found.
 */
export async function passages(): Promise<Collection> {
  const found = new Set<string>();
  for (const file of ['data.noun', 'data.verb', 'data.adj', 'data.adv'])
    for (const { lemmas, entry } of await readSynsets(file)) found.add(`${lemmas.join(', ')}: ${entry}`);
  const files: string[] = [];
  for await (const file of glob('node_modules/**/*.{md,ts,mts,cts,js,mjs,cjs}', { cwd: ROOT })) files.push(file);
  // Documentation first, declarations before programs.
  const rankOf = (file: string): number => (file.endsWith('.md') ? 0 : /\.d\.[mc]?ts$/.test(file) ? 1 : 2);
  for (const file of files.toSorted((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1))) {
    if (found.size >= PASSAGES) break;
    for (const passage of pieces(await readFile(join(ROOT, file), 'utf8'))) found.add(passage);
  }
  const documents = [...found].slice(0, PASSAGES);
  return { name: 'Passages of packages', documents, ...knownItems(documents) };
}

function pieces(text: string): string[] {
  const all: string[] = [];
  let piece = '';
  for (const line of text.split('\n')) {
    for (let at = 0; at < Math.max(1, line.length); at += PASSAGE_CHARS_MAX) {
      const part = line.slice(at, at + PASSAGE_CHARS_MAX);
      if (piece.length + part.length > PASSAGE_CHARS_MAX) {
        all.push(piece.trim());
        piece = '';
      }
      piece += `${part}\n`;
    }
  }
  all.push(piece.trim());
  return all.filter((each) => each.length >= PASSAGE_CHARS_MIN && (each.match(/[a-z]{3,}/gi)?.length ?? 0) >= PASSAGE_WORDS_MIN);
}

/** Words of passages drawn at random, each the only answer. */
function knownItems(documents: readonly string[]): Pick<Collection, 'queries' | 'relevance'> {
  const rng = new Seeded(36);
  const draw = <T>(from: readonly T[]): T => must(from[Math.floor(rng.next() * from.length)], 'there is something to draw');
  const queries: string[] = [];
  const relevance: Map<number, number>[] = [];
  while (queries.length < QUERIES) {
    const position = Math.floor(rng.next() * documents.length);
    const words = [...new Set(documents[position]?.toLowerCase().match(/[a-z]{3,}/g))].filter((word) => !STOP_WORDS.has(word));
    if (words.length < QUERY_WORDS) continue;
    const query = new Set<string>();
    while (query.size < QUERY_WORDS) query.add(draw(words));
    queries.push([...query].join(' '));
    relevance.push(new Map([[position, 1]]));
  }
  return { queries, relevance };
}
