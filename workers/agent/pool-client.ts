import { Blob, Buffer } from 'node:buffer';
import type * as z from 'zod';

import type { Assignment, OutputClaim, Registration } from '../../src/contract/pools/agent-protocol.ts';
import { agentBuildEndpoints } from '../../src/contract/pools/agent-builds.ts';
import type { DeployedModel, RegisteredModelReply } from '../../src/contract/pools/agent-models.ts';
import { agentModelEndpoints } from '../../src/contract/pools/agent-models.ts';
import { agentEndpoints } from '../../src/contract/pools/agent-protocol.ts';
import type { FailureReason, Serving } from '../../src/contract/jobs/attempt.ts';
import type { NodeWeights } from '../../src/contract/pools/pool-exchange.ts';
import { transferEndpoints } from '../../src/contract/pools/transfers.ts';
import type { Progress } from '../../src/contract/jobs/attempt-report.ts';
import type { LineFault } from '../../src/contract/jobs/attempt-report.ts';
import type { ErrorCode, WireError } from '../../src/contract/api/errors.ts';
import { AGENT_HEADER } from '../../src/contract/pools/pool-partition.ts';
import type { ModelRef } from '../../src/inference/served-manifest.ts';
import type { ServerBeside } from './server-beside.ts';
import { serverBesideIn } from './server-beside.ts';

/** Where an agent works, from its environment. */
export interface AgentConfig {
  /** Of the gateway, without a slash at its end. */
  readonly url: string;
  readonly poolId: string;
  readonly token: string;
  /** Where agents of this machine share what they computed; undefined: each keeps its own. */
  readonly cacheSocket: string | undefined;
  /** Where agents of the same pool reach this machine; absent where it runs no attempts itself. */
  readonly address?: string;
  /** What its replicas pass calls on to. */
  readonly beside?: ServerBeside;
  /** This process, where a cluster may start several for one attempt (P60). */
  readonly run?: string;
}

/** Throws, naming the variable, when one is absent or the URL is none. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): AgentConfig {
  const variable = (name: string): string => {
    const value = environment[name];
    if (value === undefined || value === '') throw new Error(`set the environment variable ${name}`);
    return value;
  };
  const url = variable('SLUICE_URL');
  const address = environment['SLUICE_AGENT_ADDRESS'];
  const beside = serverBesideIn(environment);
  if (!URL.canParse(url)) throw new Error(`SLUICE_URL must be the URL of a gateway, not "${url}"`);
  return {
    url: url.replace(/\/+$/, ''),
    poolId: variable('SLUICE_POOL'),
    token: variable('SLUICE_AGENT_TOKEN'),
    cacheSocket: environment['SLUICE_CACHE_SOCKET'],
    ...(address === undefined ? {} : { address }),
    ...(beside === undefined ? {} : { beside }),
  };
}

/** The gateway answered, and the answer is no. Trying again would not help. */
export class Refused extends Error {
  readonly code: ErrorCode;

  constructor({ error }: WireError) {
    super(`${error.code}: ${error.message}`);
    // No upstream answers an agent.
    this.code = error.code as ErrorCode;
  }
}

export type AttemptKey = Pick<Assignment, 'attempt' | 'fence'>;

type ArtifactKey = Pick<OutputClaim, 'index' | 'sha256'>;

interface Completion {
  readonly progress: Progress;
  readonly tokens: number;
  readonly outputs: readonly OutputClaim[];
}

interface Failure {
  readonly reason: FailureReason;
  readonly message: string;
  readonly exitCode?: number;
  readonly lines?: readonly LineFault[];
}

interface HeldByAgent {
  readonly attempts: readonly string[];
  readonly weights: readonly NodeWeights[];
}

export type HeartbeatReply = z.infer<typeof agentEndpoints.heartbeat.reply.schema>;

type Call = { readonly json?: object; readonly bytes?: Blob; readonly signal?: AbortSignal };

/**
 * The agent protocol over HTTP. Throws `Refused` for a refusal; anything else thrown means that the gateway could not be
 * reached or is not well, and that trying again later may help.
 */
export class PoolClient {
  readonly #config: AgentConfig;
  /** Of this agent, once it has registered: calls about its attempts go where the pool has it. */
  #agent: string | undefined;

  /** `agent`: who it was before this process. */
  constructor(config: AgentConfig, agent?: string) {
    this.#config = config;
    this.#agent = agent;
  }

  /** Again, it comes back as the agent that it was. */
  async register(registration: Registration) {
    const registered = agentEndpoints.registerAgent.reply.schema.parse(
      await this.#json('POST', 'agents', { json: { ...registration, agent: this.#agent } }),
    );
    this.#agent = registered.agent;
    return registered;
  }

  /** Says that this machine will be taken away in so many seconds. Throws where the agent has not registered. */
  async notice(inS: number, signal: AbortSignal): Promise<void> {
    if (this.#agent === undefined) throw new Error('the agent has not registered yet');
    await this.#json('POST', `agents/${this.#agent}/notice`, { json: { in_s: inS }, signal });
  }

  /** Waits up to `waitMs` for work. `held`: the attempts that the agent runs, and the weights that it holds, where it says so. */
  async lease(agent: string, waitMs: number, signal: AbortSignal, held?: HeldByAgent) {
    const weights = held?.weights.map(({ model, memoryMib, loadMs, inUse = false }) => ({
      model,
      memory_mib: memoryMib,
      load_ms: loadMs,
      in_use: inUse,
    }));
    const reply = await this.#json('POST', 'lease', { json: { agent, wait_ms: waitMs, holding: held?.attempts, weights }, signal });
    return agentEndpoints.leaseWork.reply.schema.parse(reply);
  }

  /** `progress` is null while the attempt waits in the queue of a cluster. */
  async heartbeat(
    { attempt, fence }: AttemptKey,
    progress: Progress | null,
    signal: AbortSignal,
    serving?: Serving,
  ): Promise<HeartbeatReply> {
    const { run } = this.#config;
    const json = {
      fence,
      progress,
      ...(progress === null || run === undefined ? {} : { run }),
      ...(serving === undefined ? {} : { serving: servingSaid(serving) }),
    };
    return agentEndpoints.heartbeat.reply.schema.parse(await this.#json('POST', `attempts/${attempt}/heartbeat`, { json, signal }));
  }

  input(attempt: AttemptKey, index: number, signal: AbortSignal): Promise<Response> {
    return this.#download(attempt, { artifact: 'input', index }, signal);
  }

  /** Written once: what is there stays, and another content is refused. */
  output(attempt: AttemptKey, { index, sha256 }: ArtifactKey, bytes: Blob, signal: AbortSignal): Promise<void> {
    return this.#upload(attempt, { artifact: 'output', index, sha256 }, bytes, signal);
  }

  /** What the job's attempts have saved last. */
  checkpoint(attempt: AttemptKey, signal: AbortSignal): Promise<Response> {
    return this.#download(attempt, { artifact: 'checkpoint' }, signal);
  }

  storeCheckpoint(attempt: AttemptKey, sha256: string, bytes: Blob, signal: AbortSignal): Promise<void> {
    return this.#upload(attempt, { artifact: 'checkpoint', sha256 }, bytes, signal);
  }

  /** What to train the lists of a shard on; again, that the attempt is still at it. */
  async beginBuild({ attempt, fence }: AttemptKey, signal: AbortSignal) {
    return agentBuildEndpoints.beginBuild.reply.schema.parse(
      await this.#json('POST', `attempts/${attempt}/build`, { json: { fence }, signal }),
    );
  }

  /** A part of the vectors to train on, and where the next begins. */
  async buildSample(
    { attempt, fence }: AttemptKey,
    from: number,
    signal: AbortSignal,
  ): Promise<{ values: Float32Array; next: number | null }> {
    const response = await this.#send('GET', `attempts/${attempt}/build/sample?fence=${fence}&from=${from}`, { signal });
    const next = response.headers.get('x-sluice-next');
    return { values: new Float32Array(await response.arrayBuffer()), next: next === null ? null : Number(next) };
  }

  async commitBuild({ attempt, fence }: AttemptKey, sha256: string, artefact: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<void> {
    await this.#json('PUT', `attempts/${attempt}/build?fence=${fence}&sha256=${sha256}`, { bytes: new Blob([artefact]), signal });
  }

  /** The addresses of all members of the group of this version, by rank; null until each has said its own. */
  async meet({ attempt, fence }: AttemptKey, address: string, version: number, signal: AbortSignal): Promise<readonly string[] | null> {
    const reply = await this.#json('POST', `attempts/${attempt}/peers`, { json: { fence, address, group_version: version }, signal });
    return agentEndpoints.meetPeers.reply.schema.parse(reply).peers;
  }

  /** Adds to the log of the attempt what it wrote from byte `at` on. */
  async log({ attempt, fence }: AttemptKey, at: number, bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<void> {
    await this.#json('POST', `attempts/${attempt}/logs?fence=${fence}&at=${at}`, { bytes: new Blob([bytes]), signal });
  }

  /** The registered model that the job works with, or the model of the deployment that it has an alias of. */
  async model({ attempt, fence }: AttemptKey, signal: AbortSignal): Promise<ModelRef | DeployedModel> {
    const reply = await this.#json('GET', `attempts/${attempt}/model?fence=${fence}`, { signal });
    const model = agentModelEndpoints.readAttemptModel.reply.schema.parse(reply);
    return 'deployed' in model ? model : modelRefOf(model);
  }

  modelFile({ attempt, fence }: AttemptKey, sha256: string, signal: AbortSignal): Promise<Response> {
    return this.#send('GET', `attempts/${attempt}/model/file?fence=${fence}&sha256=${sha256}`, { signal });
  }

  async complete({ attempt, fence }: AttemptKey, { progress, tokens, outputs }: Completion): Promise<void> {
    await this.#json('POST', `attempts/${attempt}/complete`, { json: { fence, progress, tokens, outputs } });
  }

  async fail({ attempt, fence }: AttemptKey, { reason, message, exitCode, lines }: Failure, signal?: AbortSignal): Promise<void> {
    const json = { fence, reason, message: message.slice(0, 1024), lines, ...(exitCode === undefined ? {} : { exit_code: exitCode }) };
    await this.#json('POST', `attempts/${attempt}/fail`, { json, ...(signal === undefined ? {} : { signal }) });
  }

  /** The file behind a signed URL, with its SHA-256 in `repr-digest`, where it is known: a store says nothing of it. */
  async #download(attempt: AttemptKey, want: object, signal: AbortSignal): Promise<Response> {
    const { url, sha256 } = await this.#sign(attempt, { ...want, method: 'GET' }, signal);
    const response = await checked(await fetch(url, { signal }), 'the download of a file');
    if (sha256 === null) return response;
    const digest = Buffer.from(sha256, 'hex').toString('base64');
    return new Response(response.body, { headers: { 'repr-digest': `sha-256=:${digest}:` } });
  }

  async #upload(attempt: AttemptKey, want: object, bytes: Blob, signal: AbortSignal): Promise<void> {
    const { url } = await this.#sign(attempt, { ...want, method: 'PUT' }, signal);
    await (await checked(await fetch(url, { method: 'PUT', body: bytes, signal }), 'the upload of a file')).body?.cancel();
  }

  /** A URL for one file. It may be of another host, which gets no token. [P91] */
  async #sign({ attempt, fence }: AttemptKey, want: object, signal: AbortSignal) {
    const reply = await this.#json('POST', `attempts/${attempt}/transfers`, { json: { fence, ...want }, signal });
    const signed = transferEndpoints.signTransfer.reply.schema.parse(reply);
    return { ...signed, url: new URL(signed.url, `${this.#config.url}/`) };
  }

  async #json(method: string, path: string, call: Call): Promise<unknown> {
    return (await this.#send(method, path, call)).json();
  }

  async #send(method: string, path: string, { json, bytes, signal }: Call): Promise<Response> {
    const { url, poolId, token } = this.#config;
    const response = await fetch(`${url}/v1/pools/${poolId}/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(this.#agent === undefined ? {} : { [AGENT_HEADER]: this.#agent }),
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      ...(bytes === undefined ? {} : { body: bytes }),
      ...(signal === undefined ? {} : { signal }),
    });
    return checked(response, `${method} ${url}/v1/pools/${poolId}/${path}`);
  }
}

/** The answer, if it is none that refuses or fails. */
async function checked(response: Response, what: string): Promise<Response> {
  if (response.ok) return response;
  const refusal = wireErrorIn(await response.text());
  if (refusal === undefined || response.status >= 500 || LATER.has(response.status)) throw new Error(`${what} answered ${response.status}`);
  throw new Refused(refusal);
}

/** Answered to a body that came too slowly, as where a machine has slept meanwhile, and to too many calls: a repetition may do. */
const LATER = new Set([408, 429]);

/** The refusal that an answer holds; a proxy in between answers other things. */
function wireErrorIn(text: string): WireError | undefined {
  try {
    const body = JSON.parse(text) as Partial<WireError> | null;
    return body?.error === undefined ? undefined : (body as WireError);
  } catch {
    return undefined;
  }
}

const servingSaid = ({ url, key, isHealthy, outstandingMilli }: Serving) => ({
  url,
  key,
  healthy: isHealthy,
  ...(outstandingMilli === undefined ? {} : { outstanding_milli: outstandingMilli }),
});

/** Whose files they are is the gateway's affair. */
const modelRefOf = ({
  model,
  version,
  normalised,
  external_data,
  tokens_max,
  contract_hash,
  prompts,
  ...rest
}: RegisteredModelReply): ModelRef => ({
  owner: '',
  model,
  version,
  manifest: {
    ...rest,
    isNormalised: normalised,
    externalData: external_data,
    tokensMax: tokens_max,
    contractHash: contract_hash,
    prompts: {
      ...(prompts.query === undefined ? {} : { query: prompts.query }),
      ...(prompts.passage === undefined ? {} : { passage: prompts.passage }),
    },
  },
});
