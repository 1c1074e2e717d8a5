import { DatabaseSync } from 'node:sqlite';

import MiniSearch from 'minisearch';

import { STEMMERS } from '../../../src/text/analysis/stemmers.ts';
import { stopWordsOf } from '../../../src/text/analysis/stop-words.ts';
import { requirePeer } from '../ann/peer.ts';
import type { TextContender } from './text-contender.ts';
import { inProcess, NEAREST } from './text-contender.ts';

/** Of every contender: those of Sluice's English. */
export const STOP_WORDS: ReadonlySet<string> = new Set(stopWordsOf('english'));
const stem = STEMMERS.english;

const wordsOf = (query: string): string[] => (query.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).filter((word) => !STOP_WORDS.has(word));

/** SQLite's full-text index without a copy of the texts; its stemmer is Porter's first, as Sluice's. */
export const fts5: TextContender = inProcess('FTS5', (texts) => {
  const database = new DatabaseSync(':memory:');
  database.exec("CREATE VIRTUAL TABLE texts USING fts5(text, content = '', tokenize = 'porter unicode61')");
  const insert = database.prepare('INSERT INTO texts (rowid, text) VALUES (?, ?)');
  database.exec('BEGIN');
  texts.forEach((text, at) => insert.run(at + 1, text));
  database.exec("COMMIT; INSERT INTO texts (texts) VALUES ('optimize')");
  const search = database.prepare(`SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rank LIMIT ${NEAREST}`);
  return (query) => {
    const any = wordsOf(query).map((word) => `"${word}"`);
    return any.length === 0 ? [] : search.all(any.join(' OR ')).map(({ rowid }) => Number(rowid) - 1);
  };
});

/** Given Sluice's stemmer and stop words. */
export const miniSearch: TextContender = inProcess('MiniSearch', (texts) => {
  const index = new MiniSearch({
    fields: ['text'],
    processTerm: (term) => {
      const word = term.toLowerCase();
      return STOP_WORDS.has(word) ? null : stem(word);
    },
    searchOptions: { bm25: { k: 1.2, b: 0.75, d: 0 } },
  });
  index.addAll(texts.map((text, id) => ({ id, text })));
  return (query) =>
    index
      .search(query)
      .slice(0, NEAREST)
      .map(({ id }) => Number(id));
});

interface Orama {
  create(options: object): object;
  insertMultiple(index: object, documents: readonly object[]): unknown;
  search(index: object, query: object): { readonly hits: readonly { readonly id: string }[] };
}

/** What Orama's index of more texts takes does not fit a process. */
const ORAMA_TEXTS_MAX = 100_000;

/** Given Sluice's stemmer and stop words. It matches prefixes of words, too: its mode without them finds whole texts only. */
export const orama: TextContender = inProcess('Orama', (texts) => {
  if (texts.length > ORAMA_TEXTS_MAX) return `not tried with more than ${ORAMA_TEXTS_MAX} texts`;
  let library: Orama;
  try {
    library = requirePeer('@orama/orama') as Orama;
  } catch {
    return 'not installed: --peers';
  }
  const index = library.create({
    schema: { text: 'string' },
    components: { tokenizer: { stemming: true, stemmer: stem, language: 'english', stopWords: [...STOP_WORDS] } },
  });
  library.insertMultiple(
    index,
    texts.map((text, at) => ({ id: String(at), text })),
  );
  return (query) =>
    library
      .search(index, { term: query, limit: NEAREST, threshold: 1, relevance: { k: 1.2, b: 0.75, d: 0.5 } })
      .hits.map(({ id }) => Number(id));
});
