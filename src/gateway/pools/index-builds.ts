import type { Grant } from '../../contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { BuildPlan, SamplePart } from '../../ann/maintenance/outside-build.ts';
import type { BuildCall } from '../../ann/shard/shard.ts';
import type { IndexManifest } from '../../index/index-manifest.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { AttemptHold } from './attempt-files.ts';
import type { Pools } from './pool-calls.ts';

/** A shard, as builds of its lists call it. */
export interface BuiltShard {
  beginBuild(call: BuildCall): Promise<Outcome<BuildPlan>>;
  readBuild(call: BuildCall & { readonly from: number }): Promise<Outcome<SamplePart>>;
  commitBuild(call: BuildCall & { readonly artefact: Uint8Array }): Promise<Outcome<null>>;
}

interface IndexBuildParts {
  readonly pools: Pools;
  readonly describe: (tenantId: TenantId, index: string) => Promise<Outcome<IndexManifest>>;
  readonly shard: (manifest: IndexManifest, ordinal: number) => BuiltShard;
  readonly sha256: (bytes: Uint8Array) => string;
}

/**
 * What attempts of index builds read and give back. The shard comes from the attempt that the agent holds, under its fence, and the shard knows
 * the attempt that builds for it: another one, or another generation of the index, takes nothing of it. [J215]
 */
export class IndexBuilds {
  readonly #parts: IndexBuildParts;

  constructor(parts: IndexBuildParts) {
    this.#parts = parts;
  }

  async begin(hold: AttemptHold): Promise<Outcome<BuildPlan>> {
    const built = await this.#built(hold);
    return built.ok ? built.value.shard.beginBuild(built.value.call) : built;
  }

  async sample(hold: AttemptHold, from: number): Promise<Outcome<SamplePart>> {
    const built = await this.#built(hold);
    return built.ok ? built.value.shard.readBuild({ ...built.value.call, from }) : built;
  }

  /** Refuses with `invalid_value` what is not what was announced. */
  async commit(hold: AttemptHold, sha256: string, artefact: Uint8Array): Promise<Outcome<null>> {
    if (artefact.length > JOB_LIMITS.buildArtefactBytesMax)
      return refuseBeyond({ limit: 'buildArtefactBytesMax', value: artefact.length, what: `the artefact has ${artefact.length} bytes` });
    if (this.#parts.sha256(artefact) !== sha256) return refuse('invalid_value', 'is not that of what arrived', 'sha256');
    const built = await this.#built(hold);
    return built.ok ? built.value.shard.commitBuild({ ...built.value.call, artefact }) : built;
  }

  async #built(hold: AttemptHold): Promise<Outcome<{ readonly shard: BuiltShard; readonly call: BuildCall }>> {
    const { pools, describe, shard } = this.#parts;
    const held: Outcome<Grant> = await pools(hold.poolId, hold.partition).held(hold.attemptId, hold.fence);
    if (!held.ok) return held;
    const { work, tenantId, attemptId } = held.value;
    if (work.kind !== 'index_build') return refuse('state_conflict', `the attempt is of the kind ${work.kind}`);
    const manifest = await describe(tenantId, work.index);
    if (!manifest.ok) return manifest;
    const { id } = manifest.value;
    return { ok: true, value: { shard: shard(manifest.value, work.shard), call: { indexId: id, builder: attemptId } } };
  }
}
