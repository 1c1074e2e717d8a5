import { alwaysAnswer } from './http-error.ts';
import { compose } from './compose.ts';
import type { GatewayEnv } from './env.ts';
import { buildGatewayApp } from './gateway-app.ts';

export { GenerationObject } from './generation-object.ts';

const app = buildGatewayApp(compose);

export default {
  fetch: alwaysAnswer((request, env: GatewayEnv, context: ExecutionContext) => app.fetch(request, env, context)),
};
