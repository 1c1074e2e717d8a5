import * as z from 'zod';

import { accepted, agentCommon, attemptParams, fence, fenceOfQuery, sha256 } from './agent-protocol.ts';
import { about } from '../api/api-text.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json } from '../api/endpoint.ts';
import { METRICS } from '../indexes/index-settings.ts';
import { JOB_LIMITS } from '../jobs/job-limits.ts';
import { wholeText } from '../api/text-number.ts';

// What an attempt of the kind `index_build` reads of a shard, and what it gives back.

const build = z.object({
  metric: z.enum(METRICS),
  dimensions: z.int(),
  lists: z.int(),
  seed: z.int(),
  low_plane: z.boolean(),
  subspace_dimensions: z.int(),
  vectors: z.int().meta(about('Of the shard.')),
  sample: z.int().meta(about('Vectors to train on.')),
});

export const agentBuildEndpoints = {
  beginBuild: {
    ...agentCommon,
    ...call('POST', '/v1/pools/:pool/attempts/:attempt/build', json(z.strictObject({ fence }))),
    summary: 'Begin to train the lists of a shard, or go on with it',
    description: 'Until the attempt says nothing for a minute, the shard leaves its training to it. The same attempt is answered the same.',
    params: attemptParams,
    reply: json(build),
  },
  readBuildSample: {
    ...agentCommon,
    ...call('GET', '/v1/pools/:pool/attempts/:attempt/build/sample'),
    summary: 'Read a part of the vectors to train on',
    description:
      'Little-endian float32, one vector after the other. `x-sluice-next` says where the next part begins; absent: there is none.',
    params: attemptParams,
    query: z.strictObject({ fence: fenceOfQuery, from: wholeText(0).default(0) }),
    reply: { kind: 'bytes', contentType: 'application/octet-stream' },
  },
  commitBuild: {
    ...agentCommon,
    ...call('PUT', '/v1/pools/:pool/attempts/:attempt/build', { kind: 'bytes', bytesMax: JOB_LIMITS.buildArtefactBytesMax }),
    summary: 'Give the trained lists to the shard',
    description:
      'Refused with `state_conflict` if its lists are not those any more that the build began with: then nothing of it is taken.',
    params: attemptParams,
    query: z.strictObject({ fence: fenceOfQuery, sha256 }),
    reply: json(accepted),
  },
} as const satisfies Record<string, Endpoint>;
