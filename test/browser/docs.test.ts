import { existsSync } from 'node:fs';

import { chromium } from 'playwright-core';
import { expect, it } from 'vitest';

import type { Server } from '../../workers/local/serve.ts';
import { deploy } from '../support/deployment.ts';

const CHROMIUM = '/usr/bin/chromium';
const missing = !existsSync(CHROMIUM);
if (missing) console.log(`browser tests skipped: ${CHROMIUM} is not installed`);

it.skipIf(missing)('[G10] the API page renders every group from our own server alone', async () => {
  const server: Server = await deploy();
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-sync'],
  });
  try {
    const page = await browser.newPage();
    const foreign: string[] = [];
    const failures: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(server.urls[0] ?? '') && !request.url().startsWith('data:')) foreign.push(request.url());
    });
    page.on('pageerror', (error) => failures.push(error.message));
    await page.goto(`${server.urls[0]}/docs/`);
    await page.getByText('/v1/embeddings', { exact: true }).waitFor();
    for (const group of ['Inference', 'Indexes', 'Cache', 'Jobs', 'Operations']) {
      expect(await page.getByRole('link', { name: group, exact: true }).count(), group).toBeGreaterThan(0);
    }
    expect(foreign).toEqual([]);
    expect(failures).toEqual([]);
  } finally {
    await browser.close();
    await server.stop();
  }
});
