import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import type { Server } from '../../../workers/local/serve.ts';
import buildOnce from './build-once.ts';
import { deploy } from './deployment.ts';

/** What a test needs to call a deployment: its URLs and its operator's secrets. */
export type Reached = Pick<Server, 'urls' | 'secrets'>;

declare module 'vitest' {
  interface ProvidedContext {
    deployment: Reached;
  }
}

/**
 * The deployment that all files of a project share, with two gateway isolates: starting one takes longer than most files run. Each test
 * creates tenants of its own. A file that kills workerd, fills what an isolate shares (bodies in flight, caches), needs another
 * configuration or reads the files of the deployment starts its own with `deploy`.
 */
export const sharedDeployment = (): Reached => inject('deployment');

/** Vitest's set-up of a project: starts the shared deployment, and stops it after the last file. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  await buildOnce();
  const server = await deploy(2);
  project.provide('deployment', { urls: server.urls, secrets: server.secrets });
  return () => server.stop();
}
