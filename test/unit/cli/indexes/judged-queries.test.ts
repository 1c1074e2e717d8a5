import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readJudgedTexts } from '../../../../workers/cli/indexes/judged-queries.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-judged-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What is read of files with these texts. */
async function read(queries: string, qrels?: string) {
  const [queriesPath, qrelsPath] = [join(folder, 'queries'), join(folder, 'qrels')];
  await writeFile(queriesPath, queries);
  if (qrels !== undefined) await writeFile(qrelsPath, qrels);
  return readJudgedTexts(queriesPath, qrels === undefined ? undefined : qrelsPath);
}

const refusal = async (queries: string, qrels?: string): Promise<string> =>
  read(queries, qrels).then(
    () => 'read',
    (error: Error) => error.message.replaceAll(`${folder}/`, ''),
  );

const TWO = '1\twho opens the lock?\n2\twhat holds\tback a river\n';
const FOUND = [
  { id: '1', text: 'who opens the lock?', relevant: { 'd-1': 2, 'd-2': 0 } },
  { id: '2', text: 'what holds\tback a river', relevant: { weir: 1 } },
];

describe('judged queries', () => {
  it.each([
    ['TREC', TWO, '1 0 d-1 2\n1 0 d-2 0\n\n2 Q0 weir 1\n'],
    ['TREC with tabs', `\uFEFF${TWO}`, '1\t0\td-1\t2\r\n1\t0\td-2\t0\r\n2\t0\tweir\t1'],
    ['BEIR', `query-id\ttext\n${TWO}`, 'query-id\tcorpus-id\tscore\n1\td-1\t2\n1\td-2\t0\n2\tweir\t1\n'],
    [
      'BEIR as JSON',
      `{"_id": "1", "text": "who opens the lock?", "metadata": {}}\n{"_id": 2, "text": "what holds\\tback a river"}`,
      '1 d-1 2\n1 d-2 0\n2 weir 1',
    ],
    [
      'JSON with judgements',
      `{"id": "1", "text": "who opens the lock?", "relevant": {"d-1": 2, "d-2": 0}}\n{"id": "2", "text": "what holds\\tback a river", "relevant": ["weir"]}`,
      undefined,
    ],
  ])('[TX326] are read as %s writes them', async (_, queries, qrels) => {
    expect(await read(queries, qrels)).toEqual({ queries: FOUND, withoutRelevant: 0, withoutText: 0 });
  });

  it('[TX326] are left out and counted where they have nothing relevant, or no text', async () => {
    const found = await read(`${TWO}3\tunjudged\n`, '1 0 d-1 0\n2 0 weir 1\n4 0 weir 1\n5 0 weir 1\n');
    expect(found).toEqual({ queries: [FOUND[1]], withoutRelevant: 2, withoutText: 2 });
  });

  it.each([
    ['a query without a tab', '1 who', '1 0 a 1', 'queries:1 has no tab between the id and the text of a query'],
    ['a query twice', `${TWO}\n1\tagain`, '1 0 a 1', 'queries:4 has the query 1 again'],
    ['JSON without a text', '{"id": "1"}', '1 0 a 1', 'queries:1: text'],
    ['JSON without an id', '{"text": "a"}', '1 0 a 1', 'queries:1 has no id'],
    ['too many columns', TWO, '1 0 a 1\n1 0 a 1 run', 'qrels:2 has 5 columns'],
    ['a grade that is no number', TWO, '1 0 a 1\n2 0 a yes', 'qrels:2 has no number for a grade'],
    ['judgements that differ', TWO, '1 0 a 1\n1 0 a 1\n1 0 a 2', 'qrels:3 judges a for the query 1 again, in another way'],
    ['ids of other queries', TWO, 'q1 0 a 1', 'nothing is relevant for any query of queries: are the ids those of --qrels?'],
    ['no judgements', TWO, undefined, 'queries has no judgements: give them with --qrels'],
  ])('[TX326] are refused for %s, by file and line', async (_, queries, qrels, message) => {
    expect(await refusal(queries, qrels)).toContain(message);
  });
});
