import { API_LIMITS } from '../api/api-limits.ts';
import { SHARED_WORK_LIMITS } from '../api/shared-work.ts';
import { CACHE_LIMITS } from '../caches/cache-limits.ts';
import { COMPLETION_LIMITS } from '../completions/completion-limits.ts';
import { STORED_ANSWER_LIMITS } from '../completions/stored-answer-limits.ts';
import { DEBT_LIMITS } from '../debt/debt-limits.ts';
import { DOCUMENT_LIMITS } from '../documents/document-limits.ts';
import { DOCUMENT_STORE_LIMITS } from '../documents/document-store-limits.ts';
import { EMBEDDING_LIMITS } from '../embeddings/embedding-limits.ts';
import { FILE_LIMITS } from '../files/file-limits.ts';
import { GUARDRAIL_LIMITS } from '../guardrails/guardrail-limits.ts';
import { FIELD_LIMITS } from '../indexes/field-limits.ts';
import { INDEX_LIMITS } from '../indexes/index-limits.ts';
import { CALL_BATCH_LIMITS } from '../jobs/call-batch-limits.ts';
import { JOB_LIMITS } from '../jobs/job-limits.ts';
import { JUDGED_LIMITS } from '../vectors/judged/judged-limits.ts';
import { MODEL_LIMITS } from '../models/model-limits.ts';
import { PLANNING_LIMITS } from '../planning/planning-limits.ts';
import { PLAN_LIMITS } from '../vectors/plans/plan-limits.ts';
import { POOL_LIMITS } from '../pools/pool-limits.ts';
import { PROMPT_LIMITS } from '../prompts/prompt-limits.ts';
import { QUEUE_LIMITS } from '../queues/queue-limits.ts';
import { REQUEST_LOG_LIMITS } from '../requests/request-log-limits.ts';
import { ROUTE_LIMITS } from '../routes/route-limits.ts';
import { TENANCY_LIMITS } from '../tenancy/tenancy-limits.ts';
import { UPSTREAM_LIMITS } from '../upstreams/upstream-limits.ts';
import { VECTOR_LIMITS } from '../vectors/vector-limits.ts';

/**
 * Every limit by its name, for refusals, which name the limit that was reached, and for what checks such a name. All other code takes a limit
 * from the table of its subject. A name ends in its unit; the comment there gives the reason for the value. Reaching a limit is a typed refusal
 * that names it (`limit_exceeded`, `payload_too_large`), never a crash.
 */
export const ALL_LIMITS = {
  ...API_LIMITS,
  ...SHARED_WORK_LIMITS,
  ...CACHE_LIMITS,
  ...CALL_BATCH_LIMITS,
  ...COMPLETION_LIMITS,
  ...DEBT_LIMITS,
  ...DOCUMENT_LIMITS,
  ...DOCUMENT_STORE_LIMITS,
  ...EMBEDDING_LIMITS,
  ...FIELD_LIMITS,
  ...FILE_LIMITS,
  ...GUARDRAIL_LIMITS,
  ...INDEX_LIMITS,
  ...JOB_LIMITS,
  ...JUDGED_LIMITS,
  ...MODEL_LIMITS,
  ...PLANNING_LIMITS,
  ...PLAN_LIMITS,
  ...POOL_LIMITS,
  ...PROMPT_LIMITS,
  ...QUEUE_LIMITS,
  ...REQUEST_LOG_LIMITS,
  ...ROUTE_LIMITS,
  ...STORED_ANSWER_LIMITS,
  ...TENANCY_LIMITS,
  ...UPSTREAM_LIMITS,
  ...VECTOR_LIMITS,
} as const;

export type LimitName = keyof typeof ALL_LIMITS;
