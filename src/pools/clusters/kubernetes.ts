import * as z from 'zod';

import type { AttemptId, PoolId } from '../../kernel/ids.ts';
import { attemptIdIn } from '../../contract/jobs/attempt.ts';
import type { ClusterJob, ClusterPhase, ClusterTask } from './cluster.ts';

// Jobs of Kubernetes (batch/v1), and Kueue's labels on them. Of what an API server answers only what is read here is checked.

const POOL_LABEL = 'sluice.dev/pool';
const ATTEMPT_ANNOTATION = 'sluice.dev/attempt';

export interface KubernetesJobSettings {
  readonly poolId: PoolId;
  readonly image: string;
  /** Of the container; absent: the image's own. */
  readonly command?: readonly string[] | undefined;
  /** Kueue's LocalQueue; absent: the job starts as soon as pods fit. */
  readonly queue?: string | undefined;
  readonly priorityClass?: string | undefined;
  readonly timeLimitS: number;
  /** The Secret whose key `token` the runner reads, as a file. */
  readonly tokenSecret: string;
  readonly resources: Readonly<Record<string, unknown>>;
  /** Further fields of the pod: `nodeSelector`, `tolerations`, `serviceAccountName`. */
  readonly pod: Readonly<Record<string, unknown>>;
}

const TOKEN_FOLDER = '/var/run/sluice';

/** Ids of attempts have underscores, which names of objects cannot have. */
const objectName = (id: AttemptId): string => id.replaceAll('_', '-');

export const labelSelector = (poolId: PoolId): string => `${POOL_LABEL}=${poolId}`;

/** The Job of an attempt: one pod, never a second one, because the scheduler tries again itself, with a higher fence (P68). */
export function kubernetesJob(task: ClusterTask, settings: KubernetesJobSettings): object {
  const { poolId, image, command, queue, priorityClass, timeLimitS, tokenSecret, resources, pod } = settings;
  const environment = { ...task.environment, SLUICE_AGENT_TOKEN_FILE: `${TOKEN_FOLDER}/token` };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: objectName(task.attemptId),
      labels: {
        [POOL_LABEL]: poolId,
        ...(queue === undefined ? {} : { 'kueue.x-k8s.io/queue-name': queue }),
        ...(priorityClass === undefined ? {} : { 'kueue.x-k8s.io/priority-class': priorityClass }),
      },
      annotations: { [ATTEMPT_ANNOTATION]: task.attemptId },
    },
    spec: {
      parallelism: 1,
      completions: 1,
      backoffLimit: 0,
      activeDeadlineSeconds: timeLimitS,
      ttlSecondsAfterFinished: 300,
      // Kueue admits a job by resuming it.
      ...(queue === undefined ? {} : { suspend: true }),
      podReplacementPolicy: 'Failed',
      // Distinguishes a pod that its cluster takes away from one that failed.
      podFailurePolicy: { rules: [{ action: 'FailJob', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }] },
      template: {
        metadata: { labels: { [POOL_LABEL]: poolId } },
        spec: {
          ...pod,
          restartPolicy: 'Never',
          volumes: [{ name: 'sluice-token', secret: { secretName: tokenSecret } }],
          containers: [
            {
              name: 'runner',
              image,
              ...(command === undefined ? {} : { command }),
              env: Object.entries(environment).map(([name, value]) => ({ name, value })),
              resources,
              volumeMounts: [{ name: 'sluice-token', mountPath: TOKEN_FOLDER, readOnly: true }],
            },
          ],
        },
      },
    },
  };
}

const condition = z.object({ type: z.string(), status: z.string(), reason: z.string().optional(), message: z.string().optional() });
const record = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    deletionTimestamp: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  spec: z.object({ suspend: z.boolean().optional() }).optional(),
  status: z.object({ active: z.int().optional(), ready: z.int().optional(), conditions: z.array(condition).optional() }).optional(),
});
type JobObject = z.infer<typeof record>;

/** A Job of the pool; undefined: one that is not of the pool. Its id is its uid, which no other object ever has. */
export function kubernetesRecord(value: unknown, poolId: PoolId): ClusterJob | undefined {
  const found = record.parse(value);
  const attemptId = attemptIdIn(found.metadata.annotations?.[ATTEMPT_ANNOTATION] ?? '');
  const isOurs = found.metadata.labels?.[POOL_LABEL] === poolId && attemptId !== undefined && objectName(attemptId) === found.metadata.name;
  return isOurs ? { id: found.metadata.uid, attemptId, phase: phaseOf(found) } : undefined;
}

export const jobPath = (namespace: string, attemptId?: AttemptId): string =>
  `/apis/batch/v1/namespaces/${namespace}/jobs${attemptId === undefined ? '' : `/${objectName(attemptId)}`}`;

/** Reasons of the condition `Failed`. */
const DEADLINE = 'DeadlineExceeded';
const DISRUPTED = 'PodFailurePolicy';

function phaseOf(job: JobObject): ClusterPhase {
  const { metadata, status } = job;
  const isTrue = (type: string) => status?.conditions?.find((found) => found.type === type && found.status === 'True');
  const [complete, failed] = [isTrue('Complete'), isTrue('Failed')];
  if (complete !== undefined) return { kind: 'ended', how: 'succeeded', detail: 'Complete' };
  if (failed !== undefined) {
    const how = failed.reason === DEADLINE ? 'time_limit' : failed.reason === DISRUPTED ? 'preempted' : 'failed';
    return { kind: 'ended', how, detail: `Failed (${failed.reason ?? 'no reason'}): ${failed.message ?? ''}` };
  }
  if (metadata.deletionTimestamp !== undefined) return { kind: 'ended', how: 'cancelled', detail: 'deleted' };
  return { kind: hasPod(job) ? 'running' : 'queued' };
}

const hasPod = ({ spec, status }: JobObject): boolean => spec?.suspend !== true && (status?.active ?? 0) > 0 && (status?.ready ?? 0) > 0;

const list = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().optional() }),
  items: z.array(z.unknown()),
});

export interface KubernetesPage {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  /** Absent on the last page. */
  readonly next: string | undefined;
}

export function kubernetesPage(answer: unknown): KubernetesPage {
  const { metadata, items } = list.parse(answer);
  return { items, resourceVersion: metadata.resourceVersion, next: metadata.continue === '' ? undefined : metadata.continue };
}

const event = z.object({ type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']), object: z.unknown() });

export type KubernetesEvent =
  | { readonly kind: 'changed' | 'deleted'; readonly uid: string; readonly resourceVersion: string; readonly job: ClusterJob | undefined }
  | { readonly kind: 'bookmark'; readonly resourceVersion: string }
  /** What was missed is not kept any more (410), or the watch cannot go on: list again. */
  | { readonly kind: 'over' };

/** One line of a watch. */
export function kubernetesEvent(line: unknown, poolId: PoolId): KubernetesEvent {
  const { type, object } = event.parse(line);
  if (type === 'ERROR') return { kind: 'over' };
  if (type === 'BOOKMARK') {
    const { metadata } = z.object({ metadata: z.object({ resourceVersion: z.string() }) }).parse(object);
    return { kind: 'bookmark', resourceVersion: metadata.resourceVersion };
  }
  const { uid, resourceVersion } = record.parse(object).metadata;
  return { kind: type === 'DELETED' ? 'deleted' : 'changed', uid, resourceVersion, job: kubernetesRecord(object, poolId) };
}
