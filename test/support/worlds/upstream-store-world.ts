import type { CreateUpstreamBody } from '../../../src/contract/upstreams/upstreams.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import type { Principal, TenantPrincipal } from '../../../src/contract/api/principal.ts';
import { leaseFrom } from '../../../src/contract/tenancy/write-lease.ts';
import { ReplicaWakes } from '../../../src/gateway/pools/replica-wakes.ts';
import { ReplicaGroups } from '../../../src/gateway/upstreams/replica-groups.ts';
import type { UpstreamCalls } from '../../../src/gateway/upstreams/upstream-calls.ts';
import { UpstreamAdmin } from '../../../src/gateway/upstreams/upstream-admin.ts';
import { UpstreamDirectory } from '../../../src/gateway/upstreams/upstream-directory.ts';
import { must } from '../../../src/kernel/assert.ts';
import { Hmac } from '../../../src/kernel/hmac.ts';
import { portTo } from '../../../src/kernel/remote.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { Job } from '../../../src/scheduler/served/jobs/job.ts';
import { SecretBox } from '../../../src/upstreams/secret-box.ts';
import { parseUpstreamHosts } from '../../../src/upstreams/upstream-host.ts';
import type { UpstreamOwner } from '../../../src/upstreams/upstream-record.ts';
import { UpstreamRegistry } from '../../../src/upstreams/upstream-registry.ts';
import { originHost } from '../../../workers/gateway/pipeline/origin-host.ts';
import { NodeSql } from '../fakes/node-sql.ts';
import { idsOf } from '../fakes/tenancy.ts';

export const PEPPER = 'a pepper of at least thirty-two characters';
export const SECRET = 'sk-of-the-upstream-0123456789-tail';

export const tenantOf = (number: number): TenantPrincipal => {
  const { id: keyId, ...ids } = idsOf(number);
  return { kind: 'tenant', keyId, ...ids, owner: 'team', scopes: ['upstreams:read', 'upstreams:write'] };
};

export const upstreamBody = (more: Partial<CreateUpstreamBody> = {}): CreateUpstreamBody => ({
  name: 'openai',
  protocol: 'openai',
  base_url: 'https://api.openai.com/v1',
  secret: SECRET,
  weight: 1,
  pass_usage: false,
  models: [
    {
      name: 'small',
      serves: ['chat'],
      context_tokens: 1_000,
      output_tokens_max: 100,
      bytes_per_token: 4,
      prices: { input: 1, output: 2, request: 0 },
    },
  ],
  ...more,
});

/** Upstreams of several owners: their registries, and the isolates that change and call them. */
export class UpstreamStoreWorld {
  nowMs = 1_000_000;
  /** Whether the objects answer. */
  isReachable = true;
  /** Owners, by call of their snapshot. */
  readonly asked: string[] = [];
  readonly audit: string[] = [];
  readonly stored = new Map<string, NodeSql>();
  readonly clock = { nowMs: () => this.nowMs };
  /** Work that nothing waits for. */
  readonly beside: Promise<unknown>[] = [];
  #nonces = 0;
  readonly #registries = new Map<string, UpstreamRegistry>();

  registry(owner: string): UpstreamRegistry {
    const known = this.#registries.get(owner);
    if (known !== undefined) return known;
    const storage = new NodeSql();
    this.stored.set(owner, storage);
    const made = new UpstreamRegistry(storage, this.clock);
    this.#registries.set(owner, made);
    return made;
  }

  /** The jobs of tenants, by the names that groups have. */
  readonly jobs = new Map<string, Job>();
  /** Of which the scheduler was asked, in order. */
  readonly askedJobs: string[] = [];

  /** Those that calls have woken, in order. */
  readonly wokenJobs: string[] = [];
  /** What happens while a call waits for a replica. */
  slept: () => void = () => undefined;

  readonly groups = new ReplicaGroups({
    find: async (tenant, job) => {
      this.askedJobs.push(job);
      if (!this.isReachable) throw new Error('the scheduler does not answer');
      const found = this.jobs.get(`${tenant}/${job}`);
      return found === undefined ? refuse('job_not_found', 'there is no such job', 'job') : ok(structuredClone(found));
    },
    hostOf: originHost,
    clock: this.clock,
    wakes: new ReplicaWakes({
      wake: async (_, job) => {
        this.wokenJobs.push(job);
        return ok(null);
      },
      clock: this.clock,
      sleep: async (ms) => {
        this.nowMs += ms;
        this.slept();
      },
    }),
    background: (work) => void this.beside.push(work),
  });

  /** What an isolate does once it has changed the upstreams of an owner. */
  changed: (owner: UpstreamOwner) => void = () => undefined;

  /** Whether the deployment has the binding. */
  hasWorkersAi = false;

  secrets = (...masters: readonly string[]): SecretBox =>
    new SecretBox(masters, { bytes: (count) => new Uint8Array(count).fill((this.#nonces += 1)) });

  admin(secrets = this.secrets(PEPPER), local = ''): UpstreamAdmin {
    const hmac = new Hmac(PEPPER);
    return new UpstreamAdmin({
      upstreams: (owner) => this.#calls(owner),
      secrets,
      hosts: { ...hosts('', local), hasWorkersAi: this.hasWorkersAi },
      groups: this.groups,
      mac: (text) => hmac.hex(text),
      note: async ({ tenantId }, action, subject) => {
        this.audit.push(`${tenantId} ${action} ${subject}`);
        return ok(null);
      },
      directory: { changed: (owner) => this.changed(owner) },
      clock: this.clock,
    });
  }

  /** Work that nothing waits for is done by the time that this isolate is asked again. */
  directory(
    secrets = this.secrets(PEPPER),
    allowed = '',
  ): { readonly directory: UpstreamDirectory; readonly settled: () => Promise<unknown> } {
    const { beside } = this;
    const directory = new UpstreamDirectory({
      snapshot: async (owner, known) => {
        this.asked.push(owner);
        if (!this.isReachable) throw new Error('the object does not answer');
        return this.registry(owner).snapshot(known);
      },
      secrets,
      hosts: { ...hosts(allowed, ''), hasWorkersAi: this.hasWorkersAi },
      groups: this.groups,
      clock: this.clock,
      background: (work) => void beside.push(work),
    });
    return { directory, settled: () => Promise.all(beside) };
  }

  caller = (principal: Principal) => ({ principal, authority: { lease: async () => ok(leaseFrom(this.nowMs)) } });

  /** As RPC does it: what crosses is copied. */
  #calls(owner: string): UpstreamCalls {
    const registry = this.registry(owner);
    return portTo(
      () => registry as unknown as UpstreamCalls,
      async (call) => structuredClone(await call()),
    );
  }
}

const hosts = (allowed: string, local: string) => must(parseUpstreamHosts(allowed, local), 'lists of hosts');
