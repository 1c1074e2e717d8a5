import { getPath } from 'hono/utils/url';

import type { Subject } from '../../src/contract/subjects.ts';
import { subjectOf } from '../../src/contract/subjects.ts';
import type { App } from './app.ts';
import { coreApp } from './core-app.ts';
import type { GatewayEnv } from './env.ts';
import { alwaysAnswer } from './pipeline/http-error.ts';
import { SUBJECT_APPS } from './subjects.ts';

export { CallBatchObject } from './call-batch-object.ts';
export { DocumentsObject } from './documents-object.ts';
export { GenerationObject } from './generation-object.ts';

const loaded = new Map<Subject, App<GatewayEnv>>();

/** Answers by the app of the path's subject. Only the first call of a subject waits for it: a promise is of the request that made it. */
async function answer(request: Request, env: GatewayEnv, context: ExecutionContext): Promise<Response> {
  const subject = subjectOf(getPath(request));
  if (subject === undefined) return coreApp.fetch(request, env, context);
  let app = loaded.get(subject);
  if (app === undefined) {
    ({ app } = await SUBJECT_APPS[subject]());
    loaded.set(subject, app);
  }
  return app.fetch(request, env, context);
}

export default { fetch: alwaysAnswer(answer) };
