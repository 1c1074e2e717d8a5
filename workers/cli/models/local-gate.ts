import type { GateVerdict } from '../../../src/inference/build/gate/model-gate.ts';
import { GATE_BOUNDS } from '../../../src/inference/build/gate/model-gate.ts';
import { gateModels } from '../../builds/gate-models.ts';
import { readPairs, readRetrieval, wordnetTexts } from '../../builds/gate-texts.ts';
import { readModelFolder } from '../../builds/model-folder.ts';
import type { TextEmbedder } from '../../builds/text-embedder.ts';
import { textEmbedder } from '../../builds/text-embedder.ts';
import { Failure } from '../command/command.ts';
import type { GatewayClient } from '../gateway/gateway-client.ts';
import type { GateFiles } from './gate.ts';

export interface GateAgainst extends GateFiles {
  /** A registered version, such as `minilm@1`. */
  readonly against: string;
}

/** Judges a folder that is to be registered by a version that is, whose vectors the gateway computes. */
export async function gateAgainst(client: GatewayClient, dir: string, { against, retrieval, sts }: GateAgainst): Promise<GateVerdict> {
  return gateModels({
    base: servedBy(client, against),
    candidate: await textEmbedder(await readModelFolder(dir)),
    texts: retrieval === undefined ? await wordnetTexts() : await readRetrieval(retrieval),
    pairs: sts === undefined ? undefined : await readPairs(sts),
    bounds: GATE_BOUNDS,
  });
}

interface EmbeddingsView {
  readonly data: readonly { readonly embedding: readonly number[] }[];
}

/** Texts of one call: far below what any model takes. */
const TEXTS_A_CALL = 64;

function servedBy(client: GatewayClient, model: string): TextEmbedder {
  return {
    async embed(texts, use) {
      const rows: (readonly number[])[] = [];
      for (let from = 0; from < texts.length; from += TEXTS_A_CALL) {
        const body = { model, input: texts.slice(from, from + TEXTS_A_CALL), input_type: use, encoding_format: 'float' };
        const { data } = await client.call<EmbeddingsView>('POST', '/v1/embeddings', body);
        rows.push(...data.map(({ embedding }) => embedding));
      }
      const dimensions = rows[0]?.length ?? 0;
      if (rows.length !== texts.length) throw new Failure(`${model} answered ${rows.length} vectors for ${texts.length} texts.`);
      return { dimensions, vectors: Float32Array.from(rows.flat()) };
    },
    close: () => Promise.resolve(),
  };
}
