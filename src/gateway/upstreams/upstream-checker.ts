import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Principal } from '../../contract/api/principal.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ok } from '../../kernel/result.ts';
import type { SecretBox } from '../../upstreams/secret-box.ts';
import type { ProbeAnswer, UpstreamCheck } from '../../upstreams/upstream-check.ts';
import { judgeProbe, MODELS_PATH, probeHeaders } from '../../upstreams/upstream-check.ts';
import type { UpstreamHosts } from '../../upstreams/upstream-host.ts';
import { checkAddress, replicasJobOf } from '../../upstreams/upstream-host.ts';
import type { UpstreamFinding } from '../../upstreams/upstream-findings.ts';
import { findingsOf } from '../../upstreams/upstream-findings.ts';
import type { UpstreamOwner, UpstreamRecord } from '../../upstreams/upstream-record.ts';
import { ownerOf } from '../../upstreams/upstream-record.ts';
import { noUpstream } from '../../upstreams/upstream-registry.ts';
import type { RouteCalls } from '../routes/route-admin.ts';
import type { ReplicaGroups } from './replica-groups.ts';
import { secretOwner } from './upstream-admin.ts';
import type { UpstreamCalls } from './upstream-calls.ts';

interface CheckerParts {
  readonly upstreams: (owner: UpstreamOwner) => Pick<UpstreamCalls, 'find'>;
  readonly secrets: Pick<SecretBox, 'open'>;
  readonly hosts: UpstreamHosts;
  readonly groups: Pick<ReplicaGroups, 'ready'>;
  /** One GET, without redirects, bounded in time and bytes. */
  readonly probe: (url: string, headers: Readonly<Record<string, string>>) => Promise<ProbeAnswer>;
  /** The routes of an owner that serve. */
  readonly routes: (owner: UpstreamOwner) => Pick<RouteCalls, 'directory'>;
  readonly clock: Clock;
}

export interface TimedCheck extends UpstreamCheck {
  /** What calls would still lack. */
  readonly findings: readonly UpstreamFinding[];
  readonly elapsedMs: number;
  readonly checkedAtMs: number;
}

/** Asks an upstream for its models, as its owner: whether it can be reached, accepts the secret and has the models. [U8] */
export class UpstreamChecker {
  readonly #parts: CheckerParts;

  constructor(parts: CheckerParts) {
    this.#parts = parts;
  }

  /** Refuses with `upstream_not_found`, with `address_denied` a host that may not be called any more, and a secret that cannot be opened. */
  async check(principal: Principal, name: string): Promise<Outcome<TimedCheck>> {
    const { upstreams, secrets, hosts, groups, probe, clock } = this.#parts;
    const owner = ownerOf(principal);
    const upstream = await upstreams(owner).find(name);
    if (upstream === undefined) return noUpstream(name);
    const baseUrl = checkAddress(upstream.protocol, upstream.baseUrl, hosts);
    if (!baseUrl.ok) return baseUrl;
    const secret = upstream.secret === null ? undefined : await secrets.open(upstream.secret.sealed, secretOwner(owner, upstream));
    if (upstream.secret !== null && secret === undefined)
      return refuse(
        'state_conflict',
        `the secret of ${name} was encrypted under a key that the deployment has no more: give it anew`,
        'upstream',
      );
    const beganAtMs = clock.nowMs();
    // A binding lists no models: that they could not be determined is all that a check says.
    if (upstream.protocol === 'workers-ai')
      return ok({ ...(await this.#judged(owner, upstream, UNLISTED)), elapsedMs: 0, checkedAtMs: beganAtMs });
    const job = replicasJobOf(baseUrl.value);
    const [replica] = job === undefined || principal.kind !== 'tenant' ? [] : await groups.ready(principal.tenantId, job);
    const answer =
      job !== undefined && replica === undefined
        ? ABSENT
        : await probe(
            `${replica === undefined ? baseUrl.value : `${replica.url}/v1`}${MODELS_PATH}`,
            probeHeaders(upstream.protocol, replica?.key ?? secret),
          );
    const checkedAtMs = clock.nowMs();
    return ok({ ...(await this.#judged(owner, upstream, answer)), elapsedMs: checkedAtMs - beganAtMs, checkedAtMs });
  }

  async #judged(
    owner: UpstreamOwner,
    upstream: UpstreamRecord,
    answer: ProbeAnswer,
  ): Promise<UpstreamCheck & Pick<TimedCheck, 'findings'>> {
    const check = judgeProbe(upstream, answer);
    const routes = await this.#parts
      .routes(owner)
      .directory()
      .catch(() => undefined);
    const routed = routes && new Set(routes.flatMap(({ rules, canary }) => stringsIn([rules, canary?.rules])));
    return { ...check, findings: findingsOf({ ...upstream, hasSecret: upstream.secret !== null }, { check, routed }) };
  }
}

/** The names of models in rules, among others. */
function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}

const ABSENT: ProbeAnswer = { kind: 'none', why: 'unreachable' };
const UNLISTED: ProbeAnswer = { kind: 'answer', status: 404, text: '' };
