import { refusalAt } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Principal } from '../../contract/api/principal.ts';
import type { ChangeUpstreamBody, CreateUpstreamBody } from '../../contract/upstreams/upstreams.ts';
import type { WriteLease } from '../../contract/tenancy/write-lease.ts';
import type { Clock } from '../../kernel/clock.ts';
import { err, ok } from '../../kernel/result.ts';
import type { PageOf } from '../../kernel/page.ts';
import { pageOf } from '../../kernel/page.ts';
import type { SecretBox, SecretOwner } from '../../upstreams/secret-box.ts';
import type { UpstreamProtocol } from '../../upstreams/target.ts';
import type { UpstreamHosts } from '../../upstreams/upstream-host.ts';
import { checkAddress, replicasJobOf } from '../../upstreams/upstream-host.ts';
import type { StoredSecret, UpstreamOwner, UpstreamRecord } from '../../upstreams/upstream-record.ts';
import { ownerOf } from '../../upstreams/upstream-record.ts';
import { noUpstream, storedSecret } from '../../upstreams/upstream-registry.ts';
import type { UpstreamSettings } from '../../upstreams/upstream-settings.ts';
import { changedSettings, newSettings } from '../../upstreams/upstream-settings.ts';
import type { Acting, NoteChange } from '../tenancy/authority.ts';
import { changeNoted } from '../tenancy/authority.ts';
import { requestDigest } from '../tenancy/subject.ts';
import type { ReplicaGroups } from './replica-groups.ts';
import type { UpstreamCalls, UpstreamsOf } from './upstream-calls.ts';
import { Composed } from '../api/composed.ts';

interface UpstreamAdminParts {
  readonly upstreams: UpstreamsOf;
  readonly secrets: SecretBox;
  readonly hosts: UpstreamHosts;
  readonly groups: Pick<ReplicaGroups, 'check'>;
  /** A keyed digest, from which a secret cannot be found by trying. */
  readonly mac: (text: string) => Promise<string>;
  readonly note: NoteChange;
  /** The copies of this isolate: those of an owner whose upstreams were changed are read again. */
  readonly directory: { changed(owner: UpstreamOwner): void };
  readonly clock: Clock;
}

/** The upstreams that a caller owns: a tenant its own, the admin those of the platform. */
export class UpstreamAdmin extends Composed<UpstreamAdminParts> {
  async list(principal: Principal, limit: number, after = ''): Promise<PageOf<UpstreamRecord>> {
    const found = await this.parts.upstreams(ownerOf(principal)).page(after, limit + 1);
    return pageOf(found, limit);
  }

  async find(principal: Principal, name: string): Promise<Outcome<UpstreamRecord>> {
    const found = await this.parts.upstreams(ownerOf(principal)).find(name);
    return found === undefined ? noUpstream(name) : ok(found);
  }

  /** Refuses with `address_denied` a host that may not be called, with `invalid_value`, and as the registry does. */
  async create(caller: Acting<Principal>, body: CreateUpstreamBody, idempotencyKey: string | undefined): Promise<Outcome<UpstreamRecord>> {
    // Calls by the binding are paid for by the account of the deployment.
    if (body.protocol === 'workers-ai' && caller.principal.kind !== 'admin')
      return refuse('scope_denied', 'is of the platform: only the admin key may add it', 'protocol');
    const baseUrl = await this.#address(caller.principal, body.protocol, body.base_url);
    if (!baseUrl.ok) return baseUrl;
    const settings = newSettings(body, baseUrl.value);
    if (!settings.ok) return settings;
    const owner = ownerOf(caller.principal);
    if (body.secret !== undefined && replicasJobOf(baseUrl.value) !== undefined) return SECRET_OF_REPLICAS;
    const secret = body.secret === undefined ? null : await this.#sealed(owner, settings.value, body.secret);
    const request = idempotencyKey === undefined ? null : { key: idempotencyKey, digest: await this.#digest(caller.principal, body) };
    return this.#noted(caller, 'create', body.name, (upstreams, lease) => upstreams.create({ ...settings.value, secret }, request, lease));
  }

  /** [U5] Refuses another host without the secret: it was given for the former one. */
  async change(caller: Acting<Principal>, name: string, body: ChangeUpstreamBody): Promise<Outcome<UpstreamRecord>> {
    const owner = ownerOf(caller.principal);
    const known = await this.parts.upstreams(owner).find(name);
    if (known === undefined) return noUpstream(name);
    const baseUrl = body.base_url === undefined ? ok(known.baseUrl) : await this.#address(caller.principal, known.protocol, body.base_url);
    if (!baseUrl.ok) return baseUrl;
    const settings = changedSettings(known, body, baseUrl.value);
    if (!settings.ok) return settings;
    const secret = await this.#nextSecret(owner, known, settings.value, body.secret);
    if (!secret.ok) return secret;
    const change = { next: { ...settings.value, secret: secret.value }, basedOn: known.updatedAtMs };
    return this.#noted(caller, 'change', name, (upstreams, lease) => upstreams.change(change, lease));
  }

  remove(caller: Acting<Principal>, name: string): Promise<Outcome<null>> {
    return this.#noted(caller, 'delete', name, (upstreams, lease) => upstreams.remove(name, lease));
  }

  /** A change that was not acknowledged may have been made, too. */
  async #noted<T>(
    caller: Acting<Principal>,
    action: string,
    name: string,
    change: (upstreams: UpstreamCalls, lease: WriteLease | undefined) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    const { note, upstreams, directory } = this.parts;
    const owner = ownerOf(caller.principal);
    try {
      return await changeNoted(note, caller, [`upstream.${action}`, name], ({ lease }) => change(upstreams(owner), lease));
    } finally {
      directory.changed(owner);
    }
  }

  /** [U12] The replicas are those of a job of the caller's tenant. */
  async #address(principal: Principal, protocol: UpstreamProtocol, text: string): Promise<Outcome<string>> {
    const address = checkAddress(protocol, text, this.parts.hosts);
    const job = address.ok ? replicasJobOf(address.value) : undefined;
    if (job === undefined) return address;
    if (principal.kind !== 'tenant') return refuse('scope_denied', 'names a job: only a key of its tenant may', 'base_url');
    const checked = await this.parts.groups.check(principal.tenantId, job);
    return checked.ok ? address : err(refusalAt(checked.error, ['base_url']));
  }

  async #nextSecret(
    owner: UpstreamOwner,
    known: UpstreamRecord,
    next: UpstreamSettings,
    named: string | null | undefined,
  ): Promise<Outcome<StoredSecret | null>> {
    if (replicasJobOf(next.baseUrl) !== undefined) {
      const kept = named === undefined ? known.secret : named;
      return kept === null ? ok(null) : SECRET_OF_REPLICAS;
    }
    if (named !== undefined) return ok(named === null ? null : await this.#sealed(owner, next, named));
    if (known.secret === null) return ok(null);
    const [from, to] = [secretOwner(owner, known), secretOwner(owner, next)];
    if (from.origin !== to.origin)
      return refuse('invalid_value', 'must be given anew with another scheme, host or port: it is sent to no other server', 'secret');
    if (await this.parts.secrets.isCurrent(known.secret.sealed)) return ok(known.secret);
    const text = await this.parts.secrets.open(known.secret.sealed, from);
    return ok(text === undefined ? known.secret : { ...known.secret, sealed: await this.parts.secrets.seal(text, to) });
  }

  async #sealed(owner: UpstreamOwner, settings: UpstreamSettings, text: string): Promise<StoredSecret> {
    const { secrets, clock } = this.parts;
    return storedSecret(await secrets.seal(text, secretOwner(owner, settings)), text, clock.nowMs());
  }

  async #digest(principal: Principal, { secret, ...body }: CreateUpstreamBody): Promise<string> {
    const mac = secret === undefined ? null : await this.parts.mac(`upstream secret: ${secret}`);
    return requestDigest(principal, 'upstream.create', { ...body, mac });
  }
}

const SECRET_OF_REPLICAS = refuse('invalid_value', 'must be absent or null: replicas have keys of their own', 'secret');

/** What the secret of an upstream is bound to. */
export const secretOwner = (owner: UpstreamOwner, { name, baseUrl }: UpstreamSettings): SecretOwner => ({
  owner,
  upstream: name,
  origin: new URL(baseUrl).origin,
});
