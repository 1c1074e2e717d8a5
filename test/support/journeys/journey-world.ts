import { setTimeout as sleep } from 'node:timers/promises';

import { AdminClient } from '../../../workers/local/admin-client.ts';
import type { NamedUse, PlatformUse } from '../../workerd/platform-use/platform-use.ts';
import { mostOf, NO_USE } from '../../workerd/platform-use/platform-use.ts';
import type { CountedDeployment } from '../deployment/counted-deployment.ts';
import { cpuMsOf, deployCounted } from '../deployment/counted-deployment.ts';
import type { StoredRow } from '../deployment/largest-rows.ts';
import type { Agent } from '../deployment/agent.ts';
import { startAgent } from '../deployment/agent.ts';
import type { ApiClient } from '../deployment/api-client.ts';
import { createTenant } from '../deployment/tenant.ts';
import type { MockUpstream } from '../upstreams/mock-upstream.ts';
import { startMockUpstream } from '../upstreams/mock-upstream.ts';

/** A way through the API, of which it is measured what it takes of the platform. */
export interface Journey {
  readonly name: string;
  /** What has to be there before; it is not measured. */
  readonly prepare?: (world: JourneyWorld) => Promise<void>;
  readonly run: (world: JourneyWorld) => Promise<void>;
}

/** What a journey took: the largest use of each limit by one invocation, of the gateway and of any other. */
export interface Measured {
  readonly gateway: PlatformUse;
  readonly others: PlatformUse;
  readonly invocations: number;
  /** How often alarms rang. */
  readonly alarms: number;
  /** Of all Workers together, which are one process here. */
  readonly cpuMs: number;
  readonly uses: readonly NamedUse[];
}

const SCOPES = [
  'inference',
  'files',
  'jobs',
  'index:write',
  'index:read',
  'models:read',
  'models:write',
  'cache:purge',
  'upstreams:write',
  'upstreams:read',
];

/** One deployment that counts, with a tenant, a model of an upstream and an agent. */
export class JourneyWorld {
  readonly server: CountedDeployment;
  readonly upstream: MockUpstream;
  readonly client: ApiClient;
  readonly #agent: Agent;

  private constructor(server: CountedDeployment, upstream: MockUpstream, client: ApiClient, agent: Agent) {
    this.server = server;
    this.upstream = upstream;
    this.client = client;
    this.#agent = agent;
  }

  static async start(): Promise<JourneyWorld> {
    const upstream = await startMockUpstream();
    const server = await deployCounted({ LOG_LEVEL: 'warn', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${upstream.port}` });
    const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
    const model = { name: 'small', serves: ['chat'], context_tokens: 100_000, output_tokens_max: 1_000, prices: { input: 1, output: 2 } };
    const { baseUrl: base_url } = upstream;
    await admin.create('/v1/upstreams', { name: 'lab', protocol: 'openai', base_url, secret: 'sk-mock-0123456789', models: [model] });
    const { client } = await createTenant(server, { scopes: SCOPES });
    const pool = await admin.create<Parameters<typeof startAgent>[1]>('/v1/pools', { name: 'journeys', owner: 'testers' });
    return new JourneyWorld(server, upstream, client, startAgent(server, pool));
  }

  async measure({ prepare, run }: Journey): Promise<Measured> {
    await prepare?.(this);
    await this.server.forget();
    const before = cpuMsOf(this.server);
    await run(this);
    const cpuMs = cpuMsOf(this.server) - before;
    // What goes on behind an answer belongs to it: usage, logs.
    await sleep(50);
    const uses = await this.server.uses();
    const most = (isOf: (name: string) => boolean): PlatformUse =>
      uses.filter(({ name }) => isOf(name)).reduce((sum, use) => mostOf(sum, use.most), NO_USE);
    const count = (isOf: (name: string) => boolean): number =>
      uses.filter(({ name }) => isOf(name)).reduce((sum, use) => sum + use.invocations, 0);
    return {
      gateway: most((name) => name.startsWith('gateway ')),
      others: most((name) => !name.startsWith('gateway ')),
      invocations: count(() => true),
      alarms: count((name) => name.endsWith('.alarm')),
      cpuMs,
      uses,
    };
  }

  async stop(): Promise<readonly StoredRow[]> {
    this.#agent.kill();
    await this.upstream.kill();
    return this.server.stop();
  }
}
