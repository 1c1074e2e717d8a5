import { nearestOfQueries } from '../../../../src/inference/build/gate/retrieval-figures.ts';
import type { ApiAnswer, ApiClient } from '../../../support/deployment/api-client.ts';
import type { Collection } from '../../encoders/collections.ts';
import { meanNdcgAt10 } from '../../encoders/collections.ts';
import { StartedSluice } from '../../encoders/started-sluice.ts';
import type { Variant } from './made-variants.ts';
import type { VariantFigures } from './variant-figures.ts';

/** Registers each variant by `sluice models add`, and has its vectors of the queries from `/v1/embeddings`, one text a call, twice. */
export async function servedRows(
  figures: VariantFigures,
  variants: readonly Variant[],
  collection: Collection,
): Promise<(string | number)[][]> {
  const sluice = await StartedSluice.start();
  const rows: (string | number)[][] = [];
  try {
    for (const variant of variants.filter(({ documentsOf }) => documentsOf === undefined)) {
      const model = variant.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
      const refused = await sluice.cli('models', 'add', variant.folder, '--name', model).then(
        () => undefined,
        (error: Error) => error.message.split('\n').at(-1) ?? 'failed',
      );
      if (refused !== undefined) {
        rows.push([variant.name, refused, '', '', '']);
        continue;
      }
      const first = await embedded(sluice, model, collection.queries);
      const again = await embedded(sluice, model, collection.queries);
      const { documents } = await figures.encode(variant, collection);
      const dimensions = first.vectors.length / collection.queries.length;
      const ndcg = meanNdcgAt10(nearestOfQueries({ dimensions, queries: first.vectors, documents }), collection.relevance);
      rows.push([variant.name, 'yes', ndcg.toFixed(3), `${first.cpuMs.toFixed(1)} ms`, `${again.cpuMs.toFixed(1)} ms`]);
    }
  } finally {
    await sluice.stop();
  }
  return rows;
}

/** CPU is that of all processes of the deployment, a text. */
async function embedded(sluice: StartedSluice, model: string, texts: readonly string[]): Promise<{ vectors: Float32Array; cpuMs: number }> {
  await accepted(sluice.client, { model, input: 'what is loaded before anything is measured' });
  const beforeS = sluice.cpuS();
  const rows: number[][] = [];
  for (const input of texts) {
    const { data } = await accepted(sluice.client, { model, input, input_type: 'query', encoding_format: 'float' });
    rows.push(data[0].embedding);
  }
  return { vectors: Float32Array.from(rows.flat()), cpuMs: (1_000 * (sluice.cpuS() - beforeS)) / texts.length };
}

async function accepted(client: ApiClient, request: object): Promise<ApiAnswer['body']> {
  const { status, body } = await client.post('/v1/embeddings', request);
  if (status >= 300) throw new Error(JSON.stringify(body));
  return body;
}
