import * as z from 'zod';

import { implies, stated } from '../api/presence.ts';
import { attemptParams, fence, sha256 } from './agent-protocol.ts';
import { about, named } from '../api/api-text.ts';
import { unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, PUBLIC } from '../api/endpoint.ts';
import { FILE_LIMITS } from '../files/file-limits.ts';
import { JOB_LIMITS } from '../jobs/job-limits.ts';

// How agents move files: they ask for a signed URL of one file, and use what they get. It is the store's own where the deployment has keys for
// that, and else one of the gateway.

export const ARTIFACTS = ['input', 'output', 'checkpoint'] as const;

const checked = z
  .strictObject({
    fence,
    artifact: z.enum(ARTIFACTS),
    index: z
      .int()
      .min(0)
      .max(JOB_LIMITS.jobArtifactsMaxCount - 1)
      .default(0)
      .meta(about('Which of the inputs or outputs.')),
    method: z.enum(['GET', 'PUT']),
    sha256: sha256.optional().meta(about('Of what will be sent: nothing else is stored. With `PUT`, and only there.')),
  })
  .refine(({ method, sha256: digest }) => (method === 'PUT') === (digest !== undefined), {
    path: ['sha256'],
    message: 'comes with PUT, and only with it',
  })
  .refine(({ artifact, method }) => artifact === 'checkpoint' || (artifact === 'input') === (method === 'GET'), {
    path: ['method'],
    message: 'inputs are read, and outputs are written',
  });

const method = (value: string) => ({ properties: { method: { enum: [value] } } });
const artifact = (value: string) => ({ properties: { artifact: { enum: [value] } } });

/** The conditions of the checks, as the document says them. */
const RULES = [
  implies(method('PUT'), { required: ['sha256'] }, { not: { required: ['sha256'] } }),
  implies(artifact('input'), method('GET')),
  implies(artifact('output'), method('PUT')),
];
const want = RULES.reduce((schema, rule) => stated(schema, rule), checked);

export type TransferRequest = z.output<typeof want>;

const signed = named('SignedTransfer', {
  url: z.string().meta(about('Absolute, or relative to the address of the gateway. Send it no token.')),
  sha256: z.string().nullable().meta(about('Of what will be received, in hex, where it is known.')),
  expires_at: unixSeconds,
});

const token = z
  .string()
  .max(FILE_LIMITS.transferTokenCharsMax)
  .regex(/^[\w-]+\.[\w-]{43}$/, 'must be what was signed');
const params = z.strictObject({ token });
const common = { tag: 'Agent protocol', meters: [], status: 200 } as const;

export const transferEndpoints = {
  signTransfer: {
    ...common,
    access: { kind: 'agent' },
    ...call('POST', '/v1/pools/:pool/attempts/:attempt/transfers', json(want)),
    summary: 'Get a URL for one file of an attempt',
    description:
      'It is good for that file, that method and that fence, until it expires or, if it is the gateway’s, the attempt is over. It needs no other key.',
    params: attemptParams,
    reply: json(signed),
  },
  readTransfer: {
    ...common,
    access: PUBLIC,
    ...call('GET', '/v1/transfers/:token'),
    summary: 'Download a file by a signed URL',
    params,
    reply: { kind: 'bytes', contentType: 'application/octet-stream' },
  },
  writeTransfer: {
    ...common,
    access: PUBLIC,
    ...call('PUT', '/v1/transfers/:token', { kind: 'bytes', bytesMax: JOB_LIMITS.jobOutputBytesMax }),
    summary: 'Upload a file by a signed URL',
    params,
    reply: json(z.object({ accepted: z.literal(true) })),
  },
} as const satisfies Record<string, Endpoint>;
