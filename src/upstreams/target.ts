import type { Confidence } from '../contract/routes/route-rules.ts';
import type { Threshold } from './cascade/calibrated-threshold.ts';

/** How an upstream is spoken to. */
export type UpstreamProtocol = 'openai' | 'anthropic' | 'workers-ai';

/** What a model of an upstream can be asked for. */
export type Served =
  | 'chat'
  | 'completions'
  | 'responses'
  | 'embeddings'
  | 'rerank'
  | 'moderations'
  | 'images'
  | 'speech'
  | 'transcriptions';

/** What a model costs: nano-dollars per million tokens, and per request. */
export interface ModelPrices {
  readonly inputNano: number;
  /** Of input tokens that the upstream had cached; absent: they cost what others do. */
  readonly cachedInputNano?: number;
  /** Of input tokens that the upstream has put into its cache; absent: they cost what others do. */
  readonly cacheWriteNano?: number;
  readonly outputNano: number;
  readonly requestNano: number;
  /** Of tokens of sound and of images; absent: they cost what those of texts do. */
  readonly audioInputNano?: number;
  readonly audioOutputNano?: number;
  readonly imageInputNano?: number;
  readonly imageOutputNano?: number;
  /** Of a million characters that are spoken. */
  readonly charactersNano?: number;
  /** Of a minute of sound that is transcribed. */
  readonly audioMinuteNano?: number;
  /** Of an image that is made, by `quality size`, `size`, `quality` or `any`: the first of these that is there counts. */
  readonly imagesNano?: Readonly<Record<string, number>>;
  /** Of one search of the web; absent: `WEB_SEARCH_NANO`. */
  readonly webSearchNano?: number;
}

/** What bounds the attachments of a request and the tools that the upstream runs; each absent: see `attachmentBoundsOf`. */
export interface AttachmentBounds {
  readonly imageTokensMax?: number;
  /** Of a page of a PDF, its text and its picture. */
  readonly pageTokensMax?: number;
  readonly audioTokensPerSecond?: number;
  /** Searches of the web in one call, where it gives no limit. */
  readonly webSearchesMax?: number;
  /** Of what one search finds. */
  readonly webSearchTokensMax?: number;
}

/** A model as one upstream serves it. */
export interface TargetModel extends AttachmentBounds {
  /** What callers say. */
  readonly name: string;
  /** What the upstream is asked for. */
  readonly upstreamName: string;
  readonly serves: readonly Served[];
  readonly contextTokens: number;
  readonly outputTokensMax: number;
  /** Its owner pays for what nothing bounds, once it is reported; absent: that is refused. [U261] */
  readonly unbounded?: 'settle';
  /** For counting tokens of a text whose upstream reports none. */
  readonly bytesPerToken: number;
  readonly prices: ModelPrices;
}

/** How much of an upstream all its callers may use together; absent: as much as they like. */
export interface UpstreamLimits {
  readonly concurrency?: number;
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
}

/** How long each step of a call may take, in milliseconds. */
export interface UpstreamTimeouts {
  /** Until the upstream answers with a head. */
  readonly connectMs: number;
  readonly firstTokenMs: number;
  /** Between two pieces of a stream. */
  readonly idleMs: number;
  readonly totalMs: number;
}

/** One server of an upstream whose servers are the replicas of a job. */
export interface Replica {
  /** Its origin. */
  readonly url: string;
  /** What it has to be shown. It is in memory alone, apart from what is logged or answered. */
  readonly key: string;
  /** The job that it belongs to, with its tenant. */
  readonly group: string;
}

/** One model of one upstream, with all that a call to it needs. */
export interface Target {
  /** Of the upstream, unique among those of a deployment. */
  readonly upstreamId: string;
  /** The upstream's name, as `x-sluice-route` shows it. */
  readonly upstream: string;
  readonly protocol: UpstreamProtocol;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  /** Its share of the load of its group, relative to the others'. */
  readonly weight: number;
  readonly limits: UpstreamLimits;
  readonly timeouts: UpstreamTimeouts;
  readonly model: TargetModel;
  /** Callers see the usage of streams also where only Sluice has asked for it, so that these can be passed through. Absent: they do not. */
  readonly passUsage?: boolean;
  /** Of an upstream whose servers are the replicas of a job: those that are ready. */
  readonly replicas?: readonly Replica[];
  /** The one of them that this target stands for: see `withReplicas`. */
  readonly replica?: Replica;
}

/** How a plan asks a student first, and a teacher where the student is not sure. */
export interface CascadeTerms {
  /** Equal for equal models and kind of confidence, so that a new version of a route keeps the measurements. */
  readonly key: string;
  /** As the route names them. */
  readonly studentNames: readonly string[];
  readonly teacherNames: readonly string[];
  /** The targets of the plan that are asked first. */
  readonly students: ReadonlySet<Target>;
  readonly confidence: Confidence;
  /** The model that judges the answer, where the confidence is a verifier's. */
  readonly verifier?: Target;
  readonly threshold: Threshold;
  readonly escalatedShareMax: number;
  readonly shadowShare: number;
}

/** Where a request may be served: the targets of a group share the load, and the next group is asked when a group cannot serve. */
export interface Plan {
  readonly groups: readonly (readonly Target[])[];
  /** The name and version of the route that made the plan; absent: the request named a model. */
  readonly route?: { readonly name: string; readonly version: number };
  /** Why this plan, in the words of a fixed list, such as `model`, `rule:long-prompts`, `canary`. */
  readonly reason: string;
  /** Which targets are asked first, and when the others are. Absent: each target may serve. */
  readonly cascade?: CascadeTerms;
}

/**
 * The plan with a target for each ready replica, in the place of the upstream that they belong to: each has its own health and its share of the load.
 * A group without any is left out. [U12]
 */
export const withReplicas = (plan: Plan): Plan => ({
  ...plan,
  groups: plan.groups.map((group) => group.flatMap(atReplicas)).filter(({ length }) => length > 0),
});

const atReplicas = (target: Target): readonly Target[] =>
  target.replicas?.map((replica) => ({ ...target, baseUrl: `${replica.url}/v1`, replica })) ?? [target];

/** Unique among the targets of a deployment. */
export const targetId = ({ upstreamId, model, replica }: Pick<Target, 'upstreamId' | 'model' | 'replica'>): string =>
  `${upstreamId}/${model.name}${replica === undefined ? '' : ` ${replica.url}`}`;

/** As rules, headers and usage name it. */
export const targetName = ({ upstream, model }: Pick<Target, 'upstream' | 'model'>): string => `${upstream}/${model.name}`;
