import { expect } from 'vitest';

import { AdminClient } from '../../../workers/local/admin-client.ts';
import type { Server } from '../../../workers/local/serve.ts';
import type { Agent } from './agent.ts';
import { startAgent } from './agent.ts';
import { ApiClient } from './api-client.ts';
import { deploy } from './deployment.ts';
import { createTenant } from './tenant.ts';

/** A deployment with one pool, whose agents the test starts, and the jobs of one tenant. */
export class AgentPool {
  readonly server: Server;
  readonly client: ApiClient;
  readonly #pool: { readonly id: string; readonly agent_token: string };
  #agents: Agent[] = [];

  private constructor(server: Server, client: ApiClient, pool: { readonly id: string; readonly agent_token: string }) {
    this.server = server;
    this.client = client;
    this.#pool = pool;
  }

  /** `scopes`: of the key of the tenant, if not the usual ones. */
  static async deploy(environment: Readonly<Record<string, string>> = {}, scopes?: readonly string[]): Promise<AgentPool> {
    const server = await deploy(1, environment);
    const { client } = await createTenant(server, scopes === undefined ? {} : { scopes });
    const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
    return new AgentPool(server, client, await admin.create('/v1/pools', { name: 'shop', owner: 'testers' }));
  }

  start(flags: readonly string[], environment: Readonly<Record<string, string>> = {}): Agent {
    const agent = startAgent(this.server, this.#pool, flags, { environment });
    this.#agents.push(agent);
    return agent;
  }

  async stopAgents(): Promise<void> {
    const agents = this.#agents;
    this.#agents = [];
    await Promise.all(agents.map((agent) => agent.stop()));
  }

  async close(): Promise<void> {
    for (const agent of this.#agents) agent.kill();
    await this.server.stop();
  }

  async nodes() {
    const admin = new ApiClient(this.server.urls[0] ?? '', this.server.secrets.SLUICE_ADMIN_KEY);
    return (await admin.get(`/v1/pools/${this.#pool.id}/nodes`)).body.data;
  }

  async upload(content: string): Promise<string> {
    const form = new FormData();
    form.set('purpose', 'user_data');
    form.set('file', new Blob([content]), 'input');
    return (await this.client.call('POST', '/v1/files', form)).body.id;
  }

  async job(id: string) {
    return (await this.client.get(`/v1/jobs/${id}`)).body;
  }

  /** What has happened to a job by now. */
  async events(id: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const text: string = (await this.client.get(`/v1/jobs/${id}/events?follow=false`)).body;
    return text
      .split('\n')
      .flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6)) as Readonly<Record<string, unknown>>] : []));
  }

  async log(id: string): Promise<string> {
    return (await this.client.get(`/v1/jobs/${id}/logs`)).body;
  }

  async content(file: string): Promise<string> {
    return (await this.client.get(`/v1/files/${file}/content`)).body;
  }

  async ends(id: string, state: string): Promise<void> {
    await expect.poll(async () => (await this.job(id)).state, { timeout: 90_000 }).toBe(state);
  }
}
