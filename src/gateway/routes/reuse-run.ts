import type { AnswerReuse } from '../../contract/routes/route-rules.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { FindTarget, NamedVersion } from '../../upstreams/routes/route-plan.ts';
import type { RequestFacts } from '../../upstreams/routes/request-facts.ts';
import { shareOf } from '../../upstreams/routes/stable-share.ts';
import type { ReuseState } from '../../upstreams/reuse/reuse-evidence.ts';
import { reuseState, reuseSubject } from '../../upstreams/reuse/reuse-evidence.ts';
import type { Target } from '../../upstreams/target.ts';
import type { UpstreamOwner } from '../../upstreams/upstream-record.ts';
import type { ReuseEvidence } from './reuse-evidence.ts';

/** How one call may be given an answer that was made for another question. */
export interface ReuseRun {
  readonly policy: AnswerReuse;
  /** Of the route: whose embedding models it names. */
  readonly owner: UpstreamOwner;
  /** Of an upstream; absent: the embedding model is the deployment's. */
  readonly embedder?: Target;
  /** Absent: the route names none, or it serves no more. */
  readonly verifier?: Target;
  /** Whether this call is among the share that is checked. */
  readonly isChecked: boolean;
  state(): ReuseState;
  /** Counts an answer that could have been reused, and was compared with the model's own. */
  note(hasDiffered: boolean): void;
}

interface ReusingRoute {
  readonly tenantId: TenantId;
  readonly owner: UpstreamOwner;
  readonly arm: NamedVersion;
  readonly facts: RequestFacts;
  readonly find: FindTarget;
  readonly evidence: Pick<ReuseEvidence, 'of' | 'note'>;
}

export function reuseRun(policy: AnswerReuse, { tenantId, owner, arm, facts, find, evidence }: ReusingRoute): ReuseRun {
  const subject = reuseSubject(owner, arm, policy);
  const embedder = policy.kind === 'reworded' ? undefined : find(policy.model);
  const verifier = policy.kind === 'reworded' || policy.verifier === undefined ? undefined : find(policy.verifier);
  return {
    policy,
    owner,
    ...(embedder === undefined ? {} : { embedder }),
    ...(verifier === undefined ? {} : { verifier }),
    isChecked: shareOf(facts, { by: 'request', salt: '' }, `${arm.name} reuse`) < policy.check_share,
    state: () => reuseState(evidence.of(tenantId, subject), policy.false_hit_max),
    note: (hasDiffered) => evidence.note(tenantId, subject, hasDiffered),
  };
}
