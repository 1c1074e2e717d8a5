import { expect, it } from 'vitest';

import type { SqlStorage } from '../../../src/kernel/sql/sql-storage.ts';
import { SqliteDocuments } from '../../../src/documents/store/sqlite-documents.ts';
import { rowIdOf } from '../../../src/documents/store/row-id.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';
import { ASKER, TERMS } from '../../support/worlds/document-world.ts';

/** Chunks of a document whose numbers are their ids. */
const chunks = Array.from({ length: 3 }, (_, position) => ({
  id: String(position).padStart(32, '0'),
  text: 'text',
  position,
  begin: position,
  end: position + 1,
  page: null,
  line: null,
  section: 0,
  tokens: 1,
  headings: [],
  context: [],
}));

it('[DC55] [DC90] rows are looked up by their names, never by reading all rows of a document', () => {
  const plans: string[] = [];
  const { sql, transactionSync } = bound(new NodeSql());
  const storage = {
    transactionSync,
    sql: {
      ...sql,
      exec: (query: string, ...bindings: string[]) => {
        if (query.includes('json_each(?) AS a')) plans.push(planOf(query, bindings));
        return sql.exec(query, ...bindings);
      },
    },
  } as unknown as SqlStorage;
  const planOf = (query: string, bindings: readonly string[]) =>
    sql
      .exec<{ detail: string }>(`EXPLAIN QUERY PLAN ${query}`, ...bindings)
      .toArray()
      .map(({ detail }) => detail)
      .join('; ');
  const store = new SqliteDocuments(storage);
  const source = { file: 'file_1' as never, bytes: 1, sha256: 'x', isOwn: true };
  store.ask({ namespace: '', id: 'd' }, { by: ASKER, terms: TERMS, source }, 0);
  store.begin(1, 0);
  const version = store.find({ namespace: '', id: 'd' })?.next?.number ?? 0;
  store.add(1, version, chunks as never, 1, 0);
  const ids = chunks.map(({ id }) => rowIdOf({ document: 'd', chunk: id, version }));
  store.visible('', ids);
  store.hidden('', ids);
  store.owners('', ids);
  expect(plans).toHaveLength(4);
  for (const plan of plans) {
    expect(plan).toMatch(/^SCAN a/);
    expect(plan).not.toMatch(/; SCAN/);
    if (plan.includes(' r ')) expect(plan).toMatch(/SEARCH r .*\(document=\? AND chunk=\?/);
  }
});

const bound = (storage: NodeSql) => ({ sql: storage.sql, transactionSync: storage.transactionSync.bind(storage) });
