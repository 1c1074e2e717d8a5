import type { Hook, HOOK_OUTCOMES } from '../../contract/guardrails/guardrails.ts';
import type { UpstreamOwner } from '../upstream-record.ts';
import type { UpstreamHosts } from '../upstream-host.ts';

/** The hooks of one version of a route, in the order in which they look. */
export interface GuardrailPolicy {
  /** `support@3`. */
  readonly name: string;
  /** Of the route: whose classifiers its hooks name. */
  readonly owner: UpstreamOwner;
  readonly hooks: readonly Hook[];
}

/** A policy, and where its webhooks may be. */
export interface GuardrailTerms {
  readonly policy: GuardrailPolicy;
  readonly hosts: UpstreamHosts;
}

/** What a hook did, for the request log and `server-timing`. Never what it found. */
export interface HookRecord {
  readonly policy: string;
  readonly hook: string;
  readonly side: 'request' | 'answer';
  readonly outcome: (typeof HOOK_OUTCOMES)[number];
  /** Places that were found, or texts that were objected to. */
  readonly count: number;
  /** That a classifier has read. */
  readonly tokens?: number;
  readonly elapsedMs: number;
}
