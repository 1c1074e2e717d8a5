import type { ForwardedWorker } from '../../src/contract/forwarded-paths.ts';
import type { Outcome } from '../../src/contract/outcome.ts';
import { refuse } from '../../src/contract/outcome.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import { constantTimeEqual, Hmac } from '../../src/kernel/hmac.ts';
import { ok } from '../../src/kernel/result.ts';
import { within } from './adapters/ask.ts';
import type { MetricFamily } from './metrics.ts';

/** What the gateway asks of a Worker, besides forwarding requests to it. */
export interface ForwardedCalls {
  /** Whether it can serve. `fingerprint`: of the caller's secrets, which have to be the same. */
  ready(fingerprint: string): Promise<Outcome<null>>;
  metrics(): Promise<readonly MetricFamily[]>;
}

/** The service of such a Worker. */
export type ForwardedBinding = Pick<Fetcher, 'fetch'> & ForwardedCalls;

/** What the gateway and the Workers behind it must have alike: secrets, at least `adminSecretCharsMin` characters. */
export interface SharedSecrets {
  /** The bootstrap admin key. */
  readonly SLUICE_ADMIN_KEY?: string;
  /** The pepper of all key MACs. */
  readonly SLUICE_KEY_PEPPER?: string;
}

/** A Worker that answers what the gateway forwards. */
export interface Forwarded {
  readonly forward: (request: Request) => Promise<Response>;
  readonly ready: () => Promise<Outcome<null>>;
  /** Of one of its isolates, with a label that says so. None if it does not answer. */
  readonly metrics: () => Promise<readonly MetricFamily[]>;
}

/** It asks two objects itself, which may take so long each. */
const READY_TIMEOUT_MS = 3 * LIMITS.controlTimeoutMs;

/** The Worker of that name behind its binding. */
export function forwardedWorker(name: ForwardedWorker, binding: ForwardedBinding, secrets: SharedSecrets): Forwarded {
  return {
    forward: (request) => binding.fetch(request),
    ready: async () => {
      try {
        return await within(binding.ready(await secretsFingerprint(secrets)), READY_TIMEOUT_MS);
      } catch {
        return refuse('unavailable', `the ${name} Worker does not answer`);
      }
    },
    metrics: async () => {
      try {
        return labelled(await within(binding.metrics(), LIMITS.controlTimeoutMs), `worker="${name}"`);
      } catch {
        return [];
      }
    },
  };
}

/** The same in two Workers only if both of their secrets are; it reveals neither. */
const secretsFingerprint = ({ SLUICE_KEY_PEPPER = '', SLUICE_ADMIN_KEY = '' }: SharedSecrets): Promise<string> =>
  new Hmac(SLUICE_KEY_PEPPER).hex(`admin key: ${SLUICE_ADMIN_KEY}`);

/** [G66] Whether the gateway's fingerprint is that of these secrets. With another pepper, a key that one Worker makes opens nothing in the other. */
export async function haveSameSecrets(fingerprint: string, secrets: SharedSecrets): Promise<Outcome<null>> {
  if (constantTimeEqual(fingerprint, await secretsFingerprint(secrets))) return ok(null);
  return refuse(
    'unavailable',
    'the gateway and a Worker that it forwards to have different secrets: SLUICE_ADMIN_KEY or SLUICE_KEY_PEPPER',
  );
}

const labelled = (families: readonly MetricFamily[], label: string): readonly MetricFamily[] =>
  families.map((family) => ({
    ...family,
    samples: family.samples.map((sample) => ({ ...sample, labels: sample.labels === '' ? label : `${label},${sample.labels}` })),
  }));
