import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Server } from '../../workers/local/serve.ts';
import { chromiumPath, PAGE_MS } from '../support/deployment/chromium.ts';
import { deploy } from '../support/deployment/deployment.ts';

let server: Server;
let browser: Browser;

beforeAll(async () => {
  const executablePath = chromiumPath();
  // `npm test` skips these tests without Chromium, and reports that.
  if (executablePath === undefined) throw new Error('no Chromium: install it, or name it in CHROMIUM');
  server = await deploy();
  browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-sync'],
  });
});

afterAll(async () => {
  await browser.close();
  await server.stop();
});

/** A page, what it loads from elsewhere, and what goes wrong in it, such as what its own policy blocks. */
async function opened(
  path: string,
  viewport: { readonly width: number; readonly height: number },
  colorScheme: 'light' | 'dark' = 'light',
) {
  const page = await browser.newPage({ viewport, colorScheme });
  page.setDefaultTimeout(PAGE_MS);
  const foreign: string[] = [];
  const failures: string[] = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(server.urls[0] ?? '') && !request.url().startsWith('data:')) foreign.push(request.url());
  });
  page.on('pageerror', (error) => failures.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') failures.push(message.text());
  });
  await page.goto(`${server.urls[0]}${path}`);
  return { page, foreign, failures };
}

it('[G10] [G19] [G32] the API page loads only from its own server, and its examples run', async () => {
  // The page renders an operation only where it is seen; this window shows all of them at once.
  const { page, foreign, failures } = await opened('/docs/reference/', { width: 1_280, height: 20_000 });
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
  expect(foreign).toEqual([]);
  await page.close();
});

it('[G151] /docs says where to start, and its search leads by keyboard to a folded operation', async () => {
  const { page, foreign, failures } = await opened('/docs/', { width: 1_280, height: 800 });
  await page.getByRole('heading', { name: 'Where to start' }).waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('queryVectorsBatch');
  await page.getByRole('option').first().waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/docs/reference/#/Vectors/queryVectorsBatch');
  const operation = page.locator('#operations-Vectors-queryVectorsBatch');
  await operation.getByRole('button', { name: 'Execute' }).waitFor();
  await expect.poll(() => operation.evaluate((element) => element.getBoundingClientRect().top < 800)).toBe(true);
  // And from one operation to another.
  await page.locator('#search').fill('countVectors');
  await page.getByRole('option').first().waitFor();
  await page.keyboard.press('Enter');
  await page.locator('#operations-Vectors-countVectors').getByRole('button', { name: 'Execute' }).waitFor();
  expect([foreign, failures]).toEqual([[], []]);
  await page.close();
});

it('[G151] a guide fits a phone, in light and in dark, and the addresses of before lead on', async () => {
  const grounds = new Set<string>();
  for (const scheme of ['light', 'dark'] as const) {
    const { page, failures } = await opened('/docs/guides/jobs/', { width: 390, height: 844 }, scheme);
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth - window.innerWidth')).toBeLessThanOrEqual(0);
    grounds.add(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
    expect(failures).toEqual([]);
    await page.close();
  }
  expect(grounds.size).toBe(2);
  const { page } = await opened('/docs/#/Vectors/queryVectors', { width: 1_280, height: 800 });
  await page.waitForURL('**/docs/reference/#/Vectors/queryVectors', { waitUntil: 'commit' });
  await page.close();
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
  const button = operation.getByRole('button', { name: 'Execute' });
  // The answer of the call before moves what is below it, so that a click may miss: it is repeated until the operation is open.
  while (!(await button.isVisible())) {
    await operation.locator('.opblock-summary-control').click();
    await button.waitFor({ timeout: 5_000 }).catch(() => undefined);
  }
  await button.click();
  return (await operation.locator('.live-responses-table .response-col_status').last().innerText()).trim();
}
