import { beforeEach, describe, expect, it } from 'vitest';

import type { Grant, JobOutput } from '../../../../src/contract/jobs/attempt.ts';
import { outputFileOf } from '../../../../src/contract/jobs/attempt.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { Work } from '../../../../src/contract/jobs/job-work.ts';
import { JobRegistrations } from '../../../../src/gateway/models/job-registrations.ts';
import { ModelRoutes } from '../../../../src/gateway/models/model-routes.ts';
import type { AttemptId, JobId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { utf8 } from '../../../../src/kernel/bytes.ts';
import { idsOf } from '../../../support/fakes/tenancy.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { ModelWorld } from '../../../support/worlds/model-world.ts';

const { tenantId } = idsOf(1);
const jobId = `job_${'a'.repeat(26)}` as JobId;
const READING = {
  task: 'embedding',
  graph: 'model.onnx',
  externalData: [],
  tokensMax: 16,
  dimensions: 2,
  pooling: 'none',
  isNormalised: true,
  labels: [],
  activation: 'none',
  prompts: { query: 'q ' },
} as const;
const GATE = { retrieval_file: undefined, sts_file: undefined };
const SETTINGS = { bits: 8, block: 32, skip: [], gate: GATE } as const;

let world: ModelWorld;
let reports: Map<string, string>;
let registrations: JobRegistrations;

beforeEach(() => {
  world = new ModelWorld();
  reports = new Map();
  registrations = new JobRegistrations({
    admin: world.admin,
    routes: new ModelRoutes(world.registries, { nowMs: () => (world.nowMs += 10_000) }),
    store: world.store,
    beginning: async (_tenant, file) => utf8(reports.get(file) ?? ''),
    authorityOf: () => IN_FORCE,
  });
  for (const sha256 of ['m1', 'm2']) world.folders.set(sha256, () => ok({ reading: READING, contractHash: sha256 }));
});

const grantOf = (work: object, fence = 1): Grant => ({
  attemptId: 'att' as AttemptId,
  jobId,
  fence,
  tenantId,
  owner: 'team',
  work: work as Work,
  outputFile: outputFileOf(jobId, fence),
});

const output = (path: string, sha256: string, index = 0, fence = 1): JobOutput => ({
  path,
  file: outputFileOf(jobId, fence, index),
  bytes: 4,
  sha256,
});

const training = (register: object) => ({ kind: 'training', argv: ['train'], inputs: [], register: { stage: 'verified', ...register } });

/** The outputs of a build whose graph has this hash. */
function built(sha256: string, report: object, fence = 1): JobOutput[] {
  const files = ['model.onnx', 'recipe.json', 'report.json'].map((path, index) => output(path, index === 0 ? sha256 : path, index, fence));
  reports.set(files[1]!.file, JSON.stringify({ parameters: { bits: 8 } }));
  reports.set(files[2]!.file, JSON.stringify({ tensors: [1, 2], ...report }));
  return files;
}

const versions = (model: string) => world.registries(tenantId).versions(model, 0, 10);

describe('[J255] what a job has made', () => {
  it('is registered once, however many attempts complete it, with the job as the actor', async () => {
    const work = training({ name: 'own', stage: 'serving', folder: 'model' });
    const outputs = (fence: number) => [output('model/model.onnx', 'm1', 0, fence), output('metrics.csv', 'csv', 1, fence)];
    for (const fence of [1, 2, 2])
      expect(await registrations.register(grantOf(work, fence), outputs(fence))).toEqual(ok({ kind: 'registered', model: 'own@1' }));
    expect((await versions('own')).map(({ version, manifest }) => [version, manifest.files.map(({ path }) => path)])).toEqual([
      [1, ['model.onnx']],
    ]);
    expect(await world.registries(tenantId).find('own')).toMatchObject({ model: { serving: 1 } });
    const history = await world.registries(tenantId).history('own', 1_000, 10);
    expect(new Set(history.map(({ actor }) => actor))).toEqual(new Set([jobId]));
    expect(world.audit).toContain('model.register own');
  });

  it('is nothing where the job does not ask', async () => {
    expect(await registrations.register(grantOf({ kind: 'command' }), [])).toEqual(ok({ kind: 'none' }));
  });

  it('ends the job where it is refused for good, and is tried again where a Worker does not answer', async () => {
    const register = (work: object, ...outputs: JobOutput[]) => registrations.register(grantOf(work), outputs);
    const refused = (message: string) =>
      ok({ kind: 'refused', fault: { reason: 'registration_refused', message: expect.stringContaining(message) } });
    expect(await register(training({ name: 'own', folder: 'none' }), output('model.onnx', 'm1'))).toEqual(
      refused('no output is below none/'),
    );
    world.broken.set('m1', refuse('unavailable', 'away'));
    expect(await register(training({ name: 'own' }), output('model.onnx', 'm1'))).toMatchObject({
      ok: false,
      error: { code: 'unavailable' },
    });
    world.broken.set('m1', refuse('invalid_value', 'the operator Foo is not supported'));
    expect(await register(training({ name: 'own' }), output('model.onnx', 'm1'))).toEqual(refused('own@1 did not pass its checks'));
    expect(await versions('own')).toHaveLength(1);
    expect(await register(training({ name: 'glove-sif-100' }), output('model.onnx', 'm2'))).toEqual(
      refused('is a model of the deployment'),
    );
  });
});

describe('[J256] a model that was made of another', () => {
  beforeEach(async () => {
    const work = training({ name: 'own', stage: 'serving' });
    await registrations.register({ ...grantOf(work), jobId: `job_${'b'.repeat(26)}` as JobId }, [output('model.onnx', 'm1')]);
  });

  it('has its lineage, its recipe, and what was measured, and serves where its parent does', async () => {
    const work = { kind: 'quantize', model: 'own', ...SETTINGS, register: { name: 'own', stage: 'serving' } };
    const gate = { passes: true, checks: [{ name: 'overlap@10', value: 1 }] };
    const outputs = built('m2', { parents: ['own@1'], gate });
    expect(await registrations.register(grantOf(work), outputs)).toEqual(ok({ kind: 'registered', model: 'own@2' }));
    const [, made] = await versions('own');
    expect(made).toMatchObject({
      compatibleWith: 1,
      manifest: { parents: ['own@1'], recipe: { job: jobId, parameters: { bits: 8 } }, prompts: { query: 'q ' } },
    });
    // Lists of all constants stay in the job's report.
    expect(made?.manifest.evaluation).toEqual({ parents: ['own@1'], gate });
    expect(await world.registries(tenantId).find('own')).toMatchObject({ model: { serving: 2 } });
  });

  it('[M95] does not serve if its gate missed a bound, and the job says so', async () => {
    const work = { kind: 'quantize', model: 'own', ...SETTINGS, register: { name: 'own', stage: 'serving' } };
    const outputs = built('m2', { parents: ['own@1'], gate: { passes: true, checks: [{ name: 'overlap@10', value: 0.8, bound: 0.5 }] } });
    const answer = await registrations.register(grantOf(work), outputs);
    expect(answer).toMatchObject({
      value: { kind: 'refused', fault: { message: expect.stringContaining('own@2 is registered, and was not promoted') } },
    });
    expect(await world.registries(tenantId).find('own')).toMatchObject({ model: { serving: 1 } });
  });

  it('is refused where its report is no report', async () => {
    const work = { kind: 'quantize', model: 'own', ...SETTINGS, register: { name: 'own', stage: 'verified' } };
    const outputs = built('m2', {});
    reports.set(outputs[2]!.file, 'nonsense');
    expect(await registrations.register(grantOf(work), outputs)).toMatchObject({ value: { kind: 'refused' } });
    expect(await versions('own')).toHaveLength(1);
  });
});
