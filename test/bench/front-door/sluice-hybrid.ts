import { assert } from '../../../src/kernel/assert.ts';
import type { ApiClient } from '../../support/deployment/api-client.ts';
import { GrownIndex } from '../growth/grown-index.ts';
import { HTTP, rawRequest } from '../load.ts';
import type { RawWorkerd } from '../raw-workerd.ts';
import type { HybridContender, HybridSearch, SearchedTexts } from './searched-texts.ts';
import { rowsOfMatches } from './sluice.ts';

const NAME = 'texts';

/** An index with a text field, filled and searched over HTTP as users do. */
export async function sluiceHybrid(workerd: RawWorkerd, client: ApiClient, { documents }: SearchedTexts): Promise<HybridContender> {
  const { texts, vectors, dimensions } = documents;
  const fields = { body: { kind: 'text', language: 'english', source: 'text' } };
  const index = await GrownIndex.create(client, NAME, { dimensions, metric: 'cosine', fields });
  await index.import({ values: vectors, count: texts.length, dimensions }, 0, texts.length, (row) => ({ text: texts[row] }));
  await index.settle(workerd);
  const port = Number(new URL(client.url).port);
  const search = (setting: string, legsOf: (text: string, vector: Float32Array) => object[]): HybridSearch => ({
    setting,
    wire: { ...HTTP, port },
    request: (text, vector) => {
      const body = { legs: legsOf(text, vector), include_metadata: false };
      return Buffer.from(rawRequest({ method: 'POST', path: `/v1/indexes/${NAME}/search`, apiKey: client.apiKey, body }));
    },
    rowsOf: rowsOfMatches,
  });
  const { body } = await client.post(`/v1/indexes/${NAME}/search`, { legs: [{ kind: 'text', text: texts[0] }] });
  assert(body.matches?.[0]?.id === '0', 'a text finds itself');
  const byText = (text: string) => ({ kind: 'text', text });
  return {
    name: 'Sluice',
    searches: [
      search('text', (text) => [byText(text)]),
      search('text and vector, auto', (text, vector) => [byText(text), { kind: 'vector', vector: Array.from(vector) }]),
    ],
    cpuS: workerd.cpuS,
    // The caller stops the deployment.
    stop: () => Promise.resolve(),
  };
}
