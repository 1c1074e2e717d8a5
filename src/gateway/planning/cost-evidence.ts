import type { CostReportReply, StackReply, StrategyReply } from '../../contract/planning/cost.ts';
import type { ReplayedStack } from '../../inference/cost/replayed-stack.ts';
import { REPLAYED } from '../../inference/cost/replayed-stack.ts';
import type { Strategy } from '../../inference/cost/strategies.ts';
import { STRATEGIES } from '../../inference/cost/strategies.ts';

const strategyReply = ({ notWhen, published, measured, ...rest }: Strategy): StrategyReply => ({
  ...rest,
  published: [...published],
  measured: [...measured],
  not_when: notWhen,
});

function replayedReply(): CostReportReply['replayed'] {
  const { repeatRate, lossMax, stacks, ...rest } = REPLAYED;
  return { ...rest, repeat_rate: repeatRate, loss_max: lossMax, stacks: stacks.map(stackReply) };
}

const stackReply = ({ steps, best, ofSensible, withRequests, ...rest }: ReplayedStack): StackReply => ({
  ...rest,
  steps: steps.map(({ usdPerMillion, ...step }) => ({ ...step, usd_per_million: usdPerMillion })),
  best: { up_to: best.upTo, factor: best.factor },
  of_sensible: ofSensible,
  with_requests: withRequests,
});

/** The part of every report that does not depend on the tenant: what is known of each strategy, and of all of them together. [U150] [U154] */
export const COST_EVIDENCE: Pick<CostReportReply, 'strategies' | 'replayed'> = {
  strategies: STRATEGIES.map(strategyReply),
  replayed: replayedReply(),
};
