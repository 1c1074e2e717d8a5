import { RECALL_TARGETS } from '../../../src/contract/indexes/index-settings.ts';
import type { ApiClient } from '../../support/deployment/api-client.ts';
import type { VectorSet } from '../ann/vector-set.ts';
import { GrownIndex } from '../growth/grown-index.ts';
import { HTTP, rawRequest } from '../load.ts';
import type { RawWorkerd } from '../raw-workerd.ts';
import type { Contender, Search } from './contender.ts';
import { PART, PARTS, TOP_K } from './contender.ts';

const HEADER_END = '\r\n\r\n';

/** An index for each recall target, filled and searched over HTTP as users do. */
export async function sluice(workerd: RawWorkerd, client: ApiClient, { base, metric }: VectorSet, filtered: boolean): Promise<Contender> {
  const searches: Search[] = [];
  const filter = filtered ? { filter: { part: PART } } : {};
  for (const recall of RECALL_TARGETS) {
    const name = `recall-${recall}`.replace('.', '-');
    const index = await GrownIndex.create(client, name, { dimensions: base.dimensions, metric, recall });
    await index.import(base, 0, base.count, filtered ? (row) => ({ metadata: { part: row % PARTS } }) : undefined);
    await index.settle(workerd);
    const path = `/v1/indexes/${name}/query`;
    searches.push({
      ...HTTP,
      port: Number(new URL(client.url).port),
      setting: `recall ${recall}`,
      request: (query) => {
        const body = { vector: Array.from(query), top_k: TOP_K, include_metadata: false, ...filter };
        return Buffer.from(rawRequest({ method: 'POST', path, apiKey: client.apiKey, body }));
      },
      rowsOf: rowsOfMatches,
    });
  }
  // The caller stops the deployment.
  return { name: 'Sluice', searches, cpuS: workerd.cpuS, stop: () => Promise.resolve() };
}

/** The rows in an answer over HTTP whose matches have their numbers as ids. */
export function rowsOfMatches(answer: Buffer): number[] {
  const { matches } = JSON.parse(answer.subarray(answer.indexOf(HEADER_END) + HEADER_END.length).toString()) as {
    matches: { id: string }[];
  };
  return matches.map(({ id }) => Number(id));
}
