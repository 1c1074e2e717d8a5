import { thresholdOf } from '../../upstreams/cascade/calibrated-threshold.ts';
import type { CascadeRun } from '../../upstreams/cascade/cascade-decision.ts';
import { decideCascade } from '../../upstreams/cascade/cascade-decision.ts';
import { outcomeCounts } from '../../upstreams/cascade/cascade-counts.ts';
import type { CascadeTally } from '../../upstreams/cascade/cascade-tally.ts';
import type { CascadeTerms } from '../../upstreams/target.ts';
import type { RequestFacts } from '../../upstreams/routes/request-facts.ts';
import { shareOf } from '../../upstreams/routes/stable-share.ts';
import type { FoundRoute } from './route-directory.ts';

interface CascadedRoute extends FoundRoute {
  readonly facts: RequestFacts;
  readonly cascades: CascadeTally;
}

/** A cascade for one request: by the threshold that follows from what is known of it now, under the cap of this isolate. [U173] */
export function cascadeRun(terms: CascadeTerms, { owner, route, facts, cascades }: CascadedRoute): CascadeRun {
  const { key, escalatedShareMax, shadowShare, confidence } = terms;
  const threshold = thresholdOf(terms.threshold, route.curves?.[key]);
  const cap = cascades.capOf(owner, route.name, key);
  const name = { key, student: terms.studentNames, teacher: terms.teacherNames, confidence: confidence.kind };
  const count = (more: Parameters<CascadeTally['count']>[3]): void => cascades.count(owner, route.name, name, more);
  return {
    threshold,
    decide: (sure) => {
      const decision = decideCascade(sure, threshold, { cap, shareMax: escalatedShareMax, nowMs: facts.nowMs });
      count({ requests: 1, escalated: Number(decision.answer === 'teacher'), capped: Number(decision.why === 'cap') });
      return decision;
    },
    kept: () => {
      cap.admit(false, escalatedShareMax, facts.nowMs);
      count({ requests: 1 });
    },
    isShadowed: shareOf(facts, { by: 'request', salt: '' }, `${route.name} shadow ${key}`) < shadowShare,
    compared: (sure, quality) => count(outcomeCounts(sure, quality)),
    shadowed: (nano) => count({ shadows: 1, shadowNano: nano }),
  };
}
