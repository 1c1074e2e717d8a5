import type { Subject } from '../../src/contract/subjects.ts';
import type { SubjectApp } from './subject-app.ts';

/** The code of each subject, which an isolate loads at the first call of the subject. */
export const SUBJECT_APPS: Readonly<Record<Subject, () => Promise<SubjectApp>>> = {
  embeddings: () => import('./subjects/embeddings.ts'),
  vectors: () => import('./subjects/vectors.ts'),
  qdrant: () => import('./subjects/qdrant.ts'),
  files: () => import('./subjects/files.ts'),
  jobs: () => import('./subjects/jobs.ts'),
  queues: () => import('./subjects/queues.ts'),
  pools: () => import('./subjects/pools.ts'),
  tenancy: () => import('./subjects/tenancy.ts'),
  billing: () => import('./subjects/billing.ts'),
  caches: () => import('./subjects/caches.ts'),
  models: () => import('./subjects/models.ts'),
  upstreams: () => import('./subjects/upstreams.ts'),
  routes: () => import('./subjects/routes.ts'),
  prompts: () => import('./subjects/prompts.ts'),
  requests: () => import('./subjects/requests.ts'),
  planning: () => import('./subjects/planning.ts'),
  debt: () => import('./subjects/debt.ts'),
};
