import { chromium } from 'playwright-core';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import type { Server } from '../../workers/local/serve.ts';
import { chromiumPath, PAGE_MS } from '../support/deployment/chromium.ts';
import { deploy } from '../support/deployment/deployment.ts';

it('[G10] [G19] [G32] the API page loads only from its own server, and its examples run', async () => {
  const executablePath = chromiumPath();
  // `npm test` skips these tests without Chromium, and reports that.
  if (executablePath === undefined) throw new Error('no Chromium: install it, or name it in CHROMIUM');
  const server: Server = await deploy();
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-sync'],
  });
  try {
    // The page renders an operation only where it is seen; this window shows all of them at once.
    const page = await browser.newPage({ viewport: { width: 1_280, height: 20_000 } });
    page.setDefaultTimeout(PAGE_MS);
    const foreign: string[] = [];
    const failures: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(server.urls[0] ?? '') && !request.url().startsWith('data:')) foreign.push(request.url());
    });
    page.on('pageerror', (error) => failures.push(error.message));
    // Catches, for example, what the page's own policy blocks.
    page.on('console', (message) => {
      if (message.type() === 'error') failures.push(message.text());
    });
    await page.goto(`${server.urls[0]}/docs/`);
    await page.getByText('/v1/embeddings', { exact: true }).waitFor();
    for (const group of ['Inference', 'Indexes', 'Operations', 'Jobs', 'Cache']) {
      await page.getByRole('link', { name: group, exact: true }).waitFor();
    }
    await authorise(page, 'adminKey', server.secrets.SLUICE_ADMIN_KEY);
    // Each call uses the id from the answer of the one before: in its body, in its path.
    for (const [name, status] of [
      ['createOrganisation', 201],
      ['createTenant', 201],
      ['getTenant', 200],
    ] as const) {
      expect(await execute(page, 'Tenancy', name), name).toBe(`${status}`);
    }
    // The page's policy is in force, and allows its own style sheets.
    expect(await page.evaluate('getComputedStyle(document.body).margin')).toBe('0px');
    const inject = "document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.isForeign = true' }))";
    expect(await page.evaluate(`${inject}; 'isForeign' in window`)).toBe(false);
    // The page shows it some time later.
    await expect.poll(() => failures).toEqual([expect.stringMatching(/inline script .*Content Security Policy/)]);
    failures.length = 0;
    expect(foreign).toEqual([]);
    expect(failures).toEqual([]);
  } finally {
    await browser.close();
    await server.stop();
  }
});

async function authorise(page: Page, scheme: string, key: string): Promise<void> {
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  const dialog = page.locator('.auth-container', { hasText: scheme });
  await dialog.locator('input').fill(key);
  await dialog.getByRole('button', { name: 'Apply credentials' }).click();
  await page.getByRole('button', { name: 'Close' }).first().click();
}

/** Opens an operation, executes its example unchanged, and returns the status that the page shows. */
async function execute(page: Page, tag: string, name: string): Promise<string> {
  const operation = page.locator(`#operations-${tag}-${name}`);
  await operation.locator('.opblock-summary-control').click();
  await operation.getByRole('button', { name: 'Execute' }).click();
  return (await operation.locator('.live-responses-table .response-col_status').last().innerText()).trim();
}
