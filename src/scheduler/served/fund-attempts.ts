import { attemptIdOf } from '../../contract/jobs/attempt.ts';
import type { FundAnswer, FundRequest, PricedTime } from '../../contract/jobs/job-funds.ts';
import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import { must } from '../../kernel/assert.ts';
import type { Funds } from '../engine/cell/segment.ts';
import type { CellEvent } from '../engine/cell/event.ts';
import type { JobRecord } from '../engine/cell/job-record.ts';
import type { CellDecision } from '../engine/cell/records.ts';
import { WHOLE_MILLI } from '../engine/model/pool-spec.ts';
import type { Job } from './jobs/job.ts';
import { tokensMaxOf } from './jobs/job.ts';
import type { AskedGrant, SqliteGrantStore, StoredGrant } from './jobs/sqlite-grant-store.ts';
import { TOKENS_GRANT } from './jobs/sqlite-grant-store.ts';

/** Of what the tokens of an input can be at most, so much is there at least: an attempt is not started for less. */
const TOKENS_LEAST_SHARE = 32;

/** What an input comes to is one token for each of its bytes at most; most texts have four bytes a token, or more. */
const TOKENS_LIKELY_SHARE = 4;

/** The id of a grant: the same however often it is asked for. */
export const grantIdOf = (jobId: Job['id'], fence: number, number: number): string =>
  `${attemptIdOf(jobId, fence)}:${number === TOKENS_GRANT ? 'tokens' : `grant-${number}`}`;

/** What is to be asked for an attempt: accelerator time for its next stretch and, with the first, the tokens of its input. */
export function asksOf(
  grants: SqliteGrantStore,
  job: Job,
  record: JobRecord,
  { fence, grant, milli, needMs, priceId }: Extract<CellDecision, { readonly kind: 'fund' }>,
): readonly AskedGrant[] {
  const { organisationId, tenantId, projectId } = job;
  const option = must(record.spec.options[record.attempt?.option ?? 0], 'the option exists');
  const costMaxNano = record.spec.limits.costMaxNanoDollars;
  const held = costMaxNano === null ? { tokens: 0, time: [] } : grants.heldBy(job.id);
  const hadTime = [...job.charged.map((charged) => ({ ...charged, priceId: charged.priceId ?? null })), ...held.time];
  const common = { organisationId, tenantId, projectId, costMaxNano, hadTime: costMaxNano === null ? [] : hadTime.map(pricedTime) };
  const had = { job_tokens: job.tokens + held.tokens };
  const unitsIn = (ms: number): number => Math.ceil((milli * ms) / WHOLE_MILLI);
  const tokensMax = tokensMaxOf(job);
  const asksTokens = grant === 0 && tokensMax > 0;
  const requests: [number, FundRequest][] = [];
  if (asksTokens) {
    const least = Math.min(tokensMax, job.tokensNeeded ?? Math.ceil(tokensMax / TOKENS_LEAST_SHARE));
    const toEnd = Math.max(least, Math.ceil(tokensMax / TOKENS_LIKELY_SHARE));
    const id = grantIdOf(job.id, fence, TOKENS_GRANT);
    requests.push([
      TOKENS_GRANT,
      { ...common, id, meter: 'job_tokens', accelerator: null, want: tokensMax, least, toEnd, enough: least, had, besideId: null },
    ]);
  }
  requests.push([
    grant,
    {
      ...common,
      id: grantIdOf(job.id, fence, grant),
      meter: 'accelerator_ms',
      accelerator: option.accelerator,
      priceId,
      want: unitsIn(Math.max(JOB_LIMITS.jobSegmentMaxMs, needMs ?? 0)),
      ...(needMs === null ? {} : { toEnd: unitsIn(needMs) }),
      // The last stretch is as long as what is left.
      least: grant === 0 ? unitsIn(JOB_LIMITS.jobFundsLeastMs) : Math.ceil(milli / WHOLE_MILLI),
      enough: unitsIn(JOB_LIMITS.jobFundsEnoughMs),
      had,
      besideId: asksTokens ? grantIdOf(job.id, fence, TOKENS_GRANT) : null,
    },
  ]);
  return requests.map(([number, request]) => ({ jobId: job.id, fence, number, request }));
}

const pricedTime = ({ accelerator, priceId, acceleratorMs }: PricedTime): PricedTime => ({ accelerator, priceId, acceleratorMs });

/** The grants that pay for a live attempt, now or next. */
export const keptGrants = (funds: Funds | null): readonly number[] => [
  TOKENS_GRANT,
  ...[funds?.current, funds?.next].flatMap((grant) => (grant == null ? [] : [grant.index])),
];

/** Takes answers in, each once: what the engine learns of them. */
export function takeAnswers(grants: SqliteGrantStore, answers: readonly FundAnswer[], nowMs: number): readonly CellEvent[] {
  if (answers.length === 0) return [];
  const asked = new Map(
    grants.findAll(answers.map(({ id }) => id)).flatMap((grant) => (isOpen(grant) ? [[grant.id, grant] as const] : [])),
  );
  const known = answers.flatMap((answer) => {
    const grant = asked.get(answer.id);
    return grant === undefined ? [] : [{ answer, grant }];
  });
  const granted = known.flatMap(({ answer, grant }) => (answer.kind === 'granted' ? [{ answer, grant }] : []));
  const [live, late] = [granted.filter(({ grant }) => grant.state === 'asked'), granted.filter(({ grant }) => grant.state === 'dropped')];
  grants.grant(new Map(live.map(({ answer }) => [answer.id, answer.units])));
  grants.settle(
    late.map(({ answer }) => answer.id),
    nowMs,
  );
  grants.remove(known.filter(({ answer }) => answer.kind === 'refused').map(({ answer }) => answer.id));
  const now = grants.ofJobs([...new Set(live.map(({ grant }) => grant.jobId))]);
  return known.flatMap(({ answer, grant }) => (grant.state === 'asked' ? eventOf(now, grant, answer) : []));
}

const isOpen = ({ state }: StoredGrant): boolean => state === 'asked' || state === 'dropped';

/** An attempt has what it asked for once it has both, its tokens and its time. */
function eventOf(now: readonly StoredGrant[], { jobId, fence, number }: StoredGrant, answer: FundAnswer): readonly CellEvent[] {
  const grant = number === TOKENS_GRANT ? 0 : number;
  if (answer.kind === 'refused') {
    const { refusedTo, leftNano } = answer;
    return [{ kind: 'unfunded', jobId, fence, grant, refusedTo, ...(leftNano === undefined ? {} : { leftNano }) }];
  }
  const all = now.filter((one) => one.jobId === jobId && one.fence === fence);
  const time = all.find((one) => one.number === grant);
  if (time?.state !== 'granted' || all.some((one) => one.number === TOKENS_GRANT && one.state !== 'granted')) return [];
  return [{ kind: 'funded', jobId, fence, grant, acceleratorMs: time.units, paidAtMs: answer.atMs }];
}
