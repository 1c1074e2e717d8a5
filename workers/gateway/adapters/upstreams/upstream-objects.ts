import type { ObjectNamespace } from '../../../../durable-objects/object-namespace.ts';
import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import type { UpstreamCalls, UpstreamsOf } from '../../../../src/gateway/upstreams/upstream-calls.ts';
import { portTo } from '../../../../src/kernel/remote.ts';
import { within } from '../api/ask.ts';

export type UpstreamStub = UpstreamCalls;

/** The objects of upstreams as ports. */
export const upstreamsOf =
  (namespace: ObjectNamespace<UpstreamStub>): UpstreamsOf =>
  (owner) =>
    portTo(
      () => namespace.getByName(owner),
      (call) => within(call(), API_LIMITS.controlTimeoutMs),
    );
