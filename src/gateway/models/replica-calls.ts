import type { AuthorityEnd } from '../../contract/tenancy/authority-end.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { EmbeddingOutput } from '../../inference/embedding-output.ts';
import type { EmbeddedTexts, InputType } from '../../inference/served/model-calls.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { StandingModel } from './standing-replicas.ts';

/** Texts for a replica of a tenant's own. */
export interface ReplicaTexts {
  /** What its job may call the model. */
  readonly names: readonly string[];
  readonly texts: readonly string[];
  readonly inputType: InputType | undefined;
  /** Absent: dense. */
  readonly output?: EmbeddingOutput;
  readonly isTruncating: boolean;
  readonly dimensions: number;
  /** The embedding contracts of which its files have to be one: a replica may have begun before the model was another. */
  readonly contracts: readonly string[];
  /** For how long the call may wait for a job that has given all its replicas back, in ms. */
  readonly waitMs: number;
  /** Of which a job is made where none serves it. Absent: none is made. */
  readonly standing?: StandingModel | undefined;
}

/** What the tenant's jobs call the models that they serve: by healthy replicas, or once a call has woken them. */
export interface ReplicaModels {
  readonly ready: readonly string[];
  readonly asleep: readonly string[];
}

export interface ReplicaVectors extends EmbeddedTexts {
  /** What the replica runs. */
  readonly version: string;
}

/** The replicas of pools, as the isolates of the gateway call them. */
export interface ReplicaCalls {
  replicaModels(tenantId: TenantId): Promise<Outcome<ReplicaModels>>;
  /**
   * Has a job that has given all its replicas back get one for later calls. `names`: what it may call the model. `standing`: a job of it is made
   * where there is none.
   */
  wakeReplica(tenantId: TenantId, names: readonly string[], standing?: StandingModel): Promise<void>;
  /** Waits for a first replica where there is none yet. Refuses with `no_healthy_replica` where none answers with vectors of these contracts, and as the replica does. */
  embedOnReplica(tenantId: TenantId, texts: ReplicaTexts, end?: AuthorityEnd): Promise<Outcome<ReplicaVectors>>;
}
