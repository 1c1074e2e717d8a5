import type { AuthorityEnd } from '../../contract/tenancy/authority-end.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { EmbeddedTexts, InputType } from '../../inference/served/model-calls.ts';
import type { TenantId } from '../../kernel/ids.ts';

/** Texts for a replica of a tenant's own. */
export interface ReplicaTexts {
  /** What its job may call the model. */
  readonly names: readonly string[];
  readonly texts: readonly string[];
  readonly inputType: InputType | undefined;
  readonly dimensions: number;
  /** The embedding contracts of which its files have to be one: a replica may have begun before the model was another. */
  readonly contracts: readonly string[];
}

export interface ReplicaVectors extends EmbeddedTexts {
  /** What the replica runs. */
  readonly version: string;
}

/** The replicas of pools, as the isolates of the gateway call them. */
export interface ReplicaCalls {
  /** What the tenant's jobs call the models that healthy replicas of theirs serve. */
  replicaModels(tenantId: TenantId): Promise<Outcome<readonly string[]>>;
  /** Refuses with `no_healthy_replica` where none answers with vectors of these contracts, and as the replica does. */
  embedOnReplica(tenantId: TenantId, texts: ReplicaTexts, end?: AuthorityEnd): Promise<Outcome<ReplicaVectors>>;
}
