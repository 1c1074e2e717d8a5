import { describe, expect, it } from 'vitest';
import type { FieldMatches, FieldSearch, PostingsQuery, PostingsWork, RowContents, RowSource } from '../../../../src/ann/row-fields.ts';
import { analysisSettings } from '../../../../src/contract/indexes/analysis.ts';
import type { AnalysisSettings } from '../../../../src/contract/indexes/analysis.ts';
import type { IndexFields } from '../../../../src/contract/indexes/index-fields.ts';
import { POSTING_LIMITS } from '../../../../src/contract/indexes/posting-limits.ts';
import { TEXT_LIMITS } from '../../../../src/contract/indexes/text-limits.ts';
import type { TextQuery } from '../../../../src/contract/vectors/text-query.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { atOnce } from '../../../../src/kernel/stepped-work.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { MemoryRegistry } from '../../../../src/kernel/memory-registry.ts';
import { RememberingStorage } from '../../../../src/kernel/sql/remembering-storage.ts';
import { Analysers } from '../../../../src/text/fields/known-fields.ts';
import { SqliteRowFields } from '../../../../src/text/fields/sqlite-row-fields.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';
import { value } from '../../../support/worlds/shard-world.ts';

const textField = (more: Partial<AnalysisSettings> = {}, source: 'field' | 'text' = 'field') =>
  ({ kind: 'text', analysis: analysisSettings.parse({ language: 'none', ...more }), weight: 1, source }) as const;
const FIELDS: IndexFields = {
  title: textField(),
  body: textField({ language: 'english' }),
  own: textField({}, 'text'),
  sparse: { kind: 'sparse', idf: false, model: null },
  rare: { kind: 'sparse', idf: true, model: null },
  tokens: { kind: 'multi_vector', dimensions: 2, model: null },
};

/** Fields over rows in memory; `restart` is what an eviction leaves. */
class FieldsWorld {
  readonly rows = new Map<number, RowContents>();
  readonly ids = new Map<number, string>();
  readonly sql = new NodeSql();
  readonly memory = new MemoryRegistry(1 << 24);
  rowsRead = 0;
  fields: SqliteRowFields;
  storage: RememberingStorage;

  constructor(fields: IndexFields = FIELDS) {
    [this.storage, this.fields] = this.#opened();
    this.storage.transactionSync(() => this.fields.define(fields));
  }

  restart(): void {
    [this.storage, this.fields] = this.#opened();
  }

  /** `id`: one that rises with the row, if it is not given. */
  put(contents: Readonly<Record<string, unknown>>, text: string | null = null, id?: string): number {
    const row = { row: this.rows.size + 1, namespace: 1, contents: JSON.stringify(contents), text };
    this.rows.set(row.row, row);
    this.ids.set(row.row, id ?? `id-${String(row.row).padStart(4, '0')}`);
    this.storage.transactionSync(() => this.fields.put([row]));
    return row.row;
  }

  remove(row: number): void {
    this.rows.delete(row);
    this.storage.transactionSync(() => this.fields.remove([{ row, namespace: 1 }]));
  }

  sweep(): void {
    while (this.fields.sweep());
  }

  found(query: PostingsQuery, topK = 10): readonly number[] {
    return value(this.search({ query, namespace: 1, topK })).rows;
  }

  /** By its own statistics, if none are given. */
  search({
    statistics,
    ...asked
  }: Omit<FieldSearch<PostingsQuery>, 'statistics'> & Partial<Pick<FieldSearch, 'statistics'>>): Outcome<FieldMatches<PostingsWork>> {
    const counted = statistics === undefined ? atOnce(this.fields.statistics(asked)) : ok(statistics);
    return counted.ok ? atOnce(this.fields.search({ ...asked, statistics: counted.value })) : counted;
  }

  #opened(): [RememberingStorage, SqliteRowFields] {
    const storage = new RememberingStorage(this.sql);
    const source: RowSource = {
      contentsBehind: (after, countMax) => {
        const read = [...this.rows.values()].filter(({ row }) => row > after).slice(0, Math.min(countMax, 3));
        this.rowsRead += read.length;
        return read;
      },
      liveRows: () => this.rows,
      contentsOf: (rows) => rows.map((row) => this.rows.get(row)!),
      idsOf: (rows) => [...rows].map((row) => ({ row, id: this.ids.get(row)! })),
    };
    return [storage, new SqliteRowFields(storage, source, new Analysers(), { registry: this.memory, name: 'postings', bytesMax: 1 << 20 })];
  }
}

const inFields = (query: TextQuery, ...names: string[]): PostingsQuery => ({
  kind: 'text',
  query,
  fields: names.map((name) => ({ name, weight: 1 })),
  k1: 1.2,
  b: 0.75,
});

describe('text fields', () => {
  it('[TX150] find rows by the words of each field, analysed as the field is, and by their own text', () => {
    const world = new FieldsWorld();
    world.put({ title: 'Running', body: 'cars were running' });
    world.put({ body: 'car' }, 'own words');
    expect(world.found(inFields('run', 'title'))).toEqual([]);
    expect(world.found(inFields('run', 'body'))).toEqual([1]);
    expect(world.found(inFields('car', 'body'))).toEqual([2, 1]);
    expect(world.found(inFields('words', 'own'))).toEqual([2]);
    expect(world.found(inFields('running', 'title', 'body'))).toEqual([1]);
  });

  it('[TX151] find what was written at once and nothing removed, after memory is lost too', () => {
    const world = new FieldsWorld();
    for (let i = 0; i < 20; i += 1) world.put({ title: `word${i % 5} common` });
    world.remove(3);
    const before = world.found(inFields('word2', 'title'));
    expect(before).toEqual([8, 13, 18]);
    world.restart();
    expect(world.found(inFields('word2', 'title'))).toEqual(before);
    world.sweep();
    world.restart();
    expect(world.found(inFields('word2', 'title'))).toEqual(before);
    expect(value(atOnce(world.fields.statistics({ query: inFields('common', 'title'), namespace: 1 })))).toEqual({
      fields: [{ name: 'title', documents: 19, totalLength: 38 }],
      terms: [{ field: 'title', term: 'common', documents: 19 }],
    });
  });

  it('[TX152] meet a part of a query in any of the fields that are analysed alike', () => {
    const world = new FieldsWorld({ a: textField(), b: textField() });
    world.put({ a: 'red', b: 'fox' });
    world.put({ a: 'red' });
    expect(world.found(inFields({ must: [{ text: 'red' }, { text: 'fox' }] }, 'a', 'b'))).toEqual([1]);
    expect(world.found(inFields({ must: [{ text: 'red' }], must_not: [{ text: 'fox' }] }, 'a', 'b'))).toEqual([2]);
    expect(world.found(inFields({ should: [{ text: 'red' }, { text: 'fox' }], minimum_should_match: 2 }, 'a', 'b'))).toEqual([1]);
  });

  it('[TX152] never score by what must not be there, though a part of it is', () => {
    const world = new FieldsWorld();
    world.put({ title: 'red fox' });
    world.put({ title: 'red hen' });
    const without = { must: [{ text: 'red' }], must_not: [{ text: 'fox den', operator: 'and' as const }] };
    const scores = (query: TextQuery) => value(world.search({ query: inFields(query, 'title'), namespace: 1, topK: 5 })).scores;
    expect(scores(without)).toEqual(scores('red'));
  });

  it('[TX153] match phrases where their words stand in order, and only then count them', () => {
    const world = new FieldsWorld();
    world.put({ title: 'new york times' });
    world.put({ title: 'times in york that is new' });
    expect(world.found(inFields({ phrase: 'new york' }, 'title'))).toEqual([1]);
    expect(world.found(inFields({ phrase: { text: 'york is', slop: 0 } }, 'title'))).toEqual([]);
    expect(world.found(inFields({ phrase: { text: 'york is', slop: 1 } }, 'title'))).toEqual([2]);
    const optional = value(
      world.search({
        query: inFields({ must: [{ text: 'times' }], should: [{ phrase: 'new york' }] }, 'title'),
        namespace: 1,
        topK: 10,
      }),
    );
    expect(optional.rows).toEqual([1, 2]);
    const alone = value(world.search({ query: inFields('times', 'title'), namespace: 1, topK: 10 }));
    expect(optional.scores[1]).toBeCloseTo(alone.scores[alone.rows.indexOf(2)]!, 12);
    world.sweep();
    expect(world.found(inFields({ phrase: 'new york' }, 'title'))).toEqual([1]);
  });

  it('[TX153] a phrase that must not be there shuts out rows that have it, not those with its words', () => {
    const world = new FieldsWorld();
    world.put({ title: 'red fox' });
    world.put({ title: 'fox red' });
    world.put({ title: 'fox and red hen' });
    const must = [{ text: 'fox' }];
    const found = (query: TextQuery) => [...world.found(inFields(query, 'title'))].sort((a, b) => a - b);
    expect(found({ must, must_not: [{ phrase: 'red fox' }] })).toEqual([2, 3]);
    expect(found({ must, must_not: [{ must: [{ text: 'red' }], must_not: [{ phrase: 'red hen' }] }] })).toEqual([3]);
  });

  it('[TX154] find prefixes and fuzzy words as the dictionary has them, the closer the better', () => {
    const world = new FieldsWorld();
    for (const title of ['banana', 'bandana', 'bananas', 'cabana']) world.put({ title });
    world.sweep();
    expect([...world.found(inFields({ prefix: 'bana' }, 'title'))].sort((a, b) => a - b)).toEqual([1, 3]);
    expect(world.found(inFields({ fuzzy: { text: 'banana', distance: 1 } }, 'title'))[0]).toBe(1);
    expect([...world.found(inFields({ fuzzy: { text: 'banana', distance: 1 } }, 'title'))].sort((a, b) => a - b)).toEqual([1, 2, 3]);
  });

  it('[TX154] stand for the most frequent terms where there are too many', () => {
    const world = new FieldsWorld();
    const count = TEXT_LIMITS.expansionsMaxCount;
    for (let i = 0; i <= count; i += 1) world.put({ title: `pre${String(i).padStart(3, '0')}` });
    // The last in order is the only one that two rows have.
    world.put({ title: `pre${String(count).padStart(3, '0')}` });
    const found = world.found(inFields({ prefix: 'pre' }, 'title'), 200);
    expect(found).toHaveLength(count + 1);
    expect(found).toEqual(expect.arrayContaining([count + 1, count + 2]));
  });

  it('[TX154] stand for no term behind the first of a dictionary, which not every shard has counted', () => {
    const world = new FieldsWorld();
    world.put({ title: 'first' });
    world.put({ title: 'prz' });
    const count = TEXT_LIMITS.expansionsReadMaxCount;
    const counted = (term: string, documents: number) => ({ field: 'title', term, documents });
    // What two shards have in sum, the one whose dictionary goes further first.
    const terms = [counted('prz', 9), ...Array.from({ length: count - 1 }, (_, i) => counted(`pre${10_000 + i}`, 1)), counted('pre', 1)];
    const statistics = { fields: [{ name: 'title', documents: 5_000, totalLength: 5_000 }], terms };
    const found = value(world.search({ query: inFields({ prefix: 'pr' }, 'title'), namespace: 1, topK: 5, statistics }));
    expect(found.rows).toEqual([]);
    const fewer = { ...statistics, terms: terms.toSpliced(1, 1) };
    expect(value(world.search({ query: inFields({ prefix: 'pr' }, 'title'), namespace: 1, topK: 5, statistics: fewer })).rows).toEqual([2]);
  });

  it('[TX155] use the statistics that they are given in place of their own', () => {
    const world = new FieldsWorld();
    world.put({ title: 'one rare' });
    world.put({ title: 'one two' });
    const query = inFields('rare two', 'title');
    const given = (rare: number, two: number) => ({
      fields: [{ name: 'title', documents: 1_000, totalLength: 2_000 }],
      terms: [
        { field: 'title', term: 'rare', documents: rare },
        { field: 'title', term: 'two', documents: two },
      ],
    });
    const order = (rare: number, two: number) => value(world.search({ query, namespace: 1, topK: 2, statistics: given(rare, two) })).rows;
    expect(order(1, 900)).toEqual([1, 2]);
    expect(order(900, 1)).toEqual([2, 1]);
  });
});

describe('sparse fields', () => {
  it('[TX156] score by products, and by inverse document frequency where the field says so', () => {
    const world = new FieldsWorld();
    const sparse = (indices: number[], values: number[]) => ({ indices, values });
    world.put({ sparse: sparse([1, 4_294_967_295], [1, 2]), rare: sparse([1, 2], [1, 1]) });
    world.put({ sparse: sparse([1], [3]), rare: sparse([1], [1]) });
    const asked = (field: string, indices: number[], values: number[]): PostingsQuery => ({ kind: 'sparse', field, indices, values });
    const found = value(world.search({ query: asked('sparse', [1, 4_294_967_295], [0.5, 1]), namespace: 1, topK: 5 }));
    expect([found.rows, found.scores]).toEqual([
      [1, 2],
      [2.5, 1.5],
    ]);
    const rare = value(world.search({ query: asked('rare', [1, 2], [1, 1]), namespace: 1, topK: 5 }));
    expect(rare.scores[0]).toBeCloseTo(Math.log(1 + 0.5 / 2.5) + Math.log(1 + 1.5 / 1.5), 12);
  });

  it('[TX156] score a row alike in memory and in a segment, so that ties go by id', () => {
    const world = new FieldsWorld();
    const count = POSTING_LIMITS.memtableRowsMaxCount;
    for (let i = 0; i < count; i += 1) world.put({ sparse: { indices: [7], values: [0.1] } });
    world.sweep();
    for (let i = 0; i < 3; i += 1) world.put({ sparse: { indices: [7], values: [0.1] } });
    const query: PostingsQuery = { kind: 'sparse', field: 'sparse', indices: [7], values: [0.3] };
    const found = value(world.search({ query, namespace: 1, topK: count + 3 }));
    expect(found.rows).toEqual(Array.from({ length: count + 3 }, (_, i) => i + 1));
    expect(new Set(found.scores).size).toBe(1);
  });
});

describe('memory', () => {
  const everyoneElse = { evict: () => Infinity };

  it('[TX51] is given back when others need it, and what it had is found and counted as before', () => {
    const world = new FieldsWorld();
    const count = POSTING_LIMITS.memtableRowsMaxCount;
    for (let i = 0; i < count; i += 1) world.put({ title: `word${i % 7} common` });
    world.sweep();
    // A search for phrases judges such a text in a step.
    const title = `${'x '.repeat(17_000)}word3 later`;
    for (let i = 0; i < 6; i += 1) world.put({ title });
    const query = inFields('word3 later', 'title');
    const asked = { query, namespace: 1, topK: 2 * count };
    const [before, counts] = [value(world.search(asked)), value(atOnce(world.fields.statistics(asked)))];
    expect(world.fields.bytes).toBeGreaterThan(10_000);
    expect(world.memory.bytes).toBe(world.fields.bytes);
    const taken = world.memory.bytesMax - world.fields.bytes;
    world.memory.claim('others', everyoneElse, taken + 1_000);
    expect(world.fields.bytes).toBeGreaterThan(0);
    world.memory.claim('others', everyoneElse, world.memory.bytesMax);
    expect(world.fields.bytes).toBe(0);
    expect(value(world.search(asked))).toEqual(before);
    for (const steps of [1, 2, 5]) {
      const search = world.fields.search({ ...asked, query: inFields({ phrase: 'word3 later' }, 'title'), statistics: counts });
      for (let step = 0; step < steps; step += 1) search.next();
      world.memory.claim('others', everyoneElse, world.memory.bytesMax);
      expect(value(atOnce(search)).rows.length).toBe(6);
    }
    world.put({ title });
    world.memory.claim('others', everyoneElse, world.memory.bytesMax);
    world.remove(count + 1);
    expect(value(atOnce(world.fields.statistics(asked)))).toEqual(counts);
    world.fields.evict();
    expect([world.fields.bytes, world.memory.bytes]).toEqual([0, 0]);
  });
});

describe('building', () => {
  it('[TX157] refuses fields that are new to rows until they are built, and follows writes meanwhile', () => {
    const world = new FieldsWorld({ title: textField() });
    for (let i = 0; i < 10; i += 1) world.put({ title: 'x', body: `number ${i}` });
    world.sweep();
    world.storage.transactionSync(() => world.fields.define(FIELDS));
    expect(world.search({ query: inFields('number', 'body'), namespace: 1, topK: 3 })).toMatchObject({
      error: { code: 'index_growing' },
    });
    world.fields.sweep();
    world.put({ body: 'number 10' });
    world.remove(2);
    world.remove(9);
    world.restart();
    world.sweep();
    expect([...world.found(inFields('number', 'body'), 20)].sort((a, b) => a - b)).toEqual([1, 3, 4, 5, 6, 7, 8, 10, 11]);
    expect(world.fields.isSweepDue).toBe(false);
  });

  it('[TX157] reads no more after a restart than was built', () => {
    const world = new FieldsWorld({ title: textField() });
    for (let i = 0; i < 400; i += 1) world.put({ title: 'x', body: 'word' });
    world.storage.transactionSync(() => world.fields.define(FIELDS));
    world.fields.sweep();
    world.restart();
    world.rowsRead = 0;
    world.fields.sweep();
    expect(world.rowsRead).toBeLessThan(40);
    world.sweep();
    expect(value(atOnce(world.fields.statistics({ query: inFields('word', 'body'), namespace: 1 }))).terms).toMatchObject([
      { documents: 400 },
    ]);
  });

  it('[TX158] builds rows anew whose field was analysed by other rules', () => {
    const world = new FieldsWorld({ title: textField() });
    // So many that segments have them.
    for (let i = 0; i <= POSTING_LIMITS.memtableRowsMaxCount; i += 1) world.put({ title: 'running' });
    world.sweep();
    // As if the rules of analysis had no stems when the row was written.
    world.sql.sql.exec('UPDATE indexed_fields SET fields = ?', JSON.stringify({ title: textField({ language: 'english' }) }));
    world.restart();
    expect(world.search({ query: inFields('runs', 'title'), namespace: 1, topK: 3 })).toMatchObject({
      error: { code: 'index_growing' },
    });
    expect(world.fields.isSweepDue).toBe(true);
    world.sweep();
    expect(world.found(inFields('runs', 'title'), 1)).toEqual([1]);
    expect(value(atOnce(world.fields.statistics({ query: inFields('runs', 'title'), namespace: 1 }))).terms).toMatchObject([
      { documents: POSTING_LIMITS.memtableRowsMaxCount + 1 },
    ]);
  });

  it('[TX158] builds rows anew whose postings are of a version that may be wrong', () => {
    const world = new FieldsWorld({ title: textField() });
    world.put({ title: 'kept' });
    world.sweep();
    // What databases say that are from before postings had a version.
    world.sql.sql.exec("UPDATE indexed_fields SET version = json_remove(version, '$[0]')");
    world.restart();
    expect(world.search({ query: inFields('kept', 'title'), namespace: 1, topK: 3 })).toMatchObject({
      error: { code: 'index_growing' },
    });
    world.sweep();
    expect(world.found(inFields('kept', 'title'))).toEqual([1]);
  });

  it('[TX183] orders equal scores by id, whatever the order of the rows', () => {
    const world = new FieldsWorld({ title: textField() });
    for (const id of ['c', 'b', 'a']) world.put({ title: 'same words' }, null, id);
    expect(world.found(inFields('words', 'title'), 2)).toEqual([3, 2]);
    expect(world.found(inFields('words', 'title'), 1)).toEqual([3]);
  });

  it('[TX159] names a field that the index does not have, or that is of another kind', () => {
    const world = new FieldsWorld();
    for (const name of ['absent', 'tokens', 'sparse', 'constructor']) {
      expect(world.search({ query: inFields('x', name), namespace: 1, topK: 3 })).toMatchObject({
        error: { code: 'invalid_value', path: ['fields', name] },
      });
    }
  });

  it('[TX150] shows fragments of a field with what was found', () => {
    const world = new FieldsWorld();
    const row = world.put({ body: 'The cars were running.' });
    const shown = world.fields.highlight([world.rows.get(row)!], {
      query: 'car',
      fields: ['body'],
      options: { fragmentChars: 100, fragments: 1 },
    });
    expect(value(atOnce(shown))[0]!['body']).toEqual([{ start: 0, text: 'The cars were running.', matches: [{ begin: 4, end: 8 }] }]);
  });
});
