import { BREAKER_STATES } from '../../../../src/contract/routes/route-conditions.ts';
import { ownerIn, PLATFORM } from '../../../../src/upstreams/upstream-record.ts';
import type { TargetHealth } from '../../../../src/upstreams/serving/target-state.ts';
import { ATTEMPT_ENDS } from '../../../../src/upstreams/serving/target-state.ts';
import type { MetricFamily } from '../../pipeline/metrics.ts';

/** Tenants name their upstreams as they like: together they are one series, so that the number of series is bounded. */
const OF_TENANTS = 'of-tenants';

/** What this isolate knows of upstreams, as metrics: those of the platform by name. [U62] */
export function upstreamFamilies(health: readonly TargetHealth[], waiting: number): MetricFamily[] {
  const byUpstream = new Map<string, TargetHealth[]>();
  for (const target of health) {
    const name = ownerIn(target.upstreamId) === PLATFORM ? target.upstream : OF_TENANTS;
    byUpstream.set(name, [...(byUpstream.get(name) ?? []), target]);
  }
  const each = (of: (label: string, targets: readonly TargetHealth[]) => MetricFamily['samples']) =>
    [...byUpstream].flatMap(([name, targets]) => of(`upstream="${name}"`, targets));
  return [
    {
      name: 'sluice_upstream_attempts_total',
      kind: 'counter',
      samples: each((label, targets) =>
        ATTEMPT_ENDS.map((end) => ({
          suffix: '',
          labels: `${label},outcome="${end}"`,
          value: sum(targets, ({ attempts }) => attempts[end]),
        })),
      ),
    },
    {
      name: 'sluice_upstream_targets',
      kind: 'gauge',
      samples: each((label, targets) =>
        BREAKER_STATES.map((state) => ({
          suffix: '',
          labels: `${label},breaker="${state}"`,
          value: targets.filter(({ breaker }) => breaker === state).length,
        })),
      ),
    },
    {
      name: 'sluice_upstream_outstanding_calls',
      kind: 'gauge',
      samples: each((labels, targets) => [{ suffix: '', labels, value: sum(targets, ({ outstandingCalls }) => outstandingCalls) }]),
    },
    {
      name: 'sluice_upstream_outstanding_tokens',
      kind: 'gauge',
      samples: each((labels, targets) => [{ suffix: '', labels, value: sum(targets, ({ outstandingTokens }) => outstandingTokens) }]),
    },
    { name: 'sluice_upstream_waiting_requests', kind: 'gauge', samples: [{ suffix: '', labels: '', value: waiting }] },
  ];
}

const sum = (targets: readonly TargetHealth[], of: (target: TargetHealth) => number): number =>
  targets.reduce((total, target) => total + of(target), 0);
