import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { openApiDocument } from '../../src/contract/openapi.ts';
import { ASSETS, ROOT } from './paths.ts';

const SWAGGER_FILES = ['swagger-ui.css', 'swagger-ui-bundle.js'];

/** Assembles what the gateway serves as static files: the models, the OpenAPI document and its page. */
export async function buildAssets(): Promise<void> {
  await rm(ASSETS, { recursive: true, force: true });
  await mkdir(ASSETS, { recursive: true });
  await cp(join(ROOT, 'workers/gateway/public'), ASSETS, { recursive: true });
  await writeFile(join(ASSETS, 'openapi.json'), JSON.stringify(openApiDocument()));
  const swagger = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  for (const file of SWAGGER_FILES) await cp(join(swagger, file), join(ASSETS, 'docs', file));
}
