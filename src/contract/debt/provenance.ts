import * as z from 'zod';

/** An in-toto statement (attestation framework v1) with SLSA's provenance of a build (slsa.dev/spec/v1.0/provenance), as far as Sluice uses it. */

export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
export const PROVENANCE_TYPE = 'https://slsa.dev/provenance/v1';

const digest = z.record(z.string(), z.string());
const object = z.record(z.string(), z.unknown());

export const provenanceStatement = z.looseObject({
  _type: z.literal(STATEMENT_TYPE),
  subject: z.array(z.looseObject({ name: z.string(), digest: z.looseObject({ sha256: z.string() }) })),
  predicateType: z.literal(PROVENANCE_TYPE),
  predicate: z.looseObject({
    buildDefinition: z.looseObject({
      buildType: z.string(),
      externalParameters: object,
      internalParameters: object,
      resolvedDependencies: z.array(z.looseObject({ uri: z.string(), digest })),
    }),
    runDetails: z.looseObject({
      builder: z.looseObject({ id: z.string() }),
      metadata: z.looseObject({ startedOn: z.iso.datetime(), finishedOn: z.iso.datetime() }),
      byproducts: z.array(z.looseObject({ name: z.string(), annotations: object })),
    }),
  }),
});
export type ProvenanceStatement = z.output<typeof provenanceStatement>;
