import { UPSTREAM_LIMITS } from '../../contract/upstreams/upstream-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import { must } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { JobId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { SecretBox } from '../../upstreams/secret-box.ts';
import type { Target } from '../../upstreams/target.ts';
import type { UpstreamHosts } from '../../upstreams/upstream-host.ts';
import { checkAddress, replicasJobOf } from '../../upstreams/upstream-host.ts';
import type { UpstreamOwner, UpstreamRecord } from '../../upstreams/upstream-record.ts';
import { ownerIn, PLATFORM, targetsOf, upstreamIdOf } from '../../upstreams/upstream-record.ts';
import type { UpstreamSnapshot } from '../../upstreams/upstream-registry.ts';
import { RefreshAheadCache } from '../api/refresh-ahead-cache.ts';
import type { ReplicaGroups } from './replica-groups.ts';
import { secretOwner } from './upstream-admin.ts';

interface DirectoryParts {
  readonly snapshot: (owner: UpstreamOwner, known: number | null) => Promise<UpstreamSnapshot | null>;
  readonly secrets: Pick<SecretBox, 'open'>;
  readonly hosts: UpstreamHosts;
  readonly groups: Pick<ReplicaGroups, 'ready'>;
  readonly clock: Clock;
  /** Keeps work going that no answer waits for. */
  readonly background: (work: Promise<unknown>) => void;
}

/** A secret as it is stored, and as it is sent. */
interface OpenedSecret {
  readonly sealed: string;
  readonly text: string;
}

interface Known {
  readonly revision: number;
  readonly targets: readonly Target[];
  /** The jobs whose replicas are servers of its upstreams. */
  readonly groups: ReadonlySet<JobId>;
  /** By upstream. They are in memory alone, apart from what is logged or answered. */
  readonly secrets: ReadonlyMap<string, OpenedSecret>;
  readonly bytes: number;
}

/**
 * An isolate's copy of the upstreams that tenants may call, at most `upstreamFreshMs` old. While their object does not answer, the copy is used for
 * up to `upstreamStaleMs`. [U6]
 */
export class UpstreamDirectory {
  readonly #parts: DirectoryParts;
  readonly #known: RefreshAheadCache<Known>;

  constructor(parts: DirectoryParts) {
    this.#parts = parts;
    this.#known = new RefreshAheadCache({
      freshMs: UPSTREAM_LIMITS.upstreamFreshMs,
      refreshAfterMs: UPSTREAM_LIMITS.upstreamRenewedAfterMs,
      staleMs: UPSTREAM_LIMITS.upstreamStaleMs,
      entriesMax: UPSTREAM_LIMITS.upstreamOwnersKnownMaxCount,
      bytesMax: UPSTREAM_LIMITS.upstreamDirectoryBytesMax,
      bytesOf: ({ bytes }) => bytes,
      clock: parts.clock,
      background: parts.background,
    });
  }

  /** The models that a tenant may call: its own, and the platform's. Refuses with `unavailable`. */
  async visible({ tenantId }: Pick<TenantPrincipal, 'tenantId'>): Promise<Outcome<Record<'own' | 'platform', readonly Target[]>>> {
    const [own, platform] = await Promise.all([this.#of(tenantId), this.#of(PLATFORM)]);
    if (own === undefined || platform === undefined)
      return refuse('unavailable', 'it cannot be determined which upstreams there are: repeat the call');
    return ok({ own: own.groups.size === 0 ? own.targets : await this.#withReplicas(tenantId, own), platform: platform.targets });
  }

  /** The upstreams of an owner were changed from this isolate: its next call sees that. */
  changed(owner: UpstreamOwner): void {
    this.#known.outdate(owner);
  }

  /** What the upstream of a target is to be shown. Undefined: nothing. */
  async secretOf({ upstreamId, replica }: Target): Promise<string | undefined> {
    if (replica !== undefined) return replica.key;
    const known = await this.#of(ownerIn(upstreamId));
    return known?.secrets.get(upstreamId)?.text;
  }

  /** The targets of a tenant, those at replicas of its jobs with the ones that are ready. */
  async #withReplicas(tenantId: TenantId, { targets, groups }: Known): Promise<readonly Target[]> {
    const ready = new Map(await Promise.all([...groups].map(async (job) => [job, await this.#parts.groups.ready(tenantId, job)] as const)));
    return targets.map((target) => {
      const job = replicasJobOf(target.baseUrl);
      return job === undefined ? target : { ...target, replicas: ready.get(job) ?? [] };
    });
  }

  /** Undefined: it cannot be determined. */
  #of(owner: UpstreamOwner): Promise<Known | undefined> {
    return this.#known.get(owner, async (before) => {
      const snapshot = await this.#parts.snapshot(owner, before?.revision ?? null);
      return snapshot === null ? must(before, 'nothing has changed since an earlier revision') : this.#opened(owner, snapshot, before);
    });
  }

  /** An upstream that may not be called any more, or whose secret cannot be opened, has no targets: it is called neither there nor without it. */
  async #opened(owner: UpstreamOwner, { revision, upstreams }: UpstreamSnapshot, before: Known | undefined): Promise<Known> {
    const targets: Target[] = [];
    const secrets = new Map<string, OpenedSecret>();
    for (const upstream of upstreams) {
      if (!checkAddress(upstream.protocol, upstream.baseUrl, this.#parts.hosts).ok) continue;
      const upstreamId = upstreamIdOf(owner, upstream);
      if (upstream.secret !== null) {
        const opened = await this.#open(owner, upstream, upstream.secret.sealed, before?.secrets.get(upstreamId));
        if (opened === undefined) continue;
        secrets.set(upstreamId, opened);
      }
      targets.push(...targetsOf(owner, upstream));
    }
    const groups = new Set(targets.flatMap(({ baseUrl }) => replicasJobOf(baseUrl) ?? []));
    return { revision, targets, groups, secrets, bytes: 2 * JSON.stringify(upstreams).length };
  }

  async #open(
    owner: UpstreamOwner,
    upstream: UpstreamRecord,
    sealed: string,
    before: OpenedSecret | undefined,
  ): Promise<OpenedSecret | undefined> {
    if (before?.sealed === sealed) return before;
    const text = await this.#parts.secrets.open(sealed, secretOwner(owner, upstream));
    return text === undefined ? undefined : { sealed, text };
  }
}
