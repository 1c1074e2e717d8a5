import type { Principal } from '../contract/api/principal.ts';
import type { Target, TargetModel, UpstreamLimits, UpstreamProtocol, UpstreamTimeouts } from './target.ts';

/** The owner of upstreams: a tenant, by its id, or the platform, whose upstreams all tenants may use. */
export type UpstreamOwner = string;

export const PLATFORM: UpstreamOwner = 'platform';

/** Whose upstreams and routes a caller sees and changes: a tenant its own, the admin the platform's. */
export const ownerOf = (principal: Principal): UpstreamOwner => (principal.kind === 'tenant' ? principal.tenantId : PLATFORM);

/** What is stored of a secret. The text is sealed: only the Worker that calls the upstream can open it. */
export interface StoredSecret {
  readonly sealed: string;
  /** Its last four characters, by which people recognise it; null: it is too short to show any. */
  readonly hint: string | null;
  readonly updatedAtMs: number;
}

/** An upstream as its owner has described it. */
export interface UpstreamRecord {
  readonly name: string;
  readonly protocol: UpstreamProtocol;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly models: readonly TargetModel[];
  /** Null: it is called without one. */
  readonly secret: StoredSecret | null;
  readonly weight: number;
  readonly limits: UpstreamLimits;
  readonly timeouts: UpstreamTimeouts;
  /** Whether callers see the usage of streams that only Sluice has asked for. Absent in records of before: they do not. */
  readonly passUsage?: boolean;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** The id of an upstream in its targets: unique among those of a deployment. */
export const upstreamIdOf = (owner: UpstreamOwner, { name }: Pick<UpstreamRecord, 'name'>): string => `${owner}/${name}`;

/** The owner in such an id. */
export const ownerIn = (upstreamId: string): UpstreamOwner => upstreamId.slice(0, upstreamId.indexOf('/'));

/** An upstream as targets, one a model. */
export function targetsOf(owner: UpstreamOwner, upstream: UpstreamRecord): Target[] {
  const { name, protocol, baseUrl, weight, limits, timeouts, models, passUsage = false } = upstream;
  const upstreamId = upstreamIdOf(owner, upstream);
  return models.map((model) => ({ upstreamId, upstream: name, protocol, baseUrl, weight, limits, timeouts, model, passUsage }));
}
