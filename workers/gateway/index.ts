import { alwaysAnswer } from './http-error.ts';
import { buildApp } from './app.ts';
import type { GatewayEnv } from './env.ts';

export { GenerationObject } from './generation-object.ts';

const app = buildApp();

export default {
  fetch: alwaysAnswer((request, env: GatewayEnv, context: ExecutionContext) => app.fetch(request, env, context)),
};
