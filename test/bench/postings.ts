import { loadavg } from 'node:os';
import { DatabaseSync } from 'node:sqlite';

import MiniSearch from 'minisearch';

import { atOnce } from '../../src/kernel/stepped-work.ts';
import { analysisSettings } from '../../src/contract/indexes/analysis.ts';
import { RememberingStorage } from '../../src/kernel/sql/remembering-storage.ts';
import type { Analyser } from '../../src/text/analysis/analyser.ts';
import { analyserOf } from '../../src/text/analysis/analyser.ts';
import { POSTING_TABLES } from '../../src/text/postings/posting-tables.ts';
import { SparseEngine } from '../../src/text/postings/sparse-engine.ts';
import type { SparseQuery } from '../../src/text/postings/sparse-query.ts';
import { compileQuery } from '../../src/text/query/compile-query.ts';
import { NodeSql } from '../support/fakes/node-sql.ts';
import { scifact } from './encoders/collections.ts';
import { termsOf } from '../../src/text/judging/exhaustive-bm25.ts';

const NEAREST = 10;
const PASSES = 3;
const SPACE = { namespace: 0, field: 0 };

/** How long a search for the ten best texts takes, any word of a question ORed, beside MiniSearch and FTS5 of SQLite. */
export async function postingsBench({ data }: { readonly data?: string | undefined }): Promise<void> {
  const collection = scifact(data);
  if (collection === undefined) return console.log('No collection: give its folder by --data DIR.');
  const { documents, queries } = collection;
  const analyser = analyserOf(analysisSettings.parse({ language: 'english' }));
  const { engine, rows } = engineOf(documents, analyser);
  const prepared = queries.map((query) => queryOf(query, engine, analyser));
  const filtered = (share: number): SparseQuery[] => {
    const among = new Set(rows.filter((row) => row % share === 0));
    return prepared.map((query) => ({ ...query, among }));
  };
  const [percent, tenth] = [filtered(100), filtered(10)];
  const mini = new MiniSearch({ fields: ['text'] });
  mini.addAll(documents.map((text, id) => ({ id, text })));
  const fts5 = fts5Of(documents);
  const us = (run: (at: number) => unknown): string => cpuOfQuery(queries.length, run).toFixed(0);
  console.table({
    sluice: { 'us of CPU a query': us((at) => engine.search(prepared[at]!)) },
    'sluice, a filter leaves 1 %': { 'us of CPU a query': us((at) => engine.search(percent[at]!)) },
    'sluice, a filter leaves 10 %': { 'us of CPU a query': us((at) => engine.search(tenth[at]!)) },
    MiniSearch: { 'us of CPU a query': us((at) => mini.search(queries[at]!).slice(0, NEAREST)) },
    FTS5: { 'us of CPU a query': us((at) => fts5(queries[at]!)) },
  });
  console.log(
    `${collection.name}: ${documents.length} texts, ${queries.length} questions; median of ${PASSES} passes; load ${loadavg()[0]?.toFixed(1)}`,
  );
}

function engineOf(texts: readonly string[], analyser: Analyser): { readonly engine: SparseEngine; readonly rows: readonly number[] } {
  const sql = new NodeSql();
  sql.sql.exec(POSTING_TABLES);
  const engine = new SparseEngine(new RememberingStorage(sql), { rowsBehind: () => [] }, 64 * 1024 * 1024);
  const rows = texts.map((text, at) => {
    const frequencies = new Map<string, number>();
    const { words } = analyser.analyse(text, (term) => frequencies.set(term, (frequencies.get(term) ?? 0) + 1));
    const [terms, values] = [[...frequencies.keys()], [...frequencies.values()]];
    const row = at + 1;
    engine.put({ namespace: SPACE.namespace, row, fields: [{ field: SPACE.field, terms, values, length: Math.max(1, words) }] });
    while (engine.sweep());
    return row;
  });
  return { engine, rows };
}

function queryOf(text: string, engine: SparseEngine, analyser: Analyser): SparseQuery {
  const terms = termsOf(compileQuery(text, analyser));
  const counted = engine.documentFrequencies(
    SPACE,
    terms.map(({ term }) => term),
  );
  const frequencies = atOnce(counted);
  const { documents, totalLength } = engine.totals(SPACE);
  const scoring = { kind: 'bm25', k1: 1.2, b: 0.75, averageLength: totalLength / documents } as const;
  const idf = (frequency: number): number => Math.log(1 + (documents - frequency + 0.5) / (frequency + 0.5));
  const clauses = terms.map(({ term, weight }, i) => ({ field: SPACE.field, term, weight: weight * idf(frequencies[i]!), scoring }));
  const { namespace } = SPACE;
  return {
    namespace,
    clauses,
    condition: undefined,
    among: undefined,
    topK: NEAREST,
    orderTies: (tied) => tied.toSorted((a, b) => a - b),
    judge: undefined,
  };
}

function fts5Of(texts: readonly string[]): (query: string) => unknown {
  const database = new DatabaseSync(':memory:');
  database.exec("CREATE VIRTUAL TABLE texts USING fts5(text, tokenize = 'porter unicode61')");
  const insert = database.prepare('INSERT INTO texts (rowid, text) VALUES (?, ?)');
  texts.forEach((text, at) => insert.run(at + 1, text));
  const search = database.prepare(`SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rank LIMIT ${NEAREST}`);
  return (query) => search.all((query.match(/[\p{L}\p{N}]+/gu) ?? []).map((word) => `"${word}"`).join(' OR '));
}

/** In microseconds. */
function cpuOfQuery(count: number, run: (at: number) => unknown): number {
  const passes = Array.from({ length: PASSES }, () => {
    const before = process.cpuUsage();
    for (let at = 0; at < count; at += 1) run(at);
    return process.cpuUsage(before).user / count;
  });
  return passes.sort((a, b) => a - b)[PASSES >> 1]!;
}
